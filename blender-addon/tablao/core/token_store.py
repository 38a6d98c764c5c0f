"""Tokens in a file that only this user may read: Blender's own preferences are a .blend, which people hand around."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from .address import Address

_FILE = "tokens.json"


class TokenStore:
    """One token for each gateway, so that none is ever sent to another one because the address was changed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _FILE

    def load(self, address: Address) -> str:
        """Empty when there is none."""
        return self._read().get(str(address), "")

    def save(self, address: Address, token: str) -> None:
        """An empty token forgets the one that there was. Raises OSError."""
        tokens = self._read()
        tokens.pop(str(address), None)
        if token:
            tokens[str(address)] = token
        write_private(self.path, json.dumps(tokens, indent=2))

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def write_private(path: Path, text: str) -> None:
    """Replaces the file as a whole; it is nobody else's to read, not even for a moment (mkstemp makes it 0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
