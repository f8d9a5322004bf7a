"""Floor 4. `lake`: the files behind the tables."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli import lake_check, lake_compact
from mtctl.cli.command import command
from mtctl.cli.lake_check import LooksOnly
from mtctl.cli.lake_group import app
from mtctl.cli.ui import Ui
from mtctl.core.errors import Kind

__all__ = ["app", "lake_check", "lake_compact"]


Grace = Annotated[
    str | None,
    typer.Option("--grace", metavar="TIME", help="Spare younger files; else 1h for expired, 24h for unknown ones."),
]


@command(app, "info", "mtctl lake info", "mtctl lake info -o json")
def info(ui: Ui, *, dry_run: LooksOnly = False) -> None:
    """Show the lake in numbers: snapshots, files, bytes, who pins what, and what the next expiry would do."""
    _ = dry_run
    from mtctl.cli.show_retention import info_answer

    with ui.project() as project:
        ui.show(info_answer(project.lake.retention.info()))


@command(app, "expire", "mtctl lake expire --dry-run", "mtctl lake expire && mtctl lake gc")
def expire(
    ui: Ui, *, dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Show what would go.")] = False
) -> None:
    """Let go of old versions, instances and events that are past their retention.

    A daemon and `tick` do this by themselves, a little at a time. What somebody reads stays; the files themselves are
    removed by `lake gc`, an hour later. How long things stay: `[retention]` in mtctl.toml, `'retention.*'` of a table.
    """
    from mtctl.cli.show_retention import expiry_answer

    with ui.project() as project:
        ui.show(expiry_answer(project.lake.retention.expire(dry_run=dry_run)))


@command(app, "gc", "mtctl lake gc --dry-run", "mtctl lake gc --grace 24h")
def gc(
    ui: Ui,
    *,
    grace: Grace = None,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Show the files and remove none.")] = False,
) -> None:
    """Remove files that nothing names any more.

    No kept version, no reader's pin and no running attempt names them: what expired, and what killed attempts left
    behind. So are the logs of instances that are forgotten.
    """
    from mtctl.cli.show_checks import gc_answer

    seconds = None if grace is None else _seconds(grace)
    with ui.project() as project:
        ui.show(gc_answer(project.gc(grace_seconds=seconds, dry_run=dry_run)))


def _seconds(text: str) -> float:
    from mtctl.core.times import parse_duration  # only here

    if text == "0":
        return 0.0
    return parse_duration(text, field="--grace", kind=Kind.USAGE) / 1e6
