"""Orders come as JSON lines on stdin; events go as marked JSON lines to stdout.

The first line of stdin holds the marker, random for each process, so that nothing a scene prints is taken for an
event. When stdin ends, the worker is gone: the whole process group ends at once, in the middle of a render too.
"""

import json
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any, Iterator, Optional

Order = dict[str, Any]

# A pipe takes this much in one piece (PIPE_BUF): a longer line could be torn by Blender's own output.
LONGEST_EVENT = 4096
LONGEST_TEXT = 1500


class OrderFailed(Exception):
    """An order cannot be carried out; `kind` is one of the gateway's failure kinds."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Orders:
    """Reads orders in a thread of its own, and answers with events."""

    def __init__(self) -> None:
        self._queue: "queue.SimpleQueue[Order]" = queue.SimpleQueue()
        self._stdin = os.fdopen(os.dup(0), "rb")
        hello = json.loads(self._stdin.readline() or b"null")
        if hello is None:
            end_process(own_group=False)
        self._marker: str = hello["marker"]
        self._own_group: bool = hello["ownGroup"]
        self._flush_libc = find_fflush()
        threading.Thread(target=self._read, daemon=True, name="orders").start()

    def _read(self) -> None:
        for line in self._stdin:
            self._queue.put(json.loads(line))
        end_process(self._own_group)

    def __iter__(self) -> Iterator[Order]:
        while True:
            yield self._queue.get()

    def emit(self, event: str, **fields: Any) -> None:
        self._flush()
        write_all(1, self._line({"event": event, **fields}))

    def end(self) -> None:
        """The order is done. Said on both streams, so that the worker knows when it has read all of either."""
        self._flush()
        line = self._line({"event": "end"})
        write_all(2, line)
        write_all(1, line)

    def _line(self, event: Order) -> bytes:
        line = (self._marker + json.dumps(event) + "\n").encode()
        if len(line) > LONGEST_EVENT:
            event = {k: v[:200] if isinstance(v, str) else v for k, v in event.items()}
            line = (self._marker + json.dumps(event) + "\n").encode()
        return line

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (AttributeError, OSError, ValueError):
                pass  # a scene's script may have closed or replaced it
        self._flush_libc()


class ScriptErrors:
    """Catches what Blender only prints: an exception in a handler or a driver ends nothing and sets no exit code."""

    def __init__(self) -> None:
        self.first: Optional[BaseException] = None
        sys.excepthook = self._catch

    def _catch(self, kind: type, error: BaseException, trace: Any) -> None:
        traceback.print_exception(kind, error, trace)
        self.first = self.first or error

    def clear(self) -> None:
        self.first = None

    def fail(self, when: str) -> None:
        if self.first is not None:
            raise OrderFailed("SCRIPT_ERROR", f"A Python script failed {when}: {describe(self.first)}")

    def fail_within(self, path: str, when: str) -> None:
        """Only for a script that the file `path` itself holds; an add-on of this machine is not the scene's fault."""
        if self.first is None:
            return
        if any(frame.filename.startswith(path) for frame in traceback.extract_tb(self.first.__traceback__)):
            self.fail(when)


def describe(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"[:LONGEST_TEXT]


def serve(orders: Orders, carry_out: Any) -> None:
    """Carries out one order after the other, until stdin ends."""
    for order in orders:
        try:
            carry_out(order)
        except OrderFailed as failure:
            orders.emit("failed", kind=failure.kind, message=str(failure)[:LONGEST_TEXT])
        except Exception as error:  # pylint: disable=broad-except
            traceback.print_exc()
            orders.emit("failed", kind="SCRIPT_ERROR", message=f"The worker's own script failed: {describe(error)}")
        orders.end()


def end_process(own_group: bool) -> None:
    if own_group and hasattr(os, "killpg"):
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def find_fflush() -> Any:
    """Blender itself prints through C's buffers, which Python's flush does not reach."""
    try:
        import ctypes

        fflush = ctypes.CDLL(None).fflush
        return lambda: fflush(None)
    except (ImportError, OSError, AttributeError, TypeError):
        return lambda: None
