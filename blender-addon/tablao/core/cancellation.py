"""Ends what another thread is doing, also while it waits for the network."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Callable, Iterator

from .errors import Canceled


class Cancellation:
    """Asked for by one thread, heeded by another."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def is_canceled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        """May be called from any thread, and again."""
        with self._lock:
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def raise_if_canceled(self) -> None:
        if self._event.is_set():
            raise Canceled()

    def sleep(self, seconds: float) -> None:
        """Raises Canceled as soon as it is canceled."""
        if self._event.wait(seconds):
            raise Canceled()

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """While the block runs, canceling calls `callback`, in the thread that cancels. Raises Canceled when it is too late."""
        with self._lock:
            if self._event.is_set():
                raise Canceled()
            self._callbacks.append(callback)
        try:
            yield
        finally:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)
