"""Where the gateway is, as people type it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Optional
from urllib.parse import urlsplit

from .errors import AddressError

#: The port of `tablao serve`, taken when neither scheme nor port is given.
USUAL_PORT = 4000
EXAMPLE = "http://farm:4000"
#: Where a gateway serves its own add-on as a repository of extensions.
REPOSITORY_PATH = "/blender/index.json"


@dataclass(frozen=True)
class Address:
    scheme: str
    host: str
    port: int
    #: In front of `/graphql`, without a slash at its end: a gateway behind a proxy may have one.
    prefix: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == (443 if self.scheme == "https" else 80)
        return f"{self.scheme}://{host}{'' if is_default else f':{self.port}'}{self.prefix}"

    @property
    def is_encrypted(self) -> bool:
        return self.scheme == "https"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, which nobody can listen in on."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


def parse_address(text: str) -> Address:
    """`http://farm:4000`, `https://farm.example`, `farm:4000`, `farm`. Raises AddressError."""
    typed = text.strip()
    if not typed:
        raise AddressError(f"Enter the address of the gateway, such as {EXAMPLE}.")
    has_scheme = "://" in typed
    try:
        parts = urlsplit(typed if has_scheme else f"http://{typed}")
        port = parts.port
    except ValueError as error:
        raise AddressError(f"“{typed}” is not an address; it looks like {EXAMPLE}.") from error
    host = parts.hostname
    if parts.scheme not in ("http", "https"):
        raise AddressError(f"“{parts.scheme}://” is not for gateways; an address looks like {EXAMPLE}.")
    if not host or any(letter.isspace() for letter in host) or not _is_host(host):
        raise AddressError(f"“{typed}” names no machine; an address looks like {EXAMPLE}.")
    if parts.username is not None:
        raise AddressError("Leave the user name out of the address: the gateway asks for a token.")
    if port is None:
        port = (443 if parts.scheme == "https" else 80) if has_scheme else USUAL_PORT
    path = parts.path.rstrip("/")
    return Address(parts.scheme, host, port, path.removesuffix("/graphql"))


def gateway_of_repository(url: str) -> Optional[str]:
    """The address of the gateway that serves this repository of extensions; None when it is of another kind."""
    before, found, after = url.partition(REPOSITORY_PATH)
    if not found or (after and not after.startswith("?")):
        return None
    try:
        return str(parse_address(before))
    except AddressError:
        return None


def _is_host(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True
