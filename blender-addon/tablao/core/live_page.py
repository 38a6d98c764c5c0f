"""The state that a live page (`jobsUpdated`, `tasksUpdated`, `workersUpdated`) describes, kept on the main thread."""

from __future__ import annotations

from typing import Any, Generic, Iterable, Iterator, Mapping, Optional, TypeVar

Item = TypeVar("Item", bound=Mapping[str, Any])


class LivePage(Generic[Item]):
    """Items by id, and their order. The first message after a connection holds the whole page; nothing stale outlives it."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self.order: tuple[str, ...] = ()

    def apply(self, changed: Iterable[Item], order: Iterable[str]) -> list[Item]:
        """Takes a message, and gives the items of the page that are new or another than before."""
        given = {item["id"]: item for item in changed}
        self.order = tuple(id for id in order if id in given or id in self._items)
        before = self._items
        self._items = {id: given.get(id) or before[id] for id in self.order}
        return [item for id, item in self._items.items() if before.get(id) != item]

    def clear(self) -> None:
        self._items = {}
        self.order = ()

    def get(self, id: str) -> Optional[Item]:
        return self._items.get(id)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)
