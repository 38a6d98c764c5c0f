"""Makes the acquaintance of a gateway: is it one, which version has it, what does it render, and with what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Optional

from .cancellation import Cancellation
from .documents import load_document
from .errors import GatewayError, NotAGatewayError, SchemaMismatchError
from .job_types import JobType, read_job_type
from .transport import Client
from .version import compare_versions, describe_difference


@dataclass(frozen=True)
class FarmWorker:
    name: str
    task_types: tuple[str, ...]
    tags: tuple[str, ...]
    #: As `4.5.15`.
    blender_versions: tuple[str, ...]
    #: Words for what its Blenders have, as `engine:CYCLES`; none when the worker or the gateway does not say.
    offers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Farm:
    version: str
    job_types: tuple[JobType, ...]
    #: Those that take work now; None when the gateway does not say.
    workers: Optional[tuple[FarmWorker, ...]]
    #: What to say about the gateway's version; None when it fits.
    version_note: Optional[str]

    def job_type(self, name: str) -> Optional[JobType]:
        return next((job_type for job_type in self.job_types if job_type.name == name), None)


def connect(client: Client, addon_version: str, cancellation: Optional[Cancellation] = None) -> Farm:
    """Raises GatewayError in the words that the preferences show, or Canceled."""
    version = _read_version(client, cancellation)
    try:
        types = client.ask(load_document("JobTypes"), None, cancellation)["jobTypes"]
        job_types = tuple(read_job_type(job_type) for job_type in types)
    except (SchemaMismatchError, KeyError, TypeError) as error:
        raise describe_mismatch(version, addon_version, error) from error
    workers = read_workers(client, cancellation)
    return Farm(version, job_types, workers, describe_difference(version, addon_version))


def read_workers(client: Client, cancellation: Optional[Cancellation] = None) -> Optional[tuple[FarmWorker, ...]]:
    """Those that take work now; None when this gateway does not say. Raises GatewayError or Canceled."""
    try:
        nodes = client.ask(load_document("Workers"), None, cancellation)["workers"]["nodes"]
        return tuple(
            FarmWorker(
                name=node["name"],
                task_types=tuple(node["taskTypes"]),
                tags=tuple(node["tags"]),
                blender_versions=tuple(node["blenderVersions"]),
                offers=tuple(node["offers"]),
            )
            for node in nodes
        )
    except (SchemaMismatchError, KeyError, TypeError):
        return None


def describe_mismatch(gateway_version: str, addon_version: str, error: Exception) -> GatewayError:
    """What to say when the two do not understand each other."""
    order = compare_versions(gateway_version, addon_version)
    versions = f"the gateway has version {gateway_version}, this add-on {addon_version}"
    if order > 0:
        return SchemaMismatchError(f"This add-on is too old for the gateway ({versions}): update it from the gateway.")
    if order < 0:
        return SchemaMismatchError(
            f"The gateway is too old for this add-on ({versions}): install the gateway's own add-on."
        )
    return SchemaMismatchError(f"The gateway and this add-on do not understand each other ({versions}): {error}")


def _read_version(client: Client, cancellation: Optional[Cancellation]) -> str:
    reply = client.get("/health", cancellation)
    try:
        health = json.loads(reply.body)
    except ValueError:
        health = None
    version = health.get("version") if isinstance(health, dict) else None
    if isinstance(version, str):
        return version
    errors = health.get("errors") if isinstance(health, dict) else None
    if reply.status == 403 and isinstance(errors, list) and errors and isinstance(errors[0], dict):
        raise NotAGatewayError(f"The gateway does not answer to this name: {errors[0].get('message')}")
    raise NotAGatewayError(
        f"Something answers at {client.address}, but it is not a Tablao gateway (HTTP {reply.status} for /health)."
    )
