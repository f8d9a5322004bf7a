"""Floor 4. Who may see the dashboard in a browser: under which names the server is asked for, from where, with what.

Every request passes all checks, whatever it asks for. Names are checked since a page of a stranger may give its own
name the address of this machine; origins, since a browser lets any page open a websocket anywhere.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mtctl.core.secret import Hidden

_HOST = re.compile(r"(?P<name>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why somebody may not come in: an HTTP status and a sentence for people."""

    status: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request says of itself: its `Host`, its `Origin`, the token of its address and that of its cookie."""

    host: str
    origin: str | None = None
    token: str | None = None
    cookie: str | None = None
    opens_socket: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The conditions of one server.

    `names` are lower-case host names; `any_address` admits every IP address as a name. `token` None asks for none.
    `seal` is what the cookie of an admitted browser holds: made anew at each start and never the token itself.
    """

    names: frozenset[str]
    any_address: bool = False
    token: Hidden | None = None
    seal: Hidden = field(default_factory=lambda: Hidden(secrets.token_urlsafe(32)))

    def refusal(self, asked: Asked) -> Refusal | None:
        """Return why a request is refused, None when it may go on."""
        name = name_of(asked.host)
        if name is None or not self._knows(name):
            return Refusal(status=403, why="this server is not asked for by that name")
        if asked.origin is None and asked.opens_socket:
            return Refusal(status=403, why="a page opens this, and none is named")
        if asked.origin is not None and not _is_same(asked.origin, asked.host):
            return Refusal(status=403, why="another page may not open this")
        if self.token is None or self._brings_token(asked):
            return None
        return Refusal(status=401, why="open the address with ?token=… that this server was started with")

    def _knows(self, name: str) -> bool:
        return name in self.names or (self.any_address and _is_address(name))

    def _brings_token(self, asked: Asked) -> bool:
        by_address = asked.token is not None and self.token is not None and _equal(asked.token, self.token)
        return by_address or (asked.cookie is not None and _equal(asked.cookie, self.seal))


def name_of(host: str) -> str | None:
    """Return the name in a `Host` header in lower case and without its port, None where it is malformed."""
    found = _HOST.fullmatch(host)
    return found["name"].strip("[]").lower() if found else None


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches that address; a name other than localhost might mean any."""
    if host.lower() == "localhost":
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def is_wildcard(host: str) -> bool:
    """Return whether that address stands for all of the machine's."""
    return _is_address(host) and ipaddress.ip_address(host).is_unspecified


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


def _equal(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode("utf-8", "replace"))
