"""Snapshots: copies of the .blend, beside it, that jobs render while the artist goes on.

A snapshot is kept for as long as its job may read it again. It is removed when the job has been deleted, and `KEPT_DAYS` after
the job completed or was canceled; a failed job keeps it, because failed jobs are requeued. What is removed is only what this
user's Blender has saved and submitted: each snapshot has a note of its own in the add-on's folder.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Iterable, Iterator, Mapping, Optional

from .cancellation import Cancellation
from .documents import load_document
from .token_store import write_private
from .transport import Client

KEPT_DAYS = 14
_MARK = re.compile(r"\.tablao-\d{8}-\d{6}-[0-9a-f]{6}$")
#: Of ext4, NTFS and APFS.
_LONGEST_NAME_BYTES = 255
#: Of one question to the gateway.
_MOST_IDS = 100


def snapshot_path(blend_path: str, now: datetime) -> str:
    """A name that is free, in the same folder, so that relative paths hold: `shot.tablao-20261124-201503-a1b2c3.blend`."""
    folder, name = os.path.split(blend_path)
    stem = _MARK.sub("", os.path.splitext(name)[0])
    mark = f".tablao-{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
    longest = _LONGEST_NAME_BYTES - len(f"{mark}.blend")
    stem = stem.encode()[:longest].decode(errors="ignore")
    return os.path.join(folder, f"{stem}{mark}.blend")


def is_snapshot(path: str) -> bool:
    return _MARK.search(os.path.splitext(os.path.basename(path))[0]) is not None


@dataclass(frozen=True)
class SnapshotNote:
    path: str
    #: Its address.
    gateway: str
    job_id: str


class SnapshotNotes:
    """One file each: several Blenders of one user write them without asking each other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "snapshots"

    def add(self, note: SnapshotNote) -> None:
        """Raises OSError."""
        write_private(self._folder / f"{uuid.uuid4()}.json", json.dumps(asdict(note)))

    def remove_unneeded(self, client: Client, now: datetime, cancellation: Cancellation) -> list[str]:
        """Removes the snapshots that no job of this gateway needs any more, and gives their paths. Raises GatewayError."""
        notes = [(file, note) for file, note in self._read() if note.gateway == str(client.address)]
        removed: list[str] = []
        for start in range(0, len(notes), _MOST_IDS):
            batch = notes[start : start + _MOST_IDS]
            ids = [note.job_id for _, note in batch]
            jobs = client.ask(load_document("SnapshotJobs"), {"ids": ids}, cancellation)["nodes"]
            for (file, note), job in zip(batch, jobs):
                if not is_needed(job, now) and _remove(note.path):
                    removed.append(note.path)
                    _remove(str(file))
        return removed

    def _read(self) -> Iterator[tuple[Path, SnapshotNote]]:
        for file in _list(self._folder):
            try:
                found = json.loads(file.read_text(encoding="utf-8"))
                yield file, SnapshotNote(found["path"], found["gateway"], found["job_id"])
            except (OSError, ValueError, KeyError, TypeError):
                continue  # another Blender is at it


def is_needed(job: Optional[Mapping[str, str]], now: datetime) -> bool:
    """`job` is null when it was deleted."""
    if job is None:
        return False
    if job["status"] not in ("COMPLETED", "CANCELED") or not job["finishedAt"]:
        return True
    finished = datetime.fromisoformat(job["finishedAt"].replace("Z", "+00:00"))
    return now - finished < timedelta(days=KEPT_DAYS)


def _list(folder: Path) -> Iterable[Path]:
    try:
        return sorted(folder.glob("*.json"))
    except OSError:
        return ()


def _remove(path: str) -> bool:
    """Whether it is gone. A disk that is not mounted just now says nothing about the file."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return os.path.isdir(os.path.dirname(path))
    except OSError:
        return False
    return True
