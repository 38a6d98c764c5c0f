"""Submission from the Render menu. Blender draws a dialog anew only when the mouse moves in it, so this one closes when the
job is on its way, and comes back when there is something to mend.
"""

from __future__ import annotations

from typing import Any, Callable

import bpy
from bpy.props import BoolProperty
from bpy.types import Context, Event, Operator

from ..panels.submit import draw_choices, draw_findings, draw_outcome, draw_settings, is_only_warned
from ..panels.text import dialog_of
from . import current
from .choices import Overrides
from .run import Aim, Run, Step

WIDTH = 460
_TITLE = "Submit to Tablao"
#: Popups are opened between events, never inside the callback that asks for one.
_SOON_SECONDS = 0.01


class TABLAO_OT_submit_dialog(Operator):
    """Choose what the farm is to render, and submit it"""

    bl_idname = "tablao.submit_dialog"
    bl_label = _TITLE
    bl_options = {"INTERNAL"}

    ignore_warnings: BoolProperty(
        name="Submit Anyway", description="Submit although there are warnings", options={"SKIP_SAVE"}
    )

    def invoke(self, context: Context, _event: Event) -> set[str]:
        # Before 4.1 the button says OK.
        words = {"title": _TITLE, "confirm_text": "Submit"} if bpy.app.version >= (4, 1, 0) else {}
        return context.window_manager.invoke_props_dialog(self, width=WIDTH, **words)

    def draw(self, context: Context) -> None:
        layout = self.layout
        run = current.get()
        with dialog_of(WIDTH):
            if draw_choices(layout, context):
                draw_settings(layout, context)
            if run is not None and not run.has_ended:
                draw_outcome(layout, run)
            elif run is not None and run.step in (Step.STOPPED, Step.CHECKED):
                draw_findings(layout, run)
                if is_only_warned(run):
                    layout.prop(self, "ignore_warnings")

    def execute(self, context: Context) -> set[str]:
        current.begin(context.scene.name, Aim.SUBMIT, Overrides(), self.ignore_warnings, _tell)
        return {"FINISHED"}


def _tell(run: Run) -> None:
    """What became of it: nothing of a panel may be in sight."""
    if run.step == Step.STOPPED:
        _soon(lambda: bpy.ops.tablao.submit_dialog("INVOKE_DEFAULT"))
    elif run.step in (Step.SUBMITTED, Step.FAILED):
        _soon(lambda: bpy.context.window_manager.popup_menu(lambda menu, _: _draw_notice(menu, run), title=_TITLE))


def _draw_notice(menu: Any, run: Run) -> None:
    with dialog_of(WIDTH):
        draw_outcome(menu.layout, run)


def _soon(show: Callable[[], object]) -> None:
    def show_in_window() -> None:
        windows = bpy.context.window_manager.windows
        if windows:
            with bpy.context.temp_override(window=windows[0]):
                show()

    bpy.app.timers.register(show_in_window, first_interval=_SOON_SECONDS)


CLASSES = (TABLAO_OT_submit_dialog,)
