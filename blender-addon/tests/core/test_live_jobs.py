import unittest
from typing import Any

from tablao.core.live_jobs import JobsWish, LiveJobs

from .gateways import Pumping, gateway_of, hold, job, jobs_update, stream_of
from .servers import brief_client, free_address


class LiveJobsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.pumping = Pumping()
        self.addCleanup(self.pumping.close)
        self.changes = 0
        self.now = 0.0

    def _follow(self, address: Any, wish: JobsWish = JobsWish("ada")) -> LiveJobs:
        client = brief_client(address, 5.0)
        jobs = LiveJobs(self.pumping.background, client, wish, self._change, lambda: self.now)
        self.addCleanup(jobs.close)
        self.pumping.tick = jobs.tick
        return jobs

    def _change(self) -> None:
        self.changes += 1

    def test_shows_jobs_as_they_are_and_as_they_become(self) -> None:
        messages = jobs_update(job("a"), job("b")), jobs_update(job("b", status="ACTIVE"), order=["b", "a"])
        with gateway_of(JobsUpdated=stream_of(*messages)) as address:
            jobs = self._follow(address)
            self.assertFalse(jobs.is_loaded)
            self.pumping.until(lambda: jobs.rows and jobs.rows[0].status == "ACTIVE")
            self.assertEqual([row.id for row in jobs.rows], ["b", "a"])
            self.assertTrue(jobs.is_loaded)
            self.assertEqual(jobs.get("a"), jobs.rows[1])
            self.assertIsNone(jobs.get("c"))
            jobs.close()

    def test_shows_nothing_stale_after_the_gateway_came_back(self) -> None:
        connections: list[int] = []

        def answer(request: Any) -> None:
            connections.append(1)
            request.begin_stream()
            if len(connections) == 1:  # and then it goes
                request.send_event({"data": jobs_update(job("gone"), job("kept"))})
            else:
                request.send_event({"data": jobs_update(job("kept", status="COMPLETED"))})
                hold(request)

        with gateway_of(JobsUpdated=answer) as address:
            jobs = self._follow(address)
            self.pumping.until(lambda: jobs.rows)
            self.pumping.until(lambda: jobs.stream.away_since is not None)
            self.assertIn("closed the connection", jobs.stream.away_reason)
            self.assertEqual(len(jobs.rows), 2, "what was known stays in sight meanwhile")
            self.pumping.until(lambda: jobs.stream.away_since is None and len(jobs.rows) == 1)
            self.assertEqual([(row.id, row.status) for row in jobs.rows], [("kept", "COMPLETED")])
            jobs.close()

    def test_says_since_when_nobody_answers(self) -> None:
        jobs = self._follow(free_address())
        self.pumping.until(lambda: jobs.stream.away_since is not None)
        self.assertIn("No gateway is running", jobs.stream.away_reason)
        self.assertFalse(jobs.stream.is_refused)

    def test_asks_again_what_was_refused(self) -> None:
        answers = [{"errors": [{"message": "Nobody.", "extensions": {"code": "UNAUTHENTICATED"}}]}]

        def answer(request: Any) -> None:
            if answers:
                request.reply(401, answers.pop())
            else:
                stream_of(jobs_update(job("a")))(request)

        with gateway_of(JobsUpdated=answer) as address:
            jobs = self._follow(address)
            self.pumping.until(lambda: jobs.stream.is_refused)
            jobs.stream.reconnect()
            self.pumping.until(lambda: jobs.rows)
            self.assertIsNone(jobs.stream.away_since)
            self.assertFalse(jobs.stream.is_refused)
            jobs.close()

    def test_has_the_gateway_search_when_nobody_types_any_more(self) -> None:
        asked: list[Any] = []

        def answer(request: Any) -> None:
            asked.append(request.variables["filter"])
            found = "found" if "nameContains" in request.variables["filter"] else "all"
            stream_of(jobs_update(job(found)))(request)

        with gateway_of(JobsUpdated=answer) as address:
            jobs = self._follow(address)
            self.pumping.until(lambda: jobs.rows)
            jobs.show(JobsWish(None, "sh", ("FAILED",)))
            jobs.tick()
            self.now += 0.2
            jobs.show(JobsWish(None, "shot", ("FAILED",)))
            self.now += 0.2
            jobs.tick()
            self.assertEqual(jobs.rows[0].id, "all", "what was shown stays until the rest is there")
            self.now += 0.2
            self.pumping.until(lambda: jobs.rows[0].id == "found")
            self.assertEqual(asked, [{"submitter": "ada"}, {"nameContains": "shot", "statuses": ["FAILED"]}])
            jobs.close()

    def test_takes_only_the_newest_state_when_the_main_thread_was_busy(self) -> None:
        updates = [jobs_update(job("a", progress=number / 1000)) for number in range(1001)]
        with gateway_of(JobsUpdated=stream_of(*updates, stays=False)) as address:
            jobs = self._follow(address)
            for thread in self.pumping.background._threads:
                thread.join(10)
            self.pumping.until(lambda: jobs.stream.is_complete)
            self.assertEqual(jobs.rows[0].progress, 1.0)
            self.assertEqual(self.changes, 2, "one state, and the end of the stream")
