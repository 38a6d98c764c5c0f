"""Remembers, from one Blender to the next, up to where the ends of my jobs were told."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional

from .address import Address
from .token_store import write_private

#: The gateway forgets its events after 30 days.
_KEPT_SECONDS = 60 * 24 * 3600


@dataclass(frozen=True)
class Bookmark:
    #: In the gateway's feed.
    cursor: str
    #: When the last end that was told happened; empty before the first one.
    at: str = ""


class NoticeBook:
    """One for each gateway and user. All Blenders of a user share it: each writes how far it has come, and the one that
    starts next goes on from there. So every open Blender tells an end once, and what ended while none was open is told by
    the next one.
    """

    def __init__(self, folder: Path, address: Address, submitter: str) -> None:
        key = hashlib.sha256(f"{address}\n{submitter}".encode()).hexdigest()[:16]
        self._path = folder / "notices" / f"{key}.json"
        self._told = folder / "notices" / key

    def load(self) -> Optional[Bookmark]:
        """None before the first time: what ended before somebody used the add-on is no news."""
        try:
            found: Any = json.loads(self._path.read_text(encoding="utf-8"))
            return Bookmark(found["cursor"], found["at"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, bookmark: Bookmark) -> None:
        """Raises OSError."""
        write_private(self._path, json.dumps({"cursor": bookmark.cursor, "at": bookmark.at}))

    def claim(self, end: str, clock: Callable[[], float] = time.time) -> bool:
        """Whether this Blender is the first one to have the system tell of an end: two at once would be one too many."""
        try:
            self._told.mkdir(parents=True, exist_ok=True)
            name = hashlib.sha256(end.encode()).hexdigest()[:24]
            os.close(os.open(self._told / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        except OSError:
            return True  # better twice than never
        self._forget_old(clock() - _KEPT_SECONDS)
        return True

    def _forget_old(self, before: float) -> None:
        with os.scandir(self._told) as entries:
            for entry in entries:
                try:
                    if entry.stat().st_mtime < before:
                        os.unlink(entry.path)
                except OSError:
                    continue  # another Blender is at it
