"""Breaks text into lines of a width that is measured, not counted: an i is not as wide as a W."""

from __future__ import annotations

import re
from typing import Callable

#: Where a path or an address may be broken that is longer than a line: behind these.
_BREAKS = re.compile(r"(?<=[/\\_\-.?&=])")


def wrap(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """The lines of `text`, each at most `width` wide if a single character is; at least one."""
    return [line for paragraph in text.splitlines() for line in _wrap_paragraph(paragraph, width, measure)] or [""]


def _wrap_paragraph(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if measure(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = _break_word(word, width, measure)
        lines.extend(full)
    return [*lines, line] if line or not lines else lines


def _break_word(word: str, width: float, measure: Callable[[str], float]) -> list[str]:
    pieces = [""]
    for part in _BREAKS.split(word):
        if measure(pieces[-1] + part) <= width:
            pieces[-1] += part
        elif measure(part) <= width:
            pieces.append(part)
        else:
            for character in part:
                if pieces[-1] and measure(pieces[-1] + character) > width:
                    pieces.append("")
                pieces[-1] += character
    return [piece for piece in pieces if piece] or [""]
