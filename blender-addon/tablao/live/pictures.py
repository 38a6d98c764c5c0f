"""The newest frame of the selected job, small, as the gateway has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import bpy.utils.previews

from .. import folders, session
from ..core.background import Work
from ..core.picture_cache import PictureCache
from ..core.rows import JobRow
from . import farm

#: The picture that is shown belongs to this job and frame.
_shown: Optional[tuple[str, int]] = None
_shown_url = ""
_previews: Optional[Any] = None
_fetching: Optional[Work[Path]] = None
#: What could not be had is not asked for again until there is another one.
_refused_url = ""


def cache() -> PictureCache:
    return PictureCache(folders.user_folder())


def tick() -> None:
    """Fetches what is newer than what is shown, one at a time."""
    current, job = farm.get(), farm.selected_job()
    frame = job.latest_frame if job is not None else None
    if current is None or job is None or frame is None or frame.image_url is None or _fetching is not None:
        return
    if frame.image_url not in (_shown_url, _refused_url):
        _fetch(current.client, job, frame.number, frame.image_url)


def find_icon(job: JobRow) -> Optional[tuple[int, int]]:
    """The icon with the job's newest picture, and the frame that it shows; None while there is none."""
    if _previews is None or _shown is None or _shown[0] != job.id or _shown_url not in _previews:
        return None
    return _previews[_shown_url].icon_id, _shown[1]


def _fetch(client: Any, job: JobRow, number: int, url: str) -> None:
    global _fetching
    kept = cache()

    def fetch(work: Work[Path]) -> Path:
        path = kept.fetch(client, job.id, number, url, work.cancellation)
        kept.shrink(kept=path.parent)
        return path

    def show(path: Path) -> None:
        global _fetching
        _fetching = None
        _show(path, job.id, number, url)
        farm.note_change()

    def give_up(_error: Exception) -> None:
        global _fetching, _refused_url
        _fetching, _refused_url = None, url

    _fetching = session.get().background.start(fetch, show, give_up)


def _show(path: Path, job_id: str, number: int, url: str) -> None:
    global _previews, _shown, _shown_url
    if _previews is None:
        _previews = bpy.utils.previews.new()
    if url not in _previews:
        # Asking for its size has it read at once (a millisecond). Left to Blender's own threads, it sometimes never came.
        _previews.load(url, str(path), "IMAGE").image_size[:]
    for other in [key for key in _previews if key != url]:
        del _previews[other]
    _shown, _shown_url = (job_id, number), url


def forget() -> None:
    global _previews, _shown, _shown_url, _fetching, _refused_url
    if _fetching is not None:
        _fetching.cancel()
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
    _previews, _shown, _shown_url, _fetching, _refused_url = None, None, "", None, ""
