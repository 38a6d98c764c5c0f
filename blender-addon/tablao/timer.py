"""Brings results to the main thread while Blender has a window. Under `blender -b` timers never fire: there, who waits pumps."""

from __future__ import annotations

import time

import bpy

from . import session

INTERVAL_SECONDS = 0.1
#: A tick is to be felt by nobody.
BUDGET_SECONDS = 0.002
#: Where the add-on draws.
_AREAS = {"PROPERTIES", "PREFERENCES"}


def tick() -> float:
    current = session.get()
    link = current.link
    current.keep_connected(time.monotonic())
    if current.background.pump(BUDGET_SECONDS) or current.link != link:
        redraw()
    return INTERVAL_SECONDS


def redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in _AREAS:
                area.tag_redraw()


def register() -> None:
    # Persistent: others die when a file is opened.
    bpy.app.timers.register(tick, first_interval=INTERVAL_SECONDS, persistent=True)


def unregister() -> None:
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
