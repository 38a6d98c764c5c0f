"""What in the file does nothing unless scripts may run: text blocks that register, and drivers that are real Python.

Simple expressions, as `frame * 2 + sin(var)`, are Blender's own to evaluate and always run.
"""

from __future__ import annotations

from typing import Any, Iterator

import bpy


def collect_scripts() -> tuple[str, ...]:
    texts = [f"text “{text.name}”" for text in bpy.data.texts if text.use_module]
    drivers = [f"driver of {owner}" for owner in _scripted_drivers()]
    return tuple(dict.fromkeys([*texts, *drivers]))


def _scripted_drivers() -> Iterator[str]:
    for collection in _collections():
        for item in collection:
            for owner in (item, getattr(item, "node_tree", None)):
                animation = getattr(owner, "animation_data", None)
                for curve in animation.drivers if animation is not None else ():
                    if curve.driver.type == "SCRIPTED" and not curve.driver.is_simple_expression:
                        yield f"“{item.name}” ({curve.data_path})"


def _collections() -> Iterator[Any]:
    for name, definition in bpy.data.bl_rna.properties.items():
        if definition.type == "COLLECTION":
            yield getattr(bpy.data, name)
