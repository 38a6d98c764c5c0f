"""A subscription that outlives its connection."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Mapping, Optional

from .answers import parse_event, read_result
from .cancellation import Cancellation
from .documents import Document
from .errors import Canceled, GatewayError, NotAGatewayError, UnreachableError
from .sse import Event, EventParser, EventTooLongError
from .transport import Client

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 15.0
#: The gateway gives a sign of life every 12 s; three missed ones are a connection that died without a word.
IDLE_SECONDS = 40.0
_PIECE_BYTES = 65_536


@dataclass
class Subscription:
    """Reads a subscription for as long as it takes, in the thread that calls `run`.

    Whenever the connection is lost a new one is made, and an exact stream (`cursor_of`) goes on after the last message that
    was taken: nothing is missing and nothing comes twice. A stream of states begins with the whole state anew.
    """

    client: Client
    document: Document
    variables: Mapping[str, Any]
    #: Called with the data of each message.
    on_message: Callable[[dict[str, Any]], None]
    #: Called with the reason when the connection is lost, with None when the first message of a new one is there.
    on_away: Callable[[Optional[str]], None] = lambda reason: None
    #: The cursor that a message came with, for a document with a variable `$after`.
    cursor_of: Optional[Callable[[dict[str, Any]], Optional[str]]] = None
    first_pause_seconds: float = FIRST_PAUSE_SECONDS
    idle_seconds: float = IDLE_SECONDS
    _wake: threading.Event = field(default_factory=threading.Event)
    _connection: Optional[Cancellation] = None
    _is_away: bool = False

    def run(self, cancellation: Cancellation) -> None:
        """Returns when the gateway says that the stream is complete. Raises Canceled, or GatewayError when it says no."""
        after = self.variables.get("after")
        pause = self.first_pause_seconds
        with cancellation.calling(self.reconnect):
            while True:
                self._wake.clear()
                cancellation.raise_if_canceled()
                try:
                    for data in self._connect(after, cancellation):
                        pause = self.first_pause_seconds
                        if self.cursor_of is not None:
                            after = self.cursor_of(data) or after
                    return
                except GatewayError as error:
                    cancellation.raise_if_canceled()
                    if not error.is_passing:
                        raise
                    if not self._is_away:
                        self.on_away(str(error))
                    self._is_away = True
                # Not all at once: a gateway that comes back finds all its clients waiting.
                self._wake.wait(pause * random.uniform(0.5, 1.5))
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def reconnect(self) -> None:
        """Gives up the connection, or the pause before the next one: after the machine slept, a dead one looks alive."""
        self._wake.set()
        connection = self._connection
        if connection is not None:
            connection.cancel()

    def _connect(self, after: Optional[str], cancellation: Cancellation) -> Iterator[dict[str, Any]]:
        variables = dict(self.variables)
        if self.cursor_of is not None:
            variables["after"] = after
        connection = self._connection = Cancellation()
        if self._wake.is_set():  # it was asked for before there was a connection to give up
            connection.cancel()
        try:
            with self.client.stream(self.document, variables, connection, self.idle_seconds) as response:
                parser = EventParser()
                while piece := response.read1(_PIECE_BYTES):
                    for event in parser.feed(piece):
                        if event.name == "complete":
                            return
                        data = self._read(event)
                        if data is not None:
                            if self._is_away:
                                self.on_away(None)
                            self._is_away = False
                            self.on_message(data)
                            yield data
        except Canceled:
            cancellation.raise_if_canceled()
            raise UnreachableError("The connection is made anew.") from None
        except EventTooLongError:
            raise NotAGatewayError(f"{self.client.address} sends events that never end.") from None
        finally:
            self._connection = None
        # A gateway that shuts down ends the stream without saying that it is complete.
        raise UnreachableError(f"{self.client.address} has closed the connection.")

    def _read(self, event: Event) -> Optional[dict[str, Any]]:
        if event.name != "next":
            return None
        where = str(self.client.address)
        return read_result(parse_event(event.data, where), where, self.document.name)
