"""A list of jobs as it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Optional

from .background import Background, Work
from .documents import load_document
from .latest import Latest
from .live_page import LivePage
from .rows import JobRow, read_job
from .stream import Stream
from .transport import Client

#: Statuses of jobs that go on by themselves.
OPEN = ("UNDER_CONSTRUCTION", "QUEUED", "ACTIVE", "CANCEL_REQUESTED", "REQUEUEING")
#: Of one page, by the API.
MOST_JOBS = 100
#: Between two letters that somebody types there is less.
TYPING_PAUSE_SECONDS = 0.3


@dataclass(frozen=True)
class JobsWish:
    """Which jobs to show."""

    #: None shows everyone's.
    submitter: Optional[str] = None
    name_contains: str = ""
    #: None of them shows all.
    statuses: tuple[str, ...] = ()

    def to_filter(self) -> dict[str, Any]:
        given = {
            "submitter": self.submitter,
            "nameContains": self.name_contains or None,
            "statuses": list(self.statuses) or None,
        }
        return {key: value for key, value in given.items() if value is not None}


class LiveJobs:
    """All attributes belong to the main thread. The gateway filters, so that a search finds what no page would show."""

    def __init__(
        self,
        background: Background,
        client: Client,
        wish: JobsWish,
        on_change: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rows: tuple[JobRow, ...] = ()
        #: Of the wish that counts now, not of the one before.
        self.is_loaded = False
        self._background = background
        self._client = client
        self._on_change = on_change
        self._clock = clock
        self._wish = self._shown = wish
        self._wished_at = 0.0
        self.stream = self._begin()

    def show(self, wish: JobsWish) -> None:
        """Shows others, as soon as nobody is typing any more."""
        if wish != self._wish:
            self._wish = wish
            self._wished_at = self._clock()

    def tick(self) -> None:
        if self._wish != self._shown and self._clock() - self._wished_at >= TYPING_PAUSE_SECONDS:
            self._shown = self._wish
            self.is_loaded = False
            self.stream.close()
            self.stream = self._begin()

    def get(self, id: str) -> Optional[JobRow]:
        return next((row for row in self.rows if row.id == id), None)

    @property
    def is_full(self) -> bool:
        """There may be more than these."""
        return len(self.rows) >= MOST_JOBS

    def close(self) -> None:
        self.stream.close()

    def _begin(self) -> Stream:
        variables = {"filter": self._shown.to_filter(), "first": MOST_JOBS}
        page: LivePage[JobRow] = LivePage(lambda given: read_job(given, self._clock()))
        latest: Optional[Latest[tuple[JobRow, ...]]] = None

        def take(work: Work[None], data: dict[str, Any]) -> None:
            nonlocal latest
            latest = latest or Latest(work.report, set_rows)
            latest.put(page.apply(data["jobsUpdated"]))

        def set_rows(rows: tuple[JobRow, ...]) -> None:
            if not stream.is_closed:
                self.rows = rows
                self.is_loaded = True
                self._on_change()

        stream = Stream(
            self._background, self._client, load_document("JobsUpdated"), lambda: variables, take, self._on_change
        )
        return stream
