import threading
import time
import unittest

from tablao.core.background import Background
from tablao.core.errors import Canceled


class BackgroundTest(unittest.TestCase):
    def setUp(self) -> None:
        self.background = Background()
        self.addCleanup(self.background.close)

    def wait(self, is_true) -> None:
        self.assertTrue(self.background.wait(is_true, 10))


class Start(BackgroundTest):
    def test_calls_back_on_the_thread_that_pumps(self) -> None:
        seen: dict[str, object] = {}

        def work(_) -> str:
            seen["work"] = threading.current_thread()
            return "value"

        def done(value: str) -> None:
            seen["done"], seen["value"] = threading.current_thread(), value

        self.background.start(work, done)
        self.wait(lambda: "done" in seen)
        self.assertEqual(seen["value"], "value")
        self.assertIs(seen["done"], threading.current_thread())
        self.assertIsNot(seen["work"], threading.current_thread())
        self.assertTrue(self.background.is_idle)

    def test_gives_what_went_wrong(self) -> None:
        failures: list[Exception] = []
        self.background.start(lambda _: 1 // 0, lambda value: self.fail("It failed."), failures.append)
        self.wait(lambda: failures)
        self.assertIsInstance(failures[0], ZeroDivisionError)

    def test_tells_of_progress_in_order(self) -> None:
        steps: list[object] = []

        def work(handle) -> str:
            for number in range(100):
                handle.report(steps.append, number)
            return "end"

        self.background.start(work, steps.append)
        self.wait(lambda: "end" in steps)
        self.assertEqual(steps, [*range(100), "end"])

    def test_does_not_let_one_that_waits_hold_up_the_others(self) -> None:
        release = threading.Event()
        done: list[str] = []
        self.background.start(lambda _: release.wait(10), lambda _: done.append("slow"))
        self.background.start(lambda _: None, lambda _: done.append("quick"))
        self.wait(lambda: done)
        self.assertEqual(done, ["quick"])
        release.set()
        self.wait(lambda: len(done) == 2)

    def test_does_all_of_what_is_more_than_its_threads(self) -> None:
        done: list[int] = []
        for number in range(50):
            self.background.start(lambda _, number=number: number, done.append)
        self.wait(lambda: len(done) == 50)
        self.assertEqual(sorted(done), list(range(50)))

    def test_can_be_canceled(self) -> None:
        failures: list[Exception] = []
        work = self.background.start(lambda handle: handle.cancellation.sleep(10), None, failures.append)
        work.cancel()
        self.wait(lambda: failures)
        self.assertIsInstance(failures[0], Canceled)


class Pump(BackgroundTest):
    def test_keeps_to_its_budget(self) -> None:
        done: list[int] = []
        clock = iter(range(1000))
        for number in range(20):
            self.background.start(lambda _, number=number: number, done.append)
        end = time.monotonic() + 10
        while self.background._results.qsize() < 20 and time.monotonic() < end:
            time.sleep(0.005)
        self.assertEqual(self.background.pump(5, clock=lambda: next(clock)), 5)
        self.assertEqual(self.background.pump(0, clock=lambda: next(clock)), 1, "one at least: it must get on")

    def test_waits_for_nothing(self) -> None:
        self.assertEqual(self.background.pump(10), 0)


class Close(unittest.TestCase):
    def test_ends_every_thread_and_calls_nobody_back(self) -> None:
        before = threading.active_count()
        background = Background(waiting_results=10)
        called: list[object] = []

        def talk(handle) -> None:
            while True:
                handle.report(called.append, 1)

        background.start_long(talk, called.append, called.append)
        background.start(lambda handle: handle.cancellation.sleep(60), called.append, called.append)
        self.assertTrue(background.close(10))
        self.assertEqual(background.pump(1), 0)
        self.assertEqual((called, threading.active_count()), ([], before))

    def test_does_not_wait_for_ever(self) -> None:
        background = Background()
        release = threading.Event()
        began = threading.Event()
        background.start(lambda _: (began.set(), release.wait(20)))
        began.wait(10)
        self.assertFalse(background.close(0.05))
        release.set()
        self.assertTrue(background.close(10))
