"""Named roots: folders that artists and workers have in different places. `/mnt/show/shots/a.blend` is `show:shots/a.blend`
where the root `show` is `/mnt/show`; each worker puts its own folder in its place.
"""

from __future__ import annotations

import re
from typing import Mapping, Optional

#: As the gateway has it: two letters at least, so that no drive (`C:`) is one.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{1,31}")
NAME_ALLOWED = "2–32 letters, digits, _ and -, the first one a letter"
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def find_name_fault(name: str) -> Optional[str]:
    """What is wrong with the name of a root; None when nothing is."""
    return None if _NAME.fullmatch(name) else f"“{name}” cannot be the name of a root: it has {NAME_ALLOWED}."


def is_absolute(path: str) -> bool:
    """Whether the path says by itself where it is, on whatever system. Blender's `//x` does not."""
    return bool(re.match(r"/(?!/)", path) or re.match(r"[A-Za-z]:[\\/]|\\\\[^\\/]+[\\/][^\\/]", path))


def splits_into_root(path: str) -> bool:
    """Whether the path begins with the name of a root already."""
    name, colon, _ = path.partition(":")
    return bool(colon) and _NAME.fullmatch(name) is not None


def to_farm_path(path: str, roots: Mapping[str, str]) -> str:
    """The path by its root, if it is in one: the innermost where roots lie in each other; else the path itself."""
    best: Optional[tuple[int, str]] = None
    for name, folder in roots.items():
        rest = _rest_below(path, folder)
        if rest is not None and (best is None or len(_plain(folder)) > best[0]):
            best = (len(_plain(folder)), f"{name}:{rest}")
    return path if best is None else best[1]


def to_local_path(path: str, roots: Mapping[str, str]) -> str:
    """Where a farm's path is on this machine; the path itself when its root is not known here."""
    name, _, rest = path.partition(":")
    if not splits_into_root(path) or name not in roots:
        return path
    return f"{_plain(roots[name])}/{rest}"


def _rest_below(path: str, folder: str) -> Optional[str]:
    whole, base = _plain(path), _plain(folder)
    if not base or not is_absolute(f"{folder}/"):
        return None
    matches = _fold(whole).startswith(_fold(base) + "/")
    return whole[len(base) + 1 :] if matches else None


def _plain(path: str) -> str:
    """With slashes only, and none at the end."""
    return (path.replace("\\", "/") if _WINDOWS.match(path) else path).rstrip("/")


def _fold(path: str) -> str:
    """Windows does not tell small letters from capitals."""
    return path.lower() if re.match(r"[A-Za-z]:/|//", path) else path
