"""Floor 4. `scheduler`: what lets the system call mtctl, and what helps it after a clock that was wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.exit import ExitCode
from mtctl.cli.root import group
from mtctl.cli.ui import Ui
from mtctl.core.errors import usage

app = group("Let the system keep a project going: units for systemd, a line for cron; rewind after a wrong clock.")


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
    from mtctl.cli.units import unit_text

    if not print_:
        fix = "write --print and put what comes where it belongs, as `mtctl scheduler install --help` shows"
        raise usage("print_missing", "nothing is installed without a look at it", fix=fix)
    with ui.project() as project:
        ui.show(unit_text(kind, project.project))


@command(app, "rewind", "mtctl scheduler rewind", "mtctl scheduler rewind --yes -o json")
def rewind(
    ui: Ui,
    *,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
) -> None:
    """Bring back to now what a clock that was ahead has written, once the clock is right. Asks first.

    The newest time in the state file becomes now, so that everything can be written again; marks of schedules go back
    to the newest fire that has come, and open tasks that wait more than a day longer are ready. What was made for fires
    that are still to come stays, and those fires are not made again.
    """
    from mtctl.cli.show_rewind import rewind_answer, rewind_lines
    from mtctl.services.rewinding import is_needed

    with ui.project() as project:
        found = project.operator.rewinds.look()
        if is_needed(found) and not yes:
            for line in rewind_lines(found):
                ui.say(line)
            if not ui.confirm("is the clock right, and is all that to be brought back to it?"):
                raise typer.Exit(ExitCode.FAILED)
        ui.show(rewind_answer(project.operator.rewinds.rewind()))
