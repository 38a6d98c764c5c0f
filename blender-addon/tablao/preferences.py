"""The add-on's preferences: which gateway, who asks, and where the farm's folders are on this machine."""

from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, StringProperty
from bpy.types import AddonPreferences, Context, PropertyGroup

from . import session, settings
from .core.address import USUAL_PORT, gateway_of_repository, parse_address
from .core.errors import AddressError
from .core.roots import find_name_fault
from .panels import connection, drawn


def _reconnect(_preferences: Any, _context: Context) -> None:
    session.get().reconnect()


def _read_token(preferences: Any) -> str:
    try:
        return settings.read_token(parse_address(preferences.gateway))
    except AddressError:
        return ""


def _write_token(preferences: Any, token: str) -> None:
    settings.write_token(parse_address(preferences.gateway), token.strip())
    session.get().reconnect()


def _find_gateway() -> str:
    """Where the add-on was installed from: whoever has given Blender that address need not type it again."""
    module = __package__.split(".")
    if module[0] == "bl_ext":
        for repository in bpy.context.preferences.extensions.repos:
            found = gateway_of_repository(repository.remote_url) if repository.module == module[1] else None
            if found is not None:
                return found
    return f"http://127.0.0.1:{USUAL_PORT}"


class TablaoRoot(PropertyGroup):
    name: StringProperty(name="Name", description="What workers call the folder too (worker --root NAME=PATH)")
    path: StringProperty(name="Folder", description="Where it is on this machine", subtype="DIR_PATH")


class TablaoPreferences(AddonPreferences):
    bl_idname = __package__

    gateway: StringProperty(
        name="Gateway",
        description="Address of the farm's gateway, such as http://farm:4000",
        default=_find_gateway(),
        update=_reconnect,
    )
    # With functions of its own nothing of it is stored in the preferences, and PASSWORD keeps it out of the Info editor.
    token: StringProperty(
        name="Token",
        description="What the farm gave you to log in with. Kept in a file of its own that only you may read",
        subtype="PASSWORD",
        options={"SKIP_SAVE"},
        get=_read_token,
        set=_write_token,
    )
    submitter: StringProperty(
        name="Submit As",
        description="Who the farm's lists say submitted your jobs, where nobody has to log in",
        default=settings.user_name(),
    )
    use_system_notices: BoolProperty(
        name="Desktop Notifications",
        description="Have the system tell too when a job of yours has ended, where it can",
        default=True,
    )
    roots: CollectionProperty(type=TablaoRoot)

    def draw(self, context: Context) -> None:
        drawn.note(context)
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        column.prop(self, "gateway")
        column.prop(self, "token")
        column.prop(self, "submitter")
        column.prop(self, "use_system_notices")
        connection.draw_test(layout)
        self._draw_roots(layout)

    def _draw_roots(self, layout: bpy.types.UILayout) -> None:
        column = layout.column()
        column.use_property_split = False
        column.label(text="Named Folders")
        for index, root in enumerate(self.roots):
            row = column.row(align=True)
            row.alert = find_name_fault(root.name) is not None
            split = row.split(factor=0.25, align=True)
            split.prop(root, "name", text="")
            split.prop(root, "path", text="")
            row.operator("tablao.remove_root", text="", icon="X").index = index
        column.operator("tablao.add_root", text="Add Named Folder", icon="ADD")


class TABLAO_OT_add_root(bpy.types.Operator):
    """Add a folder that workers have in another place: paths in it are submitted by its name"""

    bl_idname = "tablao.add_root"
    bl_label = "Add Named Folder"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        settings.get_preferences().roots.add().name = "project"
        return {"FINISHED"}


class TABLAO_OT_remove_root(bpy.types.Operator):
    """Remove this named folder"""

    bl_idname = "tablao.remove_root"
    bl_label = "Remove Named Folder"
    bl_options = {"INTERNAL"}

    index: bpy.props.IntProperty()

    def execute(self, _context: Context) -> set[str]:
        settings.get_preferences().roots.remove(self.index)
        return {"FINISHED"}


CLASSES = (TablaoRoot, TablaoPreferences, TABLAO_OT_add_root, TABLAO_OT_remove_root)
