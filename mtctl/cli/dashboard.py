"""Floor 4. `ui`: the dashboard in a terminal, or in a browser."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.command import command, leave
from mtctl.cli.dashboard_serving import (
    AllowVerbs,
    Host,
    NoToken,
    Port,
    PublicUrl,
    Serve,
    Serving,
    Token,
    Visitors,
    refuse_without_serve,
    serve_dashboard,
)
from mtctl.cli.dashboard_view import Look, view_of
from mtctl.cli.ui import Ui
from mtctl.core.errors import usage

if TYPE_CHECKING:
    from mtctl.tui.app import Dashboard

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Colours(StrEnum):
    """Which colours states have."""

    DEFAULT = "default"
    COLOUR_BLIND = "colour-blind"


class First(StrEnum):
    """Which list is seen first."""

    TABLES = "tables"
    WORKFLOWS = "workflows"
    INSTANCES = "instances"
    RANGES = "ranges"
    LINEAGE = "lineage"
    QUEUES = "queues"
    SCHEDULE = "schedule"
    EVENTS = "events"


@command(
    app,
    "ui",
    "mtctl ui",
    "mtctl -C flights ui --read-only",
    "mtctl ui --list instances --palette colour-blind",
    "mtctl ui --serve",
    "mtctl ui --serve --host 0.0.0.0 --token env:MTCTL_TOKEN --public-url https://mtctl.example.org",
)
def ui_(  # noqa: PLR0913 - the options of the command
    ui: Ui,
    *,
    first: Annotated[First | None, typer.Option("--list", help="Which list to begin with.")] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Only look: no verbs.")] = False,
    ascii_: Annotated[bool, typer.Option("--ascii", help="No signs beyond ASCII (also MTCTL_ASCII=1).")] = False,
    palette: Annotated[Colours | None, typer.Option("--palette", help="Colours of states.")] = None,
    theme: Annotated[str | None, typer.Option("--theme", metavar="NAME", help="A theme of Textual.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget how the dashboard was left.")] = False,
    serve: Serve = False,
    host: Host = None,
    port: Port = None,
    token: Token = None,
    no_token: NoToken = False,
    public_url: PublicUrl = None,
    allow_verbs: AllowVerbs = False,
    visitors: Visitors = None,
) -> None:
    """Open the dashboard.

    Changes of others show within half a second. Each verb is that of the command line, and its command is shown: `y`
    copies it. `?` lists the keys, `q` leaves. The view is kept for the next start: list, filters, order, columns,
    colours, times. Keys and colours can stand in `[ui]` of mtctl.toml or of your own config.toml.

    With --serve (needs the extra `serve`) it is in browsers: on this machine only, read-only, at an address with a
    token made for the run. Other machines need --token, and TLS from a proxy before it.
    """
    serving = Serving(
        host=host,
        port=port,
        token=token,
        no_token=no_token,
        public_url=public_url,
        allow_verbs=allow_verbs,
        visitors=visitors,
    )
    look = Look(
        first=None if first is None else first.value,
        read_only=read_only,
        plain=ascii_,
        palette=None if palette is None else palette.value,
        theme=theme,
        fresh=fresh,
    )
    if serve:
        words = _words(look, allow_verbs=allow_verbs)
        serve_dashboard(ui, serving, words, lambda project: view_of(project, look, keeps=False))
    else:
        refuse_without_serve(serving)
        _open(ui, look)


def _words(look: Look, *, allow_verbs: bool) -> tuple[str, ...]:
    """Return the options that open such a dashboard for a visitor: read-only unless verbs are allowed."""
    if look.read_only and allow_verbs:
        raise usage("option_conflict", "--read-only and --allow-verbs exclude each other", fix="leave one out")
    return (
        *(() if look.first is None else (f"--list={look.first}",)),
        *(() if look.palette is None else (f"--palette={look.palette}",)),
        *(() if look.theme is None else (f"--theme={look.theme}",)),
        *(("--ascii",) if look.plain else ()),
        *(() if allow_verbs else ("--read-only",)),
    )


def _open(ui: Ui, look: Look) -> None:
    """Open it in this terminal, or for the browser that this process was started for."""
    if not _has_screen():
        raise usage("terminal_missing", "the dashboard needs a terminal", fix="`mtctl status` works without one")
    with ui.project() as project:  # what is wrong with the project is told before the screen is taken
        view = view_of(project.project, look, keeps=not _is_visitor())
    from mtctl.tui.app import Dashboard  # a third of a second

    roof, directory = ui.shell.roof(), ui.settings.directory
    dashboard = Dashboard(
        lambda: roof.open_app(directory, lambda _: None), view.options, keys=view.keys, start=view.start
    )
    ui.shell.stop.work = _Stop(dashboard)
    try:
        dashboard.run()
    finally:
        ui.shell.stop.work = None
    if dashboard.failure is not None:
        raise dashboard.failure
    if dashboard.trouble is not None and ui.shell.stop.received is None:
        raise dashboard.trouble  # it was left because of that, or in spite of it: whoever called should know
    if ui.shell.stop.received is not None:
        leave(ui.shell.stop.exit_code)


def _has_screen() -> bool:
    return (sys.stdin.isatty() and sys.stdout.isatty()) or _is_visitor()


def _is_visitor() -> bool:
    """Whether a browser shows this process: its visitors share no view, and none of them keeps one."""
    from mtctl.tui.web.driver import is_visitor  # a third of a second

    return is_visitor(os.environ)


class _Stop:
    """Lets a signal close the dashboard, so that the terminal is left as it was."""

    patience = 1

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard

    def interrupt(self) -> None:
        """Leave."""
        self._dashboard.exit()
