"""Tells when jobs of mine have ended: each once, also what ended while Blender was closed or offline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterable, Mapping, Optional

from .background import Background, Work
from .cancellation import Cancellation
from .documents import load_document
from .notice_book import Bookmark, NoticeBook
from .rows import ENDED
from .stream import Stream
from .transport import Client

#: Of one question, by the API.
_MOST_IDS = 100
#: A bookmark comes every 15 s. One that is as old as this is good enough to start from.
_BOOKMARKS_A_SAVE = 40


@dataclass(frozen=True)
class JobEnd:
    job_id: str
    #: Of the change, in the job's history.
    sequence: int
    name: str
    #: COMPLETED, FAILED or CANCELED.
    status: str
    error: Optional[str]
    seconds_elapsed: int
    frames_done: int
    frames_total: int
    #: It ended before this Blender looked.
    is_old: bool

    @property
    def key(self) -> str:
        return f"{self.job_id}:{self.sequence}"


class JobEnds:
    """Follows the exact feed. `on_ends` is called on the main thread, `notify` in the thread with those that are new and that
    no other Blender has had the system tell of.
    """

    def __init__(
        self,
        background: Background,
        client: Client,
        submitter: str,
        book: NoticeBook,
        on_ends: Callable[[tuple[JobEnd, ...]], None],
        notify: Callable[[tuple[JobEnd, ...]], None] = lambda ends: None,
    ) -> None:
        self._background = background
        self._client = client
        self._submitter = submitter
        self._book = book
        self._on_ends = on_ends
        self._notify = notify
        #: Told, and not yet in the book.
        self._unsaved: Optional[Bookmark] = None
        self._saving: Optional[Work[None]] = None
        self._bookmark: Optional[Bookmark] = None
        #: Of a feed that begins anew, only what happened later than this is news.
        self._told_at = ""
        self._unsaved_bookmarks = _BOOKMARKS_A_SAVE
        self._has_caught_up = False
        self._is_expired = False
        self.stream = self._begin()

    def close(self) -> None:
        """What was told and could not be written down any more is written now, or the next Blender would tell it again."""
        self.stream.close()
        if self._bookmark is not None and (self._unsaved is not None or self._saving is not None):
            try:
                self._book.save(self._bookmark)
            except OSError:
                pass  # it is told again

    def _begin(self) -> Stream:
        return Stream(
            self._background,
            self._client,
            load_document("JobChanges"),
            self._start,
            self._take,
            self._follow,
            _cursor_of,
        )

    def _start(self) -> Mapping[str, Any]:
        if self._bookmark is None:
            self._bookmark = self._book.load()
            self._told_at = self._bookmark.at if self._bookmark else ""
        after = self._bookmark.cursor if self._bookmark else None
        self._has_caught_up = after is None
        return {"submitter": self._submitter, "after": after}

    def _take(self, work: Work[None], data: dict[str, Any]) -> None:
        """In the thread. A GatewayError that passes has the same message come again."""
        answer = data["statusChanges"]
        if "oldestCursor" in answer:
            self._is_expired = True
            work.report(self._pass, Bookmark(answer["oldestCursor"], self._told_at), ())
        if "changes" not in answer:
            return
        changes = [change for change in answer["changes"] if not self._is_expired or change["at"] > self._told_at]
        ends = self._read_ends(changes, work.cancellation)
        if answer["caughtUp"]:
            self._has_caught_up = True
            self._is_expired = False
        self._told_at = max([self._told_at, *(change["at"] for change in answer["changes"])])
        new = tuple(end for end in ends if not end.is_old and self._book.claim(end.key))
        if new:
            self._notify(new)
        self._unsaved_bookmarks += 1
        if answer["changes"] or self._unsaved_bookmarks > _BOOKMARKS_A_SAVE:
            self._unsaved_bookmarks = 0
            work.report(self._pass, Bookmark(answer["cursor"], self._told_at), ends)

    def _read_ends(self, changes: Iterable[Mapping[str, Any]], cancellation: Cancellation) -> tuple[JobEnd, ...]:
        last = {change["jobId"]: change for change in changes if "jobTo" in change}
        ended = {id: change for id, change in last.items() if change["jobTo"] in ENDED}
        ids = list(ended)
        ends: list[JobEnd] = []
        for start in range(0, len(ids), _MOST_IDS):
            batch = ids[start : start + _MOST_IDS]
            jobs = self._client.ask(load_document("EndedJobs"), {"ids": batch}, cancellation)["nodes"]
            # One that was requeued since will end again; one that was deleted is nobody's any more.
            ends += [self._read_end(ended[job["id"]], job) for job in jobs if job and _is_still(job, ended[job["id"]])]
        return tuple(ends)

    def _read_end(self, change: Mapping[str, Any], job: Mapping[str, Any]) -> JobEnd:
        return JobEnd(
            job_id=job["id"],
            sequence=change["sequence"],
            name=job["name"],
            status=job["status"],
            error=job["error"],
            seconds_elapsed=job["secondsElapsed"],
            frames_done=job["frameCounts"]["done"],
            frames_total=job["frameCounts"]["total"],
            is_old=not self._has_caught_up,
        )

    def _pass(self, bookmark: Bookmark, ends: tuple[JobEnd, ...]) -> None:
        """On the main thread: tells, and only then writes down that it was told."""
        if self.stream.is_closed:
            return
        if ends:
            self._on_ends(ends)
        self._bookmark = self._unsaved = bookmark
        self._save()

    def _save(self) -> None:
        if self._saving is not None or self._unsaved is None:
            return
        bookmark, self._unsaved = self._unsaved, None

        def follow(_: object) -> None:
            self._saving = None
            self._save()

        self._saving = self._background.start(lambda work: self._book.save(bookmark), follow, follow)

    def _follow(self) -> None:
        """The gateway ends the stream when it does not know the cursor any more: it goes on with the oldest that it has."""
        if self.stream.is_complete and self._is_expired:
            self.stream = self._begin()


def _cursor_of(data: dict[str, Any]) -> Optional[str]:
    answer: Mapping[str, Optional[str]] = data["statusChanges"]
    return answer.get("cursor") or answer.get("oldestCursor")


def _is_still(job: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
    return bool(job["status"] == change["jobTo"])
