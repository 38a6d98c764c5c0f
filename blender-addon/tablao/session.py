"""What lives as long as the add-on is enabled: the connection to the gateway, and the work in the background."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import Optional

import bpy

from . import job_type_properties, settings
from .core.address import parse_address
from .core.background import Background, Work
from .core.connection import Farm, connect
from .core.errors import Canceled, GatewayError, OfflineError
from .core.file_list import FileHashes
from .core.transport import ANSWER_SECONDS, Client
from .core.version import read_addon_version

#: How long after a connection failed it is tried again by itself, at first and at most.
FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 60.0
OFFLINE = "Blender may not use the network. Switch on Preferences ▸ System ▸ Network ▸ Allow Online Access."


class Link(Enum):
    NONE = "none"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"


@dataclass
class Session:
    background: Background
    hashes: FileHashes
    addon_version: str
    link: Link = Link.NONE
    #: Known while connected, and kept while a connection is made anew.
    farm: Optional[Farm] = None
    #: Why the link failed, for the artist.
    failure: Optional[Exception] = None
    #: Another number says that it may be another gateway, or another user of it.
    generation: int = 0
    _attempt: Optional[Work[Farm]] = None
    _retry_at: float = 0.0
    _retry_seconds: float = FIRST_RETRY_SECONDS

    def client(self, answer_seconds: float = ANSWER_SECONDS) -> Client:
        """The gateway of the preferences. Raises OfflineError or AddressError."""
        require_online()
        address = parse_address(settings.get_preferences().gateway)
        return Client(address, settings.read_token(address), answer_seconds=answer_seconds)

    def connect(self) -> None:
        """Asks the gateway what it renders; what became of it is in `link`."""
        if self.link == Link.CONNECTING:
            return
        try:
            client = self.client()
        except GatewayError as error:
            self._fail(error)
            return
        self.link = Link.CONNECTING
        self._attempt = self.background.start(
            lambda work: connect(client, self.addon_version, work.cancellation), self._connected, self._fail
        )

    def reconnect(self) -> None:
        """Forgets the gateway that was: another address, another token."""
        if self._attempt is not None:
            self._attempt.cancel()
        self.generation += 1
        self.farm = None
        self.failure = None
        self.link = Link.NONE
        self._retry_seconds, self._retry_at = FIRST_RETRY_SECONDS, 0.0

    def keep_connected(self, now: float) -> None:
        """Called by the timer: connects at the start, and again after a failure that may pass."""
        if self.link == Link.FAILED and isinstance(self.failure, OfflineError):
            if is_online():
                self.connect()
        elif self.link == Link.NONE or (self.link == Link.FAILED and self._may_pass() and now >= self._retry_at):
            self.connect()

    def _may_pass(self) -> bool:
        return isinstance(self.failure, GatewayError) and self.failure.is_passing

    def _connected(self, farm: Farm) -> None:
        self.link, self.farm, self.failure = Link.CONNECTED, farm, None
        self._retry_seconds = FIRST_RETRY_SECONDS
        job_type_properties.register_all(farm.job_types)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, Canceled):
            return
        self.link, self.failure = Link.FAILED, error
        self._retry_at = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)


def is_online() -> bool:
    """Before 4.2 Blender did not ask whether add-ons may use the network."""
    return getattr(bpy.app, "online_access", True)


def require_online() -> None:
    """Raises OfflineError, which says what to switch on."""
    if is_online():
        return
    if getattr(bpy.app, "online_access_overridden", False):
        raise OfflineError("Blender was started with --offline-mode: start it without, to use the network.")
    raise OfflineError(OFFLINE)


_session: Optional[Session] = None


def get() -> Session:
    if _session is None:
        raise RuntimeError("The add-on is not enabled.")
    return _session


def open_session() -> None:
    global _session
    _session = Session(Background(), FileHashes(), read_addon_version())


def close_session() -> None:
    global _session
    if _session is not None:
        _session.background.close()
    _session = None
