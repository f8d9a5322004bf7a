"""Floor 4. The verbs of tables that ask: first rows, proof, versions, intervals, what became of rows.

What runs a query is bounded: a page of the dashboard holds two hundred rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.words import count, lasting, many, moment, size
from mtctl.tui.verbs.reports import grid
from mtctl.tui.verbs.tables import TABLE
from mtctl.tui.verbs.verb import Field, FieldKind, Told, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.app import App
    from mtctl.ports.engine import QueryResult
    from mtctl.services.reports.diffing import Diff
    from mtctl.tui.verbs.verb import Given

MOST_ROWS = 200
"""How many rows a page shows at most."""


def _limit(value: int) -> Field:
    return Field(name="limit", label="At most", option="--limit", kind=FieldKind.NUMBER, value=str(value),
                 needed=True, least=1, most=MOST_ROWS)  # fmt: skip


def _rows(found: QueryResult) -> str:
    rows = [row for chunk in found.chunks for row in chunk]  # all of them: the engine has bounded them
    return grid(found.columns, rows) if rows else "no rows"


def _preview(app: App, keys: Sequence[str], given: Given) -> Told:
    limit = given.number("limit") or 20
    return Told(title=f"First rows of {keys[0]}", text=_rows(app.preview(keys[0], limit)))


def _verify(app: App, keys: Sequence[str], given: Given) -> Told:
    report = app.verify(tuple(keys), deep=given.ticked("deep"))
    verdict = many(len(report.findings), "finding") if report.findings else "all as recorded"
    seen = (
        many(report.files, "file"), many(report.intervals, "interval"), many(report.rows, "row"), size(report.bytes)
    )  # fmt: skip
    lines = [f"{', '.join(seen)} checked in {lasting(report.seconds)}: {verdict}", *report.notes]
    if report.findings:
        rows = [(one.table, one.check, one.intervals, one.detail) for one in report.findings]
        lines += ["", grid(("TABLE", "CHECK", "INTERVALS", "FOUND"), rows)]
    return Told(title=f"Verified {', '.join(keys)}", text="\n".join(lines))


def _validate(app: App, keys: Sequence[str], given: Given) -> Told:
    _ = given
    plan = app.validate(tuple(keys))
    lines = [f"error[{one.code}]: {one}" for one in plan.problems]
    for change in plan.changes:
        lines.append(f"{change.table}: {change.action if change.action != 'none' else 'valid, as it is in force'}")
        lines += [f"  {line}" for line in (*change.diff, *change.notes)]
    return Told(title=f"Checked {', '.join(keys)}", text="\n".join(lines) or "nothing to check")


def _history(app: App, keys: Sequence[str], given: Given) -> Told:
    found = app.lake.history.versions(keys[0], given.number("limit") or 20)
    rows = [
        (one.snapshot_id, moment(one.at), one.what, one.detail, count(one.rows_added), count(one.rows_removed),
         one.author or "unknown")
        for one in found.versions
    ]  # fmt: skip
    heads = ("SNAPSHOT", "TIME", "WHAT", "DETAIL", "ADDED", "REMOVED", "AUTHOR")
    text = grid(heads, rows) if rows else "no version is kept"
    return Told(title=f"Versions of {found.table}", text=text + ("\nthere are older ones" if found.more else ""))


def _partitions(app: App, keys: Sequence[str], given: Given) -> Told:
    found = app.partitions(keys[0], missing=given.ticked("missing"), stale=given.ticked("stale"))
    limit = given.number("limit") or MOST_ROWS
    rows = [(one.interval, one.state, one.reason, count(one.rows), moment(one.refreshed_at)) for one in found[:limit]]
    text = grid(("INTERVAL", "STATE", "REASON", "ROWS", "REFRESHED"), rows) if rows else "no such interval"
    more = f"\n... and {len(found) - limit:,} more" if len(found) > limit else ""
    return Told(title=f"Intervals of {keys[0]}", text=text + more)


def _diff(app: App, keys: Sequence[str], given: Given) -> Told:
    differ = app.lake.differ
    names = tuple(part.strip() for part in given.text("key").split(",") if part.strip())
    found = differ.diff(keys[0], given.maybe("from"), given.maybe("to"), names or None)
    if given.ticked("summary"):
        heads = ("INTERVAL", "CHANGE", "BEFORE", "AFTER", "ADDED", "REMOVED", "CHANGED")
        rows = [
            (one.label, one.kind, one.rows_before, one.rows_after, one.added, one.removed, one.changed)
            for one in differ.summary(found)
        ]
        text = grid(heads, rows) if rows else ""
    else:
        limit = given.number("limit") or MOST_ROWS
        text = _rows(differ.rows(found, limit))
    return Told(title=f"What became of {found.table}", text=f"{_moments(found)}\n\n{text}")


def _moments(found: Diff) -> str:
    before = f"snapshot {found.before.snapshot_id} ({moment(found.before.at)})"
    after = f"snapshot {found.after.snapshot_id} ({moment(found.after.at)})"
    lines = [f"from {before} to {after}: {many(len(found.intervals), 'interval')} differ"]
    lines += [f"column {one.column}: {one.change} {one.detail}".rstrip() for one in found.column_changes]
    return "\n".join(lines)


LOOKS = (
    Verb(name="preview", label="First rows of its query", kinds=TABLE, key="P", rare=True,
         path="table preview", act=_preview,
         fields=(_limit(20),), alone=True, queries=True),
    Verb(name="verify", label="Verify its files", kinds=TABLE, key="V", rare=True,
         path="verify", act=_verify, queries=True,
         fields=(Field(name="deep", label="From rows alone", option="--deep", kind=FieldKind.TICK),)),
    Verb(name="validate_table", label="Check its file", kinds=TABLE, path="table validate",
         act=_validate, queries=True),
    Verb(name="history", label="Versions", kinds=TABLE, path="table history", act=_history, fields=(_limit(20),),
         alone=True, looks=True),
    Verb(name="partitions", label="Its intervals", kinds=TABLE, path="table partitions", act=_partitions, alone=True,
         looks=True, fields=(
             Field(name="missing", label="Only the missing ones", option="--missing", kind=FieldKind.TICK),
             Field(name="stale", label="Only the stale ones", option="--stale", kind=FieldKind.TICK),
             _limit(MOST_ROWS))),
    Verb(name="diff", label="What became of its rows", kinds=TABLE, path="diff", act=_diff, alone=True, queries=True,
         fields=(
             Field(name="from", label="From", option="--from", hint="a snapshot or a time; else the version before"),
             Field(name="to", label="To", option="--to", hint="a snapshot or a time; else now"),
             Field(name="key", label="Key", option="--key", hint="columns, else the primary key"),
             Field(name="summary", label="Only counts", option="--summary", kind=FieldKind.TICK),
             _limit(MOST_ROWS))),
)  # fmt: skip
"""The verbs that ask about tables."""
