"""Carries a state from a thread to the main thread."""

from __future__ import annotations

import threading
from typing import Any, Callable, Generic, TypeVar

Value = TypeVar("Value")


class Latest(Generic[Value]):
    """The newest value only: a main thread that was busy for minutes (a render) has one to take, not thousands."""

    def __init__(self, post: Callable[[Callable[[], None]], None], on_value: Callable[[Value], None]) -> None:
        """`post` has a function called on the main thread, as `Work.report` does."""
        self._post = post
        self._on_value = on_value
        self._lock = threading.Lock()
        self._waiting: list[Any] = []

    def put(self, value: Value) -> None:
        """Called by the thread. Raises what `post` raises."""
        with self._lock:
            is_posted = bool(self._waiting)
            self._waiting = [value]
        if not is_posted:
            self._post(self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            (value,), self._waiting = self._waiting, []
        self._on_value(value)
