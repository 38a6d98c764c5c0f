"""Saves what is on the screen as a copy beside the file: that is what the farm renders."""

from __future__ import annotations

import os
from datetime import datetime

import bpy

from ..core.snapshots import snapshot_path


class SnapshotError(Exception):
    """The copy could not be saved; the message says why."""


def save_snapshot() -> str:
    """Its path. Neither the open file nor its name nor what is unsaved in it changes. Raises SnapshotError."""
    path = snapshot_path(bpy.data.filepath, datetime.now())
    compress = bpy.context.preferences.filepaths.use_file_compression
    try:
        # The same folder, so relative paths hold as they are.
        bpy.ops.wm.save_as_mainfile(
            filepath=path, copy=True, relative_remap=False, compress=compress, check_existing=False
        )
    except RuntimeError as error:
        folder = os.path.dirname(path)
        reason = str(error).strip().removeprefix("Error: ")
        raise SnapshotError(f"The snapshot could not be saved in {folder}: {reason}") from error
    return path
