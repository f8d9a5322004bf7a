"""Floor 3. How all tables stand and hang together: who is late, since when, whose fault it is, and the worst chain.

One look is a few statements, however many tables there are: `core.why` decides over the same facts as `mtctl why`, but
they are read for all tables at once. What needs a look at files or living processes stays with `mtctl why`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.health import health
from mtctl.core.lateness import Lag, blame, lags, late_since
from mtctl.core.ledger import Coverage, todo, wanted
from mtctl.core.lineage import branches, reversed_edges, surroundings, worst_path
from mtctl.core.plan import unready
from mtctl.core.states import TaskState
from mtctl.core.table_calendar import calendar_of
from mtctl.core.table_view import Look
from mtctl.core.values import frozen, replace
from mtctl.core.why import why_table
from mtctl.core.why_facts import Facts, QueueFacts, ScheduleFacts, TableFacts, TaskFacts
from mtctl.services.loading import table_view
from mtctl.services.naming import unknown_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtctl.config import Project
    from mtctl.core.interval import IntervalSet
    from mtctl.core.lateness import Turned
    from mtctl.core.lineage import Twig
    from mtctl.core.model import Instant, Table
    from mtctl.ports.clock import Clock
    from mtctl.ports.standing import FlowRow, OpenTask, StandingRow
    from mtctl.ports.store import Store, View

STRIP = 14
"""How many of a table's last runs are shown."""

_BAD = frozenset({TaskState.FAILED, TaskState.CANCELLED})


@frozen
class Standing:
    """One table as lists show it.

    `state` is its health, or `running`. `lag` says how late it is, `cause` why in a few words. `wanted` and `fresh`
    count grain intervals. `counts` are tasks by state: the open ones, and the ended ones of its newest attempts.
    """

    name: str
    state: str
    comment: str
    tags: Mapping[str, str]
    schedule: str | None
    wanted: int
    fresh: int
    lag: Lag
    cause: str
    error: str
    stale: str
    success_at: Instant | None
    seconds: float | None
    next_at: Instant | None
    strip: tuple[str, ...]
    counts: Mapping[str, int]
    upstream: tuple[str, ...]
    stem: str = ""


@frozen
class Standings:
    """All tables by name, in the order of the tree; `worst` is the chain to the one that is latest, source first."""

    tables: Mapping[str, Standing]
    worst: tuple[str, ...]
    at: Instant


@frozen
class SourceLeaf:
    """A source of tables: how many of its files are known, and when one of them changed last (None: never seen)."""

    text: str
    files: int
    changed_at: Instant | None


@frozen
class Surroundings:
    """A table with all that it reads and all that reads it; names that are no tables are keys of `sources`.

    `edges` say what each name reads.
    """

    subject: str
    edges: Mapping[str, Sequence[str]]
    twigs: tuple[Twig, ...]
    standings: Standings
    sources: Mapping[str, SourceLeaf]
    worst: tuple[str, ...]

    def readers(self, name: str) -> list[str]:
        """Return what reads a name, sorted."""
        return sorted(one for one, reads in self.edges.items() if name in reads)


class Lineages:
    """Looks at all tables at once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep the ports."""
        self._store = store
        self._clock = clock

    def standings(self) -> Standings:
        """Return how all tables stand; five statements at most."""
        now = self._clock.now()
        with self._store.read() as view:
            return _Gathering(view, now).standings()

    def around(self, name: str, project: Project) -> Surroundings:
        """Return a table's lineage to any depth, with the sources at its ends; error `table_unknown` (not found)."""
        now = self._clock.now()
        with self._store.read() as view:
            found = _Gathering(view, now).standings()
            if name.lower() not in found.tables:
                raise unknown_table(name, found.tables)
            subject = name.lower()
            upstream = {one: standing.upstream for one, standing in found.tables.items()}
            above = _reach(subject, upstream)
            texts, sources = _sources(view, view.tables(sorted(above)), project)
        edges: dict[str, list[str]] = {one: [*upstream[one], *texts.get(one, ())] for one in upstream}
        late = {one: found.tables[one].lag.total for one in above | _reach(subject, reversed_edges(upstream))}
        return Surroundings(
            subject=subject,
            edges=edges,
            twigs=surroundings(subject, edges),
            standings=found,
            sources=sources,
            worst=worst_path(late, edges),
        )


class _Gathering:
    """The facts of one look."""

    def __init__(self, view: View, now: Instant) -> None:
        self._view = view
        self._now = now
        self._reads = view.board().standings()
        self._rows = {row.outline.name: row for row in self._reads.rows(STRIP)}
        self._names = {row.outline.table_id: name for name, row in self._rows.items()}
        coverage = view.coverage()
        self._coverage = coverage
        self._looks = {name: _look(row, coverage.get(row.outline.table_id), now) for name, row in self._rows.items()}
        self._due = {name: todo(look.wanted, look.coverage) for name, look in self._looks.items()}
        self._flows: dict[str, list[FlowRow]] = {}
        for flow in self._reads.flows():
            self._flows.setdefault(flow.table, []).append(flow)

    def standings(self) -> Standings:
        """Return all of it."""
        upstream = {
            name: tuple(sorted(self._names[one] for one in row.upstream if one in self._names))
            for name, row in self._rows.items()
        }
        late = lags(self._since(), upstream, self._now)
        causes = self._causes(upstream)
        tree = {branch.name: branch.stem for branch in branches(upstream)}
        found = {
            name: replace(self._standing(name, late[name], causes[name]), upstream=upstream[name], stem=stem)
            for name, stem in tree.items()
        }
        worst = worst_path({name: lag.total for name, lag in late.items()}, upstream)
        return Standings(tables=found, worst=worst, at=self._now)

    def _since(self) -> dict[str, Instant | None]:
        stale = [
            (row.outline.table_id, self._looks[name].coverage.stale[0].interval.start)
            for name, row in self._rows.items()
            if self._due[name] and self._looks[name].coverage.stale
        ]
        turned = self._reads.turned(stale) if stale else {}
        return {
            name: late_since(self._looks[name], row.made_at, _turned(turned, row), self._now)
            for name, row in self._rows.items()
        }

    # --- causes ---------------------------------------------------------------------------------------------------

    def _causes(self, upstream: Mapping[str, Sequence[str]]) -> dict[str, str]:
        blockers = self._blockers(upstream)
        queues = {row.task.queue: _queue(row.task) for row in self._rows.values() if row.task is not None}
        found = {}
        for name in self._rows:
            if not self._due[name]:
                found[name] = ""
                continue
            table = self._facts(name, blockers.get(name, ()))
            # Alone: what is upstream has a line of its own, and the whole chain of each would be read again and again.
            facts = Facts(now=self._now, tables={name: table}, queues=queues)
            found[name] = blame(why_table(facts, name), table, self._stale(name))
        return found

    def _blockers(self, upstream: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        """Return, of tables that nobody has been asked to do, the upstream tables without which nothing can be done."""
        doubtful = [
            name
            for name, row in self._rows.items()
            if self._due[name] and row.task is None and any(self._due[one] for one in upstream[name])
        ]
        if not doubtful:
            return {}
        asked = {*doubtful, *(one for name in doubtful for one in upstream[name])}
        views = {
            table.definition.name: table_view(table, self._coverage.get(table.table_id), self._now)
            for table in self._view.tables(sorted(asked))
        }
        found = {}
        for name in doubtful:
            due = self._due[name]
            lacking = unready(views[name], due, views)
            found[name] = tuple(table for table, waiting in lacking if not due - waiting)
        return found

    def _facts(self, name: str, blockers: tuple[str, ...]) -> TableFacts:
        row, due = self._rows[name], self._due[name]
        return TableFacts(
            name=name,
            due=_ARE if due else "",
            fresh=_ARE if self._looks[name].wanted else "",
            task=self._task(row.task, name) if row.task is not None else None,
            last=_last(row, name) if due else None,
            blockers=blockers,
            schedules=tuple(_schedule(flow) for flow in self._flows.get(name, ())),
        )

    def _task(self, task: OpenTask, name: str) -> TaskFacts:
        return TaskFacts(
            task_id=task.task_id,
            name=task.name,
            instance=task.instance,
            state=task.state,
            why=task.why,
            table=name,
            queue=task.queue,
            ready_at=task.ready_at,
            tries=task.tries,
            max_tries=task.max_tries,
            error_code=task.error_code,
            error=task.error,
            started_at=task.started_at,
            cancel_requested=task.cancel_requested,
            waits_for=self._names.get(task.waits_for) if task.waits_for is not None else None,
            depends_on=task.why.removeprefix(_DEPENDS) if task.why.startswith(_DEPENDS) else "",
        )

    def _stale(self, name: str) -> str:
        look = self._looks[name]
        return look.coverage.stale[0].reason if look.coverage.stale and self._due[name] else ""

    # --- lines ----------------------------------------------------------------------------------------------------

    def _standing(self, name: str, lag: Lag, cause: str) -> Standing:
        row, look, due = self._rows[name], self._looks[name], self._due[name]
        running = row.task is not None and row.task.state is TaskState.RUNNING
        state = health(look, row.last.outcome if row.last is not None else None, running=running).value
        wanted_count = _count(look.wanted, look)
        fires = [flow.next_fire_at for flow in self._flows.get(name, ()) if flow.state.value == "enabled"]
        failing = state == "failing" and row.last is not None
        return Standing(
            name=name,
            state="running" if running else state,
            comment=row.outline.comment or "",
            tags=dict(row.outline.tags),
            schedule=next((flow.schedule for flow in self._flows.get(name, ()) if flow.schedule), None),
            wanted=wanted_count,
            fresh=_count(look.wanted - due, look) if due else wanted_count,
            lag=lag,
            cause=cause,
            error=row.last.error.splitlines()[0] if failing and row.last is not None and row.last.error else "",
            stale=self._stale(name),
            success_at=row.success_at,
            seconds=row.last.seconds if row.last is not None else None,
            next_at=min((at for at in fires if at is not None), default=None),
            strip=row.strip,
            counts=dict(row.counts),
            upstream=(),
        )


_ARE = "it is"
_DEPENDS = "waits for workflow "


def _look(row: StandingRow, coverage: Coverage | None, now: Instant) -> Look:
    calendar = calendar_of(row.outline)
    return Look(
        outline=row.outline,
        calendar=calendar,
        coverage=coverage or Coverage(table_id=row.outline.table_id),
        wanted=wanted(row.outline, calendar, now),
    )


def _turned(found: Mapping[int, Turned], row: StandingRow) -> Turned | None:
    turned = found.get(row.outline.table_id)
    return replace(turned, definition_at=row.definition_at) if turned is not None else None


def _last(row: StandingRow, name: str) -> TaskFacts | None:
    """Return the newest ended task of a table where that did not end well."""
    last = row.last
    if last is None or last.state not in _BAD:
        return None
    return TaskFacts(
        task_id=0,
        name=last.task,
        instance=last.instance,
        state=last.state,
        why=last.why,
        table=name,
        tries=last.tries,
        error_code=last.error_code,
        error=last.error,
    )


def _queue(task: OpenTask) -> QueueFacts:
    """Return the queue of a task; who holds its slots does not matter here, only how many."""
    return QueueFacts(name=task.queue, slots=task.slots, paused=task.paused, holders=("",) * task.running)


def _schedule(flow: FlowRow) -> ScheduleFacts:
    return ScheduleFacts(
        workflow=flow.workflow,
        state=flow.state,
        text=flow.schedule,
        next_fire_at=flow.next_fire_at,
        due_at=flow.due_at,
    )


def _count(intervals: IntervalSet, look: Look) -> int:
    if look.calendar is None:
        return len(intervals)
    return sum(look.calendar.count(piece.start, piece.end) for piece in intervals)


def _reach(start: str, edges: Mapping[str, Iterable[str]]) -> set[str]:
    """Return a name and all that is reached from it."""
    found, left = {start}, [start]
    while left:
        for one in edges.get(left.pop(), ()):
            if one not in found:
                found.add(one)
                left.append(one)
    return found


def _sources(
    view: View, tables: Iterable[Table], project: Project
) -> tuple[dict[str, tuple[str, ...]], dict[str, SourceLeaf]]:
    """Return the keys of the sources of tables, and the sources by key: a key is the source as the query names it."""
    from mtctl.services.sources import located  # noqa: PLC0415 - only where lineage is looked at from near

    texts: dict[str, tuple[str, ...]] = {}
    paths: dict[str, tuple[str, ...]] = {}
    for table in tables:
        sources = located(table.definition.sources, project)
        texts[table.definition.name] = tuple(f"source {source.text}" for source in sources)
        paths |= {f"source {source.text}": source.paths for source in sources}
    known = view.board().standings().sources(path for found in paths.values() for path in found)
    leaves = {}
    for key, patterns in paths.items():
        seen = [known[pattern] for pattern in patterns if pattern in known]
        changed = max((at for _, at in seen), default=None)
        leaves[key] = SourceLeaf(
            text=key.removeprefix("source "), files=sum(files for files, _ in seen), changed_at=changed
        )
    return texts, leaves
