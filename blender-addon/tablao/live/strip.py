"""Puts frames into the Video Sequencer."""

from __future__ import annotations

import os
from typing import Any, Sequence

import bpy
from bpy.types import Scene

from ..core.frame_files import FrameFile


def add(name: str, frames: Sequence[FrameFile]) -> Any:
    """A strip with the frames one after another, from the number of the first one on; where some are missing it jumps."""
    scene = _scene_of_sequencer()
    editor = scene.sequence_editor or scene.sequence_editor_create()
    # Since 4.4 they are strips.
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    first = frames[0]
    end = first.number + len(frames)
    strip = strips.new_image(
        name=name[:60],
        filepath=first.path,
        channel=_free_channel(strips, first.number, end),
        frame_start=first.number,
        fit_method="FIT",
    )
    for frame in frames[1:]:
        strip.elements.append(os.path.basename(frame.path))
    return strip


def _scene_of_sequencer() -> Scene:
    """Since 5.0 a workspace may have a scene of its own for it."""
    windows = bpy.context.window_manager.windows
    if not windows:
        return bpy.context.scene
    workspace = windows[0].workspace
    if not hasattr(workspace, "sequencer_scene"):
        return windows[0].scene
    if workspace.sequencer_scene is None:
        workspace.sequencer_scene = windows[0].scene
    return workspace.sequencer_scene


def _free_channel(strips: Any, start: int, end: int) -> int:
    """Above all that is there at that time."""
    over = [strip.channel for strip in strips if strip.frame_final_start < end and strip.frame_final_end > start]
    return min(max(over, default=0) + 1, 128)
