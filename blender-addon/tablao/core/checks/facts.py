"""What the checks look at: plain data, gathered on Blender's main thread in no time, judged elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional

from ..file_refs import FileRef
from ..job_types import SettingValue


@dataclass(frozen=True)
class FileOutput:
    node: str
    path: str


@dataclass(frozen=True)
class SceneFacts:
    """The open file, seen from the scene that is to be rendered."""

    #: Empty when the file was never saved.
    blend_path: str
    has_unsaved_changes: bool
    #: As (4, 5, 15).
    blender_version: tuple[int, int, int]
    scene: str
    #: As Blender names it: `CYCLES`.
    engine: str
    #: The engine comes with Blender itself.
    has_standard_engine: bool
    #: What Cycles is to denoise with, as Blender names it: `OPENIMAGEDENOISE`; None when it is not to.
    denoiser: Optional[str]
    #: This Blender was built without it.
    lacks_denoiser: bool
    #: The scene's camera, or one that a marker binds; None when there is neither.
    camera: Optional[str]
    other_cameras: tuple[str, ...]
    #: The sequencer's strips are rendered: they need no camera.
    renders_strips: bool
    files: tuple[FileRef, ...]
    file_outputs: tuple[FileOutput, ...]
    #: Drivers and text blocks that do nothing unless scripts are allowed to run.
    scripts: tuple[str, ...]
    #: What keeps its cache in a folder that is named after the .blend.
    disk_caches: tuple[str, ...]


@dataclass(frozen=True)
class Submission:
    """What is to be submitted, seen by the checks."""

    facts: SceneFacts
    settings: Mapping[str, SettingValue]
    #: The settings' keys by what of the scene fills them (SceneSource).
    keys: Mapping[str, str]
    #: The formats that the job type takes; empty when it does not say.
    formats: tuple[str, ...]
    #: The output path as it was entered, `//` and all.
    entered_output: str
    renders_in_place: bool
    worker_tag: str = ""

    def value_of(self, source: str) -> Optional[SettingValue]:
        key = self.keys.get(source)
        return None if key is None else self.settings.get(key)
