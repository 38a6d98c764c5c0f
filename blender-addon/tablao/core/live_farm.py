"""What the panels show of a gateway, kept up to date: jobs, the unfolded job's tasks, a task's last lines, notices."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Callable, Optional

from .background import Background
from .clock_watch import ClockWatch
from .job_ends import JobEnd, JobEnds
from .live_jobs import OPEN, JobsWish, LiveJobs
from .live_log import LiveLog
from .live_tasks import LiveTasks
from .notice_book import NoticeBook
from .stream import Stream
from .transport import Client

KEPT_NOTICES = 20


class LiveFarm:
    """Everything here belongs to the main thread, and none of it waits."""

    def __init__(
        self,
        background: Background,
        client: Client,
        submitter: str,
        book: NoticeBook,
        on_change: Callable[[], None],
        on_ends: Callable[[tuple[JobEnd, ...]], None] = lambda ends: None,
        notify: Callable[[tuple[JobEnd, ...]], None] = lambda ends: None,
        clock_watch: Optional[ClockWatch] = None,
    ) -> None:
        self.client = client
        self.submitter = submitter
        #: The newest first, until they are dismissed.
        self.notices: deque[JobEnd] = deque(maxlen=KEPT_NOTICES)
        self.tasks: Optional[LiveTasks] = None
        self.log: Optional[LiveLog] = None
        self._background = background
        self._on_change = on_change
        self._on_ends = on_ends
        self._clock_watch = clock_watch or ClockWatch()
        self.jobs = LiveJobs(background, client, JobsWish(submitter), on_change)
        #: Mine that go on, whatever the list shows.
        self.mine = LiveJobs(background, client, JobsWish(submitter, statuses=OPEN), on_change)
        self.ends = JobEnds(background, client, submitter, book, self._take_ends, notify)

    def show_tasks(self, job_id: Optional[str], statuses: tuple[str, ...] = ()) -> None:
        """Unfolds a job; None folds."""
        shown = self.tasks
        if shown is not None and (shown.job_id, shown.statuses) == (job_id, statuses):
            return
        if shown is not None:
            shown.close()
        if job_id is None:
            self.tasks = None
        else:
            self.tasks = LiveTasks(self._background, self.client, job_id, statuses, self._follow_tasks)

    def show_log(self, task_id: Optional[str]) -> None:
        """Follows what a task prints; None follows none."""
        if (self.log.task_id if self.log else None) == task_id:
            return
        if self.log is not None:
            self.log.close()
        self.log = LiveLog(self._background, self.client, task_id, self._on_change) if task_id else None

    def tick(self) -> None:
        """To be called again and again."""
        self.jobs.tick()
        if self._clock_watch.has_jumped():
            self.reconnect()

    def reconnect(self) -> None:
        for stream in self._streams():
            stream.reconnect()

    @property
    def away_since(self) -> Optional[datetime]:
        """Since when some of what is shown may be out of date; None while all of it is live."""
        return min((stream.away_since for stream in self._streams() if stream.away_since), default=None)

    @property
    def away_reason(self) -> str:
        return next((stream.away_reason for stream in self._streams() if stream.away_since), "")

    @property
    def is_refused(self) -> bool:
        """The gateway says no, rather than nothing."""
        return any(stream.is_refused for stream in self._streams())

    def dismiss(self, end: JobEnd) -> None:
        if end in self.notices:
            self.notices.remove(end)

    def close(self) -> None:
        """Nothing is called back any more."""
        self.ends.close()
        for stream in self._streams():
            stream.close()

    def _streams(self) -> list[Stream]:
        parts = (self.jobs, self.mine, self.ends, self.tasks, self.log)
        return [part.stream for part in parts if part is not None]

    def _take_ends(self, ends: tuple[JobEnd, ...]) -> None:
        self.notices.extendleft(ends)
        self._on_ends(ends)
        self._on_change()

    def _follow_tasks(self) -> None:
        log = self.log
        task = self.tasks.get(log.task_id) if self.tasks and log else None
        if log is not None and task is not None and task.status == "ACTIVE" and log.stream.is_complete:
            log.restart()
        self._on_change()
