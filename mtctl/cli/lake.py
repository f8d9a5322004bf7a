"""Floor 4. `lake`: the files behind the tables."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.root import group
from mtctl.cli.ui import Ui
from mtctl.core.errors import Kind

app = group("Look after the files of the lake.")


@command(app, "gc", "mtctl lake gc --dry-run", "mtctl lake gc --grace 24h")
def gc(
    ui: Ui,
    *,
    grace: Annotated[str, typer.Option("--grace", metavar="TIME", help="Spare files younger than this: 1h, 0.")] = "1h",
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Show the files and remove none.")] = False,
) -> None:
    """Remove files that nothing names any more.

    No catalog row, no reader's pin and no running attempt names them: what killed attempts left behind.
    """
    from mtctl.cli.show_checks import gc_answer  # noqa: PLC0415

    seconds = _seconds(grace)
    with ui.project() as project:
        ui.show(gc_answer(project.gc(grace_seconds=seconds, dry_run=dry_run)))


def _seconds(text: str) -> float:
    from mtctl.core.times import parse_duration  # noqa: PLC0415 - only here

    if text == "0":
        return 0.0
    return parse_duration(text, field="--grace", kind=Kind.USAGE) / 1e6
