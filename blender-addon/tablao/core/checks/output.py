"""Do the frames get to where the artist looks for them?"""

from __future__ import annotations

import os
import re
from typing import Iterator, Optional

from ..roots import is_absolute, splits_into_root
from .facts import Submission
from .finding import Finding, Severity

MOVIE_FORMATS = ("FFMPEG", "AVI_JPEG", "AVI_RAW", "THEORA", "XVID", "H264")


def check_output_path(submission: Submission) -> Iterator[Finding]:
    if "OUTPUT_PATH" not in submission.keys:
        return
    path = str(submission.value_of("OUTPUT_PATH") or "")
    entered = submission.entered_output
    if not path.strip():
        yield Finding("output-empty", Severity.ERROR, "There is no output path")
        return
    if not is_absolute(path) and not splits_into_root(path) and not entered.startswith("//"):
        message = f"The output path “{entered}” is relative to nothing that the workers know"
        yield Finding("output-relative", Severity.ERROR, message)
    name = re.split(r"[/\\]", path)[-1]
    if "#" not in path:
        message = "The output path has no # for the frame's number: every frame would have the same name"
        yield Finding("output-without-number", Severity.ERROR, message)
    elif "#" in path[: len(path) - len(name)] or len(re.findall("#+", name)) > 1:
        message = (
            "The output path has # in several places; only one group, in the file's name, stands for the frame's number"
        )
        yield Finding("output-with-many-numbers", Severity.ERROR, message)
    if re.search(r"\{[^{}]*\}", path):
        message = "The output path has a template in braces, which the farm does not fill in"
        yield Finding("output-with-template", Severity.ERROR, message)


def check_output_folder(submission: Submission) -> Iterator[Finding]:
    """Looks at the disk. A path of another system, or below a root that is elsewhere, is not this machine's to judge."""
    path = str(submission.value_of("OUTPUT_PATH") or "")
    if not os.path.isabs(path):
        return
    folder = os.path.dirname(path)
    reason = find_folder_fault(folder)
    if reason is not None:
        yield Finding("output-not-writable", Severity.ERROR, f"Frames cannot be written to {folder}: {reason}")


def check_format(submission: Submission) -> Iterator[Finding]:
    given = submission.value_of("FILE_FORMAT")
    formats = submission.formats
    if given is None or not formats or given in formats:
        return
    if given in MOVIE_FORMATS:
        message = "The output is a movie: farms render images, one file a frame, and make the preview video of them"
        yield Finding("output-is-movie", Severity.ERROR, message)
    else:
        message = f"The farm does not render {given}; it renders {', '.join(formats)}"
        yield Finding("output-format", Severity.ERROR, message)


def check_file_outputs(submission: Submission) -> Iterator[Finding]:
    for output in submission.facts.file_outputs:
        message = (
            f"The compositor's node “{output.node}” writes to {output.path}, which the farm neither checks nor moves"
        )
        yield Finding("file-output-node", Severity.WARNING, message, output.node)


def find_folder_fault(folder: str) -> Optional[str]:
    """Why nothing can be written there, or None. The folder need not be there: workers make it."""
    there = folder
    while not os.path.lexists(there):
        parent = os.path.dirname(there)
        if parent == there:
            return "there is no such drive"
        there = parent
    if not os.path.isdir(there):
        return f"{there} is a file"
    return None if os.access(there, os.W_OK) else f"{there} may not be written to"
