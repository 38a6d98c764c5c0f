"""What an operator asks the gateway, in the background while Blender has a window; where it has none, it waits."""

from __future__ import annotations

from typing import Any, Callable, Optional, TypeVar

import bpy
from bpy.types import Operator

from .. import session
from ..core.background import Work
from ..core.errors import Canceled
from ..core.transport import Client
from . import banner, farm
from .view import view

Value = TypeVar("Value")

#: A gateway that does not answer gives up after 30 s itself.
_PATIENCE_SECONDS = 300.0

_work: Optional[Work[Any]] = None


def is_busy() -> bool:
    return _work is not None


def ask(
    operator: Operator,
    activity: str,
    run: Callable[[Client, Work[Value]], Value],
    on_done: Callable[[Value], str] = lambda _: "",
) -> set[Any]:
    """What the operator's `execute` returns. `run` is called in a thread; `on_done` on the main thread, and gives what there is
    to say. A refusal stands in the panel until it is dismissed.
    """
    global _work
    current = farm.get()
    if current is None:
        operator.report({"ERROR"}, "Blender is not connected to the farm.")
        return {"CANCELLED"}
    client, failures, texts = current.client, [], []
    view.activity, view.refusal = activity, ""

    def finish() -> None:
        global _work
        _work, view.activity = None, ""
        farm.note_change()

    def succeed(value: Value) -> None:
        finish()
        text = on_done(value)
        if text:
            texts.append(text)
            banner.show(text)

    def fail(error: Exception) -> None:
        finish()
        if not isinstance(error, Canceled):
            view.refusal = str(error)
            failures.append(str(error))

    background = session.get().background
    work = _work = background.start(lambda work: run(client, work), succeed, fail)
    farm.note_change()
    if not bpy.app.background:
        return {"FINISHED"}
    if not background.wait(lambda: work.is_finished, _PATIENCE_SECONDS):
        work.cancel()
        failures.append("The gateway does not answer.")
    for text in texts:
        operator.report({"INFO"}, text)
    for failure in failures:
        operator.report({"ERROR"}, failure)
    return {"CANCELLED"} if failures else {"FINISHED"}


def set_activity(text: str) -> None:
    """While it is under way, on the main thread."""
    if _work is not None:
        view.activity = text
        farm.note_change()


def cancel() -> None:
    if _work is not None:
        _work.cancel()
