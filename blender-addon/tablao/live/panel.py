"""The jobs: in Output properties, and in the sidebar of the 3D Viewport and the Image Editor."""

from __future__ import annotations

import time
from typing import Any

from bpy.types import Context, Menu, Panel, UILayout, UIList

from ..core import words
from ..core.live_farm import LiveFarm
from ..core.live_tasks import LiveTasks
from ..core.notice_words import describe_end
from ..core.rows import JobRow, TaskRow
from ..panels import connection, drawn
from ..panels.text import ICON_ALONE, draw_lines
from . import farm, pictures, properties
from .view import view

#: All of them are there from 3.4 on.
STATUS_ICONS = {
    "UNDER_CONSTRUCTION": "TEMP",
    "QUEUED": "SORTTIME",
    "ACTIVE": "PLAY",
    "COMPLETED": "CHECKMARK",
    "FAILED": "ERROR",
    "CANCEL_REQUESTED": "X",
    "CANCELED": "CANCEL",
    "REQUEUEING": "FILE_REFRESH",
    "PAUSED": "PAUSE",
    "SOFT_FAILED": "LOOP_BACK",
}
END_ICONS = {"COMPLETED": "CHECKMARK", "FAILED": "ERROR", "CANCELED": "CANCEL"}
MOST_NOTICES = 3
PICTURE_SCALE = 9.0


def icon_of(status: str) -> str:
    return STATUS_ICONS.get(status, "QUESTION")


class TABLAO_UL_jobs(UIList):
    """A row for each job, by its index: the items are blank."""

    def draw_item(
        self,
        _context: Context,
        layout: UILayout,
        _data: Any,
        _item: Any,
        _icon: int,
        _active_data: Any,
        _active_property: str,
        index: int = 0,
        _flag: int = 0,
    ) -> None:
        current = farm.get()
        if current is None or index >= len(current.jobs.rows):
            return
        job = current.jobs.rows[index]
        split = layout.split(factor=0.6)
        name = split.row(align=True)
        name.alert = job.status == "FAILED"
        name.label(text=job.name, icon=icon_of(job.status), translate=False)
        right = split.row()
        if view.shows_everyone:
            right.label(text=job.submitter, translate=False)
        if job.has_ended:
            right.label(text=words.name_status(job.status))
        else:
            right.label(text=words.format_percent(job.progress), translate=False)
            right.label(text=words.describe_left(job, time.monotonic()), translate=False)

    def draw_filter(self, _context: Context, _layout: UILayout) -> None:
        """The gateway searches: the fields are above the list."""

    def filter_items(self, _context: Context, _data: Any, _property: str) -> tuple[list[int], list[int]]:
        return [], []


class TABLAO_UL_tasks(UIList):
    """A row for each task, by its index."""

    def draw_item(
        self,
        _context: Context,
        layout: UILayout,
        _data: Any,
        _item: Any,
        _icon: int,
        _active_data: Any,
        _active_property: str,
        index: int = 0,
        _flag: int = 0,
    ) -> None:
        current = farm.get()
        tasks = current.tasks if current is not None else None
        if tasks is None or index >= len(tasks.rows):
            return
        task = tasks.rows[index]
        split = layout.split(factor=0.5)
        name = split.row(align=True)
        name.alert = task.status == "FAILED"
        name.label(text=task.name, icon=icon_of(task.status), translate=False)
        right = split.row()
        if task.status == "ACTIVE" and not task.is_stopping:
            right.label(text=words.format_percent(task.progress), translate=False)
        else:
            right.label(text=words.name_task_status(task))
        right.label(text=task.worker or "", translate=False)

    def draw_filter(self, _context: Context, _layout: UILayout) -> None:
        """The gateway filters."""

    def filter_items(self, _context: Context, _data: Any, _property: str) -> tuple[list[int], list[int]]:
        return [], []


class TABLAO_MT_job(Menu):
    """What else can be done to the job"""

    bl_idname = "TABLAO_MT_job"
    bl_label = "Job"

    def draw(self, _context: Context) -> None:
        layout = self.layout
        layout.operator("tablao.requeue_failed", icon="LOOP_BACK")
        layout.operator("tablao.requeue_frames", icon="FILE_REFRESH")
        layout.operator("tablao.change_job", icon="OPTIONS")
        layout.separator()
        layout.operator("tablao.open_output_folder", icon="FILE_FOLDER")
        layout.separator()
        layout.operator("tablao.delete_job", icon="TRASH")


class JobsPanel:
    bl_label = "Tablao Jobs"

    def draw(self, context: Context) -> None:
        drawn.note(context)
        layout = self.layout  # type: ignore[attr-defined]
        current = farm.get()
        if current is None:
            connection.draw_state(layout)
            return
        _draw_notices(layout, current)
        _draw_connection(layout, current)
        _draw_list(layout, current)
        job = farm.selected_job()
        if job is not None:
            _draw_job(layout, job)
            _draw_tasks(layout, current, job)


class TABLAO_PT_jobs(JobsPanel, Panel):
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "output"


class TABLAO_PT_jobs_viewport(JobsPanel, Panel):
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Tablao"


class TABLAO_PT_jobs_image(JobsPanel, Panel):
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Tablao"


def _draw_notices(layout: UILayout, current: LiveFarm) -> None:
    if not current.notices:
        return
    box = layout.box()
    for number, end in enumerate(list(current.notices)[:MOST_NOTICES]):
        row = box.row()
        draw_lines(row, describe_end(end), END_ICONS.get(end.status, "INFO"), button=ICON_ALONE)
        row.operator("tablao.dismiss_notice", text="", icon="X", emboss=False).number = number
    more = len(current.notices) - MOST_NOTICES
    if more > 0:
        row = box.row()
        row.label(text=f"And {words.count(more, 'other')}", icon="BLANK1")
        row.operator("tablao.dismiss_notice", text="Dismiss All").number = -1


def _draw_connection(layout: UILayout, current: LiveFarm) -> None:
    since = current.away_since
    if since is None:
        return
    row = layout.row()
    text = "Not connected since" if current.is_refused else "Reconnecting since"
    icon = "ERROR" if current.is_refused else "SORTTIME"
    draw_lines(row, f"{text} {since:%H:%M:%S}. {current.away_reason}", icon, button=ICON_ALONE)
    row.operator("tablao.reconnect", text="", icon="FILE_REFRESH")


def _draw_list(layout: UILayout, current: LiveFarm) -> None:
    group = properties.of_window_manager()
    row = layout.row(align=True)
    row.prop(group, "search", text="", icon="VIEWZOOM")
    row.prop(group, "job_filter", text="")
    row.prop(group, "shows_everyone", text="", icon="COMMUNITY")
    jobs = current.jobs
    if not jobs.rows:
        layout.label(text=_say_why_empty(current), icon="INFO" if jobs.is_loaded else "SORTTIME")
        return
    rows = min(max(len(jobs.rows), 3), 8)
    layout.template_list(
        "TABLAO_UL_jobs", "", group, "jobs", group, "job_index", rows=rows, maxrows=rows, sort_lock=True
    )
    if jobs.is_full:
        layout.label(text=f"The newest {len(jobs.rows)}: search to find others", icon="INFO")


def _say_why_empty(current: LiveFarm) -> str:
    if not current.jobs.is_loaded:
        return "Asking for the jobs…"
    if view.search.strip() or view.job_statuses != "ALL":
        return "No job is like this"
    return "The farm has no jobs" if view.shows_everyone else "You have no jobs on the farm"


def _draw_job(layout: UILayout, job: JobRow) -> None:
    _draw_progress(layout, job)
    _draw_words(layout, job)
    _draw_picture(layout, job)
    _draw_buttons(layout)
    if view.activity:
        row = layout.row()
        row.label(text=view.activity, icon="SORTTIME", translate=False)
        row.operator("tablao.cancel_order", text="", icon="X")
    if view.refusal:
        row = layout.row()
        draw_lines(row, view.refusal, "ERROR", button=ICON_ALONE)
        row.operator("tablao.dismiss_refusal", text="", icon="X", emboss=False)


def _draw_progress(layout: UILayout, job: JobRow) -> None:
    status = words.name_status(job.status)
    if hasattr(layout, "progress"):  # since 4.0
        layout.progress(factor=job.progress, type="BAR", text=f"{status}, {words.format_percent(job.progress)}")
        return
    row = layout.row()
    row.enabled = False
    row.prop(properties.of_window_manager(), "progress", text=status, slider=True)


def _draw_words(layout: UILayout, job: JobRow) -> None:
    parts = (words.describe_progress(job), words.describe_left(job, time.monotonic()))
    if job.has_ended and job.seconds_elapsed:
        parts = (parts[0], f"in {words.format_duration(job.seconds_elapsed)}")
    layout.label(text=", ".join(filter(None, parts)), icon=icon_of(job.status), translate=False)
    waiting = words.describe_waiting(job)
    if waiting:
        draw_lines(layout, waiting, "SORTTIME")
    if job.error:
        column = layout.column()
        column.alert = job.status == "FAILED"
        draw_lines(column, words.describe_error(job.error), "ERROR")


def _draw_picture(layout: UILayout, job: JobRow) -> None:
    found = pictures.find_icon(job)
    if found is not None:
        icon, number = found
        box = layout.box()
        box.template_icon(icon_value=icon, scale=PICTURE_SCALE)
        box.operator("tablao.open_frame", text=f"Frame {number}", icon="IMAGE_DATA")


def _draw_buttons(layout: UILayout) -> None:
    row = layout.row(align=True)
    row.operator("tablao.load_frames", text="Show Frames", icon="RENDERLAYERS").target = "IMAGE_EDITOR"
    row.operator("tablao.load_frames", text="Add Strip", icon="SEQUENCE").target = "STRIP"
    row = layout.row(align=True)
    row.operator("tablao.cancel_job", text="Cancel", icon="CANCEL")
    row.operator("tablao.requeue_job", text="Requeue", icon="FILE_REFRESH")
    row.menu("TABLAO_MT_job", text="", icon="DOWNARROW_HLT")


def _draw_tasks(layout: UILayout, current: LiveFarm, job: JobRow) -> None:
    group = properties.of_window_manager()
    row = layout.row()
    header = row.row()
    header.alignment = "LEFT"
    header.prop(
        group,
        "shows_tasks",
        text=f"Tasks ({job.tasks_total:,})",
        icon="TRIA_DOWN" if view.shows_tasks else "TRIA_RIGHT",
        emboss=False,
    )
    tasks = current.tasks
    if not view.shows_tasks or tasks is None:
        return
    row.prop(group, "task_filter", text="")
    if not tasks.rows:
        layout.label(text="No task is like this" if tasks.is_loaded else "Asking for the tasks…", icon="INFO")
        return
    _draw_task_list(layout, group, tasks)
    task = farm.selected_task()
    if task is not None:
        _draw_task(layout, current, task)


def _draw_task_list(layout: UILayout, group: Any, tasks: LiveTasks) -> None:
    rows = min(max(len(tasks.rows), 3), 6)
    layout.template_list(
        "TABLAO_UL_tasks", "", group, "tasks", group, "task_index", rows=rows, maxrows=rows, sort_lock=True
    )
    if tasks.is_full:
        layout.label(text=f"The first {len(tasks.rows)} of them", icon="INFO")


def _draw_task(layout: UILayout, current: LiveFarm, task: TaskRow) -> None:
    waiting = words.describe_task_waiting(task)
    if waiting:
        draw_lines(layout, waiting, "SORTTIME")
    log = current.log
    if log is None:
        return
    if log.failure:
        draw_lines(layout, words.describe_error(log.failure), "ERROR")
    column = layout.box().column(align=True)
    column.scale_y = 0.7
    for line in log.lines or ("Nothing is printed yet.",):
        column.label(text=line, translate=False)


CLASSES = (
    TABLAO_UL_jobs,
    TABLAO_UL_tasks,
    TABLAO_MT_job,
    TABLAO_PT_jobs,
    TABLAO_PT_jobs_viewport,
    TABLAO_PT_jobs_image,
)
