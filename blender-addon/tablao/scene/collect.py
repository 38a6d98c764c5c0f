"""Gathers what the checks look at. It touches no file, so it takes no time."""

from __future__ import annotations

from typing import Iterator, Optional

import bpy
from bpy.types import Scene

from ..core.checks.facts import FileOutput, SceneFacts
from ..core.frame_range import parse_frames
from .blend_path import to_absolute
from .caches import collect_disk_caches
from .external_files import collect_files, strips_of
from .node_trees import compositor_of, nodes_of
from .scripts import collect_scripts

OPEN_IMAGE_DENOISE = "OPENIMAGEDENOISE"
STANDARD_ENGINES = ("CYCLES", "BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH")


def collect_facts(scene: Scene, frames: str) -> SceneFacts:
    """`frames`: those that are to be rendered; the scene's own where they cannot be read."""
    numbers = parse_frames(frames) or [scene.frame_start]
    cameras = [item.name for item in scene.objects if item.type == "CAMERA"]
    denoiser = _denoiser_of(scene)
    major, minor, patch = bpy.app.version[:3]
    return SceneFacts(
        blend_path=bpy.data.filepath,
        has_unsaved_changes=has_unsaved_changes(),
        blender_version=(major, minor, patch),
        scene=scene.name,
        engine=scene.render.engine,
        has_standard_engine=scene.render.engine in STANDARD_ENGINES,
        denoiser=denoiser,
        lacks_denoiser=denoiser == OPEN_IMAGE_DENOISE and _lacks_open_image_denoise(),
        camera=_camera_of(scene),
        other_cameras=tuple(cameras),
        renders_strips=len(strips_of(scene)) > 0,
        files=collect_files(scene, numbers),
        file_outputs=tuple(_file_outputs(scene)),
        scripts=collect_scripts(),
        disk_caches=collect_disk_caches(scene),
    )


def has_unsaved_changes() -> bool:
    """Without a window Blender keeps no account of changes: some versions then say yes, some no, to every file."""
    return bpy.data.is_dirty and not bpy.app.background


def _camera_of(scene: Scene) -> Optional[str]:
    bound = [marker.camera for marker in scene.timeline_markers if marker.camera is not None]
    camera = scene.camera or (bound[0] if bound else None)
    return None if camera is None else camera.name


def _denoiser_of(scene: Scene) -> Optional[str]:
    if scene.render.engine != "CYCLES" or not scene.cycles.use_denoising:
        return None
    # Where it is missing there is no choice, and Blender complains of whoever asks for it.
    return OPEN_IMAGE_DENOISE if _lacks_open_image_denoise() else scene.cycles.denoiser


def _lacks_open_image_denoise() -> bool:
    """Some distributions build Blender so."""
    try:
        import _cycles
    except ImportError:
        return True
    return not getattr(_cycles, "with_openimagedenoise", True)


def _file_outputs(scene: Scene) -> Iterator[FileOutput]:
    for node in nodes_of(compositor_of(scene)):
        if node.bl_idname == "CompositorNodeOutputFile":
            path = node.directory if hasattr(node, "directory") else node.base_path  # before 5.0: base_path
            yield FileOutput(node.name, to_absolute(path, node.id_data.library))
