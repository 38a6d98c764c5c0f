"""Text that is longer than a panel is wide: Blender's labels do not wrap."""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import Iterator, Optional

import blf
import bpy
from bpy.types import UILayout

from ..core.wrapping import wrap

#: What panel, box and icon take beside the text, and a button beside its own.
_MARGIN = 78
_BUTTON_MARGIN = 40
_LEAST = 100
#: Where nothing says how wide it is.
_USUAL_WIDTH = 400
_INTERFACE_FONT = 0
#: What a button says that has only an icon.
ICON_ALONE = " "

#: Of the dialog that is being drawn: Blender before 4.2 does not say how wide it is.
_dialog_width: Optional[float] = None


@contextmanager
def dialog_of(width: float) -> Iterator[None]:
    """While this holds, lines are as long as a dialog of this width (unscaled, as invoke_popup takes it)."""
    global _dialog_width
    _dialog_width = width
    try:
        yield
    finally:
        _dialog_width = None


def draw_lines(layout: UILayout, text: str, icon: str = "NONE", button: str = "") -> None:
    """The text in as many labels as it takes, the icon before the first. `button`: what one beside it says."""
    scale = bpy.context.preferences.system.ui_scale
    width = _find_width(scale) - _MARGIN * scale
    size = bpy.context.preferences.ui_styles[0].widget.points * scale
    if button:
        width -= _measure(button, size) + _BUTTON_MARGIN * scale
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(_wrap(text, int(max(width, _LEAST * scale)), size)):
        column.label(text=line, icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else "NONE"), translate=False)


def _find_width(scale: float) -> float:
    if _dialog_width is not None:
        return _dialog_width * scale
    region = bpy.context.region
    return _USUAL_WIDTH * scale if region is None else float(region.width)


def _measure(text: str, size: float) -> float:
    blf.size(_INTERFACE_FONT, size)
    return blf.dimensions(_INTERFACE_FONT, text)[0]


@lru_cache(maxsize=128)
def _wrap(text: str, width: int, size: float) -> list[str]:
    """Panels are drawn again and again."""
    return wrap(text, width, lambda line: _measure(line, size))
