"""Work for threads, and its results for the main thread.

Blender may be touched on its main thread only, and its interface stands still while that waits. So whatever waits runs here,
and what it gives is put on a queue as plain data; `pump`, called by a timer (or by a test), calls back on the main thread
within a time budget.
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from typing import Any, Callable, Generic, Optional, TypeVar

from .cancellation import Cancellation
from .errors import Canceled

Value = TypeVar("Value")

#: More at once would only wait for the same gateway.
THREADS = 4
#: A thread that has this many results waiting waits itself: a main thread that is busy for minutes costs no memory.
WAITING_RESULTS = 1_000


class Work(Generic[Value]):
    """Something under way. Its callbacks run on the main thread, never after `close`."""

    def __init__(
        self,
        run: Callable[["Work[Value]"], Value],
        on_done: Optional[Callable[[Value], None]],
        on_failed: Optional[Callable[[Exception], None]],
        post: Callable[[Optional["Work[Any]"], Callable[..., None], tuple[Any, ...]], None],
    ) -> None:
        self.cancellation = Cancellation()
        self.is_finished = False
        self._run = run
        self._on_done = on_done
        self._on_failed = on_failed
        self._post = post

    def cancel(self) -> None:
        """`on_failed` is called with Canceled, unless it has ended by then."""
        self.cancellation.cancel()

    def report(self, callback: Callable[..., None], *values: Any) -> None:
        """Called by the thread: has `callback(*values)` called on the main thread. Raises Canceled."""
        self.cancellation.raise_if_canceled()
        self._post(self, callback, values)

    def execute(self) -> None:
        try:
            self.cancellation.raise_if_canceled()
            value = self._run(self)
        except Exception as error:  # pylint: disable=broad-except
            self._post(None, self._finish, (self._on_failed, error))
        else:
            self._post(None, self._finish, (self._on_done, value))

    def _finish(self, callback: Optional[Callable[[Any], None]], value: Any) -> None:
        self.is_finished = True
        if callback is not None:
            callback(value)


class Background:
    def __init__(self, threads: int = THREADS, waiting_results: int = WAITING_RESULTS) -> None:
        self._limit = threads
        self._queue: queue.SimpleQueue[Optional[Work[Any]]] = queue.SimpleQueue()
        self._results: queue.Queue[tuple[Callable[..., None], tuple[Any, ...]]] = queue.Queue(waiting_results)
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._unfinished: list[Work[Any]] = []
        self._pooled = 0
        self._is_closed = False

    def start(
        self,
        run: Callable[[Work[Value]], Value],
        on_done: Optional[Callable[[Value], None]] = None,
        on_failed: Optional[Callable[[Exception], None]] = None,
    ) -> Work[Value]:
        """Has `run(work)` called by a thread; it should heed `work.cancellation`."""
        work = self._add(run, on_done, on_failed)
        self._queue.put(work)
        with self._lock:
            self._pooled += 1
            needs_thread = len([thread for thread in self._threads if thread.name == _POOL]) < min(
                self._limit, self._pooled
            )
        if needs_thread:
            self._spawn(_POOL, self._work_off)
        return work

    def start_long(
        self,
        run: Callable[[Work[Value]], Value],
        on_done: Optional[Callable[[Value], None]] = None,
        on_failed: Optional[Callable[[Exception], None]] = None,
    ) -> Work[Value]:
        """The same with a thread of its own, for what goes on for hours: a subscription."""
        work = self._add(run, on_done, on_failed)
        self._spawn("tablao stream", work.execute)
        return work

    def pump(self, budget_seconds: float, clock: Callable[[], float] = time.perf_counter) -> int:
        """Calls back what is there, at least one if any, until the budget is used up. Main thread only. Gives their number."""
        end = clock() + budget_seconds
        count = 0
        while count == 0 or clock() < end:
            try:
                callback, values = self._results.get_nowait()
            except queue.Empty:
                break
            count += 1
            try:
                callback(*values)
            except Exception:  # pylint: disable=broad-except
                traceback.print_exc()  # a fault of ours: the next callback is not to suffer from it
        if count:
            self._unfinished = [work for work in self._unfinished if not work.is_finished]
        return count

    @property
    def is_idle(self) -> bool:
        """Nothing is under way, and no result waits to be called back."""
        return not self._unfinished and self._results.empty()

    def wait(self, is_true: Callable[[], bool], seconds: float) -> bool:
        """Pumps until it is true, for what has no interface to keep alive (`blender -b`, tests). False when time is up."""
        end = time.monotonic() + seconds
        while not is_true():
            if time.monotonic() >= end:
                return False
            try:
                callback, values = self._results.get(timeout=0.05)
            except queue.Empty:
                continue
            callback(*values)
            self._unfinished = [work for work in self._unfinished if not work.is_finished]
        return True

    def close(self, seconds: float = 1.0) -> bool:
        """Cancels everything and calls nobody back any more. True when every thread ended within the time."""
        self._is_closed = True
        for work in self._unfinished:
            work.cancel()
        for _ in range(self._limit):
            self._queue.put(None)
        end = time.monotonic() + seconds
        for thread in self._threads:
            self._discard_results()
            thread.join(max(0.0, end - time.monotonic()))
        self._discard_results()
        self._unfinished.clear()
        return not any(thread.is_alive() for thread in self._threads)

    def _add(
        self,
        run: Callable[[Work[Value]], Value],
        on_done: Optional[Callable[[Value], None]],
        on_failed: Optional[Callable[[Exception], None]],
    ) -> Work[Value]:
        if self._is_closed:
            raise RuntimeError("The add-on's background is closed.")
        work: Work[Value] = Work(run, on_done, on_failed, self._post)
        self._unfinished.append(work)
        return work

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        # Not waited for when Blender quits: the system ends them with it.
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work_off(self) -> None:
        while (work := self._queue.get()) is not None:
            work.execute()
            with self._lock:
                self._pooled -= 1

    def _post(self, work: Optional[Work[Any]], callback: Callable[..., None], values: tuple[Any, ...]) -> None:
        while not self._is_closed:
            if work is not None and work.cancellation.is_canceled:
                raise Canceled()
            try:
                self._results.put((callback, values), timeout=0.1)
                return
            except queue.Full:
                continue  # the main thread is busy

    def _discard_results(self) -> None:
        while True:
            try:
                self._results.get_nowait()
            except queue.Empty:
                return


_POOL = "tablao"
