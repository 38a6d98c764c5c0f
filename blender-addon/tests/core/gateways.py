"""A gateway of which a test says what it answers."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from tablao.core.background import Background

from .servers import Request, http_server

Answer = Callable[[Request], None]


@contextmanager
def gateway_of(**answers: Any) -> Iterator[Any]:
    """By the operation's name: the data of its answer, or a function that answers. Whatever else is asked finds no gateway."""

    def answer(request: Request) -> None:
        if request.command == "POST" and not request.body:
            return  # the client left before it had asked
        given = answers.get(request.operation) if request.command == "POST" else answers.get("get")
        if callable(given):
            given(request)
        elif given is None:
            request.reply(404, {"errors": [{"message": f"{request.operation} was not expected."}]})
        else:
            request.reply(200, {"data": given})

    with http_server(answer) as address:
        yield address


def stream_of(*messages: Any, stays: bool = True) -> Answer:
    """Sends the data of each message; then says that this was all, or nothing more."""

    def answer(request: Request) -> None:
        request.begin_stream()
        for message in messages:
            request.send_event({"data": message})
        if stays:
            hold(request)
        else:
            request.complete()

    return answer


def hold(request: Request) -> None:
    """Until the client leaves or the test is over."""
    request.connection.settimeout(20)
    try:
        request.connection.recv(1)
    except OSError:
        pass


class Pumping:
    """What Blender's timer does, in a test."""

    def __init__(self) -> None:
        self.background = Background()
        self.tick: Callable[[], None] = lambda: None

    def until(self, is_true: Callable[[], Any], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not is_true():
            if time.monotonic() > end:
                raise AssertionError(f"It did not happen within {seconds:g} s.")
            self.tick()
            if not self.background.pump(0.002):
                time.sleep(0.002)

    def close(self) -> None:
        if not self.background.close(5.0):
            raise AssertionError("A thread goes on.")


def job(id: str = "job", **changes: Any) -> dict[str, Any]:
    counts = {"total": 4, "queued": 4, "active": 0, "completed": 0, "softFailed": 0, "failed": 0, "canceled": 0}
    given = {
        "id": id,
        "name": f"the {id}",
        "type": "simple-blender-render",
        "status": "QUEUED",
        "error": None,
        "allowedActions": ["CANCEL", "UPDATE", "DELETE"],
        "priority": 50,
        "maxWorkers": None,
        "workerTag": None,
        "submitter": "ada",
        "progress": 0,
        "frameCounts": {"total": 24, "done": 0},
        "secondsElapsed": 0,
        "secondsLeft": None,
        "waitingFor": [],
        "latestFrame": None,
    }
    return {**given, **changes, "taskCounts": {**counts, **changes.get("taskCounts", {})}}


def jobs_update(*jobs: dict[str, Any], order: Any = None) -> dict[str, Any]:
    return {"jobsUpdated": {"changed": list(jobs), "order": order or [job["id"] for job in jobs]}}
