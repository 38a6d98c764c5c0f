"""Reads the preferences, for those who do not draw them."""

from __future__ import annotations

from typing import Any

import bpy

from . import folders
from .core.address import Address
from .core.roots import find_name_fault
from .core.token_store import TokenStore


def get_preferences() -> Any:
    return bpy.context.preferences.addons[__package__].preferences


def read_roots() -> dict[str, str]:
    """The named folders that can be used, absolute, by their names."""
    given = {root.name: bpy.path.abspath(root.path) for root in get_preferences().roots if root.path}
    return {name: path for name, path in given.items() if find_name_fault(name) is None}


def read_token(address: Address) -> str:
    return TokenStore(folders.user_folder()).load(address)


def write_token(address: Address, token: str) -> None:
    TokenStore(folders.user_folder()).save(address, token)
