import unittest
from typing import Any

from tablao.core.cancellation import Cancellation
from tablao.core.errors import RefusedError
from tablao.core.rows import read_job
from tablao.core.steering import explain_refusal, requeue_failed_tasks, requeue_frames, requeue_job, update_job

from .gateways import gateway_of, job
from .servers import brief_client


def row(status: str, *allowed: str, **changes: Any) -> Any:
    return read_job(job(status=status, allowedActions=list(allowed), **changes), 0.0)


class ExplainRefusal(unittest.TestCase):
    def test_has_nothing_against_what_the_gateway_allows(self) -> None:
        self.assertIsNone(explain_refusal(row("QUEUED", "CANCEL"), "CANCEL"))

    def test_says_why_the_status_does_not_allow_it(self) -> None:
        self.assertEqual(
            explain_refusal(row("COMPLETED", "REQUEUE", "UPDATE", "DELETE"), "CANCEL"),
            "It is completed: nothing is left to cancel.",
        )
        self.assertEqual(
            explain_refusal(row("ACTIVE", "CANCEL", "UPDATE"), "DELETE"), "It is being rendered: cancel it first."
        )

    def test_says_that_the_gateway_does_not_let_one(self) -> None:
        self.assertEqual(explain_refusal(row("ACTIVE"), "CANCEL"), "The gateway does not let you do this to the job.")
        self.assertEqual(
            explain_refusal(row("ACTIVE"), "REQUEUE_FRAMES"), "The gateway does not let you do this to the job."
        )

    def test_offers_failed_frames_only_where_some_failed(self) -> None:
        failed = row("ACTIVE", "CANCEL", "UPDATE", taskCounts={"failed": 2})
        self.assertIsNone(explain_refusal(failed, "REQUEUE_FAILED"))
        whole = row("ACTIVE", "CANCEL", "UPDATE")
        self.assertEqual(explain_refusal(whole, "REQUEUE_FAILED"), "None of its tasks has failed for good.")
        stopping = row("CANCEL_REQUESTED", "UPDATE", taskCounts={"failed": 2})
        self.assertEqual(
            explain_refusal(stopping, "REQUEUE_FAILED"), "It is being canceled: wait until it has stopped."
        )

    def test_has_a_reason_for_whatever_a_newer_gateway_says(self) -> None:
        self.assertTrue(explain_refusal(row("PAUSED", "UPDATE"), "CANCEL"))
        self.assertTrue(explain_refusal(row("NEW_STATUS"), "REQUEUE"))


class Changes(unittest.TestCase):
    def test_name_only_what_changes(self) -> None:
        asked: list[Any] = []

        def answer(request: Any) -> None:
            asked.append(request.variables["input"])
            request.reply(200, {"data": {"updateJob": {"job": {"id": "a", "status": "QUEUED"}}}})

        with gateway_of(UpdateJob=answer) as address:
            update_job(brief_client(address), "a", {"maxWorkers": None}, Cancellation())
        self.assertEqual(asked, [{"id": "a", "maxWorkers": None}])

    def test_pass_on_the_gateways_refusal(self) -> None:
        refusal = {"code": "ILLEGAL_TRANSITION", "message": "The job is queued."}
        with gateway_of(RequeueJob={"requeueJob": refusal}) as address:
            with self.assertRaisesRegex(RefusedError, "The job is queued."):
                requeue_job(brief_client(address), "a", Cancellation())

    def test_name_what_is_wrong_with_frames(self) -> None:
        issues = [{"path": ["frames"], "message": "10-1 runs backwards."}]
        refusal = {"requeueFrames": {"issues": issues, "code": "INVALID_INPUT", "message": "Invalid."}}
        with gateway_of(RequeueFrames=refusal) as address:
            with self.assertRaisesRegex(Exception, "10-1 runs backwards."):
                requeue_frames(brief_client(address), "a", "10-1", Cancellation())

    def test_requeue_every_failed_task_page_by_page(self) -> None:
        requeued: list[str] = []

        def list_tasks(request: Any) -> None:
            is_second = request.variables["after"] == "page 1"
            ids = ["c"] if is_second else ["a", "b"]
            page = {"hasNextPage": not is_second, "endCursor": "page 1"}
            request.reply(200, {"data": {"job": {"tasks": {"nodes": [{"id": id} for id in ids], "pageInfo": page}}}})

        def requeue(request: Any) -> None:
            requeued.extend(request.variables["ids"])
            refusal = {"code": "ILLEGAL_TRANSITION", "message": "The task is active."}
            request.reply(200, {"data": {"requeueTasks": [{"changed": True}, refusal, {"changed": True}]}})

        with gateway_of(FailedTasks=list_tasks, RequeueTasks=requeue) as address:
            self.assertEqual(requeue_failed_tasks(brief_client(address), "a", Cancellation()), 2)
        self.assertEqual(requeued, ["a", "b", "c"])
