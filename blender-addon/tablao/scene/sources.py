"""What of the scene fills a setting (the API's SceneSource). None leaves it out: the scene itself says it better."""

from __future__ import annotations

from typing import Callable, Optional

import bpy
from bpy.types import Scene

from ..core.frame_range import format_scene_range
from ..core.job_types import SettingValue

LEFT_TO_SCENE = "As in the scene"


def _frame_range(scene: Scene) -> str:
    return format_scene_range(scene.frame_start, scene.frame_end, scene.frame_step)


def _output_path(scene: Scene) -> str:
    return bpy.path.abspath(scene.render.filepath)


def _frame_rate(scene: Scene) -> float:
    return round(scene.render.fps / scene.render.fps_base, 6)


def _camera(scene: Scene) -> Optional[str]:
    """Naming a camera would keep the markers from changing it."""
    if scene.camera is None or any(marker.camera for marker in scene.timeline_markers):
        return None
    return scene.camera.name


def _view_layer(scene: Scene) -> Optional[str]:
    """Naming one would leave the others out, which the compositor may need."""
    if not scene.render.use_single_layer:
        return None
    window = bpy.context.window
    if window is not None and window.scene == scene:
        return window.view_layer.name
    return scene.view_layers[0].name


def _samples(scene: Scene) -> Optional[int]:
    engine = scene.render.engine
    if engine == "CYCLES":
        return scene.cycles.samples
    if engine in ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT"):
        return scene.eevee.taa_render_samples
    return None


SOURCES: dict[str, Callable[[Scene], Optional[SettingValue]]] = {
    "BLEND_FILE": lambda scene: bpy.data.filepath or None,
    "FRAME_RANGE": _frame_range,
    "OUTPUT_PATH": _output_path,
    "FILE_FORMAT": lambda scene: scene.render.image_settings.file_format,
    "FPS": _frame_rate,
    "SCENE": lambda scene: scene.name,
    "CAMERA": _camera,
    "VIEW_LAYER": _view_layer,
    "RESOLUTION_PERCENT": lambda scene: scene.render.resolution_percentage,
    "SAMPLES": _samples,
    "BLENDER_VERSION": lambda scene: "{}.{}".format(*bpy.app.version[:2]),
}

#: What a field for a name offers.
NAMES: dict[str, Callable[[Scene], list[str]]] = {
    "SCENE": lambda scene: [other.name for other in bpy.data.scenes],
    "CAMERA": lambda scene: [item.name for item in scene.objects if item.type == "CAMERA"],
    "VIEW_LAYER": lambda scene: [layer.name for layer in scene.view_layers],
}
