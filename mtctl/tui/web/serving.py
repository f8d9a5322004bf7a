"""Floor 4. The dashboard in a browser: a small web server that gives each visitor a process of its own.

It needs the extra `serve` and holds no project: what a visitor may do is in the command of his process. Its page loads
nothing from other hosts, and the policy that it is sent with forbids that.
"""

from __future__ import annotations

import asyncio
import errno
import html
import json
import logging
import os
import shlex
import socket
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from aiohttp import WSMsgType, web
from textual_serve.server import Server, to_int

from mtctl.core.errors import Kind, MtctlError, usage
from mtctl.tui.web.gate import Asked, Gate, is_wildcard, name_of
from mtctl.tui.web.visitor import Call, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler

    from mtctl.core.secret import Hidden

MESSAGE_BYTES = 1 << 20
"""The largest thing that a browser may send at once: a text that is pasted."""

CLOSING_SECONDS = 15.0
"""How long requests may go on when the server ends; longer than a visitor's process takes to be killed."""

_PAGE = Path(__file__).with_name("page")

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self' ws://{host} wss://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""xterm.js writes style elements; nothing else stands in the page itself."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is served where, and to whom.

    `token` None asks for none; `shows_token` puts it into the address that is told, as one that was made for this run
    must be. `public_url` is what browsers call the server when something stands before it. `visitors` are how many may
    look at once.
    """

    title: str
    call: Call
    host: str
    port: int
    token: Hidden | None
    shows_token: bool
    public_url: str | None
    visitors: int


class DashboardServer(Server):
    """Serves one dashboard until it is interrupted."""

    patience = 1

    def __init__(self, terms: Terms, say: Callable[[str], None]) -> None:
        """Open nothing yet; `say` tells the operator of trouble."""
        super().__init__(shlex.join(terms.call.argv), host=terms.host, port=terms.port, title=terms.title)
        self._terms = terms
        self._say = say
        self._gate = gate_of(terms)
        self._cookie = f"mtctl-{terms.port}"
        self._page = (_PAGE / "index.html").read_text(encoding="utf-8").replace("{title}", html.escape(terms.title))
        self._visitors: dict[web.WebSocketResponse, Visitor] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()

    def run(self, opened: Callable[[str], None]) -> None:
        """Serve until `interrupt`; `opened` is told the address once it answers.

        Raises usage `serve_address`, and busy `serve_taken` where another program has the port.
        """
        asyncio.run(self._run(opened))

    def interrupt(self) -> None:
        """End the visits and the server; may be called from a signal handler."""
        self._end.set()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end.set)

    async def _run(self, opened: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        quiet = logging.getLogger("mtctl.tui.web.serving")  # addresses hold tokens: nothing of the library is written
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        runner = web.AppRunner(await self._make_app(), access_log=None, logger=quiet, shutdown_timeout=CLOSING_SECONDS)
        await runner.setup()
        try:
            port = await self._listen(runner)
            self._cookie = f"mtctl-{port}"
            opened(self._address(port))
            await self._end.wait()
        finally:
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> int:
        terms = self._terms
        try:
            await web.TCPSite(runner, terms.host, terms.port).start()
        except OSError as error:
            where = f"{terms.host}:{terms.port}"
            if error.errno == errno.EADDRINUSE:
                what, fix = "another program has this port", "choose another by --port"
                raise MtctlError("serve_taken", what, kind=Kind.BUSY, where=where, fix=fix) from None
            reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
            what = f"cannot listen there: {reason}"
            raise usage("serve_address", what, where=where, fix="choose --host and --port") from None
        return int(runner.addresses[0][1])

    def _address(self, port: int) -> str:
        terms = self._terms
        name = socket.gethostname() if is_wildcard(terms.host) else terms.host
        base = terms.public_url or f"http://{f'[{name}]' if ':' in name else name}:{port}"
        if terms.token is None or not terms.shows_token:
            return f"{base}/"
        return f"{base}/?token={quote(terms.token, safe='')}"

    # --- requests -----------------------------------------------------------------------------------------------

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._admit])
        app.add_routes(
            [
                web.get("/", self._show_page, name="index"),
                web.get("/ws", self._visit, name="websocket"),
                web.get("/download/{key}", self.handle_download, name="download"),
                web.static("/page", _PAGE),
                web.static("/static", self.statics_path),
            ]
        )
        app.on_response_prepare.append(self._set_headers)
        app.on_shutdown.append(self._end_visits)
        return app

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = self._gate.refusal(
            Asked(
                host=request.headers.get("Host", ""),
                origin=request.headers.get("Origin"),
                token=request.query.get("token"),
                cookie=request.cookies.get(self._cookie),
                opens_socket=request.path == "/ws",
            )
        )
        if refused is not None:
            return web.Response(status=refused.status, text=f"{refused.why}\n")
        if "token" in request.query and request.path == "/":
            return self._marked()
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001 - the browser gets a number, the operator a line
            self._say(f"a request failed: {type(error).__name__}: {error}")
            return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR, text="this did not work\n")

    def _marked(self) -> web.Response:
        """Let the browser keep the seal, and take the token out of its address and history."""
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
        secure = (self._terms.public_url or "").startswith("https:")
        response.set_cookie(
            self._cookie, str(self._gate.seal), path="/", httponly=True, samesite="Strict", secure=secure
        )
        return response

    async def _set_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)
        host = request.headers.get("Host", "")
        response.headers["Content-Security-Policy"] = _POLICY.format(host=host if name_of(host) else "localhost")
        response.headers.pop("Server", None)

    async def _show_page(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html")

    # --- visits -------------------------------------------------------------------------------------------------

    async def _visit(self, request: web.Request) -> web.WebSocketResponse:
        browser = web.WebSocketResponse(heartbeat=15, max_msg_size=MESSAGE_BYTES)
        await browser.prepare(request)
        if self._end.is_set() or len(self._visitors) >= self._terms.visitors:
            await browser.send_bytes(f"{len(self._visitors)} visitors are here already; try again later".encode())
            await browser.close(code=1013)
            return browser
        visitor = self._visitors[browser] = Visitor(self._terms.call, browser, self.download_manager, self._say)
        try:
            await visitor.start(_cells(request, "width", 80), _cells(request, "height", 24))
            await _listen(browser, visitor)
        finally:
            await visitor.stop()
            del self._visitors[browser]
        return browser

    async def _end_visits(self, _app: web.Application) -> None:
        visits = tuple(self._visitors.items())
        await _all(visitor.stop() for _, visitor in visits)
        await _all(browser.close(code=1001) for browser, _ in visits)


def gate_of(terms: Terms) -> Gate:
    """Return who may come in: by the names of this machine, by the address it listens at, by the public name."""
    wildcard = is_wildcard(terms.host)
    names = {"localhost", "127.0.0.1", "::1", terms.host.lower()}
    if terms.public_url is not None:
        names.add(urlsplit(terms.public_url).hostname or "")
    if wildcard:
        names.add(socket.gethostname().lower())
    return Gate(names=frozenset(names), any_address=wildcard, token=terms.token)


async def _listen(browser: web.WebSocketResponse, visitor: Visitor) -> None:
    """Pass on what a browser sends, as long as it makes sense."""
    async for message in browser:
        if message.type is not WSMsgType.TEXT:
            continue
        try:
            said = json.loads(message.data)
        except (ValueError, RecursionError):
            break
        match said:
            case ["stdin", str(data)]:
                await visitor.send_bytes(data.encode("utf-8", "replace"))
            case ["resize", {"width": int(width), "height": int(height)}]:
                await visitor.set_terminal_size(width, height)
            case ["ping", str(data)]:
                await browser.send_json(["pong", data])
            case ["blur", *_]:
                await visitor.blur()
            case ["focus", *_]:
                await visitor.focus()


async def _all(ends: Any) -> None:
    with suppress(ConnectionError):
        await asyncio.gather(*ends, return_exceptions=True)


def _cells(request: web.Request, name: str, default: int) -> int:
    return to_int(request.query.get(name, ""), default)
