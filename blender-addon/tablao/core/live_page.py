"""The state that a live page (`jobsUpdated`, `tasksUpdated`, `workersUpdated`) describes."""

from __future__ import annotations

from typing import Any, Callable, Generic, Mapping, TypeVar

Item = TypeVar("Item")


class LivePage(Generic[Item]):
    """Items by id, in order. The first message after a connection holds the whole page; nothing stale outlives it."""

    def __init__(self, read: Callable[[Mapping[str, Any]], Item]) -> None:
        self._read = read
        self._items: dict[str, Item] = {}

    def apply(self, update: Mapping[str, Any]) -> tuple[Item, ...]:
        """Takes a message (`changed` and `order`), and gives the page as it is now."""
        items = {**self._items, **{item["id"]: self._read(item) for item in update["changed"]}}
        self._items = {id: items[id] for id in update["order"] if id in items}
        return tuple(self._items.values())
