"""Floor 3. One attempt: gather what it reads, stage, place, publish.

The engine writes files that nobody sees; one store transaction makes them visible or refuses. Whatever goes wrong in
between leaves at most files that no catalog row names.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl import trace
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import WHOLE, Interval, IntervalSet
from mtctl.core.ledger import digest, read_range
from mtctl.core.model import NullPolicy, RangeKind
from mtctl.core.names import spellings
from mtctl.core.partition import values
from mtctl.core.states import Outcome
from mtctl.core.table_calendar import calendar_of
from mtctl.core.values import replace
from mtctl.core.variables import request_values, variable_values
from mtctl.ports.changes import Publication, Published, Refused
from mtctl.ports.engine import Relation, Slice, StageRequest
from mtctl.services.ending import Ended
from mtctl.services.pruning import pruned
from mtctl.services.rewriting import touched_files
from mtctl.services.source_names import reached

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mtctl.config import Project
    from mtctl.core.model import SourceFile, Table
    from mtctl.core.staged import LedgerRow, Staged
    from mtctl.ports.changes import Claimed
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import Engine, Progress
    from mtctl.ports.files import Lake
    from mtctl.ports.store import Store, View
    from mtctl.services.ending import Endings
    from mtctl.services.holder import Holder
    from mtctl.services.rewriting import Touched

_REPLACED = "a table that it reads was replaced by a new version since the attempt began"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an attempt was given and what it pinned."""

    claimed: Claimed
    todo: IntervalSet
    slices: tuple[Slice, ...]
    relations: tuple[Relation, ...]
    reads: Mapping[Interval, tuple[tuple[int, str], ...]]
    touched: Touched
    known_sources: tuple[SourceFile, ...]
    requested_at: int


class Worker:
    """Runs attempts with one runner and one lake."""

    def __init__(
        self, project: Project, store: Store, engine: Engine, lake: Lake, clock: Clock, endings: Endings
    ) -> None:
        """Keep the ports."""
        self._endings = endings
        self._project = project
        self._store = store
        self._engine = engine
        self._lake = lake
        self._clock = clock

    def run(
        self, claimed: Claimed, todo: IntervalSet, holder: Holder, on_progress: Callable[[Progress], None]
    ) -> Ended:
        """Take one claimed task from its pinned inputs to an outcome."""
        trace.point("claimed")
        began = self._clock.boottime()
        reads = [read.table for read in claimed.table.definition.reads]
        try:
            with self._store.read() as view:
                replaced = view.rebuilds().replaced(reads, claimed.snapshot_id)
                work = None if replaced else self._gather(view, claimed, todo)
            if work is None:
                return self._endings.superseded(claimed, _REPLACED, began)
            staged = self._engine.stage(self._request(work), on_progress)
            self._check_size(work, staged)
        except MtctlError as error:
            return self._endings.failed(claimed, self._explained(error, claimed), holder, began)
        return self._publish(work, staged, holder, began)

    def _explained(self, error: MtctlError, claimed: Claimed) -> MtctlError:
        """Return the error, or the damaged file behind it."""
        from mtctl.services.damaged import explained  # noqa: PLC0415 - only on the way to an error

        names = [read.table for read in claimed.table.definition.reads]
        return explained(error, self._store, self._lake, [*names, claimed.table.definition.name], None)

    # --- what it reads ------------------------------------------------------------------------------------------

    def _gather(self, view: View, claimed: Claimed, todo: IntervalSet) -> Work:
        table, definition = claimed.table, claimed.table.definition
        seen = view.rebuilds().shown(view.tables([read.table for read in definition.reads]))
        upstream = {item.definition.name: item for item in seen}
        paths = view.file_paths([item.table_id for item in upstream.values()], claimed.snapshot_id)
        partial = view.partial_paths(claimed.snapshot_id) if paths else frozenset()
        slices = self._slices(table, todo)
        relations = {
            item.table_id: self._relation(item, paths.get(item.table_id, ()), partial, claimed.snapshot_id)
            for item in upstream.values()
        }
        work = Work(
            claimed=claimed,
            todo=todo,
            slices=slices,
            relations=tuple(relations.values()),
            reads=self._read_digests(view, claimed, upstream, slices),
            touched=touched_files(view, table, todo),
            known_sources=tuple(view.sources([table.table_id]).get(table.table_id, ())),
            requested_at=claimed.requested_at,
        )
        return replace(work, relations=self._narrowed(view, work, relations))

    def _narrowed(self, view: View, work: Work, relations: Mapping[int, Relation]) -> tuple[Relation, ...]:
        """Return the relations with the files that the attempt may see rows of."""
        definition = work.claimed.table.definition
        return pruned(
            view,
            relations,
            lambda: self._engine.sight(definition.query),
            lambda: [self._params(work, first) for first, _ in self._statements(work)],
            intervals=(definition, work.todo) if work.slices else None,
        )

    def _relation(self, table: Table, files: tuple[str, ...], partial: frozenset[str], snapshot_id: int) -> Relation:
        name = table.definition.name
        return Relation(
            names=spellings(name, self._project.name),
            columns=table.definition.columns,
            files=files,
            partial=tuple(path for path in files if path in partial),
            snapshot_id=snapshot_id,
        )

    def _slices(self, table: Table, todo: IntervalSet) -> tuple[Slice, ...]:
        definition = table.definition
        calendar = calendar_of(definition)
        if calendar is None or definition.partition is None:
            return ()
        intervals = [interval for piece in todo for interval in calendar.intervals(piece.start, piece.end)]
        return tuple(
            Slice(interval=interval, values=values(definition.partition, interval, definition.zone))
            for interval in intervals
        )

    def _read_digests(
        self, view: View, claimed: Claimed, upstream: Mapping[str, Table], slices: Sequence[Slice]
    ) -> dict[Interval, tuple[tuple[int, str], ...]]:
        """Return, per interval, the digest of each upstream's content as it stands at the pinned snapshot."""
        definition = claimed.table.definition
        intervals = [piece.interval for piece in slices] or [WHOLE]
        columns: dict[Interval, list[tuple[int, str]]] = {interval: [] for interval in intervals}
        for read in definition.reads:
            if read.kind in {RangeKind.IGNORE, RangeKind.LATEST}:
                continue
            table = upstream[read.table]
            rows = view.ledger(table.table_id, WHOLE, claimed.snapshot_id)
            content = _Content(rows)
            calendar = calendar_of(table.definition)
            for interval in intervals:
                span = read_range(read, interval, table.definition, calendar)
                if span is not None:
                    columns[interval].append((table.table_id, content.digest(span)))
        return {interval: tuple(found) for interval, found in columns.items()}

    # --- what it computes ---------------------------------------------------------------------------------------

    def _request(self, work: Work) -> StageRequest:
        definition = work.claimed.table.definition
        partition = definition.partition
        statements = self._statements(work)
        return StageRequest(
            query=definition.query,
            zone=definition.zone,
            columns=definition.columns,
            partition=partition,
            relations=work.relations,
            sources=reached(definition.sources, self._project),
            slices=work.slices,
            statements=statements,
            params=tuple(self._params(work, first) for first, _ in statements),
            folder=str(self._project.lake / "_staging"),
            file_prefix=work.claimed.attempt_ulid,
            target_rows=self._project.target_file_rows,
            target_bytes=self._project.target_file_bytes,
            null_policy=partition.null_policy if partition is not None else NullPolicy.FAIL,
            on_empty=definition.on_empty,
            rewrites=work.touched.rewrites,
            known=work.known_sources,
        )

    def _statements(self, work: Work) -> tuple[tuple[int, int], ...]:
        """Group the slices: contiguous runs in one statement, or one each where the query names the interval."""
        if not work.slices:
            return ((0, 0),)
        if not work.claimed.table.definition.batchable:
            return tuple((index, index + 1) for index in range(len(work.slices)))
        runs: list[tuple[int, int]] = []
        first = 0
        for index in range(1, len(work.slices) + 1):
            if index == len(work.slices) or work.slices[index].interval.start != work.slices[index - 1].interval.end:
                runs.append((first, index))
                first = index
        return tuple(runs)

    def _params(self, work: Work, first: int) -> Mapping[str, object]:
        definition = work.claimed.table.definition
        if not definition.params:
            return {}
        if not work.slices or definition.partition is None:
            return request_values(definition.params, work.requested_at, definition.zone)
        native = definition.partition.columns[0].type if len(definition.partition.columns) == 1 else "VARCHAR"
        return variable_values(definition.params, work.slices[first].interval, definition.zone, native)

    def _check_size(self, work: Work, staged: Staged) -> None:
        """Refuse more rows than the task allows: its files are discarded, the table stays as it was."""
        most = (work.claimed.spec.get("task") or {}).get("max_rows")
        rows = staged.rows
        if most is None or rows <= most:
            return
        self._lake.discard(file.path for file in (*staged.files, *staged.rewritten))
        raise MtctlError(
            "max_rows",
            f"{work.claimed.task.name} yields {rows:,} rows, more than the {most:,} that its task allows",
            kind=Kind.FAILED,
            fix="look at the query, or raise max_rows",
        )

    # --- how it ends --------------------------------------------------------------------------------------------

    def _publish(self, work: Work, staged: Staged, holder: Holder, began: int) -> Ended:
        claimed = work.claimed
        seconds = self._since(began)
        names: tuple[str, ...] = ()
        try:
            names = self._lake.place((*staged.files, *staged.rewritten), claimed.table.folder)
            new = len(staged.files)
            trace.point("renamed")
            publication = Publication(
                claimed=claimed,
                staged=staged,
                files=names[:new],
                ends=work.touched.ends,
                replaced=work.touched.replaced(staged.rewritten, names[new:]),
                clears=tuple(work.todo | IntervalSet.of(work.touched.lost)),
                reads=work.reads,
                seconds=seconds,
            )
            with self._store.write() as tx:
                answer = tx.publish(publication)
            trace.point("published")
        except MtctlError as error:
            # The transaction rolled back (or never began): the files are strays of ours. After trouble with the state
            # file itself the commit may have lasted all the same: then only gc may judge.
            if error.kind is not Kind.STATE:
                self._discard(staged, claimed, names)
            return self._endings.failed(claimed, error, holder, began)
        match answer:
            case Published():
                trace.point("reported")
                return Ended(outcome=Outcome.SUCCESS, rows=answer.rows, seconds=seconds)
            case Refused():
                self._discard(staged, claimed, names)
                return self._refused(claimed, answer, began)

    def _discard(self, staged: Staged, claimed: Claimed, names: Sequence[str]) -> None:
        """Remove what is staged and what was placed; a name that `place` refused belongs to somebody else."""
        placed = [str(self._project.lake / "data" / claimed.table.folder / name) for name in names]
        self._lake.discard([*placed, *(file.path for file in (*staged.files, *staged.rewritten))])

    def _refused(self, claimed: Claimed, refused: Refused, began: int) -> Ended:
        if refused.outcome is not Outcome.LOST:
            return self._endings.superseded(claimed, refused.why, began)
        return Ended(
            outcome=Outcome.LOST, rows=0, seconds=self._since(began), error_code=Outcome.LOST.value, error=refused.why
        )

    def _since(self, began: int) -> float:
        return (self._clock.boottime() - began) / 1e9


class _Content:
    """An upstream's ledger rows at one snapshot, cut by range without a scan for each interval."""

    def __init__(self, rows: Sequence[LedgerRow]) -> None:
        self._starts = [row.interval.start for row in rows]
        self._parts = [(row.interval.start, row.interval.end, row.fingerprint) for row in rows]

    def digest(self, span: Interval) -> str:
        first = max(bisect_left(self._starts, span.start) - 1, 0)
        last = bisect_left(self._starts, span.end)
        return digest(part for part in self._parts[first:last] if part[1] > span.start)
