"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    NOTE = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True)
class Finding:
    #: Names the check, and with it the button that mends what it found.
    code: str
    severity: Severity
    message: str
    #: The data-block, node or object that it is about.
    subject: str = ""


def worst(findings: list[Finding]) -> Severity:
    return max((finding.severity for finding in findings), default=Severity.NOTE)
