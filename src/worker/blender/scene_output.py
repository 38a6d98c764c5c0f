"""What both scripts need of bpy: rendering a scene that need not be the active one, into exactly the path given."""

from contextlib import AbstractContextManager, nullcontext

import bpy


def active(scene: bpy.types.Scene) -> AbstractContextManager:
    """The render operator's own `scene` argument would reset the frame to that of the active scene."""
    if bpy.context.window is None:
        return bpy.context.temp_override(scene=scene)
    bpy.context.window.scene = scene
    return nullcontext()


def literal_path(path: str) -> str:
    """From 5.0 on, braces in an output path are variables."""
    return path.replace("{", "{{").replace("}", "}}") if bpy.app.version >= (5, 0, 0) else path


def text_of(error: BaseException) -> str:
    """Blender's own reports come as the text of a RuntimeError: `Error: …`, one a line."""
    lines = [line.strip().removeprefix("Error: ") for line in str(error).splitlines()]
    return "; ".join(line for line in lines if line)
