"""Reads the preferences, for those who do not draw them."""

from __future__ import annotations

import getpass
import os
from types import SimpleNamespace
from typing import Any

import bpy

from . import folders
from .core.address import USUAL_PORT, Address
from .core.roots import find_name_fault
from .core.token_store import TokenStore


def get_preferences() -> Any:
    """Those of the add-on; where it was enabled by `blender --addons` only, Blender keeps none, and the environment says more."""
    addon = bpy.context.preferences.addons.get(__package__)
    if addon is not None:
        return addon.preferences
    gateway = os.environ.get("TABLAO_GATEWAY") or f"http://127.0.0.1:{USUAL_PORT}"
    return SimpleNamespace(gateway=gateway, submitter=user_name(), roots=())


def user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""  # a container's user may have no name


def read_roots() -> dict[str, str]:
    """The named folders that can be used, absolute, by their names."""
    given = {root.name: bpy.path.abspath(root.path) for root in get_preferences().roots if root.path}
    return {name: path for name, path in given.items() if find_name_fault(name) is None}


def read_token(address: Address) -> str:
    return TokenStore(folders.user_folder()).load(address)


def write_token(address: Address, token: str) -> None:
    TokenStore(folders.user_folder()).save(address, token)
