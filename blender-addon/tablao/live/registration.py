"""The live half's part of what is put into Blender and taken out again."""

from __future__ import annotations

import time

import bpy
from bpy.types import STATUSBAR_HT_header

from . import asking, banner, farm, frames, panel, pictures, properties, small_operators, status_bar, steering, view

CLASSES = (
    *properties.CLASSES,
    *banner.CLASSES,
    *steering.CLASSES,
    *frames.CLASSES,
    *small_operators.CLASSES,
    *panel.CLASSES,
)


def register() -> None:
    """After the classes."""
    properties.register()
    STATUSBAR_HT_header.append(status_bar.draw)
    bpy.app.handlers.load_pre.append(frames.leave_file)


def unregister() -> None:
    """While the session is still open, and before the classes."""
    bpy.app.handlers.load_pre.remove(frames.leave_file)
    STATUSBAR_HT_header.remove(status_bar.draw)
    asking.cancel()
    farm.close()
    pictures.forget()
    status_bar.forget()
    banner.forget()
    view.forget()
    properties.unregister()


def tick() -> bool:
    """Called by the timer. Whether the panels show something else now."""
    has_changed = farm.tick()
    properties.tick()
    pictures.tick()
    status_bar.tick(time.monotonic())
    banner.tick()
    return has_changed
