"""The last lines that a task prints."""

from __future__ import annotations

import re
from collections import deque
from typing import Any, Callable, Optional

from .background import Background, Work
from .documents import load_document
from .latest import Latest
from .stream import Stream
from .transport import Client

KEPT_LINES = 12
#: A line without an end would grow for ever.
LONGEST_LINE_CHARACTERS = 2_000
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class LogTail:
    """Takes a log piece by piece, and keeps its end."""

    def __init__(self, kept_lines: int = KEPT_LINES) -> None:
        self._lines: deque[str] = deque(maxlen=kept_lines)
        self._rest = ""

    def append(self, text: str) -> None:
        *lines, rest = (self._rest + text).split("\n")
        self._rest = rest[-LONGEST_LINE_CHARACTERS:]
        self._lines.extend(_clean(line) for line in lines[-KEPT_LINES:])

    @property
    def lines(self) -> tuple[str, ...]:
        found = [*self._lines, *([_clean(self._rest)] if self._rest else [])]
        return tuple(found[-(self._lines.maxlen or 0) :])


class LiveLog:
    """All attributes belong to the main thread."""

    def __init__(self, background: Background, client: Client, task_id: str, on_change: Callable[[], None]) -> None:
        self.task_id = task_id
        self.lines: tuple[str, ...] = ()
        #: Why the task's newest attempt failed, if it did.
        self.failure: Optional[str] = None
        self._background = background
        self._client = client
        self._on_change = on_change
        self.stream = self._begin()
        self._ask_failure()

    def restart(self) -> None:
        """The task is being tried again: what it prints now is another log."""
        self.stream.close()
        self.failure = None
        self.stream = self._begin()

    def close(self) -> None:
        self.stream.close()

    def _begin(self) -> Stream:
        tail = LogTail()
        latest: Optional[Latest[tuple[str, ...]]] = None

        def take(work: Work[None], data: dict[str, Any]) -> None:
            nonlocal latest
            answer = data["taskLog"]
            tail.append(answer["text"] if "text" in answer else f"\n{answer['message']}\n")
            latest = latest or Latest(work.report, set_lines)
            if answer.get("caughtUp", True):  # not each piece of what was printed before
                latest.put(tail.lines)

        def set_lines(lines: tuple[str, ...]) -> None:
            if not stream.is_closed:
                self.lines = lines
                self._on_change()

        def follow() -> None:
            if stream.is_complete:
                self._ask_failure()
            self._on_change()

        stream = Stream(
            self._background,
            self._client,
            load_document("TaskLog"),
            lambda: {"taskId": self.task_id},
            take,
            follow,
            lambda data: data["taskLog"].get("cursor"),
        )
        return stream

    def _ask_failure(self) -> None:
        stream = self.stream

        def ask(work: Work[Optional[str]]) -> Optional[str]:
            task = self._client.ask(load_document("TaskFailure"), {"id": self.task_id}, work.cancellation)["task"]
            attempts = task["attempts"]["nodes"] if task else []
            failure = attempts[0]["failure"] if attempts else None
            return failure["message"] if failure else None

        def set_failure(failure: Optional[str]) -> None:
            if self.stream is stream and not stream.is_closed:
                self.failure = failure
                self._on_change()

        self._background.start(ask, set_failure)


def _clean(line: str) -> str:
    """What a carriage return has written over is gone on a terminal too."""
    return _CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2])[:LONGEST_LINE_CHARACTERS]
