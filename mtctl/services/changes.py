"""Floor 3. What differs between a definition in force and a new one, in a person's words, and what it costs.

An added column evolves in place. Anything else about columns, partition, zone or mode cannot keep the files that are
there: it is refused with the way out, unless a rebuild was asked for.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.calendar import show, show_interval
from mtctl.core.errors import MtctlError, conflict
from mtctl.core.interval import WHOLE
from mtctl.core.ledger import wanted
from mtctl.core.model import Mode
from mtctl.core.table_calendar import calendar_of
from mtctl.core.values import replace
from mtctl.services.reports.changes import Change

if TYPE_CHECKING:
    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Instant, TableDefinition

_METADATA = (
    *("comment", "schedule", "freshness", "refresh_mode", "auto", "delay", "open", "batch", "start", "end"),
    *("tags", "volatile", "ddl", "query", "options", "reads", "sources"),
)
"""Fields that change nothing about data that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A change with its action; `problem` is why it cannot be done."""

    change: Change
    problem: MtctlError | None = None


def created(definition: TableDefinition, file: str | None, now: Instant) -> Change:
    """Return the change of a table that is new."""
    diff = ["query:", *(f"+ {line}" for line in definition.query.strip().splitlines()), "columns:"]
    diff += [f"+ {column.name} {column.stored_type}" for column in definition.columns]
    diff += _schedule_lines(definition, "+")
    return _change(definition, "create", file, diff, now)


def compared(
    old: TableDefinition, new: TableDefinition, file: str | None, fresh: IntervalSet, *, now: Instant, rebuild: bool
) -> Comparison:
    """Return what a changed definition means for a table."""
    structure = _structure(old, new)
    base = _change(new, "change", file, _diff(old, new), now)
    why = f"{fresh_text(old, fresh)}: definition changed" if fresh else ""
    if rebuild:
        what = "all published intervals: the table is dropped and created again"
        return Comparison(change=replace(base, action="rebuild", stale=what))
    problem = structure.problem or _evolve_problem(new, structure.added)
    if problem:
        fix = f"undo it, or drop and create the table again: mtctl apply --rebuild {new.name}"
        return Comparison(change=base, problem=conflict_invalid(new.name, problem, file, fix))
    action = _action(old, new, structure.added)
    if action == "none":
        return Comparison(change=Change(action="none", table=new.name, file=file))
    stale = why if old.fingerprint != new.fingerprint else ""
    return Comparison(change=replace(base, action=action, stale=stale))


def conflict_invalid(table: str, what: str, file: str | None, fix: str) -> MtctlError:
    """Return the error of a change that needs a rebuild."""
    return conflict("needs_rebuild", f"{table!r}: {what}", where=file or "", fix=fix)


def notes(definition: TableDefinition) -> tuple[str, ...]:
    """Return what a person should know of a definition: casts, volatile functions, batching."""
    found = [f"{column.name}: {column.note}" for column in definition.columns if column.note]
    if definition.volatile:
        found.append(f"volatile: {', '.join(definition.volatile)} may give another result each time")
    if definition.mode is Mode.INTERVAL:
        named = ", ".join(f"${name}" for name in definition.params)
        found.append(
            f"one interval a statement: the query names {named}"
            if definition.params
            else "intervals are refreshed in batches"
        )
    return tuple(found)


def fresh_text(definition: TableDefinition, intervals: IntervalSet) -> str:
    """Return a short text of some of a table's intervals, with their count."""
    table_calendar = calendar_of(definition)
    if table_calendar is None:
        return "the whole table"
    count = sum(table_calendar.count(piece.start, piece.end) for piece in intervals)
    ranges = ", ".join(show_interval(piece, table_calendar) for piece in list(intervals)[:3])
    more = " …" if len(list(intervals)) > 3 else ""
    return f"{count:,} interval{'s' if count != 1 else ''} ({ranges}{more})"


def _action(old: TableDefinition, new: TableDefinition, added: tuple[str, ...]) -> str:
    if added:
        return "evolve"
    if old.fingerprint != new.fingerprint:
        return "change"
    if old.name != new.name:
        return "rename"
    return "metadata" if any(getattr(old, name) != getattr(new, name) for name in _METADATA) else "none"


def _evolve_problem(new: TableDefinition, added: tuple[str, ...]) -> str:
    if added and dict(new.options).get("evolve", "on").lower() in {"off", "false"}:
        return f"'evolve' is off and {', '.join(added)} came"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Structure:
    added: tuple[str, ...]
    problem: str


def _structure(old: TableDefinition, new: TableDefinition) -> _Structure:
    known = {column.name for column in old.columns}
    added = tuple(column.name for column in new.columns if column.name not in known)
    return _Structure(added=added, problem=_interval_problem(old, new) or _column_problem(old, new))


def _interval_problem(old: TableDefinition, new: TableDefinition) -> str:
    """Return why the intervals that are there would mean something else; empty when they would not."""
    if old.mode is not new.mode:
        return f"mode changes from {old.mode} to {new.mode}"
    if old.partition is None or new.partition is None:
        return ""
    before = (old.partition.grain, [(c.name, c.type, c.formatter) for c in old.partition.columns])
    after = (new.partition.grain, [(c.name, c.type, c.formatter) for c in new.partition.columns])
    if before != after:
        return "its partition columns or grain change"
    return f"its time zone changes from {old.zone} to {new.zone}" if old.zone != new.zone else ""


def _column_problem(old: TableDefinition, new: TableDefinition) -> str:
    """Return why the files that are there could not be read as the new columns; empty when they can."""
    present = {column.name: column.stored_type for column in new.columns}
    for column in old.columns:
        if column.name not in present:
            return f"column {column.name!r} is gone"
        if present[column.name] != column.stored_type:
            return f"column {column.name!r} changes from {column.stored_type} to {present[column.name]}"
    known = [column.name for column in old.columns]
    kept = [column.name for column in new.columns if column.name in set(known)]
    return "" if kept == known else "its columns change their order"


def _diff(old: TableDefinition, new: TableDefinition) -> list[str]:
    lines: list[str] = []
    if old.query.strip() != new.query.strip():
        lines.append("query:")
        lines += [
            line
            for line in difflib.ndiff(old.query.strip().splitlines(), new.query.strip().splitlines())
            if not line.startswith("?")
        ]
    before = [f"{column.name} {column.stored_type}" for column in old.columns]
    after = [f"{column.name} {column.stored_type}" for column in new.columns]
    if before != after:
        lines.append("columns:")
        lines += [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    gone, come = _schedule_lines(old, "-"), _schedule_lines(new, "+")
    if [line[2:] for line in gone] != [line[2:] for line in come]:
        lines += [line for line in gone if f"+{line[1:]}" not in come]
        lines += [line for line in come if f"-{line[1:]}" not in gone]
    if old.options != new.options:
        written = [f"'{key}' = '{value}'" for key, value in old.options]
        now_written = [f"'{key}' = '{value}'" for key, value in new.options]
        lines.append("options:")
        lines += [line for line in difflib.ndiff(written, now_written) if line[0] in "+-"]
    return lines


def _schedule_lines(definition: TableDefinition, sign: str) -> list[str]:
    found = []
    if definition.schedule:
        found.append(f"{sign} schedule {definition.schedule} ({definition.zone})")
    if definition.freshness:
        found.append(f"{sign} freshness {definition.freshness}")
    if definition.refresh_mode:
        found.append(f"{sign} refresh mode {definition.refresh_mode}")
    if definition.mode is Mode.INTERVAL and definition.start is not None:
        until = show(definition.end, definition.zone) if definition.end is not None else "open"
        found.append(f"{sign} wanted from {show(definition.start, definition.zone)} until {until}")
    return found


def _change(definition: TableDefinition, action: str, file: str | None, diff: list[str], now: Instant) -> Change:
    label, count = _wanted(definition, now)
    return Change(
        table=definition.name,
        action=action,
        file=file,
        diff=tuple(diff),
        notes=notes(definition),
        wanted=label,
        intervals=count,
    )


def _wanted(definition: TableDefinition, now: Instant) -> tuple[str, int]:
    table_calendar = calendar_of(definition)
    if table_calendar is None:
        return show_interval(WHOLE, None), 1
    span = wanted(definition, table_calendar, now).span
    if span is None:
        return "none yet", 0
    return show_interval(span, table_calendar), table_calendar.count(span.start, span.end)
