"""What the artist looks at: which jobs, which of them is selected, what of it is unfolded. It lives as long as the add-on is
enabled; nothing of it goes into a .blend.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.live_jobs import OPEN

#: By the name of the choice; none of the statuses means all of them.
JOB_STATUSES: dict[str, tuple[str, ...]] = {
    "ALL": (),
    "OPEN": OPEN,
    "COMPLETED": ("COMPLETED",),
    "FAILED": ("FAILED",),
    "CANCELED": ("CANCELED",),
}
TASK_STATUSES: dict[str, tuple[str, ...]] = {
    "ALL": (),
    "ACTIVE": ("ACTIVE",),
    "FAILED": ("FAILED", "SOFT_FAILED"),
    "QUEUED": ("QUEUED",),
    "COMPLETED": ("COMPLETED",),
    "CANCELED": ("CANCELED",),
}


@dataclass
class View:
    shows_everyone: bool = False
    search: str = ""
    job_statuses: str = "ALL"
    #: Empty: none is selected.
    job_id: str = ""
    shows_tasks: bool = False
    task_statuses: str = "ALL"
    task_id: str = ""
    #: What the gateway said no to, until it is dismissed.
    refusal: str = ""
    #: What is under way, such as `Requeueing…`.
    activity: str = ""


view = View()


def forget() -> None:
    view.__dict__.update(View().__dict__)
