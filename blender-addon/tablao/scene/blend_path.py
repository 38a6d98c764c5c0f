"""Paths in a .blend: `//` stands for the folder of the file that the data-block is in, its library's if it has one."""

from __future__ import annotations

import os
from typing import Optional

import bpy


def to_absolute(path: str, library: Optional[bpy.types.Library] = None) -> str:
    return os.path.normpath(bpy.path.abspath(path, library=library)) if path else ""
