"""Floor 4. The verbs of tables that change something: refresh, create, edit, drop, rename, bring back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import conflict, usage
from mtctl.services.reports.refreshing import RefreshArgs
from mtctl.services.typed import pairs_of
from mtctl.tui.verbs.verb import YES, Field, FieldKind, Prepared, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.app import App
    from mtctl.services.reports.changes import Applied
    from mtctl.tui.verbs.verb import Given

TABLE = frozenset({"table"})

_NEW = """CREATE MATERIALIZED TABLE name
AS SELECT 1 AS x
"""

_REFRESH_FIELDS = (
    Field(name="interval", label="Intervals", option="--interval", kind=FieldKind.WORDS, hint="2013-02 2013-03-01"),
    Field(name="from", label="From", option="--from", hint="2013-02-01"),
    Field(name="to", label="To (exclusive)", option="--to", hint="2013-03-01"),
    Field(name="partition", label="Partitions", option="--partition", kind=FieldKind.WORDS, hint="KEY=VALUE"),
    Field(name="force", label="Named fresh ones too", option="--force", kind=FieldKind.TICK),
    Field(name="full", label="All, fresh or not", option="--full", kind=FieldKind.TICK),
    Field(name="upstream", label="First what it reads", option="--upstream", kind=FieldKind.TICK),
    Field(name="downstream", label="Then what reads it", option="--downstream", kind=FieldKind.TICK),
    Field(name="strict", label="Refuse what is not due", option="--strict", kind=FieldKind.TICK),
    Field(name="batch", label="Intervals a batch", option="--batch", kind=FieldKind.NUMBER, least=1),
)


def _refresh(app: App, keys: Sequence[str], given: Given) -> str:
    intervals, partition = given.several("interval"), given.several("partition")
    start, end, full = given.maybe("from"), given.maybe("to"), given.ticked("full")
    if (start is None) != (end is None):
        raise usage("range_half", "one end of the range is missing", fix="--from and --to go together")
    ways = [("--interval", intervals), ("--from", start), ("--partition", partition), ("--full", full)]
    chosen = [option for option, value in ways if value]
    if len(chosen) > 1:
        raise usage("option_conflict", f"{chosen[0]} and {chosen[1]} exclude each other", fix="leave one of them out")
    args = RefreshArgs(
        selectors=tuple(keys),
        intervals=intervals,
        start=start,
        end=end,
        partition=pairs_of(partition, "--partition"),
        full=full,
        upstream=given.ticked("upstream"),
        downstream=given.ticked("downstream"),
        force=given.ticked("force"),
        strict=given.ticked("strict"),
        batch=given.number("batch"),
        detach=True,
    )
    report = app.refresh(args, lambda _: None)
    if report.instance is None:
        return "; ".join(("nothing is to be done: all is fresh", *report.notes, *report.not_ready))
    return f"queued as instance {report.instance}"


def _create(app: App, keys: Sequence[str], given: Given) -> str:
    _ = keys
    return _applied(app.create_table(given.text("statement"), "<stdin>"))


def _present_statement(app: App, keys: Sequence[str]) -> Prepared:
    """Return the statement that alters a table; conflict `table_from_file` where a file defines it."""
    from mtctl.core.ddl import parse_statement  # noqa: PLC0415 - only here
    from mtctl.core.statement import render  # noqa: PLC0415 - the same
    from mtctl.core.values import replace  # noqa: PLC0415 - the same

    [name] = keys
    found = app.show(name)
    _refuse_file(name, found.status.file)
    statement = parse_statement(found.ddl, file=name)
    return Prepared(values={"statement": render(replace(statement, or_alter=True))})


def _refuse_file(name: str, file: str | None) -> None:
    if file is not None:
        what = f"table {name!r} is defined in {file}"
        raise conflict("table_from_file", what, where=file, fix="change the file, then `mtctl apply`")


def _readers(app: App, keys: Sequence[str]) -> Prepared:
    """Return how many tables read those that are to go: while one does, nothing is dropped."""
    readers = sorted({reader for key in keys for reader in app.show(key).downstream} - set(keys))
    if not readers:
        return Prepared(what="Their data goes too; no other table reads them.")
    shown = ", ".join(readers[:5]) + (" …" if len(readers) > 5 else "")
    are = "1 other table reads" if len(readers) == 1 else f"{len(readers)} other tables read"
    return Prepared(what=f"{are} them ({shown}): drop those too, else nothing is dropped.")


def _drop(app: App, keys: Sequence[str], given: Given) -> str:
    return _applied(app.drop_tables(tuple(keys), if_exists=given.ticked("if-exists")))


def _may_rename(app: App, keys: Sequence[str]) -> Prepared:
    return Prepared(values={"new": keys[0]}, what=f"read by {len(app.show(keys[0]).downstream)} tables")


def _rename(app: App, keys: Sequence[str], given: Given) -> str:
    return f"table {keys[0]} is now {app.lake.renamer.rename(keys[0], given.text('new'))}"


def _dropped_names(app: App, keys: Sequence[str]) -> Prepared:
    _ = keys
    names = app.lake.undropper.names()
    if not names:
        raise conflict("nothing_dropped", "no dropped table is kept", fix="[retention] says how long versions are kept")
    return Prepared(choices={"name": names}, values={"name": names[0]})


def _undrop(app: App, keys: Sequence[str], given: Given) -> str:
    _ = keys
    report = app.lake.undropper.undrop(given.text("name"), given.maybe("as"))
    more = [] if report.is_whole else ["what is missing comes with the next refresh"]
    more += [f"{report.file} is gone: write it again"] if report.file_is_gone else []
    return "; ".join([f"table {report.table} is back with {report.rows:,} rows", *more])


def _applied(report: Applied) -> str:
    return "; ".join(f"{change.table}: {change.action}" for change in report.changes)


CHANGES = (
    Verb(name="refresh", label="Refresh", kinds=TABLE, key="r", path="refresh", act=_refresh,
         fields=_REFRESH_FIELDS, always=("--detach",)),
    Verb(name="refresh_full", label="Refresh all intervals", kinds=TABLE, key="F", rare=True,
         path="refresh", act=_refresh,
         fields=tuple(
             Field(name=one.name, label=one.label, option=one.option, kind=one.kind, value=YES)
             if one.name == "full" else one for one in _REFRESH_FIELDS if one.name not in {"interval", "from", "to",
                                                                                          "partition", "force"}
         ), always=("--detach",), asks=True),
    Verb(name="create_table", label="Create a table", kinds=TABLE, key="c", rare=True,
         path="table create", act=_create,
         fields=(Field(name="statement", label="Statement", option="-f", kind=FieldKind.LONG, value=_NEW,
                       needed=True),),
         quick=False, free=True, slow=True),
    Verb(name="edit_table", label="Edit the statement", kinds=TABLE, key="M", rare=True,
         path="table create", act=_create,
         fields=(Field(name="statement", label="Statement", option="-f", kind=FieldKind.LONG, needed=True),),
         prepare=_present_statement, quick=False, alone=True, unnamed=True, slow=True),
    Verb(name="rename_table", label="Rename", kinds=TABLE, path="table rename", act=_rename,
         fields=(Field(name="new", label="New name", hint="NEW", needed=True),),
         prepare=_may_rename, quick=False, alone=True),
    Verb(name="drop_table", label="Drop", kinds=TABLE, key="X", rare=True,
         path="table drop", act=_drop, prepare=_readers,
         fields=(Field(name="if-exists", label="No error when gone", option="--if-exists",
                       kind=FieldKind.TICK),),
         always=("--yes",), asks=True),
    Verb(name="undrop_table", label="Bring back a dropped table", kinds=TABLE, key="U", rare=True,
         path="table undrop",
         act=_undrop, prepare=_dropped_names, quick=False, free=True,
         fields=(Field(name="name", label="Dropped table", kind=FieldKind.CHOICE, hint="NAME", needed=True),
                 Field(name="as", label="Under another name", option="--as", hint="NEW"))),
)  # fmt: skip
"""The verbs that change tables."""
