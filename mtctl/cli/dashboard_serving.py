"""Floor 4. `ui --serve`: what its options mean together, and the server behind them.

Safe unless told otherwise: only this machine, only with a token, only looking. What opens one of the three says so.
"""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from mtctl.core.errors import usage
from mtctl.core.secret import Hidden, parse_reference
from mtctl.secret import read_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtctl.cli.ui import Ui
    from mtctl.config import Project
    from mtctl.tui.web.serving import DashboardServer

PORT = 8711
"""Where the dashboard is unless `--port` says otherwise."""

VISITORS = 8
"""How many may look at once unless `--visitors` says otherwise: each has a process of 60 MB."""

SHORTEST_TOKEN = 16
"""In characters; a shorter one could be guessed by asking."""

Serve = Annotated[bool, typer.Option("--serve", help="Show it in browsers, read-only.")]
Host = Annotated[str | None, typer.Option("--host", metavar="HOST", help="Serve at this address (127.0.0.1).")]
Port = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, metavar="N", help=f"Serve at this port ({PORT}).")
]
Token = Annotated[str | None, typer.Option("--token", metavar="REF", help="Ask for this token: env:NAME or file:PATH.")]
NoToken = Annotated[bool, typer.Option("--no-token", help="Ask for no token; on this machine only.")]
PublicUrl = Annotated[
    str | None, typer.Option("--public-url", metavar="URL", help="What browsers call it, behind a proxy.")
]
AllowVerbs = Annotated[bool, typer.Option("--allow-verbs", help="Let visitors act, as you.")]
Visitors = Annotated[
    int | None, typer.Option("--visitors", min=1, metavar="N", help=f"At most N at once ({VISITORS}).")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The options that only `--serve` has; None where they were not given."""

    host: str | None
    port: int | None
    token: str | None
    no_token: bool
    public_url: str | None
    allow_verbs: bool
    visitors: int | None


def refuse_without_serve(serving: Serving) -> None:
    """Raise usage `option_conflict` where one of these options stands without `--serve`."""
    for field in fields(serving):
        given = getattr(serving, field.name)
        if given is not None and given is not False:
            option = f"--{field.name.replace('_', '-')}"
            raise usage("option_conflict", f"{option} is for a dashboard in a browser", fix="add --serve")


def serve_dashboard(ui: Ui, serving: Serving, words: Sequence[str], check: Callable[[Project], object]) -> None:
    """Serve the dashboard until a signal comes.

    `words` are the options that each visitor's dashboard gets; `check` raises what is wrong in the configuration.

    Raises usage `serve_missing` without the extra, `token_missing`, `token_short`, `public_url` and those of the
    server and of `read_secret`.
    """
    if find_spec("textual_serve") is None:
        what = "a dashboard in a browser needs the extra `serve`"
        raise usage("serve_missing", what, fix="pip install 'mtctl[serve]'")
    with ui.project() as project:  # what is wrong with the project is told before anybody comes
        check(project.project)
        root, title = project.project.root, project.project.name
    server = _server(ui, serving, words, root, title)
    ui.shell.stop.work = server
    try:
        server.run(lambda address: _opened(ui, address, verbs=serving.allow_verbs))
    finally:
        ui.shell.stop.work = None
    ui.say("stopped")


def _server(ui: Ui, serving: Serving, words: Sequence[str], root: Path, title: str) -> DashboardServer:
    from mtctl.tui.web.gate import is_loopback  # a dashboard in a terminal needs none of this
    from mtctl.tui.web.serving import DashboardServer, Terms
    from mtctl.tui.web.visitor import Call, visitor_environ

    host, public_url = serving.host or "127.0.0.1", _public_url(serving.public_url)
    own = is_loopback(host) and public_url is None
    terms = Terms(
        title=title,
        call=Call(
            argv=(sys.executable, "-P", "-m", "mtctl", "-C", str(root), "ui", *words),
            environ=visitor_environ(os.environ, without=_variable(serving.token)),
        ),
        host="127.0.0.1" if host.lower() == "localhost" else host,
        port=PORT if serving.port is None else serving.port,
        token=_token(serving, own=own),
        shows_token=serving.token is None,
        public_url=public_url,
        visitors=serving.visitors or VISITORS,
    )
    return DashboardServer(terms, ui.say)


def _token(serving: Serving, *, own: bool) -> Hidden | None:
    if serving.token is not None and serving.no_token:
        raise usage("option_conflict", "--token and --no-token exclude each other", fix="leave one out")
    if serving.token is not None:
        token = read_secret(serving.token, root=Path.cwd(), where="--token")
        if len(token) < SHORTEST_TOKEN:
            what = f"the token is shorter than {SHORTEST_TOKEN} characters"
            raise usage("token_short", what, where="--token", fix="make one with `openssl rand -hex 32`")
        return Hidden(token)
    if not own:
        what = "whoever reaches this address could see the project"
        fix = "give --token env:NAME or --token file:PATH, or serve 127.0.0.1 only"
        raise usage("token_missing", what, where="--host" if serving.public_url is None else "--public-url", fix=fix)
    return None if serving.no_token else Hidden(secrets.token_urlsafe(32))


def _variable(token: str | None) -> str | None:
    """Return the variable that holds the token: a visitor's process does not get it."""
    if token is None:
        return None
    reference = parse_reference(token, where="--token")
    return reference.name if reference.kind == "env" else None


def _public_url(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or "@" in parts.netloc or parts.path not in {"", "/"} or parts.query or parts.fragment:
        what, fix = "that is no address of a server", "write it like https://mtctl.example.org"
        raise usage("public_url", what, where="--public-url", fix=fix)
    return f"{parts.scheme}://{parts.netloc}"


def _opened(ui: Ui, address: str, *, verbs: bool) -> None:
    ui.say(f"the dashboard is open{'' if verbs else ', read-only'}; Ctrl-C ends it")
    sys.stdout.write(address + "\n")
    sys.stdout.flush()
