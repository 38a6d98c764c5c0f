"""Notices that the machine slept."""

from __future__ import annotations

import time
from typing import Callable

#: The clock may be corrected by this much without anybody having slept; a tick may come this late in a busy Blender.
_JUMP_SECONDS = 30.0


class ClockWatch:
    """Asked again and again. Some systems' monotonic clocks stand still in sleep, and some go on: the wall clock never stops."""

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall_clock
        self._last = wall_clock()

    def has_jumped(self) -> bool:
        """Whether it is much later, or earlier, than the time of the last question lets one think."""
        now = self._wall_clock()
        last, self._last = self._last, now
        return abs(now - last) > _JUMP_SECONDS
