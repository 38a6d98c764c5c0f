"""A few words about my running jobs, at the end of the status bar."""

from __future__ import annotations

import time
from typing import Any

import bpy
from bpy.types import Context

from ..core.words import describe_running
from . import farm

#: The text counts down; nobody looks at it more often.
_EVERY_SECONDS = 1.0

_text = ""
_looked_at = 0.0


def tick(now: float) -> None:
    global _text, _looked_at
    if now - _looked_at < _EVERY_SECONDS:
        return
    _looked_at = now
    current = farm.get()
    text = describe_running(current.mine.rows, time.monotonic()) if current is not None else ""
    if text != _text:
        _text = text
        _redraw()


def draw(header: Any, _context: Context) -> None:
    if _text:
        header.layout.label(text=_text, icon="RENDER_ANIMATION", translate=False)


def forget() -> None:
    global _text
    _text = ""


def _redraw() -> None:
    """The status bar belongs to no screen, so it cannot be tagged; but it listens to this."""
    bpy.msgbus.publish_rna(key=(bpy.types.ViewLayer, "name"))
