"""Questions to the gateway over HTTP. Everything here waits for the network: never call it on Blender's main thread."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Optional

from .address import Address
from .answers import read_answer
from .cancellation import Cancellation
from .documents import Document
from .errors import GatewayError, NotAGatewayError, TimedOutError, UnreachableError

CONNECT_SECONDS = 5.0
#: A submission of 100,000 tasks takes the gateway some seconds.
ANSWER_SECONDS = 30.0
#: Far above any page, far below what would fill the memory.
LONGEST_ANSWER_BYTES = 64 * 1024 * 1024
_PIECE_BYTES = 65_536


@dataclass(frozen=True)
class Reply:
    status: int
    content_type: str
    body: bytes


class Client:
    """A gateway as one user sees it. Makes a connection for each question, so that threads can share it.

    It goes where the address says and nowhere else: redirects are not followed, and proxies of the environment are not
    asked, because either would hand the token to somebody whom the artist did not name.
    """

    def __init__(
        self,
        address: Address,
        token: str = "",
        *,
        connect_seconds: float = CONNECT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.address = address
        self._token = token
        self._connect_seconds = connect_seconds
        self._answer_seconds = answer_seconds

    def ask(
        self,
        document: Document,
        variables: Optional[Mapping[str, Any]] = None,
        cancellation: Optional[Cancellation] = None,
    ) -> dict[str, Any]:
        """The data of a query or a mutation. Raises GatewayError or Canceled."""
        body = encode_operation(document, variables)
        headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json, application/json"}
        reply = self._fetch("POST", "/graphql", body, headers, cancellation)
        return read_answer(reply.status, reply.content_type, reply.body, str(self.address), document.name)

    def get(self, path: str, cancellation: Optional[Cancellation] = None) -> Reply:
        """What is at a path of the gateway (`/health`, a picture), whatever its status. Raises GatewayError or Canceled."""
        return self._fetch("GET", path, None, {}, cancellation)

    @contextmanager
    def stream(
        self,
        document: Document,
        variables: Optional[Mapping[str, Any]],
        cancellation: Cancellation,
        idle_seconds: float,
    ) -> Iterator[http.client.HTTPResponse]:
        """The open answer to a subscription, to be read piece by piece. Raises as `ask` does."""
        body = encode_operation(document, variables)
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        with self._connected(cancellation) as (connection, sock):
            with self._ending_after(self._answer_seconds, sock):
                response = self._request(connection, "POST", "/graphql", body, headers)
                if not (response.getheader("Content-Type") or "").startswith("text/event-stream"):
                    content = self._read(response)
                    read_answer(response.status, _content_type(response), content, str(self.address), document.name)
                    raise NotAGatewayError(f"{self.address} does not answer a subscription with a stream of events.")
            sock.settimeout(idle_seconds)
            with response:
                yield response

    def _fetch(
        self,
        method: str,
        path: str,
        body: Optional[bytes],
        headers: dict[str, str],
        cancellation: Optional[Cancellation],
    ) -> Reply:
        with self._connected(cancellation or Cancellation()) as (connection, sock):
            with self._ending_after(self._answer_seconds, sock):
                response = self._request(connection, method, path, body, headers)
                return Reply(response.status, _content_type(response), self._read(response))

    @contextmanager
    def _connected(self, cancellation: Cancellation) -> Iterator[tuple[http.client.HTTPConnection, socket.socket]]:
        """The socket too: the connection forgets it when an answer is the last one, while that is still being read."""
        cancellation.raise_if_canceled()
        connection = self._make_connection()
        try:
            connection.connect()
            sock: socket.socket = connection.sock
            # What waits in recv wakes up when the socket is shut down; closing alone would leave it waiting.
            with cancellation.calling(lambda: _shut_down(sock)):
                sock.settimeout(self._answer_seconds)
                yield connection, sock
        except (OSError, http.client.HTTPException) as error:
            cancellation.raise_if_canceled()
            raise self._explain(error) from error
        finally:
            connection.close()

    def _make_connection(self) -> http.client.HTTPConnection:
        host, port = self.address.host, self.address.port
        if self.address.is_encrypted:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._connect_seconds, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._connect_seconds)

    def _request(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Optional[bytes],
        headers: dict[str, str],
    ) -> http.client.HTTPResponse:
        if self._token:
            headers = {**headers, "Authorization": f"Bearer {self._token}"}
        connection.request(method, self.address.prefix + path, body, headers)
        response = connection.getresponse()
        if 300 <= response.status < 400:
            target = response.getheader("Location") or "somewhere else"
            raise NotAGatewayError(f"{self.address} sends Blender on to {target}. Enter the gateway's own address.")
        return response

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        pieces: list[bytes] = []
        length = 0
        while piece := response.read1(_PIECE_BYTES):
            pieces.append(piece)
            length += len(piece)
            if length > LONGEST_ANSWER_BYTES:
                raise NotAGatewayError(f"{self.address} answers with more than a gateway ever says.")
        if response.length:  # what was announced and did not come
            raise http.client.IncompleteRead(b"", response.length)
        return b"".join(pieces)

    @contextmanager
    def _ending_after(self, seconds: float, sock: socket.socket) -> Iterator[None]:
        """A limit for the whole exchange: the socket's own limit begins anew with each byte."""
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            _shut_down(sock)

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            if is_late.is_set() or isinstance(error, TimeoutError):
                raise self._late() from error
            raise
        finally:
            timer.cancel()
        if is_late.is_set():
            raise self._late()

    def _late(self) -> GatewayError:
        return TimedOutError(
            f"{self.address} took the question and does not answer. Try again; if it stays so, restart it."
        )

    def _explain(self, error: Exception) -> GatewayError:
        where = self.address
        if isinstance(error, ssl.SSLCertVerificationError):
            return UnreachableError(f"The certificate of {where} is not trusted here: {error.verify_message}.")
        if isinstance(error, ssl.SSLError):
            return UnreachableError(f"{where} does not speak HTTPS. Does the address begin with http:// instead?")
        if isinstance(error, socket.gaierror):
            return UnreachableError(f"There is no machine named “{where.host}” in this network. Is it spelled right?")
        if isinstance(error, ConnectionRefusedError):
            return UnreachableError(f"No gateway is running at {where}. Is it started, and is the port right?")
        if isinstance(error, TimeoutError):
            return TimedOutError(
                f"{where} does not answer. Is the machine on, and does its firewall let Blender through?"
            )
        if isinstance(error, (ConnectionError, http.client.IncompleteRead, http.client.RemoteDisconnected)):
            return UnreachableError(f"{where} hung up in the middle of an answer.")
        if isinstance(error, http.client.HTTPException):
            return NotAGatewayError(f"Something answers at {where}, but it is not a Tablao gateway.")
        return UnreachableError(f"{where} cannot be reached: {getattr(error, 'strerror', None) or error}.")


def encode_operation(document: Document, variables: Optional[Mapping[str, Any]]) -> bytes:
    operation = {"query": document.text, "operationName": document.name, "variables": dict(variables or {})}
    return json.dumps(operation).encode()


def _content_type(response: http.client.HTTPResponse) -> str:
    return response.getheader("Content-Type") or ""


def _shut_down(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is gone already
