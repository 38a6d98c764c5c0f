"""What an artist reads when something is wrong with the gateway. A real one stands behind a server that gets in its way."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import ExitStack
from functools import partial
from types import ModuleType
from typing import Any, Callable, Optional
from unittest import mock
from urllib.parse import urlsplit

import bpy

from tests.core.servers import Request, free_address, http_server, raw_server

from .support import GATEWAY, BlenderTest, part


def pass_on(request: Request) -> tuple[int, bytes]:
    """What the real gateway answers."""
    real = urlsplit(GATEWAY)
    connection = http.client.HTTPConnection(real.hostname or "", real.port, timeout=30)
    headers = {
        name: request.headers[name] for name in ("Content-Type", "Authorization", "Accept") if name in request.headers
    }
    connection.request(request.command, request.path, request.body or None, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, content


class Failures(BlenderTest):
    def setUp(self) -> None:
        super().setUp()
        self.servers = ExitStack()
        self.addCleanup(self.servers.close)
        # Artists wait longer than tests do.
        client = part("core.transport").Client
        self._replace(
            part("session"), "Client", lambda *given, **_: client(*given, connect_seconds=1, answer_seconds=1)
        )

    def test_gateway_down_at_the_start(self) -> None:
        self.preferences.gateway = str(free_address())
        self.assertFails("No gateway is running at http://127.0.0.1:.* Is it started, and is the port right?")
        self.preferences.gateway = GATEWAY
        self.connect()

    def test_gateway_that_dies_in_between(self) -> None:
        is_dead = [False]

        def answer(request: Request) -> None:
            if is_dead[0]:
                request.close_connection = True
                request.connection.close()
            else:
                request.reply(*pass_on(request))

        self.stand_between(answer)
        self.connect()
        is_dead[0] = True
        self._replace(part("submit.run"), "send", partial(part("core.sending").send, patience_seconds=1.0))
        run = self.submit()
        self.assertRegex(run.message, "hung up in the middle of an answer")
        self.assertTrue(run.can_send_again)
        is_dead[0] = False
        run.send_again()
        self.assertEqual(self.finish(run).step.name, "SUBMITTED")

    def test_gateway_that_is_away_for_a_moment(self) -> None:
        refusals = [2]

        def answer(request: Request) -> None:
            if request.command == "POST" and request.operation == "SubmitJob" and refusals[0] > 0:
                refusals[0] -= 1
                request.reply(503, b"<h1>Service Unavailable</h1>", "text/html")
            else:
                request.reply(*pass_on(request))

        self.stand_between(answer)
        self.connect()
        run = self.begin("submit", ignores_warnings=True)
        self.until(lambda: run.message or run.has_ended)
        self.assertRegex(run.message, "Trying again. The gateway behind .* is away")
        self.assertEqual(self.finish(run).step.name, "SUBMITTED")

    def test_wrong_token(self) -> None:
        self.preferences.token = "not-a-token"
        self.addCleanup(lambda: setattr(self.preferences, "token", ""))
        self.assertFails("does not know this token. Ask whoever runs the farm for a new one")

    def test_older_gateway(self) -> None:
        self.stand_between(self._other_version("0.0.9", unknown="PreviewJob"))
        self.connect()
        self.assertRegex(self.session.farm.version_note, r"gateway \(0\.0\.9\) is older than this add-on")
        run = self.finish(self.begin("preview"))
        self.assertRegex(run.message, "The gateway is too old for this add-on")
        self.assertEqual(self.submit().step.name, "SUBMITTED", "what it understands works")

    def test_newer_gateway(self) -> None:
        self.stand_between(self._other_version("99.1.0", unknown="JobTypes"))
        self.assertFails("add-on is too old for the gateway .*update it from the gateway")

    def test_garbage(self) -> None:
        self.stand_between(lambda request: request.reply(200, b"<html>It works!</html>", "text/html"))
        self.assertFails("Something answers at http://127.0.0.1:.*, but it is not a Tablao gateway")

    def test_server_that_hangs(self) -> None:
        address = self.servers.enter_context(raw_server(lambda connection: time.sleep(3)))
        self.preferences.gateway = str(address)
        self.assertFails("took the question and does not answer")

    def test_address_that_is_none(self) -> None:
        self.preferences.gateway = "ftp://farm"
        self.assertFails("an address looks like http://farm:4000")

    def assertFails(self, words: str) -> None:
        """The connection says so, and the operator of scripts too."""
        self.session.connect()
        self.until(lambda: self.session.link.value != "connecting")
        self.assertRegex(str(self.session.failure), words)
        with self.assertRaisesRegex(RuntimeError, f"Not submitted. .*({words})"):
            bpy.ops.tablao.submit()

    def submit(self) -> Any:
        return self.finish(self.begin("submit", ignores_warnings=True))

    def stand_between(self, answer: Callable[[Request], None]) -> None:
        self.preferences.gateway = str(self.servers.enter_context(http_server(answer)))

    def _other_version(self, version: str, unknown: Optional[str]) -> Callable[[Request], None]:
        def answer(request: Request) -> None:
            if request.path == "/health":
                request.reply(200, {"status": "ok", "version": version})
            elif request.operation == unknown:
                # As a gateway answers that has no such field: asked for one, the real one says the same.
                body = json.loads(request.body)
                request.body = json.dumps({**body, "query": f"query {unknown} {{ noSuchField }}"}).encode()
                request.reply(*pass_on(request))
            else:
                request.reply(*pass_on(request))

        return answer

    def _replace(self, module: ModuleType, name: str, replacement: Any) -> None:
        patcher = mock.patch.object(module, name, replacement)
        patcher.start()
        self.addCleanup(patcher.stop)
