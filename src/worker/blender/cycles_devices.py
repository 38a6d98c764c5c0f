"""What Cycles can render on."""

from typing import Any

import bpy

# As the worker and the gateway name them.
KINDS = ("CPU", "CUDA", "OPTIX", "HIP", "METAL", "ONEAPI")


def preferences() -> Any:
    """Of the Cycles add-on; None in a build without it."""
    addon = bpy.context.preferences.addons.get("cycles")
    return addon.preferences if addon is not None else None


def find_devices(kind: str) -> list[Any]:
    cycles = preferences()
    if cycles is None:
        return []
    # It adds the processor to the graphics cards of a kind.
    return [device for device in cycles.get_devices_for_type(kind) if device.type == kind]


def use_device(scene: bpy.types.Scene, kind: str) -> bool:
    """Lets a scene that Cycles renders use all devices of one kind and no others; False when there is none."""
    if scene.render.engine != "CYCLES":
        return True
    if kind == "CPU":
        scene.cycles.device = "CPU"
        return True
    if not find_devices(kind):
        return False
    cycles = preferences()
    cycles.compute_device_type = kind
    for device in cycles.devices:
        device.use = device.type == kind
    scene.cycles.device = "GPU"
    return True


def list_devices() -> list[dict[str, str]]:
    return [{"type": kind, "name": device.name} for kind in KINDS for device in find_devices(kind)]
