"""Runs inside Blender: makes one H.264 video from rendered frames, by Blender's own sequencer.

Order:   {"do": "video", "directory", "names": [file name, ...], "output": path ending in .mp4, "fps"}
Events:  encoded {count}, failed {kind, message}, end

The frames are taken as they are (view transform "Standard"): the scene's look is already in a PNG or JPEG, and a
linear EXR is shown as sRGB.
"""

import os
import sys
import time
from typing import Any

import bpy

sys.dont_write_bytecode = True  # the package may lie where the worker must not write
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from orders import Order, OrderFailed, Orders, ScriptErrors, serve  # noqa: E402
from scene_output import active, literal_path, text_of  # noqa: E402

SECONDS_BETWEEN_EVENTS = 0.25


class Encoder:
    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.errors = ScriptErrors()
        self.count = 0
        self.reported_at = 0.0

    def carry_out(self, order: Order) -> None:
        scene = make_scene(order["directory"], order["names"], order["fps"], order["output"])
        bpy.app.handlers.render_write.append(self.on_frame)
        try:
            with active(scene):
                bpy.ops.render.render(animation=True)
        except RuntimeError as error:
            raise OrderFailed("OTHER", f"Blender could not make the video: {text_of(error)}") from error
        finally:
            bpy.app.handlers.render_write.remove(self.on_frame)
        self.errors.fail("while the video was made")
        if not os.path.isfile(order["output"]):
            raise OrderFailed("NO_FRAME", "Blender reported no error, but did not write the video.")

    def on_frame(self, *_: Any) -> None:
        self.count += 1
        if time.monotonic() - self.reported_at >= SECONDS_BETWEEN_EVENTS:
            self.reported_at = time.monotonic()
            self.orders.emit("encoded", count=self.count)


def make_scene(directory: str, names: list[str], fps: float, output: str) -> bpy.types.Scene:
    scene = bpy.data.scenes.new("video")
    first = os.path.join(directory, names[0])
    width, height = size_of(first)
    add_frames(scene, first, names[1:])
    render = scene.render
    # H.264 with ordinary colours takes even sizes only; an odd one loses a line at the edge
    render.resolution_x, render.resolution_y = max(2, width - width % 2), max(2, height - height % 2)
    render.resolution_percentage = 100
    render.fps = max(1, round(fps))
    render.fps_base = render.fps / fps
    render.use_sequencer = True
    render.use_compositing = False
    scene.view_settings.view_transform = "Standard"
    scene.frame_start, scene.frame_end = 1, len(names)
    if hasattr(render.image_settings, "media_type"):  # 5.0 and newer
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format = "MPEG4"
    render.ffmpeg.codec = "H264"
    render.ffmpeg.constant_rate_factor = "HIGH"
    render.ffmpeg.audio_codec = "NONE"
    render.use_file_extension = True  # a name that ends in .mp4 is then taken as it is
    render.filepath = literal_path(output)
    return scene


def add_frames(scene: bpy.types.Scene, first: str, other_names: list[str]) -> None:
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # before 4.4: sequences
    strip = strips.new_image(name="frames", filepath=first, channel=1, frame_start=1)
    for name in other_names:
        strip.elements.append(name)


def size_of(path: str) -> tuple[int, int]:
    image = bpy.data.images.load(path)
    width, height = image.size
    bpy.data.images.remove(image)
    if not width or not height:
        raise OrderFailed("BAD_FRAME", f'Blender cannot read the frame "{path}".')
    return width, height


if __name__ == "__main__":
    the_orders = Orders()
    serve(the_orders, Encoder(the_orders).carry_out)
