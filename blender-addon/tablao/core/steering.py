"""What a user does to jobs. What waits for the network runs in a thread; the reasons are for the main thread."""

from __future__ import annotations

from typing import Any, Optional

from .cancellation import Cancellation
from .documents import Document, load_document
from .errors import GatewayError, RefusedError
from .rows import JobRow
from .sending import raise_refusal
from .transport import Client

#: Of one call, by the API.
MOST_IDS = 1_000

_STOPPING = "It is being canceled: wait until it has stopped."
_UNFINISHED = "It is still being submitted: wait a moment."
#: Why the rules do not allow it, by action and status.
_REASONS = {
    "CANCEL": {
        "COMPLETED": "It is completed: nothing is left to cancel.",
        "CANCELED": "It is canceled already.",
        "CANCEL_REQUESTED": "It is being canceled already.",
    },
    "REQUEUE": {
        "QUEUED": "It waits for workers already.",
        "ACTIVE": "It is being rendered: cancel it first, or requeue single frames.",
        "CANCEL_REQUESTED": _STOPPING,
    },
    "DELETE": {
        "ACTIVE": "It is being rendered: cancel it first.",
        "CANCEL_REQUESTED": _STOPPING,
    },
}
_FORBIDDEN = "The gateway does not let you do this to the job."


def explain_refusal(job: JobRow, action: str) -> Optional[str]:
    """Why the action (a JobAction, or `REQUEUE_FAILED`, `REQUEUE_FRAMES`) is not offered now; None when it is."""
    if action in ("REQUEUE_FAILED", "REQUEUE_FRAMES"):
        return _explain_part(job, action)
    if action in job.allowed_actions:
        return None
    if job.status in ("UNDER_CONSTRUCTION", "REQUEUEING"):
        return _UNFINISHED
    return _REASONS.get(action, {}).get(job.status, _FORBIDDEN)


def _explain_part(job: JobRow, action: str) -> Optional[str]:
    """Parts of a job may be requeued also while it is being rendered."""
    if job.status == "CANCEL_REQUESTED":
        return _STOPPING
    if job.status in ("UNDER_CONSTRUCTION", "REQUEUEING"):
        return _UNFINISHED
    if "UPDATE" not in job.allowed_actions:
        return _FORBIDDEN
    if action == "REQUEUE_FAILED" and not job.task_counts.get("FAILED"):
        return "None of its tasks has failed for good."
    if action == "REQUEUE_FRAMES" and not job.frames_total:
        return "It has no frames."
    return None


def cancel_job(client: Client, id: str, cancellation: Cancellation) -> None:
    """These all raise GatewayError, a RefusedError with the gateway's words when it says no, or Canceled."""
    _change(client, load_document("CancelJob"), {"id": id}, cancellation)


def requeue_job(client: Client, id: str, cancellation: Cancellation) -> None:
    _change(client, load_document("RequeueJob"), {"id": id}, cancellation)


def delete_job(client: Client, id: str, cancellation: Cancellation) -> None:
    _change(client, load_document("DeleteJob"), {"id": id}, cancellation)


def update_job(client: Client, id: str, changes: dict[str, Any], cancellation: Cancellation) -> None:
    """`changes` are fields of UpdateJobInput; one that is None is cleared."""
    _change(client, load_document("UpdateJob"), {"input": {"id": id, **changes}}, cancellation)


def requeue_frames(client: Client, id: str, frames: str, cancellation: Cancellation) -> int:
    """Gives the number of tasks that wait again."""
    answer = _change(client, load_document("RequeueFrames"), {"jobId": id, "frames": frames}, cancellation)
    return len(answer["tasks"])


def requeue_failed_tasks(client: Client, id: str, cancellation: Cancellation) -> int:
    """Gives the number of tasks that wait again."""
    ids = _find_failed_tasks(client, id, cancellation)
    changed = 0
    for start in range(0, len(ids), MOST_IDS):
        batch = ids[start : start + MOST_IDS]
        answers = client.ask(load_document("RequeueTasks"), {"ids": batch}, cancellation)["requeueTasks"]
        for answer in answers:
            # Somebody else was quicker with one of them: that is no reason to leave out the rest.
            if answer.get("code") != "ILLEGAL_TRANSITION":
                raise_refusal(answer)
                changed += answer["changed"]
    return changed


def _find_failed_tasks(client: Client, id: str, cancellation: Cancellation) -> list[str]:
    ids: list[str] = []
    after: Optional[str] = None
    while True:
        job = client.ask(load_document("FailedTasks"), {"id": id, "after": after}, cancellation)["job"]
        if job is None:
            raise RefusedError("The job was deleted.")
        tasks = job["tasks"]
        ids += [task["id"] for task in tasks["nodes"]]
        if not tasks["pageInfo"]["hasNextPage"]:
            return ids
        after = tasks["pageInfo"]["endCursor"]


def _change(
    client: Client, document: Document, variables: dict[str, Any], cancellation: Cancellation
) -> dict[str, Any]:
    (answer,) = client.ask(document, variables, cancellation).values()
    if not isinstance(answer, dict):
        raise GatewayError(f"{client.address} gave an empty answer to “{document.name}”.")
    raise_refusal(answer)
    return answer
