"""A group of Blender properties for each job type of the gateway, made from its declaration.

Blender stores their values with the scene, by the names of the properties, whether the group is registered or not: so they
are there again as soon as the gateway has been asked, also in a file that was opened before.

Of a setting `chunkSize` there is `v_chunkSize`, its value; `follow_chunkSize` where it can follow the scene, and then
`scene_chunkSize`, what the scene says; `use_chunkSize` where it may be left out.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, Callable, Optional

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import PropertyGroup, Scene

from .core.job_types import JobType, Setting, SettingValue
from .scene import sources

#: Of Blender's own integers.
_LEAST, _MOST = -(2**31), 2**31 - 1
_SUBTYPES = {"FILE_PATH": "FILE_PATH", "DIRECTORY_PATH": "DIR_PATH"}

_registered: dict[str, tuple[JobType, type]] = {}


def register_all(job_types: tuple[JobType, ...]) -> None:
    """Replaces what an earlier gateway declared. Values stay with the scenes."""
    for job_type in job_types:
        known = _registered.get(job_type.name)
        if known is None or known[0] != job_type:
            _unregister(job_type.name)
            _register(job_type)


def unregister_all() -> None:
    for name in list(_registered):
        _unregister(name)


def of_scene(scene: Scene, job_type: JobType) -> Any:
    """The group with the scene's values."""
    return getattr(scene, _attribute(job_type.name))


def can_follow(setting: Setting) -> bool:
    return setting.scene_source in sources.SOURCES


def can_be_left_out(setting: Setting) -> bool:
    """Text that is empty is left out; numbers and switches need a word for it."""
    is_open = not setting.is_required and setting.default is None
    return is_open and (bool(setting.choices) or setting.type in ("INTEGER", "FLOAT", "BOOLEAN"))


def is_following(group: Any, setting: Setting) -> bool:
    return can_follow(setting) and bool(getattr(group, names_of(setting)[2]))


def is_left_out(group: Any, setting: Setting) -> bool:
    return can_be_left_out(setting) and not getattr(group, f"use_{_key(setting)}")


def value_of(group: Any, setting: Setting) -> Optional[SettingValue]:
    """The artist's own value; None when there is none."""
    if is_left_out(group, setting):
        return None
    value = getattr(group, f"v_{_key(setting)}")
    if setting.choices:
        return next((choice for choice in setting.choices if str(choice) == value), None)
    if isinstance(value, str):
        return value if value.strip() else None
    return round(value, 6) if isinstance(value, float) else value


def set_value(group: Any, setting: Setting, value: SettingValue) -> None:
    """Gives the setting a value of its own: it follows the scene no longer. Raises TypeError or ValueError."""
    value_name, _, follow_name, use_name = names_of(setting)
    if can_follow(setting):
        setattr(group, follow_name, False)
    if can_be_left_out(setting):
        setattr(group, use_name, True)
    setattr(group, value_name, str(value) if setting.choices else value)


def follow(group: Any, setting: Setting) -> None:
    setattr(group, names_of(setting)[2], True)


def names_of(setting: Setting) -> tuple[str, str, str, str]:
    """The properties of the value, of the scene's value, of following it, and of using it."""
    key = _key(setting)
    return f"v_{key}", f"scene_{key}", f"follow_{key}", f"use_{key}"


def _attribute(name: str) -> str:
    return "tablao_job_" + re.sub(r"\W", "_", name)


def _key(setting: Setting) -> str:
    return re.sub(r"\W", "_", setting.key)


def _register(job_type: JobType) -> None:
    group: Any = type(f"TABLAO_PG_{_attribute(job_type.name)}", (PropertyGroup,), {})
    bpy.utils.register_class(group)
    for setting in job_type.settings:
        value_name, scene_name, follow_name, use_name = names_of(setting)
        setattr(group, value_name, _make_value(setting))
        if can_follow(setting):
            setattr(group, scene_name, _make_scene_value(setting))
            setattr(group, follow_name, _make_follow(setting))
        if can_be_left_out(setting):
            description = f"Submit a value for this; otherwise it is left out. {setting.description}"
            setattr(group, use_name, BoolProperty(name=setting.label, description=description))
    setattr(Scene, _attribute(job_type.name), PointerProperty(type=group))
    _registered[job_type.name] = (job_type, group)


def _unregister(name: str) -> None:
    known = _registered.pop(name, None)
    if known is not None:
        delattr(Scene, _attribute(name))
        bpy.utils.unregister_class(known[1])


def _make_value(setting: Setting) -> Any:
    text = {"name": setting.label, "description": setting.description}
    if setting.choices:
        # A number of its own for each, because Blender stores that: a gateway may list them in another order later.
        items = [
            (str(choice), str(choice), "", zlib.crc32(str(choice).encode()) & 0x7FFFFFFF) for choice in setting.choices
        ]
        default = {} if setting.default is None else {"default": str(setting.default)}
        return EnumProperty(items=items, **default, **text)
    if setting.type == "BOOLEAN":
        return BoolProperty(default=bool(setting.default), **text)
    if setting.type in ("INTEGER", "FLOAT"):
        return _make_number(setting, text)
    default_text = "" if setting.default is None else str(setting.default)
    search = sources.NAMES.get(setting.scene_source or "")
    if search is not None:
        # Only a help: a name that is not there yet may be entered too.
        return StringProperty(search=_make_search(search), default=default_text, **text)
    subtype = {"subtype": _SUBTYPES[setting.type]} if setting.type in _SUBTYPES else {}
    return StringProperty(default=default_text, **subtype, **text)


def _make_number(setting: Setting, text: dict[str, str]) -> Any:
    least = _LEAST if setting.minimum is None else setting.minimum
    most = _MOST if setting.maximum is None else setting.maximum
    default = setting.default if isinstance(setting.default, (int, float)) else max(least, min(most, 0))
    if setting.type == "FLOAT":
        return FloatProperty(min=least, max=most, default=default, precision=3, **text)
    limits = {"min": int(max(least, _LEAST)), "max": int(min(most, _MOST))}
    return IntProperty(default=int(default), **limits, **text)


def _make_scene_value(setting: Setting) -> Any:
    """What the scene says, for a field that cannot be edited. It is read while drawing, so it must be quick."""
    text = {"name": setting.label, "description": f"{setting.description} Follows the scene"}
    read = sources.SOURCES[setting.scene_source or ""]

    def read_number(group: Any) -> Any:
        value = read(group.id_data)
        return value if isinstance(value, (int, float)) else 0

    def read_text(group: Any) -> str:
        value = read(group.id_data)
        return sources.LEFT_TO_SCENE if value is None else str(value)

    if setting.type == "INTEGER":
        return IntProperty(get=lambda group: int(read_number(group)), **text)
    if setting.type == "FLOAT":
        return FloatProperty(get=read_number, precision=3, **text)
    return StringProperty(get=read_text, **text)


def _make_follow(setting: Setting) -> Any:
    value_name, _, follow_name, _ = names_of(setting)
    read = sources.SOURCES[setting.scene_source or ""]

    def begin_with_scene_value(group: Any, _context: Any) -> None:
        value = read(group.id_data)
        if getattr(group, follow_name) or value is None:
            return
        try:
            setattr(group, value_name, value)
        except TypeError:
            pass  # the scene's format is none that the farm takes: the first choice stands there

    return BoolProperty(
        name="Follow Scene",
        description=f"Take “{setting.label}” from the scene whenever the job is submitted",
        default=True,
        update=begin_with_scene_value,
    )


def _make_search(names: Callable[[Scene], list[str]]) -> Callable[[Any, Any, str], list[str]]:
    return lambda group, _context, typed: [name for name in names(group.id_data) if typed.lower() in name.lower()]
