"""Servers that behave as a gateway does, or as none should."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterator

from tablao.core.address import Address
from tablao.core.transport import Client


class Request(BaseHTTPRequestHandler):
    """One request, as an `answer` function sees it."""

    protocol_version = "HTTP/1.1"
    body: bytes = b""

    @property
    def variables(self) -> dict[str, Any]:
        return json.loads(self.body)["variables"]

    @property
    def operation(self) -> str:
        return json.loads(self.body)["operationName"]

    def reply(self, status: int, body: Any, content_type: str = "application/json", **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def send_event(self, data: Any) -> None:
        self.wfile.write(f"event: next\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def complete(self) -> None:
        self.wfile.write(b"event: complete\ndata:\n\n")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def http_server(answer: Callable[[Request], None]) -> Iterator[Address]:
    class Handler(Request):
        def _answer(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                answer(self)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client left, as some tests want it to

        do_GET = do_POST = _answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Address("http", "127.0.0.1", server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[Address]:
    """Takes one connection after the other, and is no HTTP server unless `answer` makes it one."""
    listener = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    answer(connection)
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Address("http", "127.0.0.1", listener.getsockname()[1])
    finally:
        is_over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def free_address() -> Address:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Address("http", "127.0.0.1", listener.getsockname()[1])


def brief_client(address: Address, seconds: float = 0.3, token: str = "") -> Client:
    return Client(address, token, connect_seconds=seconds, answer_seconds=seconds)
