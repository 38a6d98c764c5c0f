import tempfile
import unittest
from pathlib import Path
from typing import Any, Optional

from tablao.core.job_ends import JobEnd, JobEnds
from tablao.core.notice_book import Bookmark, NoticeBook
from tablao.core.notice_words import describe_ends

from .gateways import Pumping, gateway_of, hold
from .servers import Request, brief_client


class Feed:
    """A gateway with the changes of jobs' statuses: a cursor is the number of changes before it."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []
        self.statuses: dict[str, str] = {}
        self.names_fail = 0
        self.oldest = 0
        self.asked: list[Optional[str]] = []

    def change(self, job_id: str, status: str) -> None:
        number = len(self.changes)
        at = f"2026-11-24T20:00:{number:02d}.000Z"
        self.changes.append({"jobId": job_id, "sequence": number, "at": at, "jobTo": status, "message": None})
        self.statuses[job_id] = status

    def serve(self) -> Any:
        return gateway_of(JobChanges=self._send, EndedJobs=self._name)

    def _send(self, request: Request) -> None:
        after = request.variables["after"]
        self.asked.append(after)
        request.begin_stream()
        if after is not None and int(after) < self.oldest:
            expired = {"oldestCursor": str(self.oldest), "code": "CURSOR_EXPIRED", "message": "Expired."}
            request.send_event({"data": {"statusChanges": expired}})
            request.complete()
            return
        start = len(self.changes) if after is None else int(after)
        batch = {"changes": self.changes[start:], "cursor": str(len(self.changes)), "caughtUp": True}
        request.send_event({"data": {"statusChanges": batch}})
        hold(request)

    def _name(self, request: Request) -> None:
        if self.names_fail:
            self.names_fail -= 1
            request.reply(503, {"errors": [{"message": "Away.", "extensions": {"code": "DATABASE_UNAVAILABLE"}}]})
            return
        request.reply(200, {"data": {"nodes": [self._job(id) for id in request.variables["ids"]]}})

    def _job(self, id: str) -> Optional[dict[str, Any]]:
        if id not in self.statuses:
            return None
        counts = {"total": 24, "done": 24}
        named = {"id": id, "name": f"the {id}", "status": self.statuses[id], "error": "No camera."}
        return {**named, "secondsElapsed": 90, "frameCounts": counts}


class OneBlender:
    def __init__(self, address: Any, folder: Path) -> None:
        self.told: list[JobEnd] = []
        self.notified: list[JobEnd] = []
        self.book = NoticeBook(folder, address, "ada")
        self.pumping = Pumping()
        self.ends = JobEnds(
            self.pumping.background,
            brief_client(address, 5.0),
            "ada",
            self.book,
            self.told.extend,
            self.notified.extend,
        )

    def until_written(self, cursor: str) -> None:
        def is_written() -> bool:
            bookmark = self.book.load()
            return bookmark is not None and bookmark.cursor == cursor

        self.pumping.until(is_written)

    def close(self) -> None:
        self.ends.close()
        self.pumping.close()


class JobEndsTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.feed = Feed()

    def _open(self, address: Any) -> OneBlender:
        blender = OneBlender(address, self.folder)
        self.addCleanup(blender.close)
        return blender

    def test_tells_what_ended_while_blender_was_closed_and_tells_it_once(self) -> None:
        self.feed.change("before", "COMPLETED")
        with self.feed.serve() as address:
            first = self._open(address)
            first.until_written("1")
            self.assertEqual(first.told, [], "what ended before somebody used the add-on is no news")
            first.close()
            self.feed.change("while closed", "ACTIVE")
            self.feed.change("while closed", "FAILED")
            second = self._open(address)
            second.pumping.until(lambda: second.told)
            second.until_written("3")
            self.assertEqual(
                [(end.job_id, end.status, end.is_old) for end in second.told], [("while closed", "FAILED", True)]
            )
            self.assertEqual(second.notified, [], "the system is not asked to tell what Blender tells anyway")
            second.close()
            third = self._open(address)
            third.pumping.until(lambda: len(self.feed.asked) == 3)
            self.assertEqual(third.told, [])
            third.close()

    def test_tells_in_each_open_blender_but_has_the_system_tell_once(self) -> None:
        with self.feed.serve() as address:
            one, other = self._open(address), self._open(address)
            for blender in (one, other):
                blender.pumping.until(lambda: blender.ends._has_caught_up and blender.book.load())
            self.feed.change("a", "COMPLETED")
            for blender in (one, other):
                blender.ends.stream.reconnect()
                blender.pumping.until(lambda: blender.told)
            self.assertEqual([len(one.told), len(other.told)], [1, 1])
            self.assertEqual(len(one.notified) + len(other.notified), 1)
            one.close()
            other.close()

    def test_tells_it_although_the_names_could_not_be_asked_at_first(self) -> None:
        self.feed.names_fail = 1
        with self.feed.serve() as address:
            NoticeBook(self.folder, address, "ada").save(Bookmark("0"))
            self.feed.change("a", "COMPLETED")
            blender = self._open(address)
            blender.pumping.until(lambda: blender.told)
            self.assertEqual([end.name for end in blender.told], ["the a"])
            blender.close()

    def test_says_nothing_of_what_was_requeued_since_or_deleted(self) -> None:
        with self.feed.serve() as address:
            NoticeBook(self.folder, address, "ada").save(Bookmark("0"))
            self.feed.change("requeued", "FAILED")
            self.feed.change("deleted", "COMPLETED")
            self.feed.change("told", "CANCELED")
            self.feed.statuses["requeued"] = "ACTIVE"
            del self.feed.statuses["deleted"]
            blender = self._open(address)
            blender.pumping.until(lambda: blender.told)
            self.assertEqual([end.job_id for end in blender.told], ["told"])
            blender.close()

    def test_goes_on_with_what_is_new_when_the_gateway_has_forgotten_where_it_was(self) -> None:
        self.feed.change("told long ago", "COMPLETED")
        with self.feed.serve() as address:
            NoticeBook(self.folder, address, "ada").save(Bookmark("0", self.feed.changes[0]["at"]))
            self.feed.change("forgotten", "FAILED")
            self.feed.change("new", "COMPLETED")
            self.feed.oldest = 1
            self.feed.changes[1]["at"] = self.feed.changes[0]["at"]
            blender = self._open(address)
            blender.pumping.until(lambda: blender.told)
            self.assertEqual([end.job_id for end in blender.told], ["new"])
            blender.close()

    def test_writes_down_what_was_told_before_it_is_closed(self) -> None:
        with self.feed.serve() as address:
            NoticeBook(self.folder, address, "ada").save(Bookmark("0"))
            self.feed.change("a", "COMPLETED")
            blender = self._open(address)
            blender.pumping.until(lambda: blender.told)
            blender.close()
            bookmark = blender.book.load()
            self.assertEqual(bookmark and bookmark.cursor, "1")


class Words(unittest.TestCase):
    def test_say_how_a_job_ended(self) -> None:
        self.assertEqual(describe_ends([end("COMPLETED")]), ["“shot” is completed: 24 frames in 90 s"])
        self.assertEqual(describe_ends([end("FAILED", error="No camera.\nmore")]), ["“shot” has failed: No camera."])
        self.assertEqual(describe_ends([end("CANCELED", done=3)]), ["“shot” was canceled, 3 of 24 frames rendered"])

    def test_sum_up_a_night(self) -> None:
        night = [end("COMPLETED")] * 10 + [end("FAILED")] * 2
        self.assertEqual(describe_ends(night), ["12 jobs have ended: 10 completed, 2 failed"])


def end(status: str, error: Optional[str] = None, done: int = 24) -> JobEnd:
    return JobEnd("id", 1, "shot", status, error, 90, done, 24, False)
