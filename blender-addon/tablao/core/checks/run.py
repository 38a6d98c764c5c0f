"""All checks, in the order in which their findings are shown: what blocks comes first."""

from __future__ import annotations

from typing import Callable, Iterator

from . import blend_file, farm, files, output, scene
from .facts import Submission
from .finding import Finding

Check = Callable[[Submission], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    blend_file.check_saved,
    scene.check_camera,
    scene.check_frames,
    output.check_output_path,
    output.check_output_folder,
    output.check_format,
    files.check_files,
    output.check_file_outputs,
    blend_file.check_scripts,
    blend_file.check_disk_caches,
)
FARM_CHECKS = (farm.check_engine, farm.check_denoiser, farm.check_workers)


def run_checks(submission: Submission, workers: farm.Workers) -> list[Finding]:
    """Looks at the disk, so not on the main thread. `workers`: the farm's, None when they are not known."""
    found = [finding for check in CHECKS for finding in check(submission)]
    found.extend(finding for farm_check in FARM_CHECKS for finding in farm_check(submission, workers))
    return sorted(found, key=lambda finding: -finding.severity)
