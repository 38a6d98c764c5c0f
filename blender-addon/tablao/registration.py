"""Puts the add-on into Blender, and takes all of it out again."""

from __future__ import annotations

import signal
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.types import Context, TOPBAR_MT_render

from . import job_type_properties, operators, preferences, scene_properties, session, timer
from .live import registration as live
from .panels import submit as submit_panel
from .submit import current, dialog

CLASSES = (*preferences.CLASSES, *operators.CLASSES, *submit_panel.CLASSES, *dialog.CLASSES, *live.CLASSES)


def register() -> None:
    survive_closed_connections()
    session.open_session()
    for item in CLASSES:
        bpy.utils.register_class(item)
    scene_properties.register()
    live.register()
    TOPBAR_MT_render.append(draw_menu)
    bpy.app.handlers.load_pre.append(leave_file)
    timer.register()


def survive_closed_connections() -> None:
    """Python ignores SIGPIPE, but not inside Blender 4.3: there writing to a connection that the gateway has closed would end
    Blender, without a word. Not undone: a thread may still be writing.
    """
    pipe_signal = getattr(signal, "SIGPIPE", None)  # Windows has none
    if pipe_signal is not None and signal.getsignal(pipe_signal) == signal.SIG_DFL:
        signal.signal(pipe_signal, signal.SIG_IGN)


def unregister() -> None:
    timer.unregister()
    bpy.app.handlers.load_pre.remove(leave_file)
    TOPBAR_MT_render.remove(draw_menu)
    current.forget()
    live.unregister()
    session.close_session()
    job_type_properties.unregister_all()
    scene_properties.unregister()
    for item in reversed(CLASSES):
        bpy.utils.unregister_class(item)


@persistent
def leave_file(*_: Any) -> None:
    run = current.get()
    if run is not None:
        run.file_was_closed()


def draw_menu(menu: Any, _context: Context) -> None:
    menu.layout.separator()
    menu.layout.operator("tablao.submit_dialog", text="Submit to Tablao…", icon="RENDER_ANIMATION")
