"""One submission, from the click to its end. It never waits: each step ends in a callback that begins the next one.

    connecting → checking → saving the snapshot → reading the files → sending → submitted

Files and network are for the background's threads; the scene is read, and the snapshot saved, on the main thread. If the scene
changed while its files were being checked, it is checked again: what is checked is what is saved.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import Any, Callable, Optional

import bpy

from .. import folders, scene_properties, settings
from ..core.background import Work
from ..core.checks.finding import Finding, Severity, worst
from ..core.checks.run import run_checks
from ..core.connection import describe_mismatch, read_workers
from ..core.errors import Canceled, GatewayError, SchemaMismatchError
from ..core.job_input import make_idempotency_key, to_input
from ..core.job_types import JobType
from ..core.sending import InvalidInputError, JobPreview, SubmittedJob, preview, send
from ..core.snapshots import SnapshotNote, SnapshotNotes
from ..session import Link, Session
from .choices import Choices, Overrides, gather
from .snapshot import SnapshotError, save_snapshot


class Aim(Enum):
    CHECK = "check"
    PREVIEW = "preview"
    SUBMIT = "submit"


class Step(Enum):
    CONNECTING = "Connecting"
    CHECKING = "Checking"
    HASHING = "Reading Files"
    ASKING = "Asking the Gateway"
    SENDING = "Submitting"
    # The ends:
    CHECKED = "Checked"
    STOPPED = "Stopped"
    PREVIEWED = "Previewed"
    SUBMITTED = "Submitted"
    FAILED = "Failed"
    CANCELED = "Canceled"


ENDS = (Step.CHECKED, Step.STOPPED, Step.PREVIEWED, Step.SUBMITTED, Step.FAILED, Step.CANCELED)
#: A click within this time after the end of a submission was the second half of a double click.
DOUBLE_CLICK_SECONDS = 1.0
#: A check waits no longer to hear which workers there are now: it knows who was there before.
NEWS_SECONDS = 2.0


@dataclass
class Run:
    session: Session
    scene_name: str
    aim: Aim
    overrides: Overrides = field(default_factory=Overrides)
    ignores_warnings: bool = False
    on_end: Optional[Callable[[Run], None]] = None
    step: Step = Step.CONNECTING
    findings: list[Finding] = field(default_factory=list)
    #: Why it failed, or what it waits for, in words.
    message: str = ""
    #: Files read, and all of them.
    progress: tuple[int, int] = (0, 0)
    job: Optional[SubmittedJob] = None
    preview: Optional[JobPreview] = None
    ended_at: float = 0.0
    _key: str = field(default_factory=make_idempotency_key)
    _choices: Optional[Choices] = None
    _work: Optional[Work[Any]] = None
    _snapshot: str = ""
    _send: Optional[Callable[[Work[SubmittedJob]], SubmittedJob]] = None

    @property
    def has_ended(self) -> bool:
        return self.step in ENDS

    def takes_for_double_click(self, now: float) -> bool:
        """Whether a click now is no wish for another job."""
        return not self.has_ended or (self.step == Step.SUBMITTED and now - self.ended_at < DOUBLE_CLICK_SECONDS)

    @property
    def can_send_again(self) -> bool:
        """It could not be sent, or nobody knows whether it was: with the same key it is submitted once at most."""
        return self.step == Step.FAILED and self._send is not None

    def start(self) -> None:
        if self.session.farm is None:
            self.session.connect()
        self._when_connected()

    def send_again(self) -> None:
        if self._send is not None:
            self.message = ""
            self._begin(Step.HASHING, self._send, self._submitted)

    def cancel(self) -> None:
        if self.has_ended:
            return
        if self.step == Step.SENDING:
            self._keep_snapshot()
            self.message = "If the gateway had taken the job already, it is in its list"
        if self._work is not None:
            self._work.cancel()
        self._end(Step.CANCELED)

    def file_was_closed(self) -> None:
        """Another file is open: what is not saved as a snapshot yet cannot be submitted any more."""
        if self.step in (Step.CONNECTING, Step.CHECKING):
            self.cancel()

    def _when_connected(self) -> None:
        if self.has_ended:
            return
        if self.session.farm is not None:
            self._check()
        elif self.session.link == Link.FAILED:
            self._fail(self.session.failure or GatewayError("The gateway does not answer."))
        else:
            if self.session.link == Link.NONE:
                self.session.connect()
            # The session makes the connection, for everybody who needs it; looked at again when it has got on.
            self._begin(Step.CONNECTING, lambda work: work.cancellation.sleep(0.05), lambda _: self._when_connected())

    def _check(self) -> None:
        farm = self.session.farm
        if farm is None:
            self._when_connected()  # another gateway was entered meanwhile
            return
        choices = self._gather()
        if choices is None:
            return
        self._choices = choices
        try:
            client = self.session.client(answer_seconds=NEWS_SECONDS)
        except GatewayError as error:
            self._fail(error)
            return
        submission, known = choices.submission, farm.workers

        def check(work: Work[list[Finding]]) -> list[Finding]:
            try:
                workers = read_workers(client, work.cancellation)
            except GatewayError:
                workers = known  # the gateway may be back when the job is sent
            return run_checks(submission, workers)

        self._begin(Step.CHECKING, check, self._checked)

    def _gather(self) -> Optional[Choices]:
        scene = bpy.data.scenes.get(self.scene_name)
        job_type = self._find_job_type()
        if scene is None:
            self.cancel()
            return None
        if job_type is None:
            return None
        return gather(scene, job_type, self.overrides)

    def _find_job_type(self) -> Optional[JobType]:
        farm, scene = self.session.farm, bpy.data.scenes.get(self.scene_name)
        if farm is None or scene is None:
            return None
        name = self.overrides.job_type or scene_properties.of_scene(scene).job_type_name
        job_type = farm.job_type(name)
        if job_type is None:
            offered = ", ".join(known.name for known in farm.job_types) or "none"
            self._fail(GatewayError(f"The gateway has no job type “{name}”; it has: {offered}."))
        return job_type

    def _checked(self, findings: list[Finding]) -> None:
        if self._gather() != self._choices:
            if not self.has_ended:
                self._check()
            return
        self.findings = findings
        severity = worst(findings)
        if self.aim == Aim.CHECK:
            self._end(Step.CHECKED)
        elif severity == Severity.ERROR:
            self._end(Step.STOPPED)
        elif self.aim == Aim.PREVIEW:
            self._ask_preview()
        elif severity == Severity.WARNING and not self.ignores_warnings:
            self._end(Step.STOPPED)
        else:
            self._save_and_send()

    def _ask_preview(self) -> None:
        choices, client = self._needed(), self.session.client()
        request = choices.to_request(choices.submission.facts.blend_path, settings.read_roots())
        job_input = to_input(request, [], None)
        self._begin(Step.ASKING, lambda work: preview(client, job_input, work.cancellation), self._previewed)

    def _previewed(self, found: JobPreview) -> None:
        self.preview = found
        self._end(Step.PREVIEWED)

    def _save_and_send(self) -> None:
        choices = self._needed()
        blend_path = choices.submission.facts.blend_path
        try:
            client = self.session.client()
            if choices.job_type.renders_open_file and not choices.submission.renders_in_place:
                blend_path = self._snapshot = save_snapshot()
        except (SnapshotError, GatewayError) as error:
            self._fail(error)
            return
        roots, hashes, snapshot = settings.read_roots(), self.session.hashes, self._snapshot
        notes = SnapshotNotes(folders.user_folder())
        refs = choices.submission.facts.files if choices.job_type.renders_open_file else ()
        paths = (
            [blend_path, *(path for ref in refs for path in ref.paths)] if choices.job_type.renders_open_file else []
        )
        request = choices.to_request(blend_path, roots)

        def read_and_send(work: Work[SubmittedJob]) -> SubmittedJob:
            def tell(done: int, total: int) -> None:
                work.report(self._read_files, done, total)

            states = hashes.describe(paths, work.cancellation, tell)
            work.report(self._begin_sending)
            job_input = to_input(request, [state.to_input(roots) for state in states], self._key)
            job = send(client, job_input, work.cancellation, lambda reason: work.report(self._wait, reason))
            if snapshot:
                notes.add(SnapshotNote(snapshot, str(client.address), job.id))
            return job

        self._send = read_and_send
        self._begin(Step.HASHING, read_and_send, self._submitted)

    def _read_files(self, done: int, total: int) -> None:
        self.progress = (done, total)

    def _begin_sending(self) -> None:
        self.step = Step.SENDING

    def _wait(self, reason: str) -> None:
        self.message = f"Trying again. {reason}"

    def _submitted(self, job: SubmittedJob) -> None:
        self.job, self.message = job, ""
        self._keep_snapshot()
        self._end(Step.SUBMITTED)
        self._tidy_up()

    def _tidy_up(self) -> None:
        client, notes = self.session.client(), SnapshotNotes(folders.user_folder())
        now = datetime.now(timezone.utc)
        # Another day will do as well, so nobody needs to hear when it did not work.
        self.session.background.start(lambda work: notes.remove_unneeded(client, now, work.cancellation))

    def _begin(self, step: Step, run: Callable[[Work[Any]], Any], on_done: Callable[[Any], None]) -> None:
        def go_on(callback: Callable[[Any], None], value: Any) -> None:
            self._work = None
            if self.has_ended:
                self._discard_snapshot()  # canceled meanwhile; now no thread reads it any more
            else:
                callback(value)

        self.step = step
        self._work = self.session.background.start(
            run, lambda value: go_on(on_done, value), lambda error: go_on(self._fail, error)
        )

    def _needed(self) -> Choices:
        assert self._choices is not None
        return self._choices

    def _fail(self, error: Exception) -> None:
        if self.has_ended:
            return
        if isinstance(error, Canceled):
            self._end(Step.CANCELED)
            return
        farm = self.session.farm
        if isinstance(error, SchemaMismatchError) and farm is not None:
            error = describe_mismatch(farm.version, self.session.addon_version, error)
        if isinstance(error, InvalidInputError):
            self.findings = [
                Finding("refused", Severity.ERROR, issue.message) for issue in error.issues
            ] + self.findings
            if any(issue.path[0] == "jobTypeVersion" for issue in error.issues):
                self.session.connect()  # the job type was changed since
            self._end(Step.STOPPED)
            return
        if self.step == Step.SENDING and isinstance(error, GatewayError) and error.is_passing:
            self._keep_snapshot()  # nobody knows whether the gateway has the job
        else:
            self._send = None
        self.message = str(error)
        self._end(Step.FAILED)

    def _end(self, step: Step) -> None:
        self.step, self.ended_at = step, time.monotonic()
        if self._work is None:
            self._discard_snapshot()
        if self.on_end is not None:
            self.on_end(self)

    def _keep_snapshot(self) -> None:
        self._snapshot = ""

    def _discard_snapshot(self) -> None:
        if not self._snapshot:
            return
        try:
            os.unlink(self._snapshot)
        except OSError:
            pass  # it stays; its name says what it is
        self._snapshot = ""
