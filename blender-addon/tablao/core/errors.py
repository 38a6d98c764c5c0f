"""What can go wrong between Blender and the gateway. Every message is for an artist: what happened, and what to do."""

from __future__ import annotations


class Canceled(Exception):
    """Somebody asked for it to stop; nothing went wrong."""


class GatewayError(Exception):
    """The gateway gave no answer that can be used."""

    #: The same request may be answered a little later.
    is_passing = False


class AddressError(GatewayError):
    """What was typed is no address of a gateway."""


class OfflineError(GatewayError):
    """Blender may not use the network."""


class UnreachableError(GatewayError):
    """Nobody answers there, or the connection broke."""

    is_passing = True


class TimedOutError(GatewayError):
    """Somebody is there, but does not answer in time."""

    is_passing = True


class NotAGatewayError(GatewayError):
    """Something answers, but not as a Tablao gateway does."""


class UnauthorizedError(GatewayError):
    """The token is missing or unknown."""


class SchemaMismatchError(GatewayError):
    """The gateway does not understand the question: it is older or newer than the add-on."""


class RefusedError(GatewayError):
    """The gateway says no; the message is its own."""

    def __init__(self, message: str, code: str = "", is_passing: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.is_passing = is_passing
