"""Floor 0. What the rest of the project says about a workflow: names that must exist, and what looks wrong.

Errors stop an apply; warnings are told and nothing else.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from mtctl.core.calendar import show
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.freshness import parse_freshness
from mtctl.core.names import closest, printable
from mtctl.core.schedule_words import warnings as schedule_warnings
from mtctl.core.selector import reverse, topological
from mtctl.core.workflow import RefreshSpec, queue_of
from mtctl.core.workflow_settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from mtctl.core.freshness import Freshness
    from mtctl.core.model import Instant, TableDefinition
    from mtctl.core.workflow import WorkflowDefinition

MOST_WARNINGS = 100
"""Warnings of one workflow; more would hide the first."""


class Verdict(NamedTuple):
    """What was found: errors in the order of the file, then warnings in words."""

    errors: tuple[MtctlError, ...]
    warnings: tuple[str, ...]


class Known(NamedTuple):
    """What the project has: tables in force or about to be, queues, channels and the names of other workflows.

    `drafts` are the files of tables that are not in force yet, by the table's name.
    """

    tables: Mapping[str, TableDefinition]
    queues: Collection[str]
    channels: Collection[str]
    workflows: Collection[str]
    drafts: Mapping[str, str] = MappingProxyType({})


def validate(definition: WorkflowDefinition, known: Known, now: Instant, *, file: str = "") -> Verdict:
    """Return what is wrong and what looks wrong.

    Errors (INVALID): `table_unknown`, `queue_unknown`, `channel_unknown`, `workflow_unknown`.
    """
    warned = [
        *_timing(definition, now),
        *_options(definition),
        *_tables(definition, known.tables),
        *_drafts(definition, known),
    ]
    return Verdict(tuple(_unknown(definition, known, file)), tuple(dict.fromkeys(warned))[:MOST_WARNINGS])


def freshness_fits(upstream: Freshness, downstream: Freshness) -> bool:
    """Return whether a freshness is a whole multiple, 1 or more, of its upstream's (Alibaba's rule)."""
    return downstream.seconds % upstream.seconds == 0


def freshness_warnings(tables: Mapping[str, TableDefinition], names: Iterable[str]) -> list[str]:
    """Return a line for each of the named tables whose freshness does not fit that of a table it reads."""
    found = []
    for name in names:
        own = _freshness(tables.get(name))
        if own is None:
            continue
        for read in tables[name].reads:
            above = _freshness(tables.get(read.table))
            if above is not None and not freshness_fits(above, own):
                found.append(
                    f"the freshness of '{name}', {_words(own)}, is not a whole multiple of that of "
                    f"'{read.table}', {_words(above)}, which it reads"
                )
    return found


def propose_downstream(table: str, lineage: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Return all tables that read a table, at first or second hand, each after what it reads.

    `lineage` says which tables each table reads.
    """
    upstream = {name: frozenset(reads) for name, reads in lineage.items()}
    readers = reverse(upstream)
    found: set[str] = set()
    waiting = [table]
    while waiting:
        for name in readers.get(waiting.pop(), frozenset()):
            if name not in found and name != table:
                found.add(name)
                waiting.append(name)
    return topological(found, upstream)


def _is_defined(table: str, known: Known) -> bool:
    return table in known.tables or table in known.drafts


def _drafts(definition: WorkflowDefinition, known: Known) -> Iterator[str]:
    """Yield what could not be checked since a table exists as a file only."""
    for task in definition.tasks:
        if isinstance(task.spec, RefreshSpec) and task.spec.table not in known.tables:
            file = known.drafts.get(task.spec.table)
            if file is not None:
                yield f"table {task.spec.table} ({file}) is not applied yet: what depends on it is not checked"


def _unknown(definition: WorkflowDefinition, known: Known, file: str) -> Iterator[MtctlError]:
    def error(noun: str, name: str, names: Collection[str], place: str, fix: str) -> MtctlError:
        near = closest(name, sorted(names))
        return MtctlError(
            f"{noun}_unknown", f"no {noun} is named '{printable(name[:80])}'", kind=Kind.INVALID,
            where=": ".join(part for part in (file, place) if part),
            fix=f"did you mean '{near}'?" if near else fix, details={"did_you_mean": [near]} if near else None,
        )  # fmt: skip

    queue_fix = "make it with `mtctl queue create`"
    if definition.queue not in known.queues:
        yield error("queue", definition.queue, known.queues, "queue", queue_fix)
    for at, task in enumerate(definition.tasks, 1):
        if isinstance(task.spec, RefreshSpec) and not _is_defined(task.spec.table, known):
            fix = "define it in tables/, or `mtctl table list` shows the tables"
            yield error("table", task.spec.table, known.tables, f"tasks[{at}].table", fix)
        if task.queue is not None and queue_of(definition, task) not in known.queues:
            yield error("queue", task.queue, known.queues, f"tasks[{at}].queue", queue_fix)
    for rule_at, place in _rules(definition):
        if rule_at not in known.channels:
            fix = f"add [notify.{rule_at}] to mtctl.toml"
            yield error("channel", rule_at, known.channels, place, fix)
    for each in definition.depends_on:
        if each.workflow not in known.workflows:
            fix = "`mtctl workflow list` shows the workflows"
            yield error("workflow", each.workflow, known.workflows, "depends_on", fix)


def _rules(definition: WorkflowDefinition) -> Iterator[tuple[str, str]]:
    for at, rule in enumerate(definition.notify, 1):
        yield rule.channel, f"notify[{at}].channel"
    for task_at, task in enumerate(definition.tasks, 1):
        for at, rule in enumerate(task.notify, 1):
            yield rule.channel, f"tasks[{task_at}].notify[{at}].channel"


def _timing(definition: WorkflowDefinition, now: Instant) -> Iterator[str]:
    schedule = definition.schedule
    if schedule is None:
        return
    if schedule.start is not None and schedule.start < now:
        yield f"the start {show(schedule.start, definition.zone)} is in the past"
    if schedule.end is not None and schedule.end < now:
        yield f"the end {show(schedule.end, definition.zone)} is in the past: it will never fire"
    yield from schedule_warnings(schedule, now)


def _options(definition: WorkflowDefinition) -> Iterator[str]:
    ignored = [*settings_of(definition.settings).ignored]
    for task in definition.tasks:
        ignored += settings_of(task.settings).ignored
    for name in dict.fromkeys(ignored):
        yield f"the option '{printable(name)}' is kept and has no effect here"


def _tables(definition: WorkflowDefinition, tables: Mapping[str, TableDefinition]) -> Iterator[str]:
    refreshes = {task.name: task.spec.table for task in definition.tasks if isinstance(task.spec, RefreshSpec)}
    yield from freshness_warnings(tables, dict.fromkeys(refreshes.values()))
    yield from _against_lineage(definition, refreshes, tables)


def _against_lineage(
    definition: WorkflowDefinition, refreshes: Mapping[str, str], tables: Mapping[str, TableDefinition]
) -> Iterator[str]:
    """Tell of tasks that come before another one whose table theirs reads, at first or second hand."""
    if len(refreshes) < 2:
        return
    lineage = {name: frozenset(read.table for read in table.reads) for name, table in tables.items()}
    edges = {task.name: frozenset(task.upstream) for task in definition.tasks}
    for late, late_table in refreshes.items():
        before = _above({late}, edges)
        for early in sorted(before & set(refreshes)):
            early_table = refreshes[early]
            if early_table != late_table and late_table in _above({early_table}, lineage):
                yield f"'{early}' comes before '{late}', but its table {early_table} reads {late_table}"


def _above(start: set[str], edges: Mapping[str, frozenset[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        for name in edges.get(waiting.pop(), frozenset()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


def _freshness(table: TableDefinition | None) -> Freshness | None:
    if table is None or table.freshness is None:
        return None
    _, number, unit = table.freshness.split()
    return parse_freshness(number.strip("'"), unit)


def _words(freshness: Freshness) -> str:
    return f"{freshness.value} {freshness.unit.lower()}{'' if freshness.value == 1 else 's'}"
