"""Does the scene render at all?"""

from __future__ import annotations

from typing import Iterator

from ..frame_range import parse_frames
from .facts import Submission
from .finding import Finding, Severity


def check_camera(submission: Submission) -> Iterator[Finding]:
    facts = submission.facts
    if facts.camera is not None or facts.renders_strips or submission.value_of("CAMERA"):
        return
    if facts.other_cameras:
        message = f"The scene has no active camera; “{facts.other_cameras[0]}” could be it"
        yield Finding("no-camera", Severity.ERROR, message, facts.other_cameras[0])
    else:
        yield Finding("no-camera", Severity.ERROR, "The scene has no camera")


def check_frames(submission: Submission) -> Iterator[Finding]:
    if "FRAME_RANGE" not in submission.keys:
        return
    frames = str(submission.value_of("FRAME_RANGE") or "")
    if not frames.strip():
        yield Finding("frames-empty", Severity.ERROR, "There are no frames to render: name at least one, as in 1-10")
    elif parse_frames(frames) is None:
        message = f"“{frames}” names no frames; write 7, 1-10, 1-100x5 or 5,7,9-12"
        yield Finding("frames-empty", Severity.ERROR, message)
