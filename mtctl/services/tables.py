"""Floor 3. Definitions as people handle them: plan, apply, create, drop, validate.

`plan` computes, `apply` writes what a plan found in one transaction, or nothing. Files and the command line are two
origins of one kind of table; pruning touches only what came from files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.ddl import parse_statement
from mtctl.core.errors import MtctlError, conflict
from mtctl.core.interval import EMPTY
from mtctl.core.model import Origin
from mtctl.core.statement import render
from mtctl.core.values import replace
from mtctl.services.applying import Work, write_plan
from mtctl.services.changes import created, fresh_text
from mtctl.services.comparing import Comparer
from mtctl.services.definitions import Resolver
from mtctl.services.files import Scan, TableFile, put_of, scan_files
from mtctl.services.naming import unknown_table
from mtctl.services.reports.changes import Applied, ApplyPlan, Change
from mtctl.services.table_schedules import (
    enabled_problems,
    name_problems,
    orphan_problems,
    refuse_file,
    rescheduled,
    with_options,
)
from mtctl.services.workflow_files import workflow_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mtctl.config import Project
    from mtctl.core.interval import IntervalSet
    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Table, TableDefinition
    from mtctl.core.statement import TableStatement
    from mtctl.ports.changes import NewTable
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import Engine
    from mtctl.ports.store import Store, Tx
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.services.changes import Comparison
    from mtctl.services.workflow_plan import WorkflowPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Now:
    """The store at the moment of planning."""

    tables: Mapping[str, Table]
    coverage: Mapping[int, Coverage]
    applied: Mapping[str, tuple[int, str, int | None, int | None]]
    workflows: Sequence[WorkflowRow]

    def by_id(self) -> dict[int, TableDefinition]:
        return {table.table_id: table.definition for table in self.tables.values()}

    def versions(self) -> tuple[tuple[int, int], ...]:
        return tuple(sorted((table.table_id, table.version_id) for table in self.tables.values()))


class Tables:
    """The verbs of definitions."""

    def __init__(
        self,
        project: Project,
        store: Store,
        engine: Callable[[], Engine],
        clock: Clock,
        new_ulid: Callable[[], str],
    ) -> None:
        """Keep the ports; `new_ulid` names what fires before a schedule changes."""
        self._project = project
        self._store = store
        self._engine = engine
        self._clock = clock
        self._new_ulid = new_ulid
        self._comparer = Comparer(store=store, engine=engine, clock=clock)

    # --- plan and apply -----------------------------------------------------------------------------------------

    def plan(self, *, prune: bool, rebuild: Sequence[str], require_disabled: bool = False) -> ApplyPlan:
        """Return what `apply` would do for the files of the project.

        With `require_disabled` a change of an enabled workflow or of an enabled table's schedule is a problem.
        """
        scan = scan_files(self._project)
        now = self._now()
        for name in rebuild:
            self._check_rebuild(name, scan, now)
        problems = list(scan.problems)
        changed, unchanged = self._sorted_files(scan, now, frozenset(rebuild))
        problems += self._origin_conflicts(changed, now)
        renames = _renames(scan, now)
        puts, changes, touches, found = self._compare(changed, now, frozenset(rebuild), renames)
        problems += found
        changes += [Change(table=file.statement.name, action="none", file=file.file) for file in unchanged]
        old_names = {table.definition.name for table in renames.values()}
        drops, left = self._vanished(scan, now, old_names, prune=prune)
        changes += left
        dropped = {table.definition.name for table in now.tables.values() if table.table_id in drops}
        problems += self._broken_readers(dropped | old_names, puts, now)
        changes.sort(key=lambda change: change.table)
        if require_disabled:
            moved = rescheduled(puts, now.by_id()) | frozenset(drops)
            problems += enabled_problems(moved, now.workflows)
        after = {name: table.definition for name, table in now.tables.items() if name not in dropped | old_names}
        after |= {put.definition.name: put.definition for put in puts}
        workflows = self._plan_workflows(after, prune=prune, require_disabled=require_disabled)
        shown = workflows.changes if workflows is not None else ()
        gone = frozenset(change.workflow for change in shown if change.action == "drop")
        problems += [*(workflows.problems if workflows is not None else ()), *name_problems(puts, now.workflows, gone)]
        problems += orphan_problems(dropped | old_names, [row for row in now.workflows if row.origin == "command"])
        work = Work(
            puts=tuple(puts),
            drops=tuple(drops),
            touches=tuple(touches),
            versions=now.versions(),
            workflows=workflows.work if workflows is not None else None,
        )
        return ApplyPlan(
            changes=tuple(changes),
            problems=tuple(problems),
            pending=bool(puts or drops) or (workflows is not None and workflows.pending),
            workflows=shown,
            rebuilding=self._comparer.rebuilding(),
            held_up=self._comparer.held_up(),
            secret=work,
        )

    def apply(self, plan: ApplyPlan) -> Applied:
        """Write a plan: all of it in one transaction, or nothing.

        Raises the first problem of the plan, and conflict `plan_outdated` when somebody applied in between.
        """
        if plan.problems:
            raise plan.problems[0]
        work: Work = plan.secret
        began = self._clock.boottime()
        if not work.is_empty:
            with self._store.write() as tx:
                write_plan(tx, work, self._new_ulid)
        seconds = (self._clock.boottime() - began) / 1e9
        return Applied(changes=plan.changes, workflows=plan.workflows, seconds=seconds)

    def alter(self, name: str, options: Mapping[str, str | None], note: Callable[[Tx], None]) -> Applied:
        """Set WITH options of a table that was made by command, or take them away (None).

        `note` writes the event in the same transaction.
        """
        table = self._now().tables.get(name)
        if table is None:
            raise unknown_table(name, self._now().tables)
        refuse_file(table)
        statement = with_options(parse_statement(table.definition.ddl, file=name), options)
        return self.create(render(replace(statement, or_alter=True)), name, note)

    def create(self, text: str, label: str, note: Callable[[Tx], None] | None = None) -> Applied:
        """Create a table, or with OR ALTER change it, from one statement of the command line."""
        statement = parse_statement(text, file=label)
        now = self._now()
        existing = now.tables.get(statement.name)
        if existing is not None:
            if existing.origin is Origin.FILE:
                raise conflict(
                    "table_exists",
                    f"table {statement.name!r} is defined in {existing.file}",
                    fix="edit the file and run `mtctl apply`",
                )
            if not statement.or_alter:
                raise conflict(
                    "table_exists",
                    f"table {statement.name!r} exists",
                    fix="write CREATE OR ALTER, or choose another name",
                )
        definition = self._resolve_one(statement, label, now)
        comparison: Comparison | None = None
        if existing is None:
            change = created(definition, None, self._clock.now())
        else:
            comparison = self._comparer.compare(existing, definition, None, _fresh(now, existing))
            if comparison.problem is not None:
                raise comparison.problem
            change = comparison.change
        known = existing.table_id if existing else None
        put = put_of(definition, None, known, comparison)
        plan = ApplyPlan(
            changes=(change,),
            problems=(),
            pending=True,
            secret=Work(puts=(put,), drops=(), touches=(), versions=now.versions(), note=note),
        )
        return self.apply(plan)

    def drop(self, names: Sequence[str], *, if_exists: bool) -> Applied:
        """Drop tables; refused while another table reads one of them."""
        now = self._now()
        wanted = [name.lower() for name in names]
        missing = [name for name in wanted if name not in now.tables]
        if missing and not if_exists:
            raise unknown_table(missing[0], now.tables)
        found = [now.tables[name] for name in wanted if name in now.tables]
        gone = {table.definition.name for table in found}
        problems = [*self._broken_readers(gone, [], now), *orphan_problems(gone, now.workflows)]
        changes = tuple(Change(table=table.definition.name, action="drop", file=table.file) for table in found)
        work = Work(puts=(), drops=tuple(table.table_id for table in found), touches=(), versions=now.versions())
        return self.apply(ApplyPlan(changes=changes, problems=tuple(problems), pending=bool(found), secret=work))

    def validate(self, targets: Sequence[str]) -> ApplyPlan:
        """Return the plan of the files, narrowed to some tables or files."""
        plan = self.plan(prune=False, rebuild=())
        if not targets:
            return plan
        known = {change.table for change in plan.changes} | {change.file for change in plan.changes if change.file}
        places = " ".join(error.where for error in plan.problems)
        for target in targets:
            if target not in known and target not in places:
                raise unknown_table(target, [name for name in known if name])
        changes = tuple(change for change in plan.changes if change.table in targets or change.file in targets)
        files = {change.file for change in changes if change.file} | set(targets)
        problems = tuple(
            error
            for error in plan.problems
            if any(error.where.startswith(file) or file in error.what for file in files)
        )
        return ApplyPlan(changes=changes, problems=problems, pending=plan.pending)

    # --- parts --------------------------------------------------------------------------------------------------

    def _now(self) -> _Now:
        with self._store.read() as view:
            tables = {table.definition.name: table for table in view.tables()}
            return _Now(
                tables=tables, coverage=view.coverage(), applied=view.applied_files(), workflows=view.workflows()
            )

    def _plan_workflows(
        self, tables: Mapping[str, TableDefinition], *, prune: bool, require_disabled: bool
    ) -> WorkflowPlan | None:
        """Return the workflow files' part, None where there are none and never were: most projects load nothing."""
        with self._store.read() as view:
            if not (workflow_paths(self._project) or view.applied_workflow_files()):
                return None
            from mtctl.services.workflow_plan import plan_workflows  # noqa: PLC0415 - said above

            return plan_workflows(
                self._project,
                view,
                tables=tables,
                now=self._clock.now(),
                prune=prune,
                require_disabled=require_disabled,
            )

    def _check_rebuild(self, name: str, scan: Scan, now: _Now) -> None:
        defined = {file.statement.name for file in scan.files}
        if name not in defined:
            raise unknown_table(name, defined)
        if name not in now.tables:
            raise conflict("rebuild_new", f"table {name!r} does not exist yet", fix="apply without --rebuild")

    def _sorted_files(self, scan: Scan, now: _Now, rebuild: frozenset[str]) -> tuple[list[TableFile], list[TableFile]]:
        """Return the files to resolve and those that cannot have changed: same mark, and nothing they read changed."""
        defined = {file.statement.name: file for file in scan.files}
        dirty = {
            name
            for name, file in defined.items()
            if now.applied.get(file.file, (0, ""))[1] != file.mark or name not in now.tables or name in rebuild
        }
        readers: dict[str, list[str]] = {}
        for name, table in now.tables.items():
            for read in table.definition.reads:
                readers.setdefault(read.table, []).append(name)
        queue = list(dirty)
        while queue:
            for reader in readers.get(queue.pop(), ()):
                if reader in defined and reader not in dirty:
                    dirty.add(reader)
                    queue.append(reader)
        return [file for name, file in defined.items() if name in dirty], [
            file for name, file in defined.items() if name not in dirty
        ]

    def _origin_conflicts(self, files: Iterable[TableFile], now: _Now) -> list[MtctlError]:
        found = []
        for file in files:
            table = now.tables.get(file.statement.name)
            if table is not None and table.origin is Origin.COMMAND:
                found.append(
                    conflict(
                        "table_exists",
                        f"table {file.statement.name!r} was created on the command line",
                        where=file.file,
                        fix=f"drop it (`mtctl table drop {file.statement.name}`) or rename the file's table",
                    )
                )
        return found

    def _compare(
        self, files: Sequence[TableFile], now: _Now, rebuild: frozenset[str], renames: Mapping[str, Table]
    ) -> tuple[list[NewTable], list[Change], list[tuple[int, TableFile]], list[MtctlError]]:
        old_names = {table.definition.name for table in renames.values()}
        in_force = {name: table.definition for name, table in now.tables.items() if name not in old_names}
        resolved = (
            Resolver(self._project, self._engine()).resolve([(file.statement, file.file) for file in files], in_force)
            if files
            else None
        )
        puts: list[NewTable] = []
        changes: list[Change] = []
        touches: list[tuple[int, TableFile]] = []
        problems = list(resolved.problems.values()) if resolved else []
        for file in files:
            definition = resolved.definitions.get(file.statement.name) if resolved else None
            if definition is None:
                continue
            table = now.tables.get(definition.name) or renames.get(definition.name)
            if table is None:
                changes.append(created(definition, file.file, self._clock.now()))
                puts.append(put_of(definition, file, None))
                continue
            again = definition.name in rebuild
            fresh = _fresh(now, table)
            comparison = self._comparer.compare(table, definition, file.file, fresh, rebuild=again)
            changes.append(comparison.change)
            if comparison.problem is not None:
                problems.append(comparison.problem)
            elif comparison.change.action == "none":
                touches.append((table.table_id, file))
            else:
                puts.append(put_of(definition, file, table.table_id, comparison))
        return puts, changes, touches, problems

    def _vanished(self, scan: Scan, now: _Now, renamed: set[str], *, prune: bool) -> tuple[list[int], list[Change]]:
        defined = {file.statement.name for file in scan.files}
        unread = {error.where.split(":")[0] for error in scan.problems}
        drops: list[int] = []
        changes: list[Change] = []
        for name, table in now.tables.items():
            if table.origin is not Origin.FILE or name in defined | renamed or table.file in unread:
                continue
            action = "drop" if prune else "vanished"
            held = fresh_text(table.definition, _fresh(now, table)) if _fresh(now, table) else "nothing"
            note = (
                f"holds {held}" if prune else f"{table.file} is gone; the table is left: `mtctl apply --prune` drops it"
            )
            changes.append(Change(table=name, action=action, file=table.file, notes=(note,)))
            if prune:
                drops.append(table.table_id)
        return drops, changes

    def _broken_readers(self, gone: set[str], puts: Sequence[NewTable], now: _Now) -> list[MtctlError]:
        """Return an error for each table that would read a name that is dropped or renamed away."""
        renewed = {put.definition.name: put.definition for put in puts}
        found = []
        for name, table in now.tables.items():
            if name in gone:
                continue
            definition = renewed.get(name, table.definition)
            read = next((read.table for read in definition.reads if read.table in gone), None)
            if read is not None:
                found.append(
                    conflict(
                        "table_in_use",
                        f"table {read!r} is read by {name!r}",
                        where=table.file or "",
                        fix=f"drop {name!r} too, or change what it reads",
                    )
                )
        return found

    def _resolve_one(self, statement: TableStatement, label: str, now: _Now) -> TableDefinition:
        in_force = {name: table.definition for name, table in now.tables.items()}
        resolved = Resolver(self._project, self._engine()).resolve([(statement, label)], in_force)
        if statement.name in resolved.problems:
            raise resolved.problems[statement.name]
        return resolved.definitions[statement.name]


def _renames(scan: Scan, now: _Now) -> dict[str, Table]:
    """Return, by new name, the tables that files rename: `renamed.from` names one that no file defines any more."""
    defined = {file.statement.name for file in scan.files}
    found = {}
    for file in scan.files:
        old = next((option.value.lower() for option in file.statement.options if option.key == "renamed.from"), None)
        if old is not None and old in now.tables and old not in defined and file.statement.name not in now.tables:
            found[file.statement.name] = now.tables[old]
    return found


def _fresh(now: _Now, table: Table) -> IntervalSet:
    found = now.coverage.get(table.table_id)
    return found.fresh if found is not None else EMPTY
