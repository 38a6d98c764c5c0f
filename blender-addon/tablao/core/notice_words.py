"""What a notice says."""

from __future__ import annotations

from typing import Sequence

from .job_ends import JobEnd
from .words import count, count_of, format_duration, shorten

#: More at once are summed up.
MOST_NOTICES = 3
_VERBS = {"COMPLETED": "completed", "FAILED": "failed", "CANCELED": "canceled"}


def describe_end(end: JobEnd) -> str:
    name = shorten(end.name, 60)
    took = f" in {format_duration(end.seconds_elapsed)}" if end.seconds_elapsed else ""
    if end.status == "COMPLETED":
        frames = f": {count(end.frames_total, 'frame')}" if end.frames_total else ""
        return f"“{name}” is completed{frames}{took}"
    if end.status == "FAILED":
        return f"“{name}” has failed: {shorten(_first_line(end.error), 160)}" if end.error else f"“{name}” has failed"
    done = f", {count_of(end.frames_done, end.frames_total, 'frame')} rendered" if end.frames_total else ""
    return f"“{name}” was canceled{done}"


def describe_ends(ends: Sequence[JobEnd]) -> list[str]:
    """A line for each; one for all where they are many, as on the morning after."""
    if len(ends) <= MOST_NOTICES:
        return [describe_end(end) for end in ends]
    counts = [
        f"{number:,} {verb}"
        for status, verb in _VERBS.items()
        if (number := sum(1 for end in ends if end.status == status))
    ]
    return [f"{count(len(ends), 'job')} have ended: {', '.join(counts)}"]


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
