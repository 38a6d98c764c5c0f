"""Operators that bring rendered frames into Blender."""

from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import EnumProperty
from bpy.types import Context, Operator

from .. import settings
from ..core.background import Work
from ..core.frame_files import FrameFiles, find_frame, find_frames, find_output_folder
from ..core.transport import Client
from ..core.words import count
from . import asking, farm, image_editor, pictures, strip


def _say_which(files: FrameFiles) -> str:
    return (
        "small pictures from the gateway, because the frames are not on a disk of this machine"
        if files.are_small
        else ""
    )


def _report(work: Work[Any], done: int, total: int) -> None:
    work.report(asking.set_activity, f"{done} of {count(total, 'picture')} fetched…")


class FramesOperator(Operator):
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        job = farm.selected_job()
        reason = None
        if job is None:
            reason = "No job is selected."
        elif job.latest_frame is None:
            reason = "No frame of it is rendered yet."
        elif asking.is_busy():
            reason = "The last order is still on its way."
        if reason is not None:
            cls.poll_message_set(reason)
        return reason is None


class TABLAO_OT_open_frame(FramesOperator):
    """Open the newest frame in the Image Editor"""

    bl_idname = "tablao.open_frame"
    bl_label = "Open Newest Frame"

    def execute(self, _context: Context) -> set[Any]:
        job = farm.selected_job()
        assert job is not None and job.latest_frame is not None
        id, name, frame = job.id, job.name, job.latest_frame
        roots, cache = settings.read_roots(), pictures.cache()

        def show(files: FrameFiles) -> str:
            image_editor.show_frame(files.frames[0].path)
            return ", ".join(filter(None, (f"Frame {frame.number} of “{name}”", _say_which(files))))

        return asking.ask(
            self,
            "Opening…",
            lambda client, work: find_frame(client, id, frame, roots, cache, work.cancellation),
            show,
        )


class TABLAO_OT_load_frames(FramesOperator):
    """Load the rendered frames as an image sequence"""

    bl_idname = "tablao.load_frames"
    bl_label = "Load Frames"

    target: EnumProperty(
        name="Into",
        items=(
            ("IMAGE_EDITOR", "Image Editor", "As an image sequence, shown in the Image Editor"),
            ("STRIP", "Video Sequencer", "As a strip in the scene's sequence"),
        ),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def description(cls, _context: Context, properties: Any) -> str:
        if properties.target == "STRIP":
            return "Add the rendered frames to the Video Sequencer as a strip, one after another"
        return "Load the rendered frames as an image sequence, and show it in the Image Editor"

    def execute(self, _context: Context) -> set[Any]:
        job = farm.selected_job()
        assert job is not None
        id, name, is_strip = job.id, job.name, self.target == "STRIP"
        roots, cache = settings.read_roots(), pictures.cache()

        def find(client: Client, work: Work[FrameFiles]) -> FrameFiles:
            return find_frames(
                client, id, roots, cache, work.cancellation, lambda done, total: _report(work, done, total)
            )

        def load(files: FrameFiles) -> str:
            if is_strip:
                strip.add(name, files.frames)
            else:
                image_editor.show_sequence(files.frames)
            push_undo("Load Frames")
            return ", ".join(filter(None, (f"{count(len(files.frames), 'frame')} loaded", _say_which(files))))

        return asking.ask(self, "Looking for the frames…", find, load)


class TABLAO_OT_open_output_folder(FramesOperator):
    """Open the folder with the rendered frames"""

    bl_idname = "tablao.open_output_folder"
    bl_label = "Open Output Folder"

    def execute(self, _context: Context) -> set[Any]:
        job = farm.selected_job()
        assert job is not None
        id, roots = job.id, settings.read_roots()

        def show(folder: str) -> str:
            if not bpy.app.background:
                bpy.ops.wm.path_open(filepath=folder)
            return "" if not bpy.app.background else f"The frames are in {folder}"

        return asking.ask(
            self, "Opening…", lambda client, work: find_output_folder(client, id, roots, work.cancellation), show
        )


class TABLAO_OT_cancel_order(Operator):
    """Do not wait for it any longer"""

    bl_idname = "tablao.cancel_order"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[Any]:
        asking.cancel()
        return {"FINISHED"}


def push_undo(message: str) -> None:
    """What is loaded is part of the file, and comes later than the click: it needs a step of its own."""
    windows = bpy.context.window_manager.windows
    if windows:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.ed.undo_push(message=message)


@persistent
def leave_file(*_: Any) -> None:
    """What was to be loaded into the file that is closed is not loaded into the next one."""
    asking.cancel()


CLASSES = (TABLAO_OT_open_frame, TABLAO_OT_load_frames, TABLAO_OT_open_output_folder, TABLAO_OT_cancel_order)
