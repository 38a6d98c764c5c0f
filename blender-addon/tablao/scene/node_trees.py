"""The node trees that a render uses, groups included, in whichever Blender."""

from __future__ import annotations

from typing import Iterator, Optional

import bpy
from bpy.types import Node, NodeTree, Scene


def compositor_of(scene: Scene) -> Optional[NodeTree]:
    """None where the scene does not use one."""
    if not scene.render.use_compositing:
        return None
    if hasattr(scene, "compositing_node_group"):  # 5.0 and newer
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def nodes_of(tree: Optional[NodeTree]) -> Iterator[Node]:
    """Its nodes and those of its groups, each once; muted ones do nothing."""
    trees = [tree]
    seen: set[NodeTree] = set()
    while trees:
        current = trees.pop()
        if current is None or current in seen:
            continue
        seen.add(current)
        for node in current.nodes:
            if not node.mute:
                yield node
                trees.append(getattr(node, "node_tree", None))


def all_trees() -> Iterator[NodeTree]:
    """Those of materials, worlds, lights, textures and scenes, and the groups."""
    owners = (bpy.data.materials, bpy.data.worlds, bpy.data.lights, bpy.data.textures)
    for owner in (item for owned in owners for item in owned):
        tree = owner.node_tree
        if tree is not None:
            yield tree
    for scene in bpy.data.scenes:
        tree = compositor_of(scene)
        if tree is not None:
            yield tree
    yield from bpy.data.node_groups
