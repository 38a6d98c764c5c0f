"""A small picture of a rendered frame as the scene's colour management shows it, for formats that hold light and no colours.

The frame's own file is read back and made small first. Measured on 1920 by 1080: 0.1 s; the Render Result, of which every
pixel would go through the view transform, took 0.5 s.
"""

from contextlib import contextmanager
from typing import Any, Iterator

import bpy

# Read back, a pixel takes 16 bytes beside those of the render itself.
MOST_PIXELS = 40_000_000
QUALITY = 80


def save_picture(scene: bpy.types.Scene, frame: str, target: str, side: int) -> None:
    """Writes a JPEG of the image file `frame`, neither side longer than `side` pixels."""
    render = scene.render
    if render.resolution_x * render.resolution_y * (render.resolution_percentage / 100) ** 2 > MOST_PIXELS:
        raise ValueError("it is too large to be read back")
    image = bpy.data.images.load(frame)
    try:
        width, height = image.size
        if width == 0 or height == 0:
            raise ValueError("it cannot be read back")
        factor = min(1, side / max(width, height))
        image.scale(max(1, round(width * factor)), max(1, round(height * factor)))
        with jpeg_settings(render.image_settings):
            image.save_render(target, scene=scene)
    finally:
        bpy.data.images.remove(image)


@contextmanager
def jpeg_settings(settings: Any) -> Iterator[None]:
    """The scene's own settings for a moment: a scene made for this would have Blender look at all of the file anew."""
    wanted = {"file_format": "JPEG", "color_mode": "RGB", "quality": QUALITY, "color_management": "FOLLOW_SCENE"}
    # The format comes first, for it decides which modes and depths there are.
    names = [name for name in ("file_format", "color_mode", "color_depth", "quality", "color_management") if hasattr(settings, name)]
    kept = {name: getattr(settings, name) for name in names}
    try:
        for name, value in wanted.items():
            if name in kept:
                setattr(settings, name, value)
        yield
    finally:
        for name, value in kept.items():
            setattr(settings, name, value)
