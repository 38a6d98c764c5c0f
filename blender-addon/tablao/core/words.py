"""What the panels say of jobs and tasks."""

from __future__ import annotations

from typing import Optional, Sequence

from .rows import JobRow, TaskRow

_WAITING = {
    "DEPENDENCY": "for other tasks",
    "WORKER_LIMIT": "because it has as many workers as it may have",
    "NO_CAPABLE_WORKER": "for a worker that can do it",
    "BACKING_OFF": "a while after a failure",
    "ALL_WORKERS_BUSY": "for a free worker",
}
_STATUSES = {
    "UNDER_CONSTRUCTION": "Being Submitted",
    "QUEUED": "Queued",
    "ACTIVE": "Rendering",
    "COMPLETED": "Completed",
    "FAILED": "Failed",
    "CANCEL_REQUESTED": "Being Canceled",
    "CANCELED": "Canceled",
    "REQUEUEING": "Being Requeued",
    "SOFT_FAILED": "Failed, Tried Again",
}


def name_status(status: str) -> str:
    return _STATUSES.get(status) or status.replace("_", " ").title()


def name_task_status(task: TaskRow) -> str:
    return "Being Stopped" if task.is_stopping else name_status(task.status)


def describe_waiting(job: JobRow) -> str:
    """`Waits for a free worker`; empty when it does not wait."""
    if job.max_workers == 0 and not job.has_ended:
        return "Held: it may have no workers"
    if job.task_counts.get("ACTIVE"):
        return ""  # more of it could run, but it gets on
    return _describe_reasons(job.waiting_for)


def describe_task_waiting(task: TaskRow) -> str:
    return _describe_reasons([task.waiting_for] if task.waiting_for else [])


def _describe_reasons(reasons: Sequence[str]) -> str:
    words = [_WAITING.get(reason) or f"({reason.lower().replace('_', ' ')})" for reason in reasons]
    return f"Waits {', '.join(words)}" if words else ""


def describe_progress(job: JobRow) -> str:
    """`12 of 240 frames`, or tasks where it has no frames."""
    if job.frames_total:
        return count_of(job.frames_done, job.frames_total, "frame")
    return count_of(job.task_counts.get("COMPLETED", 0), job.tasks_total, "task")


def describe_left(job: JobRow, now: float) -> str:
    """`3 min left`; empty when nobody knows. `now` is of the clock of `read_at`."""
    seconds = seconds_left(job, now)
    return "" if seconds is None else f"{format_duration(seconds)} left"


def seconds_left(job: JobRow, now: float) -> Optional[float]:
    """Counts down between two messages: frames that take long are news seldom."""
    if job.seconds_left is None or job.status != "ACTIVE":
        return None
    return max(0.0, job.seconds_left - (now - job.read_at))


def format_duration(seconds: float) -> str:
    """As one says it: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, hours = divmod(round(minutes / 60), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def format_percent(fraction: float) -> str:
    """Rounded down: 100 % is said of what is done, and of nothing else."""
    return f"{int(fraction * 100)} %"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def count_of(number: int, total: int, noun: str) -> str:
    return f"{number:,} of {count(total, noun)}"


def describe_running(jobs: Sequence[JobRow], now: float) -> str:
    """A few words for the status bar about my jobs that go on; empty when there are none."""
    running = [job for job in jobs if job.status == "ACTIVE"]
    if len(running) == 1:
        (job,) = running
        left = describe_left(job, now)
        return " · ".join(filter(None, (shorten(job.name), format_percent(job.progress), left)))
    if running:
        done = sum(job.frames_done or 0 for job in running)
        total = sum(job.frames_total or 0 for job in running)
        frames = f" · {count_of(done, total, 'frame')}" if total else ""
        return f"{count(len(running), 'job')} rendering{frames}"
    waiting = [job for job in jobs if job.status == "QUEUED"]
    return f"{count(len(waiting), 'job')} waiting" if waiting else ""


def describe_error(error: str, longest: int = 400) -> str:
    """Without the lines of the log that the gateway adds: the log shows them."""
    return shorten(error.partition("\nThe last lines of the log:")[0].strip(), longest)


def shorten(text: str, longest: int = 32) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
