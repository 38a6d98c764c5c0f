"""What the artist chose for the next submission, kept with the scene in the .blend."""

import os
import zlib
from typing import Any, Optional

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import Context, PropertyGroup, Scene

from . import session
from .core.job_types import JobType

USUAL_JOB_TYPE = "simple-blender-render"

#: Blender keeps only a pointer to the items of an enum: Python must keep them alive.
_job_type_items: list[tuple[str, str, str, str, int]] = []


def _number(name: str) -> int:
    return zlib.crc32(name.encode()) & 0x7FFFFFFF


def _list_job_types(_settings: Any, _context: Optional[Context]) -> list[tuple[str, str, str, str, int]]:
    farm = session.get().farm
    types = () if farm is None else farm.job_types
    items = [(type.name, type.label, type.description, "NONE", _number(type.name)) for type in types]
    _job_type_items[:] = items or [("", "Not Connected", "", "NONE", 0)]
    return _job_type_items


def _read_job_type(settings: Any) -> int:
    return (
        _number(settings.job_type_name)
        if find_job_type(settings) is not None
        else _list_job_types(settings, None)[0][4]
    )


def _write_job_type(settings: Any, number: int) -> None:
    settings.job_type_name = next(item[0] for item in _list_job_types(settings, None) if item[4] == number)


class TablaoSceneSettings(PropertyGroup):
    job_name: StringProperty(
        name="Name", description="What the job is called; the name of the file when empty", maxlen=200
    )
    job_type_name: StringProperty(default=USUAL_JOB_TYPE)
    # Kept as text, not by its place in a list that only a gateway knows.
    job_type: EnumProperty(
        name="Job Type",
        description="What the farm is to do",
        items=_list_job_types,
        get=_read_job_type,
        set=_write_job_type,
    )
    priority: IntProperty(
        name="Priority", description="A job with a higher one is given out first", default=50, min=0, max=100
    )
    worker_tag: StringProperty(
        name="Worker Tag", description="Only workers with this tag render the job; all of them when empty", maxlen=64
    )
    use_max_workers: BoolProperty(name="Limit Workers", description="Let only so many workers render the job at a time")
    max_workers: IntProperty(
        name="Most Workers", description="How many at a time; 0 holds the job", default=4, min=0, max=10_000
    )
    renders: EnumProperty(
        name="Render",
        description="Which file the workers open",
        items=(
            ("SNAPSHOT", "Snapshot", "A copy of the file beside it: you can go on working while it is rendered"),
            ("IN_PLACE", "The File Itself", "No copy is made: do not save the file before the job ends"),
        ),
    )


def of_scene(scene: Scene) -> Any:
    return scene.tablao


def find_job_type(settings: Any) -> Optional[JobType]:
    """None while the gateway is not known, or when it has no such type."""
    farm = session.get().farm
    return None if farm is None else farm.job_type(settings.job_type_name)


def job_name_of(settings: Any) -> str:
    name = settings.job_name.strip() or os.path.splitext(os.path.basename(bpy.data.filepath))[0]
    return name or "untitled"


def register() -> None:
    bpy.utils.register_class(TablaoSceneSettings)
    Scene.tablao = PointerProperty(type=TablaoSceneSettings)


def unregister() -> None:
    del Scene.tablao
    bpy.utils.unregister_class(TablaoSceneSettings)
