"""Where a job's rendered frames can be seen from this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Callable, Iterator, Mapping, Optional

from .cancellation import Cancellation
from .documents import load_document
from .errors import RefusedError
from .picture_cache import PictureCache
from .rows import FrameRow, read_frame
from .roots import to_local_path
from .transport import Client


@dataclass(frozen=True)
class FrameFile:
    number: int
    path: str


@dataclass(frozen=True)
class FrameFiles:
    #: By their numbers; some may be missing in between.
    frames: tuple[FrameFile, ...]
    #: Small pictures by the gateway, because the disk with the frames is not seen from here.
    are_small: bool


def find_output_folder(client: Client, job_id: str, roots: Mapping[str, str], cancellation: Cancellation) -> str:
    """The folder with the job's frames, as this machine knows it. Raises GatewayError or Canceled."""
    frame = next((frame for frame in _list_frames(client, job_id, cancellation) if frame.path), None)
    if frame is None or frame.path is None:
        raise RefusedError("No frame is rendered yet.")
    folder = os.path.dirname(to_local_path(frame.path, roots))
    if not os.path.isdir(folder):
        raise RefusedError(f"This machine does not see {folder}.")
    return folder


def find_frames(
    client: Client,
    job_id: str,
    roots: Mapping[str, str],
    cache: PictureCache,
    cancellation: Cancellation,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> FrameFiles:
    """The frames themselves where this machine sees them, else small pictures. Raises GatewayError, OSError or Canceled."""
    rendered = list(_list_frames(client, job_id, cancellation))
    if not rendered:
        raise RefusedError("No frame is rendered yet.")
    seen = tuple(_find_files(rendered, roots, cancellation))
    if seen:
        return FrameFiles(seen, are_small=False)
    pictures = [(frame.number, frame.image_url) for frame in rendered if frame.image_url]
    fetched: list[FrameFile] = []
    for number, url in pictures:
        try:
            fetched.append(FrameFile(number, str(cache.fetch(client, job_id, number, url, cancellation))))
        except RefusedError:
            continue  # the gateway keeps the newest ones only
        on_progress(len(fetched), len(pictures))
    if not fetched:
        raise RefusedError(
            f"This machine does not see {os.path.dirname(rendered[0].path or '')}, and the gateway has no pictures of the frames."
        )
    cache.shrink(kept=cache.folder_of(client, job_id))
    return FrameFiles(tuple(fetched), are_small=True)


def find_frame(
    client: Client,
    job_id: str,
    frame: FrameRow,
    roots: Mapping[str, str],
    cache: PictureCache,
    cancellation: Cancellation,
) -> FrameFiles:
    """The same for a single one."""
    seen = tuple(_find_files([frame], roots, cancellation))
    if seen:
        return FrameFiles(seen, are_small=False)
    if frame.image_url is None:
        raise RefusedError(f"Neither this machine nor the gateway has a picture of frame {frame.number}.")
    path = cache.fetch(client, job_id, frame.number, frame.image_url, cancellation)
    return FrameFiles((FrameFile(frame.number, str(path)),), are_small=True)


def _find_files(frames: list[FrameRow], roots: Mapping[str, str], cancellation: Cancellation) -> Iterator[FrameFile]:
    for frame in frames:
        cancellation.raise_if_canceled()
        path = to_local_path(frame.path, roots) if frame.path else ""
        if path and os.path.isfile(path):
            yield FrameFile(frame.number, path)


def _list_frames(client: Client, job_id: str, cancellation: Cancellation) -> Iterator[FrameRow]:
    after: Optional[str] = None
    while True:
        job = client.ask(load_document("JobFrames"), {"id": job_id, "after": after}, cancellation)["job"]
        if job is None:
            raise RefusedError("The job was deleted.")
        page = job["frames"]
        for node in page["nodes"]:
            yield read_frame(node)
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]
