"""Operators that steer the selected job. None of them can be undone, so none of them says that it can."""

from typing import Any, Optional

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty
from bpy.types import Context, Event, Operator

from ..core import steering
from ..core.words import count
from . import asking, farm


class JobOperator(Operator):
    """For what is done to the selected job: enabled when the gateway allows it, and its tooltip says why it is not."""

    bl_options = {"INTERNAL"}
    #: As `explain_refusal` takes it.
    action = ""

    @classmethod
    def poll(cls, _context: Context) -> bool:
        job = farm.selected_job()
        reason = "No job is selected." if job is None else steering.explain_refusal(job, cls.action)
        if reason is None and asking.is_busy():
            reason = "The last order is still on its way."
        if reason is not None:
            cls.poll_message_set(reason)
        return reason is None


class ConfirmedOperator(JobOperator):
    """Asks before it does what cannot be taken back."""

    def invoke(self, context: Context, event: Event) -> set[Any]:
        return context.window_manager.invoke_confirm(self, event)


def _id() -> str:
    job = farm.selected_job()
    return job.id if job is not None else ""


class TABLAO_OT_cancel_job(ConfirmedOperator):
    """Cancel the job: what is being rendered is stopped, what is rendered stays"""

    bl_idname = "tablao.cancel_job"
    bl_label = "Cancel Job"
    action = "CANCEL"

    def execute(self, _context: Context) -> set[Any]:
        id = _id()
        return asking.ask(self, "Canceling…", lambda client, work: steering.cancel_job(client, id, work.cancellation))


class TABLAO_OT_requeue_job(JobOperator):
    """Render what is not completed again; of a completed job, everything"""

    bl_idname = "tablao.requeue_job"
    bl_label = "Requeue Job"
    action = "REQUEUE"

    def invoke(self, context: Context, event: Event) -> set[Any]:
        job = farm.selected_job()
        if job is not None and job.status == "COMPLETED":  # it writes over all that is rendered
            return context.window_manager.invoke_confirm(self, event)
        return self.execute(context)

    def execute(self, _context: Context) -> set[Any]:
        id = _id()
        return asking.ask(self, "Requeueing…", lambda client, work: steering.requeue_job(client, id, work.cancellation))


class TABLAO_OT_requeue_failed(JobOperator):
    """Render the frames of the tasks that failed for good again, and leave the rest as it is"""

    bl_idname = "tablao.requeue_failed"
    bl_label = "Requeue Failed Frames"
    action = "REQUEUE_FAILED"

    def execute(self, _context: Context) -> set[Any]:
        id = _id()
        return asking.ask(
            self,
            "Requeueing…",
            lambda client, work: steering.requeue_failed_tasks(client, id, work.cancellation),
            lambda tasks: f"{count(tasks, 'task')} requeued",
        )


class TABLAO_OT_requeue_frames(JobOperator):
    """Render some frames again, with the whole tasks that hold them"""

    bl_idname = "tablao.requeue_frames"
    bl_label = "Requeue Frames"
    action = "REQUEUE_FRAMES"

    frames: StringProperty(
        name="Frames", description="Which ones, such as 57, 60-62 or 1-100x5", options={"SKIP_SAVE"}, maxlen=2_000
    )

    def invoke(self, context: Context, _event: Event) -> set[Any]:
        task = farm.selected_task()
        if not self.frames and task is not None and task.frames:
            self.frames = task.frames
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, _context: Context) -> set[Any]:
        id, frames = _id(), self.frames
        return asking.ask(
            self,
            "Requeueing…",
            lambda client, work: steering.requeue_frames(client, id, frames, work.cancellation),
            lambda tasks: f"{count(tasks, 'task')} requeued",
        )


class TABLAO_OT_change_job(JobOperator):
    """Change how urgent the job is, and how many workers it may have"""

    bl_idname = "tablao.change_job"
    bl_label = "Priority and Workers"
    action = "UPDATE"

    priority: IntProperty(
        name="Priority",
        description="A job with a higher one is given out first",
        default=50,
        min=0,
        max=100,
        options={"SKIP_SAVE"},
    )
    use_max_workers: BoolProperty(
        name="Limit Workers", description="Let only so many workers render the job at a time", options={"SKIP_SAVE"}
    )
    max_workers: IntProperty(
        name="Most Workers",
        description="How many at a time; 0 holds the job",
        default=4,
        min=0,
        max=10_000,
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: Context, _event: Event) -> set[Any]:
        job = farm.selected_job()
        if job is not None:
            self.priority, self.use_max_workers = job.priority, job.max_workers is not None
            self.max_workers = 4 if job.max_workers is None else job.max_workers
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, _context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "priority")
        row = layout.row(heading="Limit Workers", align=True)
        row.prop(self, "use_max_workers", text="")
        number = row.row(align=True)
        number.active = self.use_max_workers
        number.prop(self, "max_workers", text="")

    def execute(self, _context: Context) -> set[Any]:
        id = _id()
        most: Optional[int] = self.max_workers if self.use_max_workers else None
        wanted = {"priority": self.priority, "maxWorkers": most}
        return asking.ask(
            self, "Changing…", lambda client, work: steering.update_job(client, id, wanted, work.cancellation)
        )


class TABLAO_OT_delete_job(ConfirmedOperator):
    """Delete the job from the farm's list for everybody; what it rendered stays on disk"""

    bl_idname = "tablao.delete_job"
    bl_label = "Delete Job"
    action = "DELETE"

    def execute(self, _context: Context) -> set[Any]:
        id = _id()
        return asking.ask(self, "Deleting…", lambda client, work: steering.delete_job(client, id, work.cancellation))


CLASSES = (
    TABLAO_OT_cancel_job,
    TABLAO_OT_requeue_job,
    TABLAO_OT_requeue_failed,
    TABLAO_OT_requeue_frames,
    TABLAO_OT_change_job,
    TABLAO_OT_delete_job,
)
