"""The add-on's version, and what to say when the gateway has another one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

MANIFEST = Path(__file__).resolve().parent.parent / "blender_manifest.toml"


def read_addon_version(manifest: Path = MANIFEST) -> str:
    """As `1.2.3`. Python 3.10 has no reader of TOML, and one line of it is all that is wanted."""
    match = re.search(r'^version\s*=\s*"([^"]+)"', manifest.read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        raise ValueError(f"{manifest} has no version.")
    return match.group(1)


def compare_versions(gateway: str, addon: str) -> int:
    """Below 0 when the gateway is older, above when it is newer, 0 when they fit: the last number does not count."""
    theirs, ours = _significant(gateway), _significant(addon)
    return (theirs > ours) - (theirs < ours)


def describe_difference(gateway: str, addon: str) -> Optional[str]:
    """A sentence for the panel; None when the versions fit."""
    order = compare_versions(gateway, addon)
    if order == 0:
        return None
    if order > 0:
        return f"The gateway ({gateway}) is newer than this add-on ({addon}): update the add-on from the gateway."
    return f"The gateway ({gateway}) is older than this add-on ({addon}): what it lacks is switched off."


def _significant(version: str) -> tuple[int, int]:
    numbers = [int(digits) for digits in re.findall(r"\d+", version)[:2]]
    major, minor = (numbers + [0, 0])[:2]
    return major, minor
