"""Floor 2. One HTTP request: to a checked address, ended at its time or on request, its secrets blacked out in the log.

The request has a thread of its own, which is left behind when its time is over: a name server or a peer that says
nothing for a minute holds nobody up. Proxies of the environment are not used; the address that was checked is the one
that is connected to.
"""

from __future__ import annotations

import http.client
import queue
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from mtctl.actions.logs import CappedLog
from mtctl.core.addresses import Target, parse_url, refused_address
from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.names import printable
from mtctl.core.secret import is_reference, redact
from mtctl.core.states import Outcome
from mtctl.ports.actions import ActionResult
from mtctl.secret import read_secret

if TYPE_CHECKING:
    from pathlib import Path
    from threading import Event

    from mtctl.ports.actions import HttpRequest

MOST_BODY = 1 << 20
"""Bytes of an answer that are read."""

MOST_REDIRECTS = 5
"""Redirects of one request that are followed."""

_POLL = 0.05
_CONNECT_SECONDS = 30.0
_LOGGED_BODY = 64 << 10
_SENT_ANEW = frozenset({307, 308})
_FOLLOWED = frozenset({301, 302, 303}) | _SENT_ANEW
_HIDDEN_HEADERS = frozenset({"set-cookie", "authorization", "proxy-authenticate"})
_AGENT = "mtctl"


class Answer(NamedTuple):
    """What a server said, its body cut at `MOST_BODY`."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def send(request: HttpRequest, stop: Event, root: Path) -> ActionResult:
    """Send the request and judge the answer; `root` is where relative paths of secrets begin.

    Codes: `http_status`, `http_timeout`, `http_unreachable`, `http_broken`, `http_tls`, `http_refused`,
    `http_redirect`, `http_log`, `cancelled`, and those of the URL and of secrets.
    """
    if stop.is_set():
        return _cancelled()
    try:
        headers, secrets = _resolved(request, root)
        target = parse_url(request.url, where="url")
        log = CappedLog(request.log)
    except MtctlError as error:
        return ActionResult(outcome=Outcome.FAILED, code=error.code, message=str(error))
    except OSError as error:
        message = f"the log file {request.log} cannot be made: {error.strerror}"
        return ActionResult(outcome=Outcome.FAILED, code="http_log", message=message, transient=True)
    exchange = _Exchange(request, target, headers)
    found = exchange.wait(stop)
    for line in exchange.lines:
        log.write(f"{redact(line, secrets)}\n".encode("utf-8", "replace"))
    if isinstance(found, Answer):
        text = found.body[:_LOGGED_BODY].decode("utf-8", "replace")
        log.write(f"\n{redact(text, secrets)}\n".encode("utf-8", "replace"))
    log.finish()
    result = _judged(request, found)
    return ActionResult(
        outcome=result.outcome,
        code=result.code,
        message=redact(result.message, secrets),
        transient=result.transient,
        log=request.log,
    )


def _resolved(request: HttpRequest, root: Path) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return the headers with their references looked up, and the values that must not be shown."""
    headers, secrets = [], []
    for name, value in request.headers:
        if is_reference(value):
            found = read_secret(value, root=root, where=f"header {name}")
            secrets.append(found)
            headers.append((name, found))
        else:
            headers.append((name, value))
    return tuple(headers), tuple(secrets)


def _judged(request: HttpRequest, found: Answer | MtctlError | Outcome) -> ActionResult:
    if found is Outcome.CANCELLED:
        return _cancelled()
    if isinstance(found, Outcome):
        message = f"no whole answer within {(request.timeout or 0) / 1e6:g} s"
        return ActionResult(outcome=Outcome.TIMED_OUT, code="http_timeout", message=message, transient=True)
    if isinstance(found, MtctlError):
        transient = found.kind in {Kind.BUSY, Kind.ENGINE}
        return ActionResult(outcome=Outcome.FAILED, code=found.code, message=str(found), transient=transient)
    if _is_expected(found.status, request.ok):
        return ActionResult(outcome=Outcome.SUCCESS)
    expected = ", ".join(str(status) for status in request.ok) or "2xx"
    message = f"the answer was {found.status} {printable(found.reason[:80])}, expected {expected}"
    transient = found.status == http.client.TOO_MANY_REQUESTS or found.status >= http.client.INTERNAL_SERVER_ERROR
    return ActionResult(outcome=Outcome.FAILED, code="http_status", message=message, transient=transient)


def _is_expected(status: int, ok: tuple[int, ...]) -> bool:
    """Return whether a status is one of those named, or where none is named any success."""
    return status in ok if ok else 200 <= status < 300


def _cancelled() -> ActionResult:
    return ActionResult(outcome=Outcome.CANCELLED, code="cancelled", message="cancelled")


class _Exchange:
    """A request under way in its own thread; `lines` tell what was sent and said."""

    def __init__(self, request: HttpRequest, target: Target, headers: tuple[tuple[str, str], ...]) -> None:
        self.lines: list[str] = []
        self._request = request
        self._target = target
        self._headers = headers
        self._socket: socket.socket | None = None
        self._over = False
        self._found: queue.SimpleQueue[Answer | MtctlError] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="mtctl-http", daemon=True).start()

    def wait(self, stop: Event) -> Answer | MtctlError | Outcome:
        """Return the answer, the trouble, or why it was given up: timed_out or cancelled."""
        timeout = self._request.timeout
        until = None if timeout is None else time.monotonic() + timeout / 1e6
        why = Outcome.CANCELLED
        while not stop.is_set():
            left = _POLL if until is None else min(_POLL, until - time.monotonic())
            if left <= 0:
                why = Outcome.TIMED_OUT
                break
            try:
                return self._found.get(timeout=left)
            except queue.Empty:
                continue
        self._over = True
        self._cut()
        self.lines = [*self.lines, f"* given up: {why.value}"]  # a list of its own: the thread may still write
        return why

    def _cut(self) -> None:
        connection = self._socket
        if connection is not None:
            try:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # that of TLS would take its state away
            except OSError:
                return  # it has ended by itself

    def _run(self) -> None:
        try:
            self._found.put(self._follow())
        except MtctlError as error:
            self._found.put(error)
        except ssl.SSLCertVerificationError as error:
            what = f"the certificate of {self._target.authority} is not trusted: {error.verify_message}"
            self._found.put(invalid("http_tls", what))
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            what = f"the connection to {self._target.authority} broke: {printable(str(reason)[:200])}"
            self._found.put(MtctlError("http_broken", what, kind=Kind.ENGINE))

    def _follow(self) -> Answer:
        """Send the request, and again where an answer leads elsewhere."""
        method, body = self._request.method, self._request.body
        url = self._request.url
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._ask(method, body)
            location = {name.lower(): value for name, value in answer.headers}.get("location")
            follows = answer.status in _FOLLOWED and answer.status not in self._request.ok and location is not None
            if not follows or location is None or self._over:
                return answer
            if method not in {"GET", "HEAD"} and answer.status not in _SENT_ANEW:
                method, body = "GET", None
            url = urljoin(url, location)
            self._redirect(url)
        raise invalid("http_redirect", f"more than {MOST_REDIRECTS} redirects")

    def _redirect(self, url: str) -> None:
        """Turn to another URL; what is for the first host only is left out elsewhere."""
        before = self._target
        try:
            self._target = parse_url(urlsplit(url)._replace(fragment="").geturl(), where="redirect")
        except MtctlError as error:
            raise invalid("http_redirect", f"the redirect leads where no request may go: {error.what}") from None
        if before.encrypted and not self._target.encrypted:
            raise invalid("http_redirect", "the redirect leads from https to http")
        if (before.host, before.port, before.encrypted) != (
            self._target.host,
            self._target.port,
            self._target.encrypted,
        ):
            self._headers = tuple(pair for pair in self._headers if pair[0].lower() in {"accept", "content-type"})

    def _ask(self, method: str, body: str | None) -> Answer:
        target = self._target
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = self._connected(target)
        given = {name.lower() for name, _ in self._headers}
        data = body.encode() if body is not None else None
        connection.putrequest(method, target.path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", target.authority)
        if data is not None or method in {"POST", "PUT", "PATCH"}:
            connection.putheader("Content-Length", str(len(data or b"")))
        for name, value in (("User-Agent", _AGENT), ("Accept", "*/*"), ("Connection", "close")):
            if name.lower() not in given:
                connection.putheader(name, value)
        for name, value in self._headers:
            connection.putheader(name, value.encode("utf-8"))
        self.lines.append(f"> {method} {'https' if target.encrypted else 'http'}://{target.authority}{target.path}")
        try:
            connection.endheaders(data)
            with connection.getresponse() as response:
                headers = tuple(response.getheaders())
                self._note(response.status, response.reason, headers)
                return Answer(response.status, response.reason, headers, response.read(MOST_BODY))
        finally:
            connection.close()

    def _note(self, status: int, reason: str, headers: tuple[tuple[str, str], ...]) -> None:
        self.lines.append(f"< {status} {printable(reason)}")
        for name, value in headers:
            shown = "***" if name.lower() in _HIDDEN_HEADERS else printable(value)
            self.lines.append(f"< {printable(name)}: {shown}")

    def _connected(self, target: Target) -> socket.socket:
        """Return a connection to the first address that answers, none of them a refused one."""
        shown = printable(target.host)
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise MtctlError("http_unreachable", f"the host {shown} is not known", kind=Kind.ENGINE) from None
        for *_, address in found:
            why = refused_address(str(address[0]))
            if why is not None:
                raise invalid("http_refused", f"{shown} leads to {address[0]}, which {why}", fix="name another host")
        reason = "no address"
        for family, kind, protocol, _, address in found:
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(_CONNECT_SECONDS)
                self._socket = connection
                connection.connect(address)
                connection.settimeout(None)
            except OSError as error:
                connection.close()
                reason = error.strerror or "it does not answer"
                if self._over:
                    break
                continue
            return self._encrypted(connection, target)
        what = f"{shown}:{target.port} cannot be reached: {reason}"
        raise MtctlError("http_unreachable", what, kind=Kind.ENGINE)

    def _encrypted(self, connection: socket.socket, target: Target) -> socket.socket:
        if not target.encrypted:
            return connection
        wrapped = ssl.create_default_context().wrap_socket(connection, server_hostname=target.host)
        self._socket = wrapped
        return wrapped
