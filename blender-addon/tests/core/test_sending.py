import hashlib
import os
import tempfile
import unittest

from tablao.core.cancellation import Cancellation
from tablao.core.errors import RefusedError, UnreachableError
from tablao.core.file_list import FileHashes
from tablao.core.job_input import JobRequest, make_idempotency_key, to_input
from tablao.core.sending import InvalidInputError, preview, send

from .servers import brief_client, free_address, http_server

SUCCESS = {
    "data": {
        "submitJob": {
            "alreadySubmitted": False,
            "job": {"id": "J", "name": "shot", "frameCounts": {"total": 24}, "taskCounts": {"total": 25}},
        }
    }
}


class Send(unittest.TestCase):
    def test_sends_the_same_key_until_it_knows_what_became_of_it(self) -> None:
        keys: list[str] = []

        def answer(request) -> None:
            keys.append(request.variables["input"]["idempotencyKey"])
            if len(keys) < 3:
                request.reply(503, {"errors": [{"message": "Down.", "extensions": {"code": "DATABASE_UNAVAILABLE"}}]})
            else:
                request.reply(200, SUCCESS)

        away: list[str] = []
        with http_server(answer) as address:
            job_input = to_input(JobRequest("t", "shot", {}), [], make_idempotency_key())
            job = send(brief_client(address), job_input, Cancellation(), away.append)
        self.assertEqual((job.id, job.frame_count, job.task_count), ("J", 24, 25))
        self.assertEqual((len(set(keys)), away), (1, ["Down.", "Down."]))

    def test_loses_patience(self) -> None:
        with self.assertRaisesRegex(UnreachableError, "No gateway is running"):
            send(brief_client(free_address()), {}, Cancellation(), patience_seconds=0)

    def test_passes_on_all_that_is_wrong(self) -> None:
        issues = [
            {"path": ["settings", "frames"], "message": "frames is empty."},
            {"path": ["name"], "message": "Long."},
        ]
        refusal = {"issues": issues, "code": "INVALID_INPUT", "message": "2 fields are wrong."}
        with http_server(lambda request: request.reply(200, {"data": {"submitJob": refusal}})) as address:
            with self.assertRaises(InvalidInputError) as caught:
                send(brief_client(address), {}, Cancellation())
        self.assertEqual([issue.path for issue in caught.exception.issues], [("settings", "frames"), ("name",)])
        self.assertEqual(str(caught.exception), "frames is empty.\nLong.")

    def test_passes_on_a_refusal(self) -> None:
        refusal = {"code": "FORBIDDEN", "message": "Artists only."}
        with http_server(lambda request: request.reply(200, {"data": {"submitJob": refusal}})) as address:
            with self.assertRaisesRegex(RefusedError, "Artists only"):
                send(brief_client(address), {}, Cancellation())


class Preview(unittest.TestCase):
    def test_tells_what_it_would_become(self) -> None:
        answer = {"taskCount": 3, "frameCount": 2, "tasks": [{"name": "render 1", "frames": "1"}]}
        with http_server(lambda request: request.reply(200, {"data": {"previewJob": answer}})) as address:
            found = preview(brief_client(address), {}, Cancellation())
        self.assertEqual((found.task_count, found.frame_count, found.tasks[0].name), (3, 2, "render 1"))


class ToInput(unittest.TestCase):
    def test_leaves_out_what_is_not_given(self) -> None:
        self.assertEqual(
            to_input(JobRequest("t", "shot", {"frames": "1"}), [], None),
            {"type": "t", "name": "shot", "settings": {"frames": "1"}, "priority": 50},
        )
        self.assertEqual(to_input(JobRequest("t", "s", {}, max_workers=0), [], "k")["maxWorkers"], 0, "0 holds the job")


class Describe(unittest.TestCase):
    def test_names_size_time_and_hash_and_reads_a_file_once(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.blend")
            with open(path, "wb") as file:
                file.write(b"BLENDER" * 100_000)
            os.utime(path, ns=(0, 1_700_000_000_123_456_789))
            hashes = FileHashes()
            progress: list[tuple[int, int]] = []
            missing = os.path.join(folder, "missing.png")
            (state,) = hashes.describe(
                [path, path, missing, folder], Cancellation(), lambda *step: progress.append(step)
            )
            again = hashes.describe([path], Cancellation())
        self.assertEqual(
            state.to_input({"proj": folder}),
            {
                "path": "proj:a.blend",
                "bytes": 700_000,
                "modifiedAt": "2023-11-14T22:13:20.123Z",
                "sha256": hashlib.sha256(b"BLENDER" * 100_000).hexdigest(),
            },
        )
        self.assertEqual((again, progress), ([state], [(1, 1)]))
