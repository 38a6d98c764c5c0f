"""What is to be submitted: the scene's choices, and what a script gives instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

import bpy
from bpy.types import Scene

from .. import job_type_properties, scene_properties, settings
from ..core.checks.facts import Submission
from ..core.job_input import JobRequest
from ..core.job_types import JobType, Setting, SettingValue
from ..core.roots import to_farm_path
from ..scene import sources
from ..scene.collect import collect_facts

PATHS = ("FILE_PATH", "DIRECTORY_PATH")


@dataclass(frozen=True)
class Overrides:
    """What a script gives instead of the scene's choices; None leaves them."""

    job_type: Optional[str] = None
    name: Optional[str] = None
    settings: Mapping[str, SettingValue] = field(default_factory=dict)
    priority: Optional[int] = None
    worker_tag: Optional[str] = None
    #: -1 sets no limit.
    max_workers: Optional[int] = None
    renders_in_place: Optional[bool] = None


@dataclass(frozen=True)
class Choices:
    """Everything that will be submitted but for the file, with the paths of this machine."""

    job_type: JobType
    submission: Submission
    name: str
    priority: int
    max_workers: Optional[int]
    submitter: str

    @property
    def settings(self) -> Mapping[str, SettingValue]:
        return self.submission.settings

    def to_request(self, blend_path: str, roots: Mapping[str, str]) -> JobRequest:
        """What is sent, with the paths as the farm knows them. `blend_path`: the file that is to be opened."""
        values = dict(self.settings)
        key = self.submission.keys.get("BLEND_FILE")
        if key is not None:
            values[key] = blend_path
        paths = {setting.key for setting in self.job_type.settings if setting.type in PATHS}
        return JobRequest(
            job_type=self.job_type.name,
            job_type_version=self.job_type.version,
            name=self.name,
            settings={key: to_farm_path(str(value), roots) if key in paths else value for key, value in values.items()},
            priority=self.priority,
            max_workers=self.max_workers,
            worker_tag=self.submission.worker_tag,
            submitter=self.submitter,
            metadata=self._describe_origin(roots),
        )

    def _describe_origin(self, roots: Mapping[str, str]) -> dict[str, Any]:
        """For pipelines, and for finding a file's jobs again: `jobs(filter: {metadata: [{key: "file", value: …}]})`."""
        facts = self.submission.facts
        version = "{}.{}.{}".format(*facts.blender_version)
        return {"file": to_farm_path(facts.blend_path, roots), "scene": facts.scene, "blender": version}


def gather(scene: Scene, job_type: JobType, overrides: Overrides) -> Choices:
    """Reads the scene as it is now. Main thread only."""
    chosen = scene_properties.of_scene(scene)
    group = job_type_properties.of_scene(scene, job_type)
    values = {setting.key: _value_of(scene, group, setting, overrides) for setting in job_type.settings}
    given = {key: value for key, value in values.items() if value is not None}
    given.update({key: value for key, value in overrides.settings.items() if key not in given})
    keys = {setting.scene_source: setting.key for setting in job_type.settings if setting.scene_source is not None}
    frames_key = keys.get("FRAME_RANGE")
    facts = collect_facts(scene, str(given.get(frames_key, "")) if frames_key else "")
    formats = job_type.setting_of("FILE_FORMAT")
    in_place = chosen.renders == "IN_PLACE" if overrides.renders_in_place is None else overrides.renders_in_place
    submission = Submission(
        facts=facts,
        settings=given,
        keys=keys,
        formats=tuple(str(choice) for choice in formats.choices) if formats is not None else (),
        entered_output=_entered_output(scene, group, job_type, overrides),
        renders_in_place=job_type.renders_open_file and (in_place or bool(facts.disk_caches)),
        worker_tag=chosen.worker_tag.strip() if overrides.worker_tag is None else overrides.worker_tag,
    )
    limit = chosen.max_workers if chosen.use_max_workers else None
    if overrides.max_workers is not None:
        limit = None if overrides.max_workers < 0 else overrides.max_workers
    return Choices(
        job_type=job_type,
        submission=submission,
        name=overrides.name or scene_properties.job_name_of(chosen),
        priority=chosen.priority if overrides.priority is None else overrides.priority,
        max_workers=limit,
        submitter=settings.get_preferences().submitter.strip(),
    )


def _value_of(scene: Scene, group: Any, setting: Setting, overrides: Overrides) -> Optional[SettingValue]:
    if setting.key in overrides.settings:
        value: Optional[SettingValue] = overrides.settings[setting.key]
    elif job_type_properties.is_following(group, setting):
        value = sources.SOURCES[setting.scene_source or ""](scene)
    else:
        value = job_type_properties.value_of(group, setting)
    if setting.type in PATHS and isinstance(value, str):
        return bpy.path.abspath(value)
    return value


def _entered_output(scene: Scene, group: Any, job_type: JobType, overrides: Overrides) -> str:
    setting = job_type.setting_of("OUTPUT_PATH")
    if setting is None:
        return ""
    if setting.key in overrides.settings:
        return str(overrides.settings[setting.key])
    if job_type_properties.is_following(group, setting):
        return scene.render.filepath
    return str(job_type_properties.value_of(group, setting) or "")
