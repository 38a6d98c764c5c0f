"""Server-sent events, as https://html.spec.whatwg.org/multipage/server-sent-events.html has them."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

#: A live page of 100 jobs is some 100 KB.
LONGEST_EVENT_CHARACTERS = 16 * 1024 * 1024


@dataclass(frozen=True)
class Event:
    name: str
    data: str


class EventTooLongError(ValueError):
    """No gateway sends this much without the end of an event."""


class EventParser:
    """Takes a stream's bytes in whatever pieces they come, and gives its events. Comments (the gateway's pings) give none."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._rest = ""
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[Event]:
        events: list[Event] = []
        text = self._rest + self._decoder.decode(piece)
        # A lone CR at the end may be the first half of CR LF.
        end = len(text) - 1 if text.endswith("\r") else len(text)
        lines = text[:end].replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest = lines.pop() + text[end:]
        for line in lines:
            self._take(line, events)
        if self._size + len(self._rest) > LONGEST_EVENT_CHARACTERS:
            raise EventTooLongError()
        return events

    def _take(self, line: str, events: list[Event]) -> None:
        if line == "":
            if self._data:
                events.append(Event(self._name or "message", "\n".join(self._data)))
            self._name, self._data, self._size = "", [], 0
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
            self._size += len(value)
