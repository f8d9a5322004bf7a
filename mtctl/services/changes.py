"""Floor 3. What differs between a definition in force and a new one, in a person's words, and what it costs.

Columns that come, go, move, get another name or a wider type evolve in place, and where nothing else differs, what is
published stays right. For what the files that are there cannot serve, a new version of the table is built beside them.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.calendar import show, show_interval
from mtctl.core.errors import MtctlError, conflict, invalid
from mtctl.core.evolution import RENAMED_COLUMN, Evolution, Evolve, evolution, renames_of
from mtctl.core.interval import WHOLE
from mtctl.core.ledger import wanted
from mtctl.core.model import Mode
from mtctl.core.rebuild import later_of
from mtctl.core.table_calendar import calendar_of
from mtctl.core.values import replace
from mtctl.services.reports.changes import Change

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Instant, TableDefinition

_METADATA = (
    *("comment", "schedule", "freshness", "refresh_mode", "auto", "delay", "open", "batch", "start", "end"),
    *("tags", "volatile", "ddl", "query", "options", "reads", "sources"),
)
"""Fields that change nothing about data that is there."""

_KEPT = {
    Evolve.ON: "the query is otherwise the same",
    Evolve.KEEP: "'evolve' = 'keep'",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A change with its action; `problem` is why it cannot be done.

    `keeps` says that what is published stays right although the definition has another fingerprint. `incompatible` is
    why the files that are there cannot serve it; then `rebuild` builds a new version. `abandon` gives one up that is
    being built: the change is one of the version that readers see.
    """

    change: Change
    problem: MtctlError | None = None
    keeps: bool = False
    incompatible: str = ""
    rebuild: bool = False
    abandon: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What is there and what it took: rows of the table, seconds of an interval lately (None without history)."""

    rows: int
    seconds_per_interval: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a comparison asks for: the time, whether the query is otherwise the same, what refreshing costs.

    The last two are asked only where they matter.
    """

    now: Instant
    same: Callable[[Evolution], bool]
    cost: Callable[[], Cost]


def created(definition: TableDefinition, file: str | None, now: Instant) -> Change:
    """Return the change of a table that is new."""
    diff = ["query:", *(f"+ {line}" for line in definition.query.strip().splitlines()), "columns:"]
    diff += [f"+ {column.name} {column.stored_type}" for column in definition.columns]
    diff += _schedule_lines(definition, "+")
    return _change(definition, "create", file, diff, now)


def compared(
    old: TableDefinition, new: TableDefinition, file: str | None, fresh: IntervalSet, asking: Asking
) -> Comparison:
    """Return what a changed definition means for a table of which the intervals `fresh` are right.

    Where the files that are there cannot serve it, `incompatible` says why.
    """
    evolved = evolution(old, new)
    base = _change(new, "change", file, _diff(old, new), asking.now)
    stray = _stray_rename(old, new)
    if stray is not None:
        what = f"option {RENAMED_COLUMN}{stray[0]}: there was no column {stray[1]!r}"
        fix = f"it had {', '.join(column.name for column in old.columns)}; take the key out for a new column"
        return Comparison(change=base, problem=invalid("option_target", what, where=file or "", fix=fix))
    why = _interval_problem(old, new) or evolved.problem
    if _evolve(new) is Evolve.OFF and (why or evolved.changes):
        fix = f"undo it, or build the table anew: mtctl apply --rebuild {new.name}"
        what = f"'evolve' is off and {why or evolved.changes[0]}"
        return Comparison(change=base, problem=conflict_invalid(new.name, what, file, fix))
    if why:
        return Comparison(change=base, incompatible=why)
    action = _action(old, new, evolved)
    if action == "none":
        return Comparison(change=Change(action="none", table=new.name, file=file))
    base = replace(base, action=action, notes=(*evolved.changes, *_rename_hint(new, evolved), *base.notes))
    return _judged(base, (old, new), fresh, evolved, asking)


def rebuilt(
    old: TableDefinition, new: TableDefinition, file: str | None, fresh: IntervalSet, asking: Asking, why: str
) -> Comparison:
    """Return what a new version of a table means, of which the intervals `fresh` are right."""
    base = _change(new, "rebuild", file, _diff(old, new), asking.now)
    notes = (f"built anew: {why}", *base.notes) if why else base.notes
    if not fresh:
        return Comparison(change=replace(base, notes=notes), rebuild=True)
    notes = (*notes, f"readers see the old version until the new one holds {fresh_text(old, fresh)}")
    later = later_of(old, new, fresh, asking.now)
    if later.span is not None:
        ahead = show_interval(later.span, calendar_of(new))
        notes = (*notes, f"{ahead} is not over yet: without 'refresh.open' = 'on' the new version waits for its end")
    return Comparison(change=_costing(replace(base, notes=notes), old, fresh, asking), rebuild=True)


def given_up(comparison: Comparison) -> Comparison:
    """Return a change of the version that readers see, in place of the one that is being built."""
    change = comparison.change
    action = "change" if change.action == "none" else change.action
    notes = (*change.notes, "the version that was being built is given up")
    return replace(comparison, change=replace(change, action=action, notes=notes), abandon=True)


def _stray_rename(old: TableDefinition, new: TableDefinition) -> tuple[str, str] | None:
    """Return the new and the old name of a rename from nowhere; one that was made before has its new name already."""
    names = {column.name.casefold() for column in old.columns}
    renames = renames_of(new.options).items()
    return next((pair for pair in renames if not names & set(pair)), None)


def conflict_invalid(table: str, what: str, file: str | None, fix: str) -> MtctlError:
    """Return the error of a change that is not to be made in place."""
    return conflict("needs_rebuild", f"{table!r}: {what}", where=file or "", fix=fix)


def notes(definition: TableDefinition) -> tuple[str, ...]:
    """Return what a person should know of a definition: casts, volatile functions, batching."""
    found = [f"{column.name}: {column.note}" for column in definition.columns if column.note]
    found += [
        f"source {source.text}: a change of it is not noticed; say 'source.{source.text}.version' = 'SELECT …'"
        for source in definition.sources
        if source.kind != "files" and source.version is None
    ]
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


def interval_count(definition: TableDefinition, intervals: IntervalSet) -> int:
    """Return how many intervals of a table these are."""
    table_calendar = calendar_of(definition)
    if table_calendar is None:
        return int(bool(intervals))
    return sum(table_calendar.count(piece.start, piece.end) for piece in intervals)


def fresh_text(definition: TableDefinition, intervals: IntervalSet) -> str:
    """Return a short text of some of a table's intervals, with their count."""
    table_calendar = calendar_of(definition)
    if table_calendar is None:
        return "the whole table"
    count = interval_count(definition, intervals)
    ranges = ", ".join(show_interval(piece, table_calendar) for piece in list(intervals)[:3])
    more = " …" if len(list(intervals)) > 3 else ""
    return f"{count:,} interval{'s' if count != 1 else ''} ({ranges}{more})"


def _judged(
    base: Change,
    versions: tuple[TableDefinition, TableDefinition],
    fresh: IntervalSet,
    evolved: Evolution,
    asking: Asking,
) -> Comparison:
    """Return an in-place change with what it does to the intervals that are fresh."""
    old, new = versions
    if old.fingerprint == new.fingerprint:
        return Comparison(change=base)
    if _keeps(new, evolved, asking):
        notes = (*base.notes, f"{fresh_text(old, fresh)} stay fresh: {_KEPT[_evolve(new)]}") if fresh else base.notes
        return Comparison(change=replace(base, notes=notes), keeps=True)
    if not fresh:
        return Comparison(change=base)
    stale = f"{fresh_text(old, fresh)}: definition changed"
    return Comparison(change=_costing(replace(base, stale=stale), old, fresh, asking))


def _action(old: TableDefinition, new: TableDefinition, evolved: Evolution) -> str:
    if evolved.changes:
        return "evolve"
    if old.fingerprint != new.fingerprint:
        return "change"
    if old.name != new.name:
        return "rename"
    return "metadata" if any(getattr(old, name) != getattr(new, name) for name in _METADATA) else "none"


def _evolve(definition: TableDefinition) -> Evolve:
    return Evolve(dict(definition.options).get("evolve", Evolve.ON).lower())


def _keeps(new: TableDefinition, evolved: Evolution, asking: Asking) -> bool:
    match _evolve(new):
        case Evolve.KEEP:
            return True
        case Evolve.ON:
            return asking.same(evolved)
        case _:
            return False


def _rename_hint(new: TableDefinition, evolved: Evolution) -> tuple[str, ...]:
    """Return how to say that the only new column is the only one gone, where that may be meant."""
    if len(evolved.added) != 1 or len(evolved.dropped) != 1:
        return ()
    come, gone = evolved.added[0], evolved.dropped[0]
    if come.stored_type != gone.stored_type or come.name.casefold() in renames_of(new.options):
        return ()
    return (f"is {come.name} what {gone.name} was? '{RENAMED_COLUMN}{come.name}' = '{gone.name}' keeps its data",)


def _costing(change: Change, old: TableDefinition, fresh: IntervalSet, asking: Asking) -> Change:
    """Return the change with what refreshing those intervals again is going to take."""
    found = asking.cost()
    count = interval_count(old, fresh)
    seconds = None if found.seconds_per_interval is None else count * found.seconds_per_interval
    return replace(change, stale_intervals=count, stale_rows=found.rows, stale_seconds=seconds)


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
