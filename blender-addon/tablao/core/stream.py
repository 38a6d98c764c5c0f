"""A subscription on behalf of the main thread."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any, Callable, Mapping, Optional

from .background import Background, Work
from .cancellation import Cancellation
from .documents import Document
from .errors import GatewayError
from .subscription import Subscription
from .transport import Client

#: What the gateway refused it may allow later: a token comes back, an update is undone.
REFUSED_PAUSE_SECONDS = 60.0

#: Called in the thread with the data of a message; `work.report` hands on to the main thread.
Take = Callable[[Work[None], dict[str, Any]], None]


class Stream:
    """Begins at once, and goes on until it is closed or the gateway says that it is complete."""

    def __init__(
        self,
        background: Background,
        client: Client,
        document: Document,
        variables: Callable[[], Mapping[str, Any]],
        take: Take,
        on_change: Callable[[], None] = lambda: None,
        cursor_of: Optional[Callable[[dict[str, Any]], Optional[str]]] = None,
        *,
        now: Callable[[], datetime] = datetime.now,
        refused_pause_seconds: float = REFUSED_PAUSE_SECONDS,
    ) -> None:
        """`variables` is asked in the thread. `on_change` follows each change of the attributes, on the main thread."""
        #: Since when it has no connection, though it had or wanted one.
        self.away_since: Optional[datetime] = None
        #: Why it has none.
        self.away_reason = ""
        #: Whether the gateway said no, rather than nothing.
        self.is_refused = False
        self.is_complete = False
        self.is_closed = False
        self._client = client
        self._document = document
        self._variables = variables
        self._take = take
        self._on_change = on_change
        self._cursor_of = cursor_of
        self._now = now
        self._refused_pause_seconds = refused_pause_seconds
        self._subscription: Optional[Subscription] = None
        self._wake = threading.Event()
        self._work = background.start_long(self._run, self._complete)

    def close(self) -> None:
        self.is_closed = True
        self._work.cancel()

    def reconnect(self) -> None:
        """Makes the connection anew, or ends the pause before the next one."""
        self._wake.set()
        subscription = self._subscription
        if subscription is not None:
            subscription.reconnect()

    def _run(self, work: Work[None]) -> None:
        variables = dict(self._variables())
        was_refused = False

        def take(data: dict[str, Any]) -> None:
            nonlocal was_refused
            if was_refused:
                work.report(self._set_away, None, False)
            was_refused = False
            self._take(work, data)
            if self._cursor_of is not None:
                variables["after"] = self._cursor_of(data) or variables.get("after")

        while True:
            self._wake.clear()
            self._subscription = Subscription(
                client=self._client,
                document=self._document,
                variables=variables,
                on_message=take,
                on_away=lambda reason: work.report(self._set_away, reason, False),
                cursor_of=self._cursor_of,
            )
            try:
                self._subscription.run(work.cancellation)
                return
            except GatewayError as error:
                work.report(self._set_away, str(error), True)
                was_refused = True
            self._pause(work.cancellation)

    def _pause(self, cancellation: Cancellation) -> None:
        with cancellation.calling(self._wake.set):
            self._wake.wait(self._refused_pause_seconds)
        cancellation.raise_if_canceled()

    def _set_away(self, reason: Optional[str], is_refused: bool) -> None:
        if self.is_closed:
            return
        self.away_reason = reason or ""
        self.is_refused = is_refused
        self.away_since = None if reason is None else self.away_since or self._now()
        self._on_change()

    def _complete(self, _: None) -> None:
        if self.is_closed:
            return
        self.is_complete = True
        self._on_change()
