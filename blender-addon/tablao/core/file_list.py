"""What a job reads, described so that each attempt can tell whether it is still the same: size, time, SHA-256."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Callable, Iterable, Mapping

from .cancellation import Cancellation
from .roots import to_farm_path

#: The API's limit.
MOST_FILES = 10_000
_PIECE_BYTES = 1024 * 1024
_REMEMBERED = 20_000


@dataclass(frozen=True)
class FileState:
    path: str
    bytes: int
    modified_ns: int
    sha256: str

    def to_input(self, roots: Mapping[str, str]) -> dict[str, Any]:
        """SubmittedFileInput, with the path as the farm knows it."""
        seconds, nanoseconds = divmod(self.modified_ns, 1_000_000_000)
        moment = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        return {
            "path": to_farm_path(self.path, roots),
            "bytes": self.bytes,
            "modifiedAt": f"{moment}.{nanoseconds // 1_000_000:03d}Z",
            "sha256": self.sha256,
        }


class FileHashes:
    """Remembers what it has read, so that the next submission of the same textures is quick."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], str] = {}

    def describe(
        self,
        paths: Iterable[str],
        cancellation: Cancellation,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[FileState]:
        """Those of the paths that are files, in order. `on_progress(done, total)` follows each. Raises Canceled or OSError."""
        files = [path for path in dict.fromkeys(paths) if os.path.isfile(path)][:MOST_FILES]
        states: list[FileState] = []
        for path in files:
            states.append(self._describe(path, cancellation))
            on_progress(len(states), len(files))
        return states

    def _describe(self, path: str, cancellation: Cancellation) -> FileState:
        cancellation.raise_if_canceled()
        found = os.stat(path)
        key = (path, found.st_size, found.st_mtime_ns)
        digest = self._known.get(key)
        if digest is None:
            digest = self._known[key] = _hash_file(path, cancellation)
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
        return FileState(path, found.st_size, found.st_mtime_ns, digest)


def _hash_file(path: str, cancellation: Cancellation) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            cancellation.raise_if_canceled()
    return digest.hexdigest()
