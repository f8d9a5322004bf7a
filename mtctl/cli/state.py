"""Floor 4. `state`: copies of the state file, and the way back to one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.answer import Answer, Facts, Lines, Record
from mtctl.cli.command import command
from mtctl.cli.root import group
from mtctl.cli.ui import Ui
from mtctl.core.words import many, moment, rfc3339, size

if TYPE_CHECKING:
    from mtctl.ports.backup import Copy
    from mtctl.services.reports.backup import RestoreReport

app = group("Copy the state file, and bring a copy back.")

_FIELDS = ("kind", "path", "bytes", "schema", "project", "snapshot", "written_at", "tables")


@command(app, "backup", "mtctl state backup", "mtctl state backup /mnt/safe/shop.db")
def backup(
    ui: Ui,
    *,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to; else a dated file in .mtctl/backups/.")
    ] = None,
    keep: Annotated[int, typer.Option("--keep", min=1, metavar="N", help="How many dated files to keep.")] = 7,
) -> None:
    """Copy the state file while others use it.

    The copy is of one moment, checked page by page, readable by its owner only, and has its name only when it is whole.
    `up` and `tick` do this once a day; an upgrade of the state file does it first. A bare `cp` of a file in use is no
    backup: what was written last lies in another file beside it.
    """
    target = None if file is None else file.absolute()
    with ui.project() as project:
        ui.show(_copied(project.back_up(target, keep=keep)))


@command(app, "restore", "mtctl state restore .mtctl/backups/state-20261121T020000Z.db")
def restore(
    ui: Ui,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `mtctl state backup` has made.")],
    force: Annotated[
        bool, typer.Option("--force", help="Also while others have it open: they end when they notice.")
    ] = False,
) -> None:
    """Put a copy in the place of the state file; the former one is kept.

    What was published since the copy is missing in it and is refreshed again; files that it names and that are gone are
    told, and their intervals are stale. Schedules count from the copy: their fires since then are made up for as after
    any pause. Snapshot and file ids go on behind all that were ever given.
    """
    from mtctl.restoring import restore_state  # once in a project's life

    report = restore_state(ui.settings.directory or Path(), ui.say, file, force=force)
    ui.show(_restored(report))


def _copied(copy: Copy) -> Answer:
    return Answer(
        schema="mtctl.state.backup/v1",
        records=(_record(copy),),
        fields=_FIELDS,
        blocks=(Lines((f"{copy.path}: {size(copy.bytes)}, {many(copy.tables, 'table')}, whole",)),),
    )


def _restored(report: RestoreReport) -> Answer:
    from mtctl.cli.show_damage import repair_answer  # only a restore

    repair = repair_answer(report.repair)
    facts = Facts(
        (
            ("restored", report.copy.path),
            ("of", moment(report.copy.written_at)),
            ("former file", report.former or "none"),
        )
    )
    record = _record(report.copy) | {"former": report.former}
    return Answer(
        schema="mtctl.state.restore/v1",
        records=(record, *repair.records),
        fields=(*_FIELDS, "former"),
        blocks=(facts, *repair.blocks, Lines(("do: `mtctl up --once`",))),
    )


def _record(copy: Copy) -> Record:
    return {
        "kind": "copy",
        "path": copy.path,
        "bytes": copy.bytes,
        "schema": copy.schema,
        "project": copy.project,
        "snapshot": copy.snapshot_id,
        "written_at": rfc3339(copy.written_at),
        "tables": copy.tables,
    }
