"""Is the file that the farm opens the one that is on the screen?"""

from __future__ import annotations

import os
from typing import Iterator

from .facts import Submission
from .finding import Finding, Severity


def check_saved(submission: Submission) -> Iterator[Finding]:
    facts = submission.facts
    if not facts.blend_path:
        yield Finding("file-never-saved", Severity.ERROR, "This file was never saved: the farm has nothing to open")
    elif facts.has_unsaved_changes and submission.renders_in_place:
        message = "There are unsaved changes, and the job renders the file itself"
        yield Finding("file-unsaved", Severity.ERROR, message)
    elif facts.has_unsaved_changes:
        message = "There are unsaved changes: the snapshot has them, your file does not"
        yield Finding("file-unsaved", Severity.NOTE, message)


def check_disk_caches(submission: Submission) -> Iterator[Finding]:
    """A copy under another name would lose them: Blender keeps them in `blendcache_NAME`."""
    if not submission.renders_in_place:
        return
    caches = submission.facts.disk_caches
    name = os.path.splitext(os.path.basename(submission.facts.blend_path))[0]
    because = f": the disk cache of {list_names(caches)} is named after the file (blendcache_{name})" if caches else ""
    message = f"The file itself is rendered, not a snapshot{because}. Do not save it before the job ends"
    yield Finding("renders-in-place", Severity.NOTE, message)


def check_scripts(submission: Submission) -> Iterator[Finding]:
    scripts = submission.facts.scripts
    if scripts:
        message = f"Workers run no scripts unless their owner allows it; this file needs them: {list_names(scripts)}"
        yield Finding("needs-scripts", Severity.WARNING, message)


def list_names(names: tuple[str, ...], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
