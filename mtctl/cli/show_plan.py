"""Floor 4. Definitions as answers: `init`, `plan`, `apply`, `table create`, `table drop`, `table validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Lines, Record
from mtctl.cli.show_workflow_changes import applied_workflow_lines, change_record, planned_lines
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.words import lasting, many

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.services.reports.changes import Applied, ApplyPlan, Change, Created

_FIELDS = ("table", "action", "file", "stale", "wanted", "intervals", "notes", "diff")

_SIGNS = {
    "create": "+",
    "change": "~",
    "evolve": "~",
    "rename": "~",
    "metadata": "~",
    "rebuild": "!",
    "drop": "-",
    "vanished": "?",
    "none": "=",
}

_WORDS = {
    "create": "is new",
    "change": "changes",
    "evolve": "changes its columns in place",
    "rename": "takes a new name and keeps its data",
    "metadata": "changes its description only",
    "rebuild": "is built anew beside what readers see",
    "drop": "is dropped with its data",
    "vanished": "has no file any more and stays (`mtctl apply --prune` drops it)",
    "none": "is as applied",
}

_DONE = {
    "create": "created",
    "change": "changed",
    "evolve": "evolved",
    "rename": "renamed",
    "metadata": "described anew",
    "rebuild": "begun anew beside what readers see",
    "drop": "dropped",
}


def plan_answer(plan: ApplyPlan, schema: str = "mtctl.project.plan/v1") -> Answer:
    """Return what `apply` would do, a paragraph for each table that is not as applied."""
    changes = [change for change in plan.changes if change.action != "none"]
    same = len(plan.changes) - len(changes)
    blocks: list[Block] = [Lines(_paragraph(change)) for change in changes]
    blocks += [Lines(planned_lines(change)) for change in plan.workflows if change.action != "none"]
    blocks += [
        Lines((f"{name}: rebuilding: {done:,} of {many(total, 'interval')}, until then the old version is read",))
        for name, done, total in plan.rebuilding
    ]
    blocks += [Lines((f"{name}: {held.text} – {held.fix}",)) for name, held in plan.held_up.items()]
    if not plan.pending and not plan.problems:
        flows = f" and {many(len(plan.workflows), 'workflow')}" if plan.workflows else ""
        blocks.append(Lines((f"no changes: {many(same, 'table')}{flows} as applied",)))
    records = (*map(_record, plan.changes), *map(change_record, plan.workflows))
    fields = (*_FIELDS, "workflow") if plan.workflows else _FIELDS
    return Answer(schema=schema, records=records, fields=fields, blocks=tuple(blocks))


def applied_answer(applied: Applied, schema: str = "mtctl.project.apply/v1") -> Answer:
    """Return what was done, a line for each table."""
    return Answer(
        schema=schema,
        records=(*map(_record, applied.changes), *map(change_record, applied.workflows)),
        fields=(*_FIELDS, "workflow") if applied.workflows else _FIELDS,
        blocks=(Lines(applied_lines(applied)),),
    )


def applied_lines(applied: Applied) -> tuple[str, ...]:
    """Return a line for each table that changed, or the one that says that none did."""
    lines = [f"{_SIGNS[c.action]} {c.table} {_DONE[c.action]}{_aside(c)}" for c in applied.changes if c.action in _DONE]
    lines += [f"? {c.table} {_WORDS['vanished']}" for c in applied.changes if c.action == "vanished"]
    lines += applied_workflow_lines(applied.workflows)
    if not lines:
        return ("no changes",)
    return (*lines, f"applied in {lasting(applied.seconds)}")


def created_answer(created: Created) -> Answer:
    """Return what `init` wrote and what to do next."""
    there = f"-C {created.root} "
    records: tuple[Record, ...] = (
        {"kind": "project", "root": created.root, "name": created.name, "files": list(created.files)},
    )
    first = "`mtctl " + there + "up --once` fills its tables" if created.example else "write tables/<name>.sql, then"
    if not created.files:
        lines: tuple[str, ...] = (
            f"created the state of project '{created.name}' in {created.root}",
            f"next: `mtctl {there}up --once` fills its tables",
        )
        return Answer(
            schema="mtctl.project.init/v1", records=records, fields=("root", "name", "files"), blocks=(Lines(lines),)
        )
    lines = (
        f"created project '{created.name}' in {created.root} ({many(len(created.files), 'file')})",
        f"next: {first}" if created.example else f"next: {first} `mtctl {there}plan`",
    )
    return Answer(
        schema="mtctl.project.init/v1", records=records, fields=("root", "name", "files"), blocks=(Lines(lines),)
    )


def several(problems: Iterable[MtctlError]) -> MtctlError:
    """Return the error that stands for all problems of a plan: the first when alone, else their number.

    While somebody holds a source nothing can be said of what reads it: then it is that, and worth another try.
    """
    found = tuple(problems)
    busy = next((problem for problem in found if problem.kind is Kind.BUSY), None)
    if len(found) == 1 or busy is not None:
        return busy or found[0]
    what = f"{len(found)} definitions are not valid"
    return MtctlError("definitions_invalid", what, kind=Kind.INVALID, fix="nothing was applied; see the errors above")


def _paragraph(change: Change) -> tuple[str, ...]:
    lines = [f"{_SIGNS[change.action]} {change.table} {_WORDS[change.action]}{_aside(change)}"]
    lines += [f"    {line}" for line in change.diff]
    if change.wanted:
        lines.append(f"    wanted: {change.wanted} ({many(change.intervals, 'interval')})")
    if change.stale:
        lines.append(f"    stale: {change.stale}")
    if change.stale_intervals:
        lines.append(f"    to refresh: {_cost(change)}")
    lines += [f"    note: {note}" for note in change.notes]
    return tuple(lines)


def _cost(change: Change) -> str:
    """Return what refreshing takes, as far as that is known."""
    takes = "no history yet" if change.stale_seconds is None else f"about {lasting(change.stale_seconds)}"
    return f"{many(change.stale_intervals, 'interval')}, {many(change.stale_rows, 'row')}, {takes}"


def _aside(change: Change) -> str:
    return f" ({change.file})" if change.file else ""


def _record(change: Change) -> Record:
    return {
        "kind": "change",
        "table": change.table,
        "action": change.action,
        "file": change.file,
        "diff": list(change.diff),
        "stale": change.stale,
        "notes": list(change.notes),
        "wanted": change.wanted,
        "intervals": change.intervals,
        "stale_intervals": change.stale_intervals,
        "stale_rows": change.stale_rows,
        "stale_seconds": change.stale_seconds,
    }
