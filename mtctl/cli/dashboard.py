"""Floor 4. `ui`: the dashboard in a terminal."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.command import command, leave
from mtctl.cli.paint import speaks_unicode
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
    QUEUES = "queues"
    SCHEDULE = "schedule"
    EVENTS = "events"


@command(app, "ui", "mtctl ui", "mtctl -C flights ui --read-only", "mtctl ui --list instances --palette colour-blind")
def ui_(
    ui: Ui,
    *,
    first: Annotated[First, typer.Option("--list", help="Which list to begin with.")] = First.TABLES,
    read_only: Annotated[bool, typer.Option("--read-only", help="Only look: no verbs.")] = False,
    ascii_: Annotated[bool, typer.Option("--ascii", help="No signs beyond ASCII (also MTCTL_ASCII=1).")] = False,
    palette: Annotated[Colours, typer.Option("--palette", help="Colours of states.")] = Colours.DEFAULT,
    theme: Annotated[str | None, typer.Option("--theme", metavar="NAME", help="A theme of Textual.")] = None,
) -> None:
    """Open the dashboard.

    Changes of others show within half a second. Each verb is that of the command line, and its command is shown: `y`
    copies it. `?` lists the keys, `q` leaves.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise usage("terminal_missing", "the dashboard needs a terminal", fix="`mtctl status` works without one")
    with ui.project():  # what is wrong with the project is told before the screen is taken
        pass
    from mtctl.tui.app import Dashboard  # noqa: PLC0415 - a third of a second
    from mtctl.tui.bars import Options  # noqa: PLC0415 - the same
    from mtctl.tui.palette import Palette  # noqa: PLC0415 - the same

    options = Options(
        read_only=read_only,
        plain=ascii_ or not speaks_unicode(os.environ),
        palette=Palette(palette.value),
        theme=theme,
        first=first.value,
    )
    roof, directory = ui.shell.roof(), ui.settings.directory
    dashboard = Dashboard(lambda: roof.open_app(directory, lambda _: None), options)
    if theme is not None and theme not in dashboard.available_themes:
        names = ", ".join(dashboard.available_themes)
        raise usage("theme_unknown", f"there is no theme {theme!r}", fix=f"one of {names}")
    ui.shell.stop.work = _Stop(dashboard)
    try:
        dashboard.run()
    finally:
        ui.shell.stop.work = None
    if dashboard.failure is not None:
        raise dashboard.failure
    if ui.shell.stop.received is not None:
        leave(ui.shell.stop.exit_code)


class _Stop:
    """Lets a signal close the dashboard, so that the terminal is left as it was."""

    patience = 1

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard

    def interrupt(self) -> None:
        """Leave."""
        self._dashboard.exit()
