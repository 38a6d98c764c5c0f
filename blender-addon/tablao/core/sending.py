"""Sends a submission until it is known what became of it, and asks what it would become."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional

from .cancellation import Cancellation
from .documents import load_document
from .errors import GatewayError, RefusedError
from .transport import Client
from .words import count

#: A restart of the gateway takes seconds; after this long the artist should hear that something is wrong.
PATIENCE_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class SubmittedJob:
    id: str
    name: str
    frame_count: int
    task_count: int
    #: It had been submitted with the same key before.
    already_submitted: bool


def describe_size(frames: int, tasks: int) -> str:
    """`24 frames, 25 tasks`; a job without frames has only tasks."""
    return ", ".join([*([count(frames, "frame")] if frames else []), count(tasks, "task")])


@dataclass(frozen=True)
class Issue:
    #: From the input's fields, as ("settings", "frames").
    path: tuple[str, ...]
    message: str


class InvalidInputError(GatewayError):
    """The gateway named what is wrong with the input."""

    def __init__(self, issues: tuple[Issue, ...]) -> None:
        super().__init__("\n".join(issue.message for issue in issues))
        self.issues = issues


@dataclass(frozen=True)
class TaskPreview:
    name: str
    frames: Optional[str]


@dataclass(frozen=True)
class JobPreview:
    task_count: int
    frame_count: int
    #: The first of them.
    tasks: tuple[TaskPreview, ...]


def send(
    client: Client,
    job_input: Mapping[str, Any],
    cancellation: Cancellation,
    on_away: Callable[[str], None] = lambda reason: None,
    patience_seconds: float = PATIENCE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> SubmittedJob:
    """Submits once, however often it has to be sent: the input has an idempotency key. When the gateway is away it is tried
    again for `patience_seconds`, each reason told to `on_away`. Raises GatewayError or Canceled; nothing is stored after an
    InvalidInputError or a RefusedError, after any other error nobody knows.
    """
    end = clock() + patience_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            answer = client.ask(load_document("SubmitJob"), {"input": job_input}, cancellation)["submitJob"]
            return _read_submitted(answer)
        except GatewayError as error:
            if not error.is_passing or clock() + pause > end:
                raise
            on_away(str(error))
        cancellation.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def preview(client: Client, job_input: Mapping[str, Any], cancellation: Cancellation) -> JobPreview:
    """What the submission would become. Raises GatewayError or Canceled."""
    answer = client.ask(load_document("PreviewJob"), {"input": job_input}, cancellation)["previewJob"]
    raise_refusal(answer)
    tasks = tuple(TaskPreview(task["name"], task["frames"]) for task in answer["tasks"])
    return JobPreview(answer["taskCount"], answer["frameCount"], tasks)


def _read_submitted(answer: Mapping[str, Any]) -> SubmittedJob:
    raise_refusal(answer)
    job = answer["job"]
    return SubmittedJob(
        id=job["id"],
        name=job["name"],
        frame_count=job["frameCounts"]["total"],
        task_count=job["taskCounts"]["total"],
        already_submitted=answer["alreadySubmitted"],
    )


def raise_refusal(answer: Mapping[str, Any]) -> None:
    """Whatever member of a result's union stands for a refusal."""
    if "issues" in answer:
        raise InvalidInputError(tuple(Issue(tuple(issue["path"]), issue["message"]) for issue in answer["issues"]))
    if "message" in answer:
        raise RefusedError(answer["message"], str(answer.get("code", "")))
