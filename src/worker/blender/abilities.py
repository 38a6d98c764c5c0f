"""What this Blender can do. Run by itself inside Blender, it prints all of it in one marked line."""

import json
import os
import sys

import bpy

sys.dont_write_bytecode = True  # the package may lie where the worker must not write
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cycles_devices import find_devices, list_devices  # noqa: E402

MARKER = "@tablao-abilities "
# Those that are part of Blender itself; builds, versions and their names differ.
OWN_ENGINES = ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH")


def list_engines() -> list[str]:
    registered = [getattr(engine, "bl_idname", "") for engine in bpy.types.RenderEngine.__subclasses__()]
    return sorted({name for name in (*OWN_ENGINES, *registered) if has_engine(name)})


def has_engine(name: str) -> bool:
    try:
        bpy.context.scene.render.engine = name
    except TypeError:
        return False
    return True


def list_denoisers() -> list[str]:
    """Of Cycles. Some distributions build Blender without OpenImageDenoise: it then writes no frame that wants it."""
    try:
        import _cycles
    except ImportError:
        return []
    found = ["OPENIMAGEDENOISE"] if _cycles.with_openimagedenoise else []
    return [*found, *(["OPTIX"] if find_devices("OPTIX") else [])]


if __name__ == "__main__":
    abilities = {"devices": list_devices(), "engines": list_engines(), "denoisers": list_denoisers()}
    sys.stdout.write(f"\n{MARKER}{json.dumps(abilities)}\n")
    sys.stdout.flush()
