import threading
import time
import unittest
from typing import Any, Optional

from tablao.core.cancellation import Cancellation
from tablao.core.documents import Document
from tablao.core.errors import Canceled, NotAGatewayError, RefusedError, UnauthorizedError
from tablao.core.subscription import Subscription

from .servers import brief_client, free_address, http_server

CHANGES = Document("Changes", "subscription Changes($after: Cursor) { statusChanges(after: $after) { __typename } }")


def message(number: int) -> dict[str, Any]:
    return {"data": {"number": number, "cursor": f"c{number}"}}


def subscribe(address, taken: list[Any], away: Optional[list[Any]] = None, **options: Any) -> Subscription:
    return Subscription(
        client=brief_client(address, 2.0),
        document=CHANGES,
        variables={},
        on_message=lambda data: taken.append(data["number"]),
        on_away=lambda reason: away.append(reason) if away is not None else None,
        cursor_of=lambda data: data["cursor"],
        first_pause_seconds=0.01,
        **options,
    )


class Run(unittest.TestCase):
    def test_goes_on_after_the_last_message_when_the_connection_breaks(self) -> None:
        asked: list[Any] = []

        def answer(request) -> None:
            asked.append(request.variables["after"])
            request.begin_stream()
            first = int((request.variables["after"] or "c0")[1:]) + 1
            request.send_event(message(first))
            request.send_event(message(first + 1))
            if first > 4:
                request.complete()

        taken: list[int] = []
        away: list[Any] = []
        with http_server(answer) as address:
            subscribe(address, taken, away).run(Cancellation())
        self.assertEqual(taken, [1, 2, 3, 4, 5, 6])
        self.assertEqual(asked, [None, "c2", "c4"])
        self.assertEqual([reason is None for reason in away], [False, True, False, True])

    def test_waits_for_a_gateway_that_is_away(self) -> None:
        address = free_address()
        taken: list[int] = []
        away: list[Any] = []
        cancellation = Cancellation()
        thread = threading.Thread(
            target=self._run_until_canceled, args=(subscribe(address, taken, away), cancellation), daemon=True
        )
        thread.start()
        until(lambda: away)
        cancellation.cancel()
        thread.join(5)
        self.assertFalse(thread.is_alive())
        self.assertIn("No gateway is running", away[0])
        self.assertEqual(len(away), 1, "told once, not with each try")

    def test_ends_with_what_the_gateway_refuses(self) -> None:
        def refuse(request) -> None:
            request.reply(401, {"errors": [{"message": "Nobody.", "extensions": {"code": "UNAUTHENTICATED"}}]})

        with http_server(refuse) as address, self.assertRaises(UnauthorizedError):
            subscribe(address, []).run(Cancellation())

    def test_ends_with_an_error_in_the_stream_but_not_with_one_that_passes(self) -> None:
        codes = ["DATABASE_UNAVAILABLE", "INTERNAL_SERVER_ERROR"]

        def fail(request) -> None:
            request.begin_stream()
            request.send_event({"errors": [{"message": "Failed.", "extensions": {"code": codes.pop(0)}}]})
            request.complete()

        with http_server(fail) as address, self.assertRaises(RefusedError) as caught:
            subscribe(address, []).run(Cancellation())
        self.assertEqual((caught.exception.code, codes), ("INTERNAL_SERVER_ERROR", []))

    def test_ends_with_what_is_no_stream(self) -> None:
        with http_server(lambda request: request.reply(200, {"data": {"farm": {}}})) as address:
            with self.assertRaises(NotAGatewayError):
                subscribe(address, []).run(Cancellation())

    def test_gives_up_a_connection_that_died_without_a_word(self) -> None:
        connections: list[int] = []

        def fall_silent(request) -> None:
            connections.append(1)
            request.begin_stream()
            request.send_event(message(len(connections)))
            if len(connections) == 2:
                request.complete()
                return
            time.sleep(1)

        taken: list[int] = []
        with http_server(fall_silent) as address:
            subscribe(address, taken, idle_seconds=0.2).run(Cancellation())
        self.assertEqual(taken, [1, 2])

    def test_connects_anew_at_once_when_told_that_the_machine_slept(self) -> None:
        connections: list[int] = []

        def answer(request) -> None:
            connections.append(1)
            request.begin_stream()
            request.send_event(message(len(connections)))
            if len(connections) == 2:
                request.complete()
                return
            time.sleep(2)

        taken: list[int] = []
        with http_server(answer) as address:
            subscription = subscribe(address, taken)
            thread = threading.Thread(target=subscription.run, args=(Cancellation(),), daemon=True)
            thread.start()
            until(lambda: taken)
            subscription.reconnect()
            thread.join(1.5)
            self.assertFalse(thread.is_alive())
        self.assertEqual(taken, [1, 2])

    def test_is_canceled_while_it_listens(self) -> None:
        def answer(request) -> None:
            request.begin_stream()
            request.send_event(message(1))
            time.sleep(1)

        taken: list[int] = []
        away: list[Any] = []
        cancellation = Cancellation()
        with http_server(answer) as address:
            subscription = subscribe(address, taken, away)
            thread = threading.Thread(target=self._run_until_canceled, args=(subscription, cancellation), daemon=True)
            thread.start()
            until(lambda: taken)
            cancellation.cancel()
            thread.join(0.9)
            self.assertFalse(thread.is_alive())
        self.assertEqual(away, [], "that it was canceled is no outage")

    def _run_until_canceled(self, subscription: Subscription, cancellation: Cancellation) -> None:
        with self.assertRaises(Canceled):
            subscription.run(cancellation)


def until(is_true) -> None:
    end = time.monotonic() + 10
    while not is_true():
        if time.monotonic() > end:
            raise AssertionError("It did not happen within 10 s.")
        time.sleep(0.005)
