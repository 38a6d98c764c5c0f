"""Runs inside Blender: opens a file once, then renders the frames it is told, one by one.

Orders:  {"do": "open", "file", "format", "scene"?, "camera"?, "viewLayer"?, "resolutionPercent"?, "samples"?, "fps"?,
          "cyclesDevice"?}
         {"do": "render", "frames": [{"number", "path", "picture"?}, ...], "pictureSide"}
Events:  rendering {frame}, saved {frame, seconds}, failed {kind, message}, end

Frames are set by frame_set and saved by write_still: `-f -5` and render(animation=True) render other frames than the
negative ones that were asked for, without a word.
"""

import os
import sys
import time
from typing import Any, Optional

import bpy

sys.dont_write_bytecode = True  # the package may lie where the worker must not write
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from cycles_devices import list_devices, use_device  # noqa: E402
from orders import Order, OrderFailed, Orders, ScriptErrors, serve  # noqa: E402
from picture import save_picture  # noqa: E402
from scene_output import active, literal_path, text_of  # noqa: E402


class Renderer:
    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.errors = ScriptErrors()
        self.scene: Optional[bpy.types.Scene] = None

    def carry_out(self, order: Order) -> None:
        if order["do"] == "open":
            self.open(order)
        else:
            self.render(order["frames"], order["pictureSide"])

    def open(self, order: Order) -> None:
        path = order["file"]
        self.errors.clear()
        try:
            bpy.ops.wm.open_mainfile(filepath=path, load_ui=False)
        except RuntimeError as error:
            message = f'Blender {bpy.app.version_string} cannot open "{path}": {text_of(error)}'
            raise OrderFailed("OTHER", message) from error
        self.errors.fail_within(path, "while the file was opened")
        self.scene = choose_scene(order.get("scene"))
        apply_settings(self.scene, order)
        choose_device(self.scene, order.get("cyclesDevice"))

    def render(self, frames: list[dict[str, Any]], picture_side: int) -> None:
        if self.scene is None:
            raise OrderFailed("OTHER", "No file is open.")
        for frame in frames:
            number, path, picture = frame["number"], frame["path"], frame.get("picture")
            seconds = self.render_frame(self.scene, number, path)
            if picture is not None:
                try_to_picture(self.scene, number, path, picture, picture_side)
            # Not before: the worker takes the file away.
            self.orders.emit("saved", frame=number, seconds=seconds)

    def render_frame(self, scene: bpy.types.Scene, number: int, path: str) -> float:
        self.errors.clear()
        self.orders.emit("rendering", frame=number)
        started = time.monotonic()
        scene.frame_set(number)
        scene.render.filepath = literal_path(path)
        try:
            with active(scene):
                bpy.ops.render.render(write_still=True)
        except RuntimeError as error:
            self.errors.fail(f"while frame {number} was rendered")
            raise OrderFailed("NO_FRAME", f"Frame {number} was not rendered: {text_of(error)}") from error
        self.errors.fail(f"while frame {number} was rendered")
        if not os.path.isfile(path) or os.path.getsize(path) == 0:
            raise OrderFailed("NO_FRAME", f"Blender reported no error, but did not write frame {number}.")
        return round(time.monotonic() - started, 3)


def try_to_picture(scene: bpy.types.Scene, number: int, path: str, picture: str, side: int) -> None:
    """A frame without a picture is a frame nevertheless."""
    try:
        save_picture(scene, path, picture, side)
    except Exception as error:  # pylint: disable=broad-except
        print(f"tablao: frame {number} has no picture: {text_of(error)}")


def choose_scene(name: Optional[str]) -> bpy.types.Scene:
    if name is None:
        return bpy.context.scene
    return find(bpy.data.scenes, name, "scene", "the file")


def apply_settings(scene: bpy.types.Scene, order: Order) -> None:
    render = scene.render
    if order.get("camera") is not None:
        cameras = [item for item in scene.objects if item.type == "CAMERA"]
        scene.camera = find(cameras, order["camera"], "camera", f'scene "{scene.name}"')
        for marker in scene.timeline_markers:
            marker.camera = None  # a camera bound to a marker would win over the one that was asked for
    if order.get("viewLayer") is not None:
        chosen = find(scene.view_layers, order["viewLayer"], "view layer", f'scene "{scene.name}"')
        for layer in scene.view_layers:
            layer.use = layer == chosen
    if order.get("resolutionPercent") is not None:
        render.resolution_percentage = order["resolutionPercent"]
    if order.get("samples") is not None:
        set_samples(scene, order["samples"])
    if order.get("fps") is not None:
        render.fps = max(1, round(order["fps"]))
        render.fps_base = render.fps / order["fps"]
    if hasattr(render.image_settings, "media_type"):  # 5.0 and newer: formats are offered by kind of media
        render.image_settings.media_type = "IMAGE"
    render.image_settings.file_format = order["format"]
    render.use_file_extension = False  # the path is given with its extension


def choose_device(scene: bpy.types.Scene, kind: Optional[str]) -> None:
    if kind is None or use_device(scene, kind):
        return
    there = ", ".join(f'{device["type"]} ({device["name"]})' for device in list_devices()) or "nothing"
    raise OrderFailed("OTHER", f"This worker renders with --cycles-device {kind}, and no such device is there any more; there is {there}.")


def set_samples(scene: bpy.types.Scene, samples: int) -> None:
    engine = scene.render.engine
    if engine == "CYCLES":
        scene.cycles.samples = samples
    elif engine.startswith("BLENDER_EEVEE"):
        scene.eevee.taa_render_samples = samples
    else:
        print(f"tablao: the render engine {engine} has no samples to set")


def find(items: Any, name: str, what: str, owner: str) -> Any:
    for item in items:
        if item.name == name:
            return item
    there = ", ".join(f'"{item.name}"' for item in items) or "none"
    raise OrderFailed("OTHER", f'{what.capitalize()} "{name}" not found; {owner} has: {there}.')


if __name__ == "__main__":
    the_orders = Orders()
    serve(the_orders, Renderer(the_orders).carry_out)
