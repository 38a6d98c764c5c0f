"""The submission that the panels show: one at a time."""

from __future__ import annotations

import time
from typing import Callable, Optional

from .. import session
from .choices import Overrides
from .run import Aim, Run

_current: Optional[Run] = None


def get() -> Optional[Run]:
    return _current


def begin(
    scene_name: str,
    aim: Aim,
    overrides: Overrides,
    ignores_warnings: bool = False,
    on_end: Optional[Callable[[Run], None]] = None,
) -> Optional[Run]:
    """None when one is under way, or was just made: a double click submits once. `on_end` is called on the main thread."""
    global _current
    if _current is not None and _current.takes_for_double_click(time.monotonic()):
        return None
    _current = Run(session.get(), scene_name, aim, overrides, ignores_warnings, on_end)
    _current.start()
    return _current


def forget() -> None:
    global _current
    if _current is not None:
        _current.cancel()
    _current = None
