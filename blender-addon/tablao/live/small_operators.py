"""What puts away what was said, and makes a connection anew."""

from typing import Any

import bpy
from bpy.props import IntProperty
from bpy.types import Context, Operator

from . import farm
from .view import view


class TABLAO_OT_dismiss_notice(Operator):
    """Put this notice away"""

    bl_idname = "tablao.dismiss_notice"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    #: Below 0: all of them.
    number: IntProperty(default=-1, options={"SKIP_SAVE"})

    def execute(self, _context: Context) -> set[Any]:
        current = farm.get()
        if current is not None:
            notices = list(current.notices)
            for end in notices if self.number < 0 else notices[self.number : self.number + 1]:
                current.dismiss(end)
        farm.note_change()
        return {"FINISHED"}


class TABLAO_OT_dismiss_refusal(Operator):
    """Put this message away"""

    bl_idname = "tablao.dismiss_refusal"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[Any]:
        view.refusal = ""
        farm.note_change()
        return {"FINISHED"}


class TABLAO_OT_reconnect(Operator):
    """Try to reach the gateway now"""

    bl_idname = "tablao.reconnect"
    bl_label = "Try Again"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[Any]:
        current = farm.get()
        if current is not None:
            current.reconnect()
        return {"FINISHED"}


CLASSES = (TABLAO_OT_dismiss_notice, TABLAO_OT_dismiss_refusal, TABLAO_OT_reconnect)
