"""What a button beside a finding does. Each mends the scene, or the setting, that the check looked at."""

from __future__ import annotations

import os
from typing import Any, Callable, Optional

import bpy
from bpy.types import Context, Scene

from .. import job_type_properties
from ..core.checks.finding import Finding
from ..core.job_types import JobType, Setting
from .node_trees import compositor_of, nodes_of

#: Given the context, the scene, its job type and what was found.
Mend = Callable[[Context, Scene, JobType, Finding], None]


def _save(_context: Context, _scene: Scene, _job_type: JobType, _finding: Finding) -> None:
    bpy.ops.wm.save_mainfile("EXEC_DEFAULT" if bpy.data.filepath else "INVOKE_DEFAULT")


def _use_camera(_context: Context, scene: Scene, _job_type: JobType, finding: Finding) -> None:
    scene.camera = scene.objects[finding.subject]


def _follow_frames(_context: Context, scene: Scene, job_type: JobType, _finding: Finding) -> None:
    setting = job_type.setting_of("FRAME_RANGE")
    if setting is not None:
        job_type_properties.follow(job_type_properties.of_scene(scene, job_type), setting)


def _place_output_beside_file(_context: Context, scene: Scene, job_type: JobType, _finding: Finding) -> None:
    _change_output(scene, job_type, lambda path: "//" + path.replace("\\", "/").lstrip("./"))


def _name_output(_context: Context, scene: Scene, job_type: JobType, _finding: Finding) -> None:
    name = os.path.splitext(os.path.basename(bpy.data.filepath))[0].replace("#", "_") or "frame"
    _change_output(scene, job_type, lambda _: f"//render/{name}_######")


def _add_frame_number(_context: Context, scene: Scene, job_type: JobType, _finding: Finding) -> None:
    """Where Blender itself would put it: at the end, before the extension."""

    def add(path: str) -> str:
        stem, extension = os.path.splitext(path)
        return f"{stem}####{extension}" if extension else f"{path}####"

    _change_output(scene, job_type, add)


def _use_png(_context: Context, scene: Scene, job_type: JobType, _finding: Finding) -> None:
    setting = job_type.setting_of("FILE_FORMAT")
    group = job_type_properties.of_scene(scene, job_type)
    if setting is not None and not job_type_properties.is_following(group, setting):
        job_type_properties.set_value(group, setting, "PNG")
        return
    image = scene.render.image_settings
    if hasattr(image, "media_type"):  # 5.0 and newer: formats are offered by kind of media
        image.media_type = "IMAGE"
    image.file_format = "PNG"


def _mute_node(_context: Context, scene: Scene, _job_type: JobType, finding: Finding) -> None:
    for node in nodes_of(compositor_of(scene)):
        if node.bl_idname == "CompositorNodeOutputFile" and node.name == finding.subject:
            node.mute = True


def _stop_denoising(_context: Context, scene: Scene, _job_type: JobType, _finding: Finding) -> None:
    scene.cycles.use_denoising = False


def _find_files(_context: Context, _scene: Scene, _job_type: JobType, _finding: Finding) -> None:
    bpy.ops.file.find_missing_files("INVOKE_DEFAULT")


#: By the code of the finding: what the button says, and what it does.
MENDS: dict[str, tuple[str, Mend]] = {
    "file-never-saved": ("Save", _save),
    "file-unsaved": ("Save", _save),
    "no-camera": ("Use It", _use_camera),
    "frames-empty": ("Follow Scene", _follow_frames),
    "output-empty": ("Put Beside File", _name_output),
    "output-relative": ("Put Beside File", _place_output_beside_file),
    "output-without-number": ("Add ####", _add_frame_number),
    "output-with-many-numbers": ("Put Beside File", _name_output),
    "output-with-template": ("Put Beside File", _name_output),
    "output-not-writable": ("Put Beside File", _name_output),
    "output-is-movie": ("Use PNG", _use_png),
    "output-format": ("Use PNG", _use_png),
    "file-output-node": ("Mute", _mute_node),
    "denoiser-missing": ("Switch Off", _stop_denoising),
    "file-missing": ("Find…", _find_files),
}


def find_mend(finding: Finding) -> Optional[tuple[str, Mend]]:
    if finding.code == "no-camera" and not finding.subject:
        return None
    return MENDS.get(finding.code)


def _change_output(scene: Scene, job_type: JobType, change: Callable[[str], str]) -> None:
    setting: Optional[Setting] = job_type.setting_of("OUTPUT_PATH")
    group: Any = job_type_properties.of_scene(scene, job_type)
    if setting is None or job_type_properties.is_following(group, setting):
        scene.render.filepath = change(scene.render.filepath)
    else:
        path = str(job_type_properties.value_of(group, setting) or "")
        job_type_properties.set_value(group, setting, change(path))
