"""Remembers where the add-on is drawn, so that nothing else is drawn anew when something has changed: a 3D view takes long."""

from __future__ import annotations

import bpy
from bpy.types import Context

#: Addresses of regions. A region that does not show the add-on any more (another tab, a folded panel) leaves at its next
#: change; one that shows it again draws by itself.
_regions: set[int] = set()


def note(context: Context) -> None:
    """To be called by whatever draws."""
    if context.region is not None:
        _regions.add(context.region.as_pointer())


def redraw() -> None:
    if not _regions:
        return
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if region.as_pointer() in _regions:
                    region.tag_redraw()
    _regions.clear()
