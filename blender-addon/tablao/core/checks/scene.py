"""Does the scene render at all, and with what the farm has?"""

from __future__ import annotations

from typing import Iterator, Optional

from ..connection import FarmWorker
from ..frame_range import parse_frames
from .facts import Submission
from .finding import Finding, Severity

RENDERING = "blender"


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


def check_engine(submission: Submission) -> Iterator[Finding]:
    facts = submission.facts
    if not facts.has_standard_engine:
        message = f"The render engine {facts.engine} comes with an add-on: every worker needs it too"
        yield Finding("engine-from-add-on", Severity.WARNING, message)


def check_denoiser(submission: Submission) -> Iterator[Finding]:
    if submission.facts.lacks_denoiser:
        message = "Denoising is on, but this Blender has no OpenImageDenoise: where a worker's lacks it too, no frame is written"
        yield Finding("denoiser-missing", Severity.WARNING, message)


def check_workers(submission: Submission, workers: Optional[tuple[FarmWorker, ...]]) -> Iterator[Finding]:
    """An older Blender cannot read a newer one's file: it says that it is none, or crashes."""
    if workers is None or "BLEND_FILE" not in submission.keys:
        return
    tag = submission.worker_tag
    able = [worker for worker in workers if RENDERING in worker.task_types and (not tag or tag in worker.tags)]
    if not able:
        whom = f"No worker with the tag “{tag}”" if tag else "No worker"
        yield Finding("no-worker", Severity.WARNING, f"{whom} is there to render now: the job will wait")
        return
    versions = sorted({version for worker in able for version in worker.blender_versions}, key=_numbers)
    have = f"they have {', '.join(versions)}" if versions else "they have none"
    wanted = str(submission.value_of("BLENDER_VERSION") or "")
    ours = submission.facts.blender_version[:2]
    if wanted and not any(f"{version}.".startswith(f"{wanted}.") for version in versions):
        message = f"No worker has Blender {wanted}, which this job asks for ({have}): the job will wait"
        yield Finding("farm-lacks-version", Severity.WARNING, message)
    elif not wanted and not any(_numbers(version)[:2] >= ours for version in versions):
        message = f"No worker has Blender {ours[0]}.{ours[1]} or newer ({have}): it could not read this file"
        yield Finding("farm-lacks-version", Severity.WARNING, message)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
