"""What is submitted, as the API takes it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from .job_types import SettingValue


@dataclass(frozen=True)
class JobRequest:
    """What the artist chose, before any file is looked at."""

    job_type: str
    name: str
    settings: Mapping[str, SettingValue]
    priority: int = 50
    #: None sets no limit.
    max_workers: Optional[int] = None
    worker_tag: str = ""
    submitter: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    job_type_version: Optional[str] = None


def make_idempotency_key() -> str:
    """One for each time that somebody means to submit; repeated with each try to send it."""
    return f"blender-{uuid.uuid4()}"


def to_input(request: JobRequest, files: list[dict[str, Any]], idempotency_key: Optional[str]) -> dict[str, Any]:
    """SubmitJobInput: what is not given is left out, so that an older gateway is not asked about what it does not know."""
    given: dict[str, Any] = {
        "type": request.job_type,
        "name": request.name,
        "settings": dict(request.settings),
        "priority": request.priority,
        "maxWorkers": request.max_workers,
        "workerTag": request.worker_tag or None,
        "submitter": request.submitter or None,
        "metadata": dict(request.metadata) or None,
        "jobTypeVersion": request.job_type_version,
        "files": files or None,
        "idempotencyKey": idempotency_key,
    }
    return {key: value for key, value in given.items() if value is not None}
