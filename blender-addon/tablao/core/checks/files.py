"""Is everything there that the render reads?"""

from __future__ import annotations

import os
from typing import Iterator

from ..file_refs import missing_paths
from .facts import Submission
from .finding import Finding, Severity


def check_files(submission: Submission) -> Iterator[Finding]:
    """Looks at the disk."""
    for ref in submission.facts.files:
        missing = list(missing_paths(ref))
        if not missing:
            continue
        if len(ref.paths) == 1:
            message = f"{ref.kind} “{ref.owner}” is missing: {missing[0]}"
        else:
            first = os.path.basename(missing[0])
            message = (
                f"{ref.kind} “{ref.owner}”: {len(missing)} of {len(ref.paths)} files are missing, the first is {first}"
            )
        yield Finding("file-missing", Severity.WARNING, message, ref.owner)
