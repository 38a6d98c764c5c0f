"""Jobs and tasks as the panels show them, read tolerantly: a newer gateway may have statuses that this add-on does not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional

#: Nothing but a user moves a job on from there.
ENDED = ("COMPLETED", "FAILED", "CANCELED")


@dataclass(frozen=True)
class FrameRow:
    number: int
    #: Where its file is, as the farm knows it.
    path: Optional[str]
    #: A small picture of it, as a path on the gateway; another one when it was rendered again.
    image_url: Optional[str]


@dataclass(frozen=True)
class JobRow:
    id: str
    name: str
    type: str
    status: str
    #: What failed, in words.
    error: Optional[str]
    allowed_actions: tuple[str, ...]
    priority: int
    #: None sets no limit, 0 holds the job.
    max_workers: Optional[int]
    worker_tag: Optional[str]
    submitter: str
    #: 0–1.
    progress: float
    frames_done: int
    frames_total: int
    tasks_total: int
    #: By status, as the API spells it.
    task_counts: Mapping[str, int]
    seconds_elapsed: int
    #: As it was at `read_at`.
    seconds_left: Optional[int]
    waiting_for: tuple[str, ...]
    latest_frame: Optional[FrameRow]
    #: Seconds of the monotonic clock.
    read_at: float

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True)
class TaskRow:
    id: str
    name: str
    frames: Optional[str]
    status: str
    progress: float
    is_stopping: bool
    waiting_for: Optional[str]
    #: The one that has or had it last.
    worker: Optional[str]


def read_job(given: Mapping[str, Any], read_at: float) -> JobRow:
    tasks, frames, latest = given["taskCounts"], given["frameCounts"], given["latestFrame"]
    return JobRow(
        id=given["id"],
        name=given["name"],
        type=given["type"],
        status=given["status"],
        error=given["error"],
        allowed_actions=tuple(given["allowedActions"]),
        priority=given["priority"],
        max_workers=given["maxWorkers"],
        worker_tag=given["workerTag"],
        submitter=given["submitter"],
        progress=given["progress"],
        frames_done=frames["done"],
        frames_total=frames["total"],
        tasks_total=tasks["total"],
        task_counts={_to_status(key): count for key, count in tasks.items() if key != "total"},
        seconds_elapsed=given["secondsElapsed"],
        seconds_left=given["secondsLeft"],
        waiting_for=tuple(given["waitingFor"]),
        latest_frame=read_frame(latest) if latest else None,
        read_at=read_at,
    )


def read_task(given: Mapping[str, Any]) -> TaskRow:
    worker = given["worker"]
    return TaskRow(
        id=given["id"],
        name=given["name"],
        frames=given["frames"],
        status=given["status"],
        progress=given["progress"],
        is_stopping=given["stopRequestedAt"] is not None,
        waiting_for=given["waitingFor"],
        worker=worker["name"] if worker else None,
    )


def read_frame(given: Mapping[str, Any]) -> FrameRow:
    return FrameRow(given["number"], given["path"], given.get("imageUrl"))


def _to_status(key: str) -> str:
    """`softFailed` → `SOFT_FAILED`."""
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in key).upper()
