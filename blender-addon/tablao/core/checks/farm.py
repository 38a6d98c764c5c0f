"""Has the farm what the scene needs?"""

from __future__ import annotations

from typing import Iterator, Optional

from ..connection import FarmWorker
from .blend_file import list_names
from .facts import Submission
from .finding import Finding, Severity

#: The task type of rendering.
RENDERING = "blender"
#: It has another name in each age of Blender, and files are converted when they are opened.
_EEVEE = "BLENDER_EEVEE"

#: The farm's workers, None when they are not known.
Workers = Optional[tuple[FarmWorker, ...]]


def check_engine(submission: Submission, workers: Workers) -> Iterator[Finding]:
    facts = submission.facts
    able = _that_say(_able(submission, workers), "engine")
    lacking = [worker for worker in able if f"engine:{facts.engine}" not in worker.offers]
    if facts.engine.startswith(_EEVEE) or (able and not lacking):
        return
    if able and len(lacking) == len(able):
        message = f"No worker’s Blender has the render engine {facts.engine}: no frame would be rendered"
        yield Finding("engine-missing", Severity.ERROR, message)
    elif lacking:
        message = f"The Blender of {_names(lacking)} lacks the render engine {facts.engine}: frames would fail there"
        yield Finding("engine-missing", Severity.WARNING, message)
    elif not facts.has_standard_engine:
        message = f"The render engine {facts.engine} comes with an add-on: every worker needs it too"
        yield Finding("engine-missing", Severity.WARNING, message)


def check_denoiser(submission: Submission, workers: Workers) -> Iterator[Finding]:
    """A Blender without the denoiser writes no frame, and says so nowhere but in its log."""
    facts = submission.facts
    if facts.denoiser is None:
        return
    able = _that_say(_able(submission, workers), "engine")
    lacking = [worker for worker in able if f"denoiser:{facts.denoiser}" not in worker.offers]
    if able and len(lacking) == len(able):
        message = f"No worker’s Blender has the denoiser {facts.denoiser}: no frame would be written"
        yield Finding("denoiser-missing", Severity.ERROR, message)
    elif lacking:
        message = f"The Blender of {_names(lacking)} lacks the denoiser {facts.denoiser}: frames would fail there"
        yield Finding("denoiser-missing", Severity.WARNING, message)
    elif not able and facts.lacks_denoiser:
        message = (
            f"This Blender lacks the denoiser {facts.denoiser}: where a worker’s lacks it too, no frame is written"
        )
        yield Finding("denoiser-missing", Severity.WARNING, message)


def check_workers(submission: Submission, workers: Workers) -> Iterator[Finding]:
    """An older Blender cannot read a newer one's file: it says that it is none, or crashes."""
    if workers is None or "BLEND_FILE" not in submission.keys:
        return
    tag, able = submission.worker_tag, _able(submission, workers)
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


def _able(submission: Submission, workers: Workers) -> list[FarmWorker]:
    """Those that would be given the job."""
    tag = submission.worker_tag
    return [worker for worker in workers or () if RENDERING in worker.task_types and (not tag or tag in worker.tags)]


def _that_say(workers: list[FarmWorker], kind: str) -> list[FarmWorker]:
    """Those that say what they have of a kind: an older worker does not, which means nothing."""
    return [worker for worker in workers if any(word.startswith(f"{kind}:") for word in worker.offers)]


def _names(workers: list[FarmWorker]) -> str:
    return list_names(tuple(worker.name for worker in workers))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
