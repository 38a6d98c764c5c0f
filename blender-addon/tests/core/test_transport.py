import threading
import time
import unittest
from unittest import mock

from tablao.core.cancellation import Cancellation
from tablao.core.documents import Document
from tablao.core.errors import (
    Canceled,
    NotAGatewayError,
    RefusedError,
    SchemaMismatchError,
    TimedOutError,
    UnauthorizedError,
    UnreachableError,
)
from tablao.core.transport import Client

from .servers import brief_client, free_address, http_server, raw_server

QUESTION = Document("Question", "query Question { farm { version } }")


def refusing(status: int, code: str, message: str = "No."):
    return lambda request: request.reply(status, {"errors": [{"message": message, "extensions": {"code": code}}]})


class Ask(unittest.TestCase):
    def test_gives_the_data_and_sends_the_token(self) -> None:
        def answer(request) -> None:
            request.reply(200, {"data": {"operation": request.operation, "who": request.headers["Authorization"]}})

        with http_server(answer) as address:
            data = Client(address, "s3cret").ask(QUESTION)
        self.assertEqual(data, {"operation": "Question", "who": "Bearer s3cret"})

    def test_says_that_nothing_runs_there(self) -> None:
        with self.assertRaisesRegex(UnreachableError, "No gateway is running"):
            brief_client(free_address()).ask(QUESTION)

    def test_says_that_there_is_no_such_machine(self) -> None:
        from tablao.core.address import Address

        with self.assertRaisesRegex(UnreachableError, "no machine named “no-such-farm.invalid”"):
            Client(Address("http", "no-such-farm.invalid", 4000)).ask(QUESTION)

    def test_does_not_wait_for_a_server_that_hangs(self) -> None:
        with raw_server(lambda connection: time.sleep(1.5)) as address:
            began = time.monotonic()
            with self.assertRaisesRegex(TimedOutError, "does not answer"):
                brief_client(address).ask(QUESTION)
            self.assertLess(time.monotonic() - began, 1.2)

    def test_does_not_wait_for_a_server_that_drips(self) -> None:
        def drip(connection) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.02)

        with raw_server(drip) as address:
            with self.assertRaisesRegex(TimedOutError, "does not answer"):
                brief_client(address).ask(QUESTION)

    def test_knows_what_is_no_gateway(self) -> None:
        garbage = {
            "a page": lambda request: request.reply(200, b"<html>Welcome</html>", "text/html"),
            "another service": lambda request: request.reply(404, {"detail": "Not Found"}),
            "nothing in it": lambda request: request.reply(200, {"data": None}),
        }
        for name, answer in garbage.items():
            with self.subTest(name), http_server(answer) as address:
                with self.assertRaises(NotAGatewayError):
                    brief_client(address).ask(QUESTION)

    def test_knows_what_does_not_even_speak_http(self) -> None:
        def greet(connection) -> None:
            connection.recv(65536)
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        with raw_server(greet) as address:
            with self.assertRaisesRegex(NotAGatewayError, "not a Tablao gateway"):
                brief_client(address).ask(QUESTION)

    def test_does_not_follow_a_redirect_with_the_token(self) -> None:
        asked = []

        def elsewhere(request) -> None:
            asked.append(request.headers["Authorization"])
            request.reply(200, {"data": {}})

        with http_server(elsewhere) as other:
            with http_server(lambda request: request.reply(302, b"", Location=f"{other}/graphql")) as address:
                with self.assertRaisesRegex(NotAGatewayError, f"on to {other}"):
                    brief_client(address, token="s3cret").ask(QUESTION)
        self.assertEqual(asked, [])

    def test_does_not_ask_a_proxy_of_the_environment(self) -> None:
        proxy = str(free_address())
        with mock.patch.dict("os.environ", {"http_proxy": proxy, "HTTP_PROXY": proxy, "ALL_PROXY": proxy}):
            with http_server(lambda request: request.reply(200, {"data": {"ok": True}})) as address:
                self.assertEqual(Client(address).ask(QUESTION), {"ok": True})

    def test_sorts_what_the_gateway_refuses(self) -> None:
        for status, code, kind in (
            (401, "UNAUTHENTICATED", UnauthorizedError),
            (400, "GRAPHQL_VALIDATION_FAILED", SchemaMismatchError),
            (400, "BAD_REQUEST", RefusedError),
        ):
            with self.subTest(code), http_server(refusing(status, code)) as address:
                with self.assertRaises(kind) as caught:
                    brief_client(address).ask(QUESTION)
                self.assertFalse(caught.exception.is_passing)

    def test_knows_what_passes(self) -> None:
        with http_server(refusing(503, "DATABASE_UNAVAILABLE")) as address:
            with self.assertRaises(RefusedError) as caught:
                brief_client(address).ask(QUESTION)
        self.assertTrue(caught.exception.is_passing)

        with http_server(lambda request: request.reply(502, b"<h1>Bad Gateway</h1>", "text/html")) as address:
            with self.assertRaises(UnreachableError) as away:
                brief_client(address).ask(QUESTION)
        self.assertTrue(away.exception.is_passing)

    def test_sees_an_answer_that_breaks_off(self) -> None:
        def break_off(connection) -> None:
            connection.recv(65536)
            connection.sendall(
                b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"data"'
            )

        with raw_server(break_off) as address:
            with self.assertRaisesRegex(UnreachableError, "hung up"):
                brief_client(address).ask(QUESTION)

    def test_is_canceled_in_the_middle_of_waiting(self) -> None:
        cancellation = Cancellation()
        with raw_server(lambda connection: time.sleep(1.5)) as address:
            threading.Timer(0.1, cancellation.cancel).start()
            began = time.monotonic()
            with self.assertRaises(Canceled):
                Client(address).ask(QUESTION, cancellation=cancellation)
        self.assertLess(time.monotonic() - began, 3)

    def test_says_when_it_is_not_https(self) -> None:
        from tablao.core.address import Address

        with http_server(lambda request: request.reply(200, {"data": {}})) as address:
            with self.assertRaisesRegex(UnreachableError, "does not speak HTTPS|hung up"):
                brief_client(Address("https", address.host, address.port)).ask(QUESTION)
