"""Files outside the .blend that a render reads."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Iterable, Iterator

_LAST_NUMBER = re.compile(r"(\d+)(?=\D*$)")


@dataclass(frozen=True)
class FileRef:
    #: What it is, for people: `Image`, `Library`, `Font`.
    kind: str
    #: The data-block that reads it.
    owner: str
    #: Where it is, absolute; several for a sequence or a UDIM.
    paths: tuple[str, ...]
    #: A cache may be a folder.
    is_folder: bool = False


@dataclass(frozen=True)
class SequenceUse:
    """How a node or a texture plays an image sequence: Blender's ImageUser."""

    first: int
    duration: int
    offset: int
    is_cyclic: bool


def sequence_numbers(uses: Iterable[SequenceUse], frames: Iterable[int]) -> list[int]:
    """The numbers of the files that are read when the frames are rendered."""
    numbers: set[int] = set()
    known = list(frames)
    for use in uses:
        if use.duration < 1:
            continue
        for frame in known:
            position = frame - use.first + 1
            if use.is_cyclic:
                position = position % use.duration or use.duration
            if position >= 1:
                numbers.add(min(position, use.duration) + use.offset)
    return sorted(numbers)


def sequence_path(path: str, number: int) -> str:
    """The path with its last number replaced, as long as it was: `/a/fire_0001.png`, 12 → `/a/fire_0012.png`."""
    folder, name = os.path.split(path)
    return os.path.join(folder, _LAST_NUMBER.sub(lambda match: str(number).zfill(len(match[1])), name, count=1))


def tile_path(path: str, tile: int) -> str:
    """The file of one UDIM tile: `<UDIM>` is its number, `<UVTILE>` is `u1_v1`."""
    column, row = (tile - 1001) % 10 + 1, (tile - 1001) // 10 + 1
    return path.replace("<UDIM>", str(tile)).replace("<UVTILE>", f"u{column}_v{row}")


def missing_paths(ref: FileRef) -> Iterator[str]:
    """Looks at the disk, which may take long on a network."""
    exists = os.path.isdir if ref.is_folder else os.path.exists
    return (path for path in ref.paths if not exists(path))
