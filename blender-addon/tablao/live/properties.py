"""What widgets of the job lists are bound to. All of it is read from and written to the view: nothing is stored in the .blend.

A list of Blender draws the items of a collection. Here the items are blank, as many as there are rows; who draws one takes
the row with its index.
"""

from typing import Any, Optional

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import PropertyGroup, WindowManager

from . import farm
from .view import view


def _names_of(items: tuple[tuple[str, str, str], ...]) -> list[str]:
    return [item[0] for item in items]


JOB_FILTERS = (
    ("ALL", "All", "Whatever their status"),
    ("OPEN", "Unfinished", "Those that are rendered, or wait for it"),
    ("COMPLETED", "Completed", "Those of which everything is rendered"),
    ("FAILED", "Failed", "Those that failed for good"),
    ("CANCELED", "Canceled", "Those that were canceled"),
)
TASK_FILTERS = (
    ("ALL", "All", "Whatever their status"),
    ("ACTIVE", "Rendering", "Those that a worker is at"),
    ("FAILED", "Failed", "Those that failed, also those that are tried again"),
    ("QUEUED", "Queued", "Those that wait"),
    ("COMPLETED", "Completed", "Those that are done"),
    ("CANCELED", "Canceled", "Those that were canceled"),
)


def _job_ids() -> list[str]:
    current = farm.get()
    return [row.id for row in current.jobs.rows] if current is not None else []


def _task_ids() -> list[str]:
    current = farm.get()
    return [row.id for row in current.tasks.rows] if current is not None and current.tasks is not None else []


def _index_in(ids: list[str], id: str) -> int:
    return ids.index(id) if id in ids else -1


def _id_at(ids: list[str], index: int) -> str:
    return ids[index] if 0 <= index < len(ids) else ""


def _select_job(_group: Any, index: int) -> None:
    view.job_id, view.task_id = _id_at(_job_ids(), index), ""
    farm.note_change()


def _select_task(_group: Any, index: int) -> None:
    view.task_id = _id_at(_task_ids(), index)
    farm.note_change()


def _set_search(_group: Any, text: str) -> None:
    view.search = text


def _set_everyone(_group: Any, shows_everyone: bool) -> None:
    view.shows_everyone = shows_everyone


def _set_shows_tasks(_group: Any, shows_tasks: bool) -> None:
    view.shows_tasks = shows_tasks


def _set_job_filter(_group: Any, number: int) -> None:
    view.job_statuses = JOB_FILTERS[number][0]


def _set_task_filter(_group: Any, number: int) -> None:
    view.task_statuses = TASK_FILTERS[number][0]


def _read_progress(_group: Any) -> float:
    job = farm.selected_job()
    return 100 * job.progress if job is not None else 0.0


class TablaoRow(PropertyGroup):
    """Blank."""


class TablaoView(PropertyGroup):
    jobs: CollectionProperty(type=TablaoRow)
    tasks: CollectionProperty(type=TablaoRow)
    job_index: IntProperty(
        name="Job", get=lambda _: _index_in(_job_ids(), view.job_id), set=_select_job, options={"SKIP_SAVE"}
    )
    task_index: IntProperty(
        name="Task", get=lambda _: _index_in(_task_ids(), view.task_id), set=_select_task, options={"SKIP_SAVE"}
    )
    search: StringProperty(
        name="Search",
        description="Show only jobs whose name contains this",
        options={"SKIP_SAVE", "TEXTEDIT_UPDATE"},
        maxlen=200,
        get=lambda _: view.search,
        set=_set_search,
    )
    shows_everyone: BoolProperty(
        name="Everyone's Jobs",
        description="Show the jobs of all users, not only mine",
        options={"SKIP_SAVE"},
        get=lambda _: view.shows_everyone,
        set=_set_everyone,
    )
    job_filter: EnumProperty(
        name="Show",
        description="Which jobs to show",
        items=JOB_FILTERS,
        options={"SKIP_SAVE"},
        get=lambda _: _names_of(JOB_FILTERS).index(view.job_statuses),
        set=_set_job_filter,
    )
    shows_tasks: BoolProperty(
        name="Tasks",
        description="Show the tasks that the job consists of",
        options={"SKIP_SAVE"},
        get=lambda _: view.shows_tasks,
        set=_set_shows_tasks,
    )
    task_filter: EnumProperty(
        name="Show",
        description="Which tasks to show",
        items=TASK_FILTERS,
        options={"SKIP_SAVE"},
        get=lambda _: _names_of(TASK_FILTERS).index(view.task_statuses),
        set=_set_task_filter,
    )
    #: For Blenders without progress bars in layouts, as a slider that nobody can move.
    progress: FloatProperty(
        subtype="PERCENTAGE", min=0, max=100, precision=0, get=_read_progress, options={"SKIP_SAVE"}
    )


def of_window_manager() -> Optional[Any]:
    return getattr(bpy.context.window_manager, "tablao", None)


def tick() -> None:
    """Gives the lists as many items as there are rows. Opening a file brings that file's number of them."""
    group = of_window_manager()
    if group is not None:
        _resize(group.jobs, len(_job_ids()))
        _resize(group.tasks, len(_task_ids()))


def _resize(items: Any, wanted: int) -> None:
    for _ in range(len(items), wanted):
        items.add()
    for number in range(len(items) - 1, wanted - 1, -1):
        items.remove(number)


def register() -> None:
    WindowManager.tablao = bpy.props.PointerProperty(type=TablaoView, options={"SKIP_SAVE"})


def unregister() -> None:
    del WindowManager.tablao


CLASSES = (TablaoRow, TablaoView)
