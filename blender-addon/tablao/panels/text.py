"""Text that is longer than a panel is wide: Blender's labels do not wrap."""

from __future__ import annotations

import textwrap

import bpy
from bpy.types import UILayout

#: What a character takes of the width, on average, and what an icon with the margins takes.
_CHARACTER_PIXELS = 6.6
_MARGIN_PIXELS = 78
_FEWEST_CHARACTERS = 24


def characters_per_line() -> int:
    region = bpy.context.region
    if region is None:
        return 60
    scale = bpy.context.preferences.system.ui_scale
    return max(_FEWEST_CHARACTERS, int((region.width / scale - _MARGIN_PIXELS) / _CHARACTER_PIXELS))


def draw_lines(layout: UILayout, text: str, icon: str = "NONE", less: int = 0) -> None:
    """The text in as many labels as it takes, the icon before the first. `less`: characters that something beside it takes."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    width = max(_FEWEST_CHARACTERS // 2, characters_per_line() - less)
    lines = [line for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, width)]
    for number, line in enumerate(lines or [""]):
        column.label(text=line, icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else "NONE"), translate=False)
