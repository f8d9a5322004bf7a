"""Floor 4. `scheduler`: what lets the system call mtctl."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.root import group
from mtctl.cli.ui import Ui
from mtctl.core.errors import usage

app = group("Let the system keep a project going: units for systemd, a line for cron.")


@command(
    app,
    "install",
    "mtctl scheduler install systemd --print > ~/.config/systemd/user/mtctl-shop.service",
    "mtctl scheduler install cron --print | crontab -",
)
def install(
    ui: Ui,
    *,
    kind: Annotated[str, typer.Argument(metavar="systemd|timer|cron", help="What calls mtctl.")],
    print_: Annotated[bool, typer.Option("--print", help="Print it; nothing is installed.")] = False,
) -> None:
    """Print what lets the system keep this project going.

    systemd is a service that runs `mtctl up`; timer is a service and a timer that call `mtctl tick` each minute (two
    files, marked by their names); cron is one line for a crontab.
    """
    from mtctl.cli.units import unit_text  # noqa: PLC0415

    if not print_:
        fix = "write --print and put what comes where it belongs, as `mtctl scheduler install --help` shows"
        raise usage("print_missing", "nothing is installed without a look at it", fix=fix)
    with ui.project() as project:
        ui.show(unit_text(kind, project.project))
