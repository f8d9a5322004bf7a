"""Floor 4. `notify`: who is told, and whether telling works."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command, leave
from mtctl.cli.errors import exit_of
from mtctl.cli.root import group
from mtctl.cli.ui import Ui

app = group("List the channels that are told, and try them.")


@command(app, "list", "mtctl notify list", "mtctl notify list -o json")
def list_(ui: Ui) -> None:
    """List the channels of the project file and the rules that use them; secrets are never shown."""
    from mtctl.cli.show_notify import channels_answer

    with ui.project() as project:
        found = project.operator.channels()
    ui.show(channels_answer(found))


@command(app, "test", "mtctl notify test ops")
def test(ui: Ui, *, name: Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel.")]) -> None:
    """Send a test message through a channel at once."""
    from mtctl.cli.main import tell
    from mtctl.cli.show_notify import test_answer

    with ui.project() as project:
        done = project.operator.notices.test_channel(name)
    ui.show(test_answer(done))
    if done.error is not None:
        tell(done.error, ui.shell.argv)
        leave(exit_of(done.error))
