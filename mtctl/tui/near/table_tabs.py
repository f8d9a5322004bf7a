"""Floor 4. What is read for the tabs of a table, in the reading thread, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.words import count, many, moment, size
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line, Page

if TYPE_CHECKING:
    from mtctl.app import App as Project
    from mtctl.services.near import TableFiles

VERSIONS = (
    ColumnHead(key="snapshot", title="SNAPSHOT", width=9, right=True, sortable=False),
    ColumnHead(key="at", title="TIME", width=20, sortable=False),
    ColumnHead(key="what", title="WHAT", width=10, sortable=False),
    ColumnHead(key="detail", title="DETAIL", width=0, sortable=False, rank=1),
    ColumnHead(key="added", title="ADDED", width=10, right=True, sortable=False, rank=2),
    ColumnHead(key="removed", title="REMOVED", width=10, right=True, sortable=False, rank=3),
    ColumnHead(key="by", title="AUTHOR", width=10, sortable=False, rank=4),
)
"""The columns of the versions of a table, as `mtctl table history` has them."""

_VERSIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The tables beside one, each with its state and why, and its sources."""

    upstream: tuple[tuple[str, str, str], ...]
    downstream: tuple[tuple[str, str, str], ...]
    sources: tuple[str, ...]


def definition(project: Project, name: str) -> tuple[str, str]:
    """Return the statement of a table, and its columns and options as comments."""
    found = project.show(name)
    lines = ["-- columns"]
    lines += [f"--   {one.name}  {one.type}{'  – ' + one.note if one.note else ''}" for one in found.columns]
    if found.options:
        lines += ["-- options", *(f"--   {key} = {value}" for key, value in found.options.items())]
    facts = {
        "zone": found.zone,
        "start": found.start,
        "end": found.end,
        "refresh mode": found.refresh_mode,
        "parameters": ", ".join(found.params),
        "volatile": ", ".join(found.volatile),
        "file": found.status.file,
    }
    lines += ["-- facts", *(f"--   {key}: {value}" for key, value in facts.items() if value)]
    return found.ddl.strip(), "\n".join(lines)


def versions(project: Project, name: str) -> Page:
    """Return the versions of a table, the newest first."""
    found = project.lake.history.versions(name, _VERSIONS)
    lines = tuple(
        Line(
            kind="version",
            key=str(one.snapshot_id),
            cells=(
                Cell(str(one.snapshot_id)),
                Cell(moment(one.at), "muted"),
                Cell(one.what),
                Cell(one.detail),
                Cell(count(one.rows_added)),
                Cell(count(one.rows_removed)),
                Cell(one.author or "unknown", "muted"),
            ),
            facts={"title": one.message or "", "instance": one.instance},
        )
        for one in found.versions
    )
    return Page(total=len(lines), offset=0, lines=lines)


def neighbours(project: Project, name: str) -> Neighbours:
    """Return what a table reads and what reads it."""
    found = project.show(name)
    names = [*found.upstream, *found.downstream]
    near = {one.table: one for one in project.status(names).tables} if names else {}

    def told(one: str) -> tuple[str, str, str]:
        status = near.get(one)
        return (one, status.health.value, status.why or status.missing) if status is not None else (one, "never", "")

    return Neighbours(
        upstream=tuple(map(told, found.upstream)),
        downstream=tuple(map(told, found.downstream)),
        sources=found.sources,
    )


def files_text(found: TableFiles) -> str:
    """Return the live files of a table: in numbers, then the newest."""
    totals = found.totals
    if not totals.files:
        return "it has no files"
    lines = [
        f"{many(totals.files, 'file')}, {many(totals.rows, 'row')}, {size(totals.bytes)}",
        f"from {size(totals.smallest)} to {size(totals.greatest)}, on average {size(totals.bytes // totals.files)}",
        f"{totals.small:,} below {size(found.small)} ({size(totals.small_bytes)}): `mtctl lake compact` merges them",
        "",
        f"{'ROWS':>12}  {'SIZE':>10}  SNAPSHOT  FILE",
    ]
    lines += [f"{one.rows:>12,}  {size(one.bytes):>10}  {one.snapshot_id:>8}  {one.path}" for one in found.files]
    return "\n".join(lines)
