"""How it stands with the gateway, in the panels and in the preferences."""

from __future__ import annotations

import bpy
from bpy.types import UILayout

from .. import session, settings
from ..core.address import parse_address
from ..core.errors import AddressError, OfflineError
from ..session import Link
from .text import draw_lines


def draw_test(layout: UILayout) -> None:
    """For the preferences: a button, and what became of it."""
    current = session.get()
    row = layout.row()
    row.enabled = current.link != Link.CONNECTING
    text = "Connecting…" if current.link == Link.CONNECTING else "Test Connection"
    row.operator("tablao.connect", text=text, icon="FILE_REFRESH")
    box = layout.column()
    if current.link == Link.CONNECTED and current.farm is not None:
        farm = current.farm
        draw_lines(box, f"Connected to Tablao {farm.version}. {_count_workers()}", "CHECKMARK")
        if farm.version_note:
            draw_lines(box, farm.version_note, "INFO")
    elif current.link == Link.FAILED:
        _draw_failure(box)
    _draw_warning(box)


def draw_state(layout: UILayout) -> bool:
    """For the panels: what keeps them from working, with a button. True when nothing does."""
    current = session.get()
    if current.farm is not None:
        if current.farm.version_note:
            draw_lines(layout, current.farm.version_note, "INFO")
        return True
    if current.link != Link.FAILED:
        layout.label(text="Connecting to the gateway…", icon="SORTTIME")
        return False
    _draw_failure(layout)
    row = layout.row(align=True)
    if not isinstance(current.failure, OfflineError):
        row.operator("tablao.connect", text="Try Again", icon="FILE_REFRESH")
    row.operator("tablao.show_preferences", text="Preferences…", icon="PREFERENCES")
    return False


def _draw_failure(layout: UILayout) -> None:
    failure = session.get().failure
    icon = "INFO" if isinstance(failure, OfflineError) else "ERROR"
    draw_lines(layout, str(failure), icon)
    overridden = getattr(bpy.app, "online_access_overridden", False)
    if isinstance(failure, OfflineError) and not overridden:
        layout.prop(bpy.context.preferences.system, "use_online_access")


def _count_workers() -> str:
    farm = session.get().farm
    if farm is None or farm.workers is None:
        return ""
    count = len(farm.workers)
    return "No worker is there." if count == 0 else f"{count} worker{'s' if count > 1 else ''}."


def _draw_warning(layout: UILayout) -> None:
    preferences = settings.get_preferences()
    try:
        address = parse_address(preferences.gateway)
    except AddressError:
        return
    if preferences.token and not address.is_encrypted and not address.is_loopback:
        draw_lines(layout, "The token goes to this gateway unencrypted; ask for an address with https://.", "ERROR")
