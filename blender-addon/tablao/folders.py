"""Where the add-on keeps what is neither the scene's nor Blender's preferences'."""

from __future__ import annotations

from pathlib import Path

import bpy


def user_folder() -> Path:
    """Not made until something is written."""
    package = __package__ or ""
    if package.startswith("bl_ext.") and hasattr(bpy.utils, "extension_path_user"):
        return Path(bpy.utils.extension_path_user(package))
    return Path(bpy.utils.user_resource("CONFIG", path="tablao"))
