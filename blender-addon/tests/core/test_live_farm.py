import tempfile
import unittest
from pathlib import Path
from typing import Any

from tablao.core.clock_watch import ClockWatch
from tablao.core.live_farm import LiveFarm
from tablao.core.notice_book import NoticeBook

from .gateways import Pumping, gateway_of, hold, job, jobs_update, stream_of
from .servers import Request, brief_client

BOOKMARK = stream_of({"statusChanges": {"changes": [], "cursor": "1", "caughtUp": True}})


def task(id: str, status: str = "QUEUED") -> dict[str, Any]:
    given = {"id": id, "index": 0, "name": f"frames {id}", "frames": "1-4", "status": status, "progress": 0}
    return {**given, "stopRequestedAt": None, "waitingFor": None, "worker": {"name": "moth"}}


def tasks_update(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"tasksUpdated": {"changed": list(tasks), "order": [task["id"] for task in tasks]}}


def log_chunk(text: str, ended: bool) -> dict[str, Any]:
    return {"taskLog": {"attemptNumber": 1, "text": text, "cursor": text, "caughtUp": True, "ended": ended}}


class LiveFarmTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.pumping = Pumping()
        self.addCleanup(self.pumping.close)
        self.now = 1_000.0

    def _open(self, address: Any) -> LiveFarm:
        farm = LiveFarm(
            self.pumping.background,
            brief_client(address, 5.0),
            "ada",
            NoticeBook(self.folder, address, "ada"),
            lambda: None,
            clock_watch=ClockWatch(lambda: self.now),
        )
        self.pumping.tick = farm.tick
        self.addCleanup(farm.close)
        return farm

    def test_unfolds_a_job_and_follows_what_a_task_prints_from_one_attempt_to_the_next(self) -> None:
        attempts = [("first try\n", True), ("second try\n", False)]
        retried: list[Request] = []

        def send_tasks(request: Request) -> None:
            request.begin_stream()
            request.send_event({"data": tasks_update(task("t", "SOFT_FAILED"))})
            retried.append(request)
            hold(request)

        def send_log(request: Request) -> None:
            text, has_ended = attempts.pop(0)
            stream_of(log_chunk(text, has_ended), stays=not has_ended)(request)

        failure = {"task": {"attempts": {"nodes": [{"failure": {"message": "Out of memory."}}]}}}
        with gateway_of(
            JobsUpdated=stream_of(jobs_update(job("a"))),
            JobChanges=BOOKMARK,
            TasksUpdated=send_tasks,
            TaskLog=send_log,
            TaskFailure=failure,
        ) as address:
            farm = self._open(address)
            farm.show_tasks("a")
            tasks = farm.tasks
            assert tasks is not None
            self.pumping.until(lambda: tasks.rows)
            self.assertEqual((tasks.rows[0].name, tasks.rows[0].worker), ("frames t", "moth"))
            farm.show_log("t")
            log = farm.log
            assert log is not None
            self.pumping.until(lambda: log.lines == ("first try",) and log.stream.is_complete and log.failure)
            self.assertEqual(log.failure, "Out of memory.")
            retried[0].send_event({"data": tasks_update(task("t", "ACTIVE"))})
            self.pumping.until(lambda: log.lines == ("second try",))
            self.assertIsNone(log.failure)
            farm.show_tasks("a")
            self.assertIs(farm.tasks, tasks, "what is shown already is not asked again")
            farm.show_tasks(None)
            self.assertIsNone(farm.tasks)
            farm.close()

    def test_shows_no_task_of_a_job_that_was_deleted(self) -> None:
        gone = {"tasksUpdated": {"code": "NOT_FOUND", "message": "There is no such job."}}
        with gateway_of(
            JobsUpdated=stream_of(jobs_update()),
            JobChanges=BOOKMARK,
            TasksUpdated=stream_of(tasks_update(task("t")), gone, stays=False),
        ) as address:
            farm = self._open(address)
            farm.show_tasks("a")
            tasks = farm.tasks
            assert tasks is not None
            self.pumping.until(lambda: tasks.stream.is_complete)
            self.assertEqual(tasks.rows, ())
            farm.close()

    def test_connects_anew_when_the_machine_has_slept(self) -> None:
        connections: list[str] = []

        def answer(request: Request) -> None:
            connections.append(request.operation)
            stream_of(jobs_update(job(f"{len(connections)}")))(request)

        with gateway_of(JobsUpdated=answer, JobChanges=BOOKMARK) as address:
            farm = self._open(address)
            self.pumping.until(lambda: farm.jobs.rows and farm.mine.rows)
            self.assertEqual(len(connections), 2)
            self.now += 8 * 3600
            self.pumping.until(lambda: len(connections) == 4)
            self.pumping.until(lambda: farm.away_since is None)
            farm.close()

    def test_is_silent_once_it_is_closed(self) -> None:
        with gateway_of(JobsUpdated=stream_of(jobs_update(job("a"))), JobChanges=BOOKMARK) as address:
            farm = self._open(address)
            farm.close()
            self.pumping.until(lambda: self.pumping.background.is_idle)
            self.assertEqual(farm.jobs.rows, ())
            self.assertIsNone(farm.away_since)


class ClockWatchTest(unittest.TestCase):
    def test_notices_sleep_and_a_clock_that_is_put_back_but_no_busy_minute_half(self) -> None:
        now = [0.0]
        watch = ClockWatch(lambda: now[0])
        seen = []
        for moment in (0.1, 20.0, 3_600.0, 3_600.1, 10.0):
            now[0] = moment
            seen.append(watch.has_jumped())
        self.assertEqual(seen, [False, False, True, False, True])
