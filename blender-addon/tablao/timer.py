"""Brings results to the main thread while Blender has a window. Under `blender -b` timers never fire: there, who waits pumps."""

from __future__ import annotations

import time

import bpy

from . import session
from .live import registration as live
from .panels import drawn

INTERVAL_SECONDS = 0.1
#: A tick is to be felt by nobody.
BUDGET_SECONDS = 0.002


def tick() -> float:
    current = session.get()
    link = current.link
    current.keep_connected(time.monotonic())
    called = current.background.pump(BUDGET_SECONDS)
    has_changed = live.tick()
    if called or has_changed or current.link != link:
        drawn.redraw()
    return INTERVAL_SECONDS


def register() -> None:
    # Persistent: others die when a file is opened.
    bpy.app.timers.register(tick, first_interval=INTERVAL_SECONDS, persistent=True)


def unregister() -> None:
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
