"""The files outside the .blend that a render reads. Packed ones, and those that nothing uses, are left out."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Iterator

import bpy
from bpy.types import ID, Image, Scene

from ..core.file_refs import FileRef, SequenceUse, sequence_numbers, sequence_path, tile_path
from .blend_path import to_absolute
from .node_trees import all_trees


def collect_files(scene: Scene, frames: list[int]) -> tuple[FileRef, ...]:
    """`frames`: those that are to be rendered; of a sequence, only the files are read that they show."""
    found = [
        *_libraries(),
        *_images(frames),
        *_simple("Font", bpy.data.fonts),
        *_simple("Sound", bpy.data.sounds),
        *_clips(frames),
        *_simple("Cache file", bpy.data.cache_files),
        *_volumes(frames),
        *_modifiers(scene),
        *_strips(scene),
        *_light_profiles(),
    ]
    return tuple(dict.fromkeys(found))


def is_used(item: ID) -> bool:
    return item.users > (1 if item.use_fake_user else 0)


def _is_packed(item: Any) -> bool:
    return getattr(item, "packed_file", None) is not None or len(getattr(item, "packed_files", ())) > 0


def _simple(kind: str, items: Any) -> Iterator[FileRef]:
    for item in items:
        if item.filepath and item.filepath != "<builtin>" and is_used(item) and not _is_packed(item):
            yield FileRef(kind, item.name, (to_absolute(item.filepath, item.library),))


def _libraries() -> Iterator[FileRef]:
    for library in bpy.data.libraries:
        if not _is_packed(library):
            yield FileRef("Library", library.name, (to_absolute(library.filepath, library.parent),))


def _images(frames: list[int]) -> Iterator[FileRef]:
    uses = _sequence_uses()
    for image in bpy.data.images:
        if image.filepath and is_used(image) and not _is_packed(image):
            path = to_absolute(image.filepath, image.library)
            if image.source == "SEQUENCE":
                numbers = sequence_numbers(uses[image], frames)
                paths = tuple(sequence_path(path, number) for number in numbers) or (path,)
                yield FileRef("Image sequence", image.name, paths)
            elif image.source == "TILED":
                paths = tuple(tile_path(path, tile.number) for tile in image.tiles)
                yield FileRef("Tiled image", image.name, paths)
            elif image.source in ("FILE", "MOVIE"):
                yield FileRef("Movie" if image.source == "MOVIE" else "Image", image.name, (path,))


def _sequence_uses() -> dict[Image, list[SequenceUse]]:
    uses: dict[Image, list[SequenceUse]] = defaultdict(list)

    def add(image: Any, user: Any) -> None:
        if image is not None and image.source == "SEQUENCE" and user is not None:
            start, duration, offset = user.frame_start, user.frame_duration, user.frame_offset
            uses[image].append(SequenceUse(start, duration, offset, user.use_cyclic))

    for tree in all_trees():
        for node in tree.nodes:
            if isinstance(getattr(node, "image", None), Image):
                # The compositor's node has the user's fields itself.
                add(node.image, getattr(node, "image_user", None) or (node if hasattr(node, "use_cyclic") else None))
    for texture in bpy.data.textures:
        if texture.type == "IMAGE":
            add(texture.image, texture.image_user)
    return uses


def _clips(frames: list[int]) -> Iterator[FileRef]:
    for clip in bpy.data.movieclips:
        if not clip.filepath or not is_used(clip):
            continue
        path = to_absolute(clip.filepath, clip.library)
        paths: tuple[str, ...] = (path,)
        if clip.source == "SEQUENCE":
            use = SequenceUse(clip.frame_start, clip.frame_duration, clip.frame_offset, False)
            paths = tuple(sequence_path(path, number) for number in sequence_numbers([use], frames)) or paths
        yield FileRef("Movie clip", clip.name, paths)


def _volumes(frames: list[int]) -> Iterator[FileRef]:
    for volume in bpy.data.volumes:
        if not volume.filepath or not is_used(volume) or _is_packed(volume):
            continue
        path = to_absolute(volume.filepath, volume.library)
        paths: tuple[str, ...] = (path,)
        if volume.is_sequence:
            use = SequenceUse(volume.frame_start, volume.frame_duration, volume.frame_offset, False)
            paths = tuple(sequence_path(path, number) for number in sequence_numbers([use], frames)) or paths
        yield FileRef("Volume", volume.name, paths)


def _modifiers(scene: Scene) -> Iterator[FileRef]:
    for item in scene.objects:
        for modifier in item.modifiers:
            if not modifier.show_render:
                continue
            owner = f"{item.name} ▸ {modifier.name}"
            if modifier.type == "MESH_CACHE" and modifier.filepath:
                yield FileRef("Mesh cache", owner, (to_absolute(modifier.filepath, item.library),))
            elif modifier.type == "MULTIRES" and modifier.is_external:
                yield FileRef("Multires file", owner, (to_absolute(modifier.filepath, item.library),))
            elif modifier.type == "OCEAN" and modifier.is_cached:
                yield FileRef("Ocean cache", owner, (to_absolute(modifier.filepath, item.library),), is_folder=True)
            elif modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN":
                settings = modifier.domain_settings
                if settings.has_cache_baked_data or settings.has_cache_baked_any:
                    folder = to_absolute(settings.cache_directory, item.library)
                    yield FileRef("Fluid cache", owner, (folder,), is_folder=True)
            elif modifier.type == "NODES":
                folder = getattr(modifier, "bake_directory", "") or getattr(modifier, "simulation_bake_directory", "")
                if folder and getattr(modifier, "bake_target", "DISK") == "DISK":
                    yield FileRef("Bake", owner, (to_absolute(folder, item.library),), is_folder=True)


def strips_of(scene: Scene) -> list[Any]:
    """Those of the sequencer, in meta strips too, that are not muted; none where it is not rendered."""
    editor = scene.sequence_editor
    if editor is None or not scene.render.use_sequencer:
        return []
    strips = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all  # before 4.4: sequences
    return [strip for strip in strips if not strip.mute]


def _strips(scene: Scene) -> Iterator[FileRef]:
    for strip in strips_of(scene):
        if strip.type == "MOVIE" and strip.filepath:
            yield FileRef("Movie strip", strip.name, (to_absolute(strip.filepath),))
        elif strip.type == "IMAGE":
            folder = to_absolute(strip.directory)
            first, last = strip.frame_offset_start, strip.frame_offset_start + strip.frame_final_duration
            names = [element.filename for element in strip.elements][int(first) : int(last)]
            yield FileRef("Image strip", strip.name, tuple(f"{folder}/{name}" for name in names))


def _light_profiles() -> Iterator[FileRef]:
    for tree in all_trees():
        for node in tree.nodes:
            if node.bl_idname == "ShaderNodeTexIES" and node.mode == "EXTERNAL" and node.filepath:
                yield FileRef(
                    "Light profile", f"{tree.name} ▸ {node.name}", (to_absolute(node.filepath, tree.library),)
                )
