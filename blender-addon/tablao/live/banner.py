"""A few words in the banner of the status bar, where Blender's own messages appear."""

from __future__ import annotations

from typing import Any, Optional

import bpy
from bpy.types import Context, Event, Timer, Window

_waiting: list[tuple[str, bool]] = []
#: More at once are not read by anybody; the panel has them all.
_MOST_WAITING = 3


def show(text: str, is_bad: bool = False) -> None:
    """Main thread only. Without a window nobody would see it."""
    if not bpy.app.background:
        _waiting.append((text, is_bad))
        del _waiting[:-_MOST_WAITING]


def tick() -> None:
    """Begins to show what waits, as soon as there is a window to show it in."""
    windows = bpy.context.window_manager.windows
    if not _waiting or not windows:
        return
    text, is_bad = _waiting.pop(0)
    with bpy.context.temp_override(window=windows[0]):
        bpy.ops.tablao.show_banner("INVOKE_DEFAULT", text=text, is_bad=is_bad)


def forget() -> None:
    _waiting.clear()


class TABLAO_OT_show_banner(bpy.types.Operator):
    """Show a message of the farm in the status bar"""

    # Only what the window manager runs itself gets into the banner; what Python calls is told to Python. So this one waits
    # for the next event of the window, and makes one.
    bl_idname = "tablao.show_banner"
    bl_label = "Tablao"
    bl_options = {"INTERNAL"}

    text: bpy.props.StringProperty(options={"SKIP_SAVE"})
    is_bad: bpy.props.BoolProperty(options={"SKIP_SAVE"})

    _timer: Optional[Timer] = None
    _window: Optional[Window] = None

    def invoke(self, context: Context, _event: Event) -> set[Any]:
        manager = context.window_manager
        self._window = context.window
        self._timer = manager.event_timer_add(0.01, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Context, _event: Event) -> set[Any]:
        context.window_manager.event_timer_remove(self._timer)
        self.report({"WARNING" if self.is_bad else "INFO"}, self.text)
        return {"FINISHED", "PASS_THROUGH"}


CLASSES = (TABLAO_OT_show_banner,)
