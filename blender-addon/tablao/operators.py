"""The buttons. What they begin goes on by itself; the panels show how far it is."""

import json
from typing import Any

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import Context, Operator

from . import scene_properties, session
from .core.checks.finding import Severity
from .core.sending import describe_size
from .scene.mends import find_mend
from .submit import current
from .submit.choices import Overrides
from .submit.run import Aim, Run, Step

#: Of the properties of tablao.submit: as the scene has it.
AS_CHOSEN = -2


class TABLAO_OT_connect(Operator):
    """Ask the gateway who it is and what it renders"""

    bl_idname = "tablao.connect"
    bl_label = "Test Connection"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        session.get().reconnect()
        session.get().connect()
        return {"FINISHED"}


class TABLAO_OT_show_preferences(Operator):
    """Show the add-on's preferences: the gateway's address, the token, the named folders"""

    bl_idname = "tablao.show_preferences"
    bl_label = "Tablao Preferences"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        return bpy.ops.preferences.addon_show(module=__package__)


class TABLAO_OT_check(Operator):
    """Look for what would go wrong on the farm, without submitting anything"""

    bl_idname = "tablao.check"
    bl_label = "Check"

    def execute(self, context: Context) -> set[str]:
        current.begin(context.scene.name, Aim.CHECK, Overrides())
        return {"FINISHED"}


class TABLAO_OT_preview(Operator):
    """Ask the gateway which tasks and frames the job would have, without submitting anything"""

    bl_idname = "tablao.preview"
    bl_label = "Preview Tasks"

    def execute(self, context: Context) -> set[str]:
        current.begin(context.scene.name, Aim.PREVIEW, Overrides())
        return {"FINISHED"}


class TABLAO_OT_submit(Operator):
    """Check the scene, save a snapshot beside the file, and submit it to the farm"""

    bl_idname = "tablao.submit"
    bl_label = "Submit to Tablao"

    job_type: StringProperty(name="Job Type", description="As the scene has it when empty", options={"SKIP_SAVE"})
    job_name: StringProperty(name="Name", description="As the scene has it when empty", options={"SKIP_SAVE"})
    settings: StringProperty(
        name="Settings",
        description='Settings of the job type as JSON, such as {"frames": "1-10"}; the others are as the scene has them',
        options={"SKIP_SAVE"},
    )
    priority: IntProperty(
        name="Priority", description="0 to 100; -2: as the scene has it", default=AS_CHOSEN, options={"SKIP_SAVE"}
    )
    worker_tag: StringProperty(name="Worker Tag", description="As the scene has it when empty", options={"SKIP_SAVE"})
    max_workers: IntProperty(
        name="Most Workers",
        description="-1 sets no limit; -2: as the scene has it",
        default=AS_CHOSEN,
        min=AS_CHOSEN,
        options={"SKIP_SAVE"},
    )
    ignore_warnings: BoolProperty(
        name="Ignore Warnings", description="Submit although there are warnings", options={"SKIP_SAVE"}
    )
    wait: BoolProperty(
        name="Wait",
        description="Return when it is known what became of it. Without a window it always waits",
        options={"SKIP_SAVE"},
    )
    wait_seconds: FloatProperty(
        name="Wait at Most", description="Seconds", default=300, min=1, options={"SKIP_SAVE"}, subtype="TIME_ABSOLUTE"
    )

    def execute(self, context: Context) -> set[str]:
        try:
            overrides = self._read_overrides()
        except ValueError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        run = current.begin(context.scene.name, Aim.SUBMIT, overrides, self.ignore_warnings)
        if run is None:
            return {"FINISHED"}  # the second half of a double click
        if not self.wait and not bpy.app.background:
            return {"FINISHED"}
        if not session.get().background.wait(lambda: run.has_ended, self.wait_seconds):
            run.cancel()
            self.report(
                {"ERROR"}, f"Nothing became of it within {self.wait_seconds:.0f} seconds. {run.message}".strip()
            )
            return {"CANCELLED"}
        return self._report(run)

    def _read_overrides(self) -> Overrides:
        settings: Any = json.loads(self.settings) if self.settings else {}
        if not isinstance(settings, dict):
            raise ValueError('settings is not a JSON object, such as {"frames": "1-10"}.')
        return Overrides(
            job_type=self.job_type or None,
            name=self.job_name or None,
            settings=settings,
            priority=None if self.priority == AS_CHOSEN else self.priority,
            worker_tag=self.worker_tag or None,
            max_workers=None if self.max_workers == AS_CHOSEN else self.max_workers,
        )

    def _report(self, run: Run) -> set[str]:
        if run.step == Step.SUBMITTED and run.job is not None:
            job = run.job
            self.report(
                {"INFO"}, f"“{job.name}” submitted: {describe_size(job.frame_count, job.task_count)}, job {job.id}"
            )
            return {"FINISHED"}
        if run.step == Step.STOPPED:
            lines = [finding.message for finding in run.findings if finding.severity > Severity.NOTE]
            if not any(finding.severity == Severity.ERROR for finding in run.findings):
                lines.append("These are warnings: ignore_warnings=True submits all the same")
            self.report({"ERROR"}, "Not submitted. " + ". ".join(lines) + ".")
        else:
            self.report({"ERROR"}, f"Not submitted. {run.message}".strip())
        return {"CANCELLED"}


class TABLAO_OT_send_again(Operator):
    """Send it once more. If the gateway had taken it after all, it is not submitted twice"""

    bl_idname = "tablao.send_again"
    bl_label = "Send Again"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        run = current.get()
        return run is not None and run.can_send_again

    def execute(self, _context: Context) -> set[str]:
        run = current.get()
        if run is not None:
            run.send_again()
        return {"FINISHED"}


class TABLAO_OT_cancel_submission(Operator):
    """Do not submit"""

    bl_idname = "tablao.cancel_submission"
    bl_label = "Cancel Submission"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        run = current.get()
        if run is not None:
            run.cancel()
        return {"FINISHED"}


class TABLAO_OT_mend(Operator):
    """Mend this in the scene, and check again"""

    bl_idname = "tablao.mend"
    bl_label = "Mend"
    bl_options = {"INTERNAL", "UNDO"}

    number: IntProperty()

    def execute(self, context: Context) -> set[str]:
        run = current.get()
        job_type = scene_properties.find_job_type(scene_properties.of_scene(context.scene))
        if run is None or job_type is None or not 0 <= self.number < len(run.findings):
            return {"CANCELLED"}
        finding = run.findings[self.number]
        mend = find_mend(finding)
        if mend is None:
            return {"CANCELLED"}
        try:
            mend[1](context, context.scene, job_type, finding)
        except (RuntimeError, KeyError) as error:
            self.report({"ERROR"}, f"It could not be mended: {error}")
            return {"CANCELLED"}
        current.begin(context.scene.name, Aim.CHECK, Overrides())
        return {"FINISHED"}


CLASSES = (
    TABLAO_OT_connect,
    TABLAO_OT_show_preferences,
    TABLAO_OT_check,
    TABLAO_OT_preview,
    TABLAO_OT_submit,
    TABLAO_OT_send_again,
    TABLAO_OT_cancel_submission,
    TABLAO_OT_mend,
)
