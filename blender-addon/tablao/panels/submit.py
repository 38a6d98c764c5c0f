"""The panel in Output properties, with what is drawn of it in the Render menu's dialog too."""

from __future__ import annotations

import bpy
from bpy.types import Context, Panel, UILayout

from .. import job_type_properties, scene_properties
from ..core.checks.finding import Finding, Severity, worst
from ..core.job_types import Setting
from ..scene.mends import find_mend
from ..submit import current
from ..submit.run import Aim, Run, Step
from . import connection, drawn
from .text import draw_lines

ICONS = {Severity.ERROR: "CANCEL", Severity.WARNING: "ERROR", Severity.NOTE: "INFO"}
#: More would push the button out of sight.
MOST_FINDINGS = 12
MOST_TASKS = 8


class OutputPanel:
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "output"


class TABLAO_PT_submit(OutputPanel, Panel):
    bl_label = "Tablao"

    def draw(self, context: Context) -> None:
        drawn.note(context)
        draw_form(self.layout, context)


class ConnectedPanel(OutputPanel):
    bl_parent_id = "TABLAO_PT_submit"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        return scene_properties.find_job_type(scene_properties.of_scene(context.scene)) is not None


class TABLAO_PT_settings(ConnectedPanel, Panel):
    bl_label = "Settings"

    def draw(self, context: Context) -> None:
        draw_settings(self.layout, context)


class TABLAO_PT_scheduling(ConnectedPanel, Panel):
    bl_label = "Scheduling"

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        chosen = scene_properties.of_scene(context.scene)
        column = layout.column()
        column.prop(chosen, "priority")
        column.prop(chosen, "worker_tag")
        row = column.row(heading="Limit Workers", align=True)
        row.prop(chosen, "use_max_workers", text="")
        number = row.row(align=True)
        number.active = chosen.use_max_workers
        number.prop(chosen, "max_workers", text="")


class TABLAO_PT_dry_run(ConnectedPanel, Panel):
    bl_label = "Dry Run"

    def draw(self, context: Context) -> None:
        layout = self.layout
        run = current.get()
        row = layout.row()
        row.enabled = run is None or run.has_ended
        row.operator("tablao.preview", icon="VIEWZOOM")
        if run is not None and run.preview is not None:
            draw_preview(layout, run)


def draw_form(layout: UILayout, context: Context) -> None:
    """All of a submission but its settings and scheduling."""
    if draw_choices(layout, context):
        draw_buttons(layout, context)
    draw_run(layout)


def draw_choices(layout: UILayout, context: Context) -> bool:
    """What is submitted. False when there is no gateway to submit it to: then that is said instead."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    if not connection.draw_state(layout):
        return False
    chosen = scene_properties.of_scene(context.scene)
    column = layout.column()
    placeholder = {"placeholder": scene_properties.job_name_of(chosen)} if bpy.app.version >= (4, 1, 0) else {}
    column.prop(chosen, "job_name", **placeholder)
    column.prop(chosen, "job_type")
    job_type = scene_properties.find_job_type(chosen)
    if job_type is None:
        draw_lines(layout, f"The gateway has no job type “{chosen.job_type_name}”: choose another.", "ERROR")
    elif job_type.renders_open_file:
        column.prop(chosen, "renders")
    return True


def draw_settings(layout: UILayout, context: Context) -> None:
    layout.use_property_split = True
    layout.use_property_decorate = False
    scene = context.scene
    job_type = scene_properties.find_job_type(scene_properties.of_scene(scene))
    if job_type is None:
        return
    group = job_type_properties.of_scene(scene, job_type)
    column = layout.column()
    for setting in job_type.settings:
        if setting.is_editable:
            _draw_setting(column, group, setting)


def _draw_setting(column: UILayout, group: object, setting: Setting) -> None:
    value, scene_value, follow, use = job_type_properties.names_of(setting)
    can_follow = job_type_properties.can_follow(setting)
    is_following = job_type_properties.is_following(group, setting)
    row = column.row(align=True)
    field = row.row(align=True)
    if is_following:
        field.enabled = False
        field.prop(group, scene_value)
    elif job_type_properties.can_be_left_out(setting):
        field = (
            column.row(heading=setting.label, align=True)
            if not can_follow
            else row.row(heading=setting.label, align=True)
        )
        field.prop(group, use, text="")
        number = field.row(align=True)
        number.active = not job_type_properties.is_left_out(group, setting)
        number.prop(group, value, text="")
    else:
        field.prop(group, value)
    if can_follow:
        row.prop(group, follow, text="", icon="LINKED" if is_following else "UNLINKED", emboss=False)
    else:
        row.label(text="", icon="BLANK1")


def draw_buttons(layout: UILayout, context: Context) -> None:
    run = current.get()
    if run is not None and not run.has_ended:
        row = layout.row(align=True)
        row.scale_y = 1.3
        busy = row.row(align=True)
        busy.enabled = False
        busy.operator("tablao.submit", text=f"{run.step.value}…", icon="SORTTIME")
        row.operator("tablao.cancel_submission", text="", icon="X")
        return
    row = layout.row(align=True)
    row.scale_y = 1.3
    row.enabled = scene_properties.find_job_type(scene_properties.of_scene(context.scene)) is not None
    row.operator("tablao.submit", text="Submit", icon="RENDER_ANIMATION")
    row.operator("tablao.check", text="", icon="CHECKMARK")


def draw_run(layout: UILayout) -> None:
    """What became of the last submission, or what it is at."""
    run = current.get()
    if run is None:
        return
    draw_findings(layout, run)
    if is_only_warned(run):
        layout.operator("tablao.submit", text="Submit Anyway", icon="RENDER_ANIMATION").ignore_warnings = True
    draw_outcome(layout, run)


def is_only_warned(run: Run) -> bool:
    """Whether nothing but warnings kept it from being submitted."""
    return run.aim == Aim.SUBMIT and run.step == Step.STOPPED and worst(run.findings) == Severity.WARNING


def draw_outcome(layout: UILayout, run: Run) -> None:
    if run.step == Step.SUBMITTED and run.job is not None:
        job = run.job
        how = "was submitted before" if job.already_submitted else "submitted"
        draw_lines(layout, f"“{job.name}” {how}: {describe_size(job.frame_count, job.task_count)}", "CHECKMARK")
    elif run.step == Step.CHECKED and not run.findings:
        draw_lines(layout, "No problems found", "CHECKMARK")
    elif run.step == Step.HASHING and run.progress[1] > 1:
        draw_lines(layout, f"{run.progress[0]} of {run.progress[1]} files read", "SORTTIME")
    elif run.step == Step.CANCELED:
        draw_lines(layout, f"Canceled. {run.message}".strip(), "CANCEL")
    if run.message and run.step != Step.CANCELED:
        draw_lines(layout, run.message, "ERROR" if run.has_ended else "SORTTIME")
    if run.can_send_again:
        layout.operator("tablao.send_again", icon="FILE_REFRESH")


def draw_findings(layout: UILayout, run: Run) -> None:
    if not run.findings:
        return
    box = layout.box()
    for number, finding in enumerate(run.findings[:MOST_FINDINGS]):
        _draw_finding(box, number, finding)
    if len(run.findings) > MOST_FINDINGS:
        box.label(text=f"And {len(run.findings) - MOST_FINDINGS} more", icon="BLANK1")


def _draw_finding(box: UILayout, number: int, finding: Finding) -> None:
    row = box.row()
    mend = find_mend(finding)
    draw_lines(row, finding.message, ICONS[finding.severity], button="" if mend is None else mend[0])
    if mend is not None:
        button = row.row()
        button.alignment = "RIGHT"
        button.operator("tablao.mend", text=mend[0]).number = number


def draw_preview(layout: UILayout, run: Run) -> None:
    preview = run.preview
    if preview is None:
        return
    column = layout.column(align=True)
    column.label(text=describe_size(preview.frame_count, preview.task_count), icon="INFO")
    for task in preview.tasks[:MOST_TASKS]:
        column.label(text=task.name, icon="BLANK1", translate=False)
    if preview.task_count > MOST_TASKS:
        column.label(text=f"And {preview.task_count - MOST_TASKS:,} more", icon="BLANK1")


CLASSES = (TABLAO_PT_submit, TABLAO_PT_settings, TABLAO_PT_scheduling, TABLAO_PT_dry_run)
