"""Caches on the disk that are named after the .blend (`blendcache_NAME`): a copy under another name loses them."""

from __future__ import annotations

from typing import Any, Iterator

from bpy.types import Scene


def collect_disk_caches(scene: Scene) -> tuple[str, ...]:
    """What has one: an object with its modifier or particles, or the scene's rigid bodies."""
    found = [label for label, cache in _point_caches(scene) if cache.use_disk_cache and not cache.use_external]
    return tuple(dict.fromkeys(found))


def _point_caches(scene: Scene) -> Iterator[tuple[str, Any]]:
    if scene.rigidbody_world is not None and scene.rigidbody_world.point_cache is not None:
        yield f"{scene.name} ▸ Rigid Body World", scene.rigidbody_world.point_cache
    for item in scene.objects:
        for modifier in item.modifiers:
            label = f"{item.name} ▸ {modifier.name}"
            if modifier.type in ("CLOTH", "SOFT_BODY"):
                yield label, modifier.point_cache
            elif modifier.type == "DYNAMIC_PAINT" and modifier.canvas_settings is not None:
                for surface in modifier.canvas_settings.canvas_surfaces:
                    yield label, surface.point_cache
        for system in item.particle_systems:
            yield f"{item.name} ▸ {system.name}", system.point_cache
