import unittest
from typing import Any

from tablao.core import words
from tablao.core.live_log import LogTail
from tablao.core.rows import read_job

from .gateways import job


def row(**changes: Any) -> Any:
    return read_job(job(**changes), 100.0)


class Words(unittest.TestCase):
    def test_say_how_long_it_takes(self) -> None:
        given = [0, 45.4, 99, 100, 12 * 60, 99 * 60, 100 * 60, 3 * 3600, 200 * 60, 52 * 3600, 49 * 3600 + 59 * 60]
        self.assertEqual(
            [words.format_duration(seconds) for seconds in given],
            [
                "0 s",
                "45 s",
                "99 s",
                "2 min",
                "12 min",
                "99 min",
                "1 h 40 min",
                "3 h",
                "3 h 20 min",
                "2 d 4 h",
                "2 d 2 h",
            ],
        )

    def test_count_down_between_two_messages(self) -> None:
        active = row(status="ACTIVE", secondsLeft=60)
        self.assertEqual(words.describe_left(active, 100.0), "60 s left")
        self.assertEqual(words.describe_left(active, 115.0), "45 s left")
        self.assertEqual(words.describe_left(active, 1000.0), "0 s left")
        self.assertEqual(words.describe_left(row(status="COMPLETED", secondsLeft=60), 100.0), "")

    def test_say_what_a_job_waits_for(self) -> None:
        self.assertEqual(words.describe_waiting(row(waitingFor=["ALL_WORKERS_BUSY"])), "Waits for a free worker")
        self.assertEqual(
            words.describe_waiting(row(waitingFor=["WORKER_LIMIT"], maxWorkers=0)), "Held: it may have no workers"
        )
        self.assertEqual(words.describe_waiting(row(waitingFor=["SOMETHING_NEW"])), "Waits (something new)")
        self.assertEqual(words.describe_waiting(row()), "")

    def test_say_how_far_a_job_is(self) -> None:
        self.assertEqual(words.describe_progress(row(frameCounts={"total": 1240, "done": 1})), "1 of 1,240 frames")
        tasks = row(frameCounts={"total": 0, "done": 0}, taskCounts={"total": 1, "completed": 0})
        self.assertEqual(words.describe_progress(tasks), "0 of 1 task")
        self.assertEqual(words.format_percent(0.999), "99 %")

    def test_fit_my_jobs_into_the_status_bar(self) -> None:
        active = {"status": "ACTIVE", "progress": 0.5, "frameCounts": {"total": 24, "done": 12}}
        one = row(**active, name="shot_010", secondsLeft=120)
        self.assertEqual(words.describe_running([one, row()], 100.0), "shot_010 · 50 % · 2 min left")
        self.assertEqual(words.describe_running([one, one], 100.0), "2 jobs rendering · 24 of 48 frames")
        self.assertEqual(words.describe_running([row()], 100.0), "1 job waiting")
        self.assertEqual(words.describe_running([], 100.0), "")

    def test_name_statuses_that_are_newer_than_the_add_on(self) -> None:
        self.assertEqual(words.name_status("ACTIVE"), "Rendering")
        self.assertEqual(words.name_status("PUT_ASIDE"), "Put Aside")


class LogTailTest(unittest.TestCase):
    def test_keeps_the_end_whatever_pieces_it_comes_in(self) -> None:
        tail = LogTail(3)
        for piece in ["on", "e\ntwo\nth", "ree\nfour\nfi", "ve"]:
            tail.append(piece)
        self.assertEqual(tail.lines, ("three", "four", "five"))

    def test_shows_what_a_terminal_would(self) -> None:
        tail = LogTail()
        tail.append("\x1b[31mred\x1b[0m\r\nFra:1\rFra:2\n")
        self.assertEqual(tail.lines, ("red", "Fra:2"))

    def test_is_bounded(self) -> None:
        tail = LogTail(2)
        tail.append("x" * 100_000)
        tail.append("y")
        self.assertLess(len(tail.lines[0]), 3_000)
