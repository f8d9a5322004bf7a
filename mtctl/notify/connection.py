"""Floor 2. A connection to a checked address, cut when its time is over.

A name is resolved once and its addresses are checked before the first is tried, so that no second answer of a name
server leads elsewhere. Timeouts of sockets count from byte to byte; a deadline counts from the beginning.
"""

from __future__ import annotations

import socket
import ssl
from threading import Lock, Timer
from typing import TYPE_CHECKING

from mtctl.core.addresses import refused_address
from mtctl.core.names import printable
from mtctl.notify.troubles import misconfigured, unreachable

if TYPE_CHECKING:
    from typing import Self

    from mtctl.core.errors import MtctlError


class Deadline:
    """Cuts the connections opened under it once its seconds are over; a context manager."""

    def __init__(self, seconds: float) -> None:
        """Take the time that everything together may take."""
        self.seconds = seconds
        self.passed = False
        self._lock = Lock()
        self._open: list[socket.socket] = []
        self._timer = Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Start counting."""
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop counting."""
        self._timer.cancel()
        with self._lock:
            for twin in self._open:
                twin.close()
            self._open.clear()

    def watch(self, connection: socket.socket) -> None:
        """Cut this connection too when the time is over, whoever wraps it meanwhile; raises TimeoutError after."""
        with self._lock:
            if self.passed:
                raise TimeoutError
            self._open.append(connection.dup())

    def _cut(self) -> None:
        with self._lock:
            self.passed = True
            for twin in self._open:
                try:
                    twin.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # it has ended by itself


def connect(host: str, port: int, deadline: Deadline, *, channel: str) -> socket.socket:
    """Return a connection to a host none of whose addresses is refused.

    Raises INVALID `channel_settings` for a refused address, BUSY `channel_unreachable` where nobody answers.
    """
    shown = printable(host)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise unreachable(channel, f"the host {shown} is not known") from None
    addresses = [str(sockaddr[0]) for *_, sockaddr in found]
    for address in addresses:
        why = refused_address(address)
        if why is not None:
            raise misconfigured(channel, f"{shown} leads to {address}, which {why}", "name another host")
    reason = "no address"
    for family, kind, protocol, _, sockaddr in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(deadline.seconds)
            deadline.watch(connection)
            connection.connect(sockaddr)
        except OSError as error:
            connection.close()
            reason = error.strerror or "it does not answer"
            if deadline.passed:
                break
            continue
        return connection
    raise unreachable(channel, f"{shown}:{port} cannot be reached: {reason}")


def broken(channel: str, error: OSError) -> MtctlError:
    """Return the trouble that an error of a connection is."""
    if isinstance(error, ssl.SSLCertVerificationError):
        what = f"its certificate is not trusted: {error.verify_message}"
        return misconfigured(channel, what, "name the host that the certificate names, or its authority with ca")
    if isinstance(error, ssl.SSLError):
        return unreachable(channel, f"no encrypted connection: {error.reason or 'broken off'}")
    return unreachable(channel, f"the connection broke: {error.strerror or type(error).__name__}")


def tls_context(ca: str | None, *, channel: str) -> ssl.SSLContext:
    """Return a context that checks certificates, with the system's authorities or those of a file."""
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        what = f"the certificates in {printable(ca or '')} cannot be read: {error.strerror or 'not PEM'}"
        raise misconfigured(channel, what, "name a PEM file") from None
