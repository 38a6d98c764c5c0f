"""Frames as people write them (`1-10`, `1..10`, `1-100x5`, `-5..-1`, joined by commas), as far as checks before sending need
them. The gateway has the last word; its `src/domain/frame-range.ts` is the rule.
"""

from __future__ import annotations

import re
from typing import Optional

MOST_FRAMES = 1_000_000
_PART = re.compile(r"(-?\d+)(?:\s*(?:\.\.|-)\s*(-?\d+)(?:\s*[xX]\s*(\d+))?)?")


def parse_frames(text: str) -> Optional[list[int]]:
    """Ascending, each once; None when it is no frame range."""
    frames: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            return None
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        step = 1 if match[3] is None else int(match[3])
        if step == 0 or last < first or (last - first) // step > MOST_FRAMES:
            return None
        frames.update(range(first, last + 1, step))
    return sorted(frames)


def format_scene_range(first: int, last: int, step: int) -> str:
    """First and last frame of a scene with its step, as the gateway reads it."""
    if last <= first:
        return str(first)
    dots = ".." if first < 0 or last < 0 else "-"
    return f"{first}{dots}{last}" + ("" if step <= 1 else f"x{step}")
