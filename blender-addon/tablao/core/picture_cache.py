"""Small pictures of frames, from the gateway, in a folder of bounded size."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Optional

from .cancellation import Cancellation
from .errors import RefusedError
from .transport import Client

#: Some thousand pictures: each has 64 KB at most.
MOST_BYTES = 256 * 1024 * 1024


class PictureCache:
    """A folder for each job, in it files named as an image sequence wants them: `000012.jpg`. It belongs to all Blenders of a
    user. Used in threads.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder / "pictures"
        self._most_bytes = most_bytes

    def folder_of(self, client: Client, job_id: str) -> Path:
        return self._folder / hashlib.sha256(f"{client.address}\n{job_id}".encode()).hexdigest()[:24]

    def fetch(
        self, client: Client, job_id: str, frame: int, image_url: str, cancellation: Optional[Cancellation] = None
    ) -> Path:
        """The file with the picture that the address stands for. Raises GatewayError, OSError or Canceled."""
        folder = self.folder_of(client, job_id)
        path = folder / f"{frame:06d}.jpg"
        # A frame that is rendered again has another address: the old picture is not taken for it.
        note = folder / f"{frame:06d}.url"
        if path.exists() and _read(note) == image_url:
            return path
        reply = client.get(image_url, cancellation)
        if reply.status != 200 or not reply.content_type.startswith("image/"):
            raise RefusedError(f"The gateway has no picture of frame {frame} (HTTP {reply.status}).")
        folder.mkdir(parents=True, exist_ok=True)
        _replace(path, reply.body)
        _replace(note, image_url.encode())
        return path

    def shrink(self, kept: Path) -> None:
        """Removes whole jobs, those that were looked at longest ago first, but not `kept`."""
        jobs = sorted((folder for folder in _list(self._folder) if folder != kept), key=_age_key)
        sizes = {folder: sum(file.stat().st_size for file in _list(folder)) for folder in [*jobs, kept]}
        total = sum(sizes.values())
        for folder in jobs:
            if total <= self._most_bytes:
                return
            total -= sizes[folder]
            shutil.rmtree(folder, ignore_errors=True)  # another Blender may be at it


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _replace(path: Path, content: bytes) -> None:
    """As a whole: Blender may be reading the old one."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(draft, path)


def _list(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _age_key(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
