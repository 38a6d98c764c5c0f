"""Shows files in the Image Editor."""

from __future__ import annotations

import os
from typing import Optional, Sequence

import bpy
from bpy.types import Area, Image, Window

from ..core.frame_files import FrameFile


def show_frame(path: str) -> Image:
    # Loaded anew: it may have been rendered again since.
    image = bpy.data.images.load(path, check_existing=True)
    image.source = "FILE"
    image.reload()
    area = _find_editor()
    if area is not None:
        area.spaces.active.image = image
    return image


def show_sequence(frames: Sequence[FrameFile]) -> Image:
    """The image shows at each frame of the scene the file of that number."""
    first, last = frames[0], frames[-1]
    image = bpy.data.images.load(first.path, check_existing=False)
    image.name = os.path.basename(first.path)
    image.source = "SEQUENCE"
    area = _find_editor()
    if area is not None:
        space = area.spaces.active
        space.image = image
        user = space.image_user
        user.frame_start, user.frame_offset = first.number, first.number - 1
        user.frame_duration = last.number - first.number + 1
        user.use_auto_refresh = True
    return image


def _find_editor() -> Optional[Area]:
    """One that is open, else a window of its own, as rendering has it."""
    windows = bpy.context.window_manager.windows
    for window in windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR" and area.ui_type == "IMAGE_EDITOR":
                return area
    return _open_editor(windows[0]) if windows and not bpy.app.background else None


def _open_editor(window: Window) -> Optional[Area]:
    known = set(bpy.context.window_manager.windows)
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_new()
    for opened in bpy.context.window_manager.windows:
        if opened not in known:
            area = max(opened.screen.areas, key=lambda area: area.width * area.height)
            area.ui_type = "IMAGE_EDITOR"
            return area
    return None
