"""The live half of the connection: there while the gateway is known and Blender may use the network."""

from __future__ import annotations

import time
from typing import Optional

from .. import folders, session, settings
from ..core.errors import GatewayError
from ..core.job_ends import JobEnd
from ..core.live_farm import LiveFarm
from ..core.live_jobs import JobsWish
from ..core.notice_book import NoticeBook
from ..core.notice_words import describe_ends
from ..core.rows import JobRow, TaskRow
from ..core.system_notices import show_system_notice
from ..core.words import seconds_left
from . import banner
from .view import JOB_STATUSES, TASK_STATUSES, view

#: As the gateway calls those who say no name.
NAMELESS = "anonymous"

#: The time left counts down between two messages.
COUNT_DOWN_SECONDS = 5.0

_farm: Optional[LiveFarm] = None
#: Of the session, when it was opened.
_generation = 0
_has_changed = False
_counted_at = 0.0
_was_away = False
#: As the preferences have it: threads may not read those.
_uses_system_notices = True


def get() -> Optional[LiveFarm]:
    return _farm


def selected_job() -> Optional[JobRow]:
    return _farm.jobs.get(view.job_id) if _farm is not None and view.job_id else None


def selected_task() -> Optional[TaskRow]:
    tasks = _farm.tasks if _farm is not None else None
    return tasks.get(view.task_id) if tasks is not None and view.task_id else None


def tick() -> bool:
    """Brings what is followed in line with what is looked at. Whether something has changed since the last time."""
    global _has_changed, _uses_system_notices
    _uses_system_notices = settings.get_preferences().use_system_notices
    _keep_open()
    if _farm is not None:
        _follow_view(_farm)
        _farm.tick()
        _count_down(_farm)
    has_changed, _has_changed = _has_changed, False
    return has_changed


def close() -> None:
    global _farm, _was_away
    if _farm is not None:
        _farm.close()
        note_change()
    _farm, _was_away = None, False


def note_change() -> None:
    """Has the panels drawn anew with the next tick."""
    global _has_changed
    _has_changed = True


def _keep_open() -> None:
    current = session.get()
    submitter = settings.get_preferences().submitter.strip() or NAMELESS
    is_wanted = current.farm is not None and session.is_online()
    is_same = _farm is not None and (_farm.submitter, _generation) == (submitter, current.generation)
    if not (is_wanted and is_same):
        close()
    if _farm is None and is_wanted:
        _open(current, submitter)


def _open(current: session.Session, submitter: str) -> None:
    global _farm, _generation
    try:
        client = current.client()
    except GatewayError:
        return  # the session says what is wrong
    book = NoticeBook(folders.user_folder(), client.address, submitter)
    _farm = LiveFarm(current.background, client, submitter, book, _follow, _tell, _notify)
    _generation = current.generation
    note_change()


def _follow_view(farm: LiveFarm) -> None:
    farm.jobs.show(
        JobsWish(
            submitter=None if view.shows_everyone else farm.submitter,
            name_contains=view.search.strip(),
            statuses=JOB_STATUSES[view.job_statuses],
        )
    )
    job = farm.jobs.get(view.job_id)
    if view.job_id and job is None and farm.jobs.is_loaded:
        view.job_id = ""
    if not view.job_id and farm.jobs.rows:
        view.job_id = farm.jobs.rows[0].id
    farm.show_tasks(view.job_id or None if view.shows_tasks else None, TASK_STATUSES[view.task_statuses])
    tasks = farm.tasks
    if view.task_id and (tasks is None or (tasks.is_loaded and tasks.get(view.task_id) is None)):
        view.task_id = ""
    farm.show_log(view.task_id or None)


def _count_down(farm: LiveFarm) -> None:
    global _counted_at
    now = time.monotonic()
    if now - _counted_at > COUNT_DOWN_SECONDS:
        _counted_at = now
        if any(seconds_left(job, now) for job in farm.jobs.rows):
            note_change()


def _follow() -> None:
    """What is live has changed, or the connection."""
    global _was_away
    is_away = _farm is not None and _farm.away_since is not None
    if _was_away and not is_away:
        session.get().connect()  # it may have come back with another version and other job types
    _was_away = is_away
    note_change()


def _tell(ends: tuple[JobEnd, ...]) -> None:
    lines = describe_ends(ends)
    banner.show(". ".join(lines), is_bad=any(end.status == "FAILED" for end in ends))


def _notify(ends: tuple[JobEnd, ...]) -> None:
    """In a thread."""
    if _uses_system_notices:
        for line in describe_ends(ends):
            show_system_notice("Tablao", line)
