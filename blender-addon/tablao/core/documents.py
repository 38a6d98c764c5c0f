"""The add-on's GraphQL operations: one a file, in the folder `graphql`, where tests hold them against the gateway's schema."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "graphql"


@dataclass(frozen=True)
class Document:
    #: The operation's name, which is the file's too.
    name: str
    text: str


@lru_cache(maxsize=None)
def load_document(name: str) -> Document:
    return Document(name, (FOLDER / f"{name}.graphql").read_text(encoding="utf-8"))
