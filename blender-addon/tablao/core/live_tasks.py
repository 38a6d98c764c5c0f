"""The tasks of one job as they are."""

from __future__ import annotations

from typing import Any, Callable, Optional

from .background import Background, Work
from .documents import load_document
from .latest import Latest
from .live_page import LivePage
from .rows import TaskRow, read_task
from .stream import Stream
from .transport import Client

#: Of one page, by the API.
MOST_TASKS = 100


class LiveTasks:
    """All attributes belong to the main thread."""

    def __init__(
        self,
        background: Background,
        client: Client,
        job_id: str,
        statuses: tuple[str, ...],
        on_change: Callable[[], None],
    ) -> None:
        """`statuses`: none of them shows all."""
        self.job_id = job_id
        self.statuses = statuses
        self.rows: tuple[TaskRow, ...] = ()
        self.is_loaded = False
        self._on_change = on_change
        page: LivePage[TaskRow] = LivePage(read_task)
        latest: Optional[Latest[tuple[TaskRow, ...]]] = None

        def take(work: Work[None], data: dict[str, Any]) -> None:
            nonlocal latest
            update = data["tasksUpdated"]
            latest = latest or Latest(work.report, self._set_rows)
            latest.put(page.apply(update) if "order" in update else ())  # else the job was deleted

        variables = {"jobId": job_id, "filter": {"statuses": list(statuses)} if statuses else {}, "first": MOST_TASKS}
        self.stream = Stream(background, client, load_document("TasksUpdated"), lambda: variables, take, on_change)

    def get(self, id: str) -> Optional[TaskRow]:
        return next((row for row in self.rows if row.id == id), None)

    @property
    def is_full(self) -> bool:
        """There may be more than these."""
        return len(self.rows) >= MOST_TASKS

    def close(self) -> None:
        self.stream.close()

    def _set_rows(self, rows: tuple[TaskRow, ...]) -> None:
        if not self.stream.is_closed:
            self.rows = rows
            self.is_loaded = True
            self._on_change()
