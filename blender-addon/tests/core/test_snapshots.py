import os
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

from tablao.core.cancellation import Cancellation
from tablao.core.snapshots import KEPT_DAYS, SnapshotNote, SnapshotNotes, is_needed, is_snapshot, snapshot_path

from .servers import brief_client, http_server

NOW = datetime(2026, 11, 24, 20, 15, 3, tzinfo=timezone.utc)


def ended(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat().replace("+00:00", "Z")


class SnapshotPath(unittest.TestCase):
    def test_stands_beside_the_file(self) -> None:
        path = snapshot_path(os.path.join("/shots", "a.b.blend"), NOW)
        self.assertRegex(os.path.basename(path), r"^a\.b\.tablao-20261124-201503-[0-9a-f]{6}\.blend$")
        self.assertEqual(os.path.dirname(path), "/shots")
        self.assertTrue(is_snapshot(path))
        self.assertFalse(is_snapshot("/shots/a.b.blend"))

    def test_is_another_one_each_time_also_of_a_snapshot(self) -> None:
        first = snapshot_path("/shots/a.blend", NOW)
        second = snapshot_path(first, NOW)
        self.assertNotEqual(first, second)
        self.assertEqual(os.path.basename(second).count(".tablao-"), 1)

    def test_fits_the_file_system(self) -> None:
        path = snapshot_path("/shots/" + "ä" * 127 + ".blend", NOW)
        self.assertLessEqual(len(os.path.basename(path).encode()), 255)


class IsNeeded(unittest.TestCase):
    def test_follows_the_job(self) -> None:
        for job, needed in (
            (None, False),
            ({"status": "ACTIVE", "finishedAt": None}, True),
            ({"status": "FAILED", "finishedAt": ended(400)}, True),
            ({"status": "COMPLETED", "finishedAt": ended(KEPT_DAYS - 1)}, True),
            ({"status": "COMPLETED", "finishedAt": ended(KEPT_DAYS + 1)}, False),
            ({"status": "CANCELED", "finishedAt": ended(KEPT_DAYS + 1)}, False),
        ):
            with self.subTest(job):
                self.assertEqual(is_needed(job, NOW), needed)


class RemoveUnneeded(unittest.TestCase):
    def test_removes_what_this_gateway_needs_no_more(self) -> None:
        jobs = {"deleted": None, "running": {"status": "ACTIVE", "finishedAt": None}}

        def answer(request) -> None:
            request.reply(200, {"data": {"nodes": [jobs[id] for id in request.variables["ids"]]}})

        with tempfile.TemporaryDirectory() as folder, http_server(answer) as address:
            paths = {name: os.path.join(folder, f"{name}.blend") for name in ("deleted", "running", "elsewhere")}
            notes = SnapshotNotes(Path(folder))
            for name, path in paths.items():
                Path(path).touch()
                gateway = "http://other" if name == "elsewhere" else str(address)
                notes.add(SnapshotNote(path, gateway, name))
            client = brief_client(address)
            self.assertEqual(notes.remove_unneeded(client, NOW, Cancellation()), [paths["deleted"]])
            self.assertEqual(notes.remove_unneeded(client, NOW, Cancellation()), [])
            left = sorted(path.name for path in Path(folder).glob("*.blend"))
        self.assertEqual(left, ["elsewhere.blend", "running.blend"])
