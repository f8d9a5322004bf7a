"""Floor 2. Says which columns queries yield, without running them: empty tables stand for what they read."""

# ruff: noqa: S608 - names are quoted by core.names, values bound or written by engine.literals

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from mtctl.core.errors import MtctlError, invalid
from mtctl.core.model import Column
from mtctl.engine.binding import Binder, Bound, Frozen, bind_values, freeze_sources
from mtctl.engine.databases import databases_of
from mtctl.engine.syntax import Syntax, read_selects
from mtctl.engine.troubles import translate
from mtctl.engine.types import StoredType, can_cast, declared_type, stored_type
from mtctl.ports.engine import DescribeRequest, Description, Relation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.core.model import Source
    from mtctl.engine.session import Session


def describe(session: Session, binder: Binder, requests: Sequence[DescribeRequest]) -> list[Description | MtctlError]:
    """Describe the queries in order; one that is wrong yields its error and leaves the others alone."""
    syntaxes = read_selects(session.connection, [request.query for request in requests], session.syntaxes)
    ready = [_prepare(session, *pair) for pair in zip(requests, syntaxes, strict=True)]
    paths = [path for item in ready if not isinstance(item, MtctlError) for path in item[1].paths]
    databases = {one.text: one for item in ready if not isinstance(item, MtctlError) for one in item[2]}
    troubles = session.reach(paths, tuple(databases.values()))
    published: dict[str, Relation | None] = {}
    answers: list[Description | MtctlError] = []
    for request, item in zip(requests, ready, strict=True):
        session.check()
        ready_one = _attached(item, troubles)
        answer = (
            ready_one
            if isinstance(ready_one, MtctlError)
            else _describe(session, binder, request, ready_one, published)
        )
        answers.append(answer)
        relation = None
        if isinstance(answer, Description) and request.publish_as:
            relation = Relation(names=request.publish_as, columns=answer.columns)
        published.update(dict.fromkeys((name.lower() for name in request.publish_as), relation))
    return answers


def columns_of(
    session: Session, bound: Bound, params: Mapping[str, object], syntax: Syntax, *, tell_null: bool = True
) -> list[tuple[str, str]]:
    """Return name and DuckDB type of each column of a bound query; MtctlError with the place in the query.

    A column that is nothing but NULL has the type NULL, unless `tell_null` is off: then INTEGER, as DuckDB says.
    """
    check_params(syntax, params)
    sql, text = bound.inside("DESCRIBE (\n", "\n)")
    try:
        rows = session.run(sql, bind_values(params, syntax.parsed.params))
        found = [(str(row[0]), str(row[1])) for row in rows]
        if syntax.has_null and tell_null:
            found = _with_null_types(session, bound, params, syntax, found)
    except duckdb.Error as error:
        raise translate(error, text) from None
    return found


def check_params(syntax: Syntax, params: Mapping[str, object]) -> None:
    """Refuse a query that names a parameter which has no value here; error `sql_parameter`."""
    missing = [name for name in syntax.parsed.params if name not in params]
    if missing:
        known = ", ".join(f"${name}" for name in sorted(params)) or "none here"
        raise invalid("sql_parameter", f"the parameter ${missing[0]} has no value", fix=f"known parameters: {known}")


_Ready = tuple[Syntax, Frozen, tuple["Source", ...]]
"""One request to describe: its query taken apart, the files and the databases that it names."""


def _attached(item: _Ready | MtctlError, troubles: Mapping[str, MtctlError]) -> _Ready | MtctlError:
    """Return the request, or why a database that it names could not be attached."""
    if isinstance(item, MtctlError):
        return item
    return next((troubles[database.text] for database in item[2] if database.text in troubles), item)


def _prepare(session: Session, request: DescribeRequest, syntax: Syntax | MtctlError) -> _Ready | MtctlError:
    if isinstance(syntax, MtctlError):
        return syntax
    try:
        frozen = freeze_sources(session.settings, syntax, request.sources, request.relations)
        return syntax, frozen, databases_of(syntax, request.sources)
    except MtctlError as error:
        return error


def _describe(
    session: Session,
    binder: Binder,
    request: DescribeRequest,
    item: _Ready,
    published: Mapping[str, Relation | None],
) -> Description | MtctlError:
    syntax, frozen, _ = item
    try:
        relations = [*request.relations, *_upstream(syntax, published)]
        session.use_zone(request.zone)
        bound = binder.bind(syntax, relations, frozen, empty=True)
        found = columns_of(session, bound, request.params, syntax)
        if request.declared:
            return Description(columns=_declared(session, request, found))
        return Description(columns=tuple(_column(name, sql_type) for name, sql_type in found))
    except MtctlError as error:
        return error
    except duckdb.Error as error:
        return translate(error)


def _upstream(syntax: Syntax, published: Mapping[str, Relation | None]) -> list[Relation]:
    """Return the relations of earlier requests that this query reads; error `upstream_invalid` where one failed."""
    if syntax.parsed.tables is None:
        return [relation for relation in dict.fromkeys(published.values()) if relation is not None]
    relations = []
    for table in syntax.tables:
        name = ".".join(table.parts)
        if name.lower() not in published:
            continue
        relation = published[name.lower()]
        if relation is None:
            raise invalid("upstream_invalid", f"it reads {name}, which is not valid", fix=f"correct {name} first")
        relations.append(relation)
    return relations


def _with_null_types(
    session: Session, bound: Bound, params: Mapping[str, object], syntax: Syntax, found: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Tell a bare NULL, which DESCRIBE calls INTEGER, from an INTEGER: its type inside a query is "NULL"."""
    if not any(sql_type == "INTEGER" for _, sql_type in found):
        return found
    aliases = [f"c{index}" for index in range(len(found))]
    types = ", ".join(f"typeof({alias})" for alias in aliases)
    before = f"SELECT {types} FROM (SELECT 1) AS one LEFT JOIN (SELECT * FROM (\n"
    sql, _ = bound.inside(before, f"\n) AS q LIMIT 0) AS t({', '.join(aliases)}) ON true")
    row = session.run(sql, bind_values(params, syntax.parsed.params))[0]
    return [
        (name, "NULL" if inner == '"NULL"' else sql_type) for (name, sql_type), inner in zip(found, row, strict=True)
    ]


def _column(name: str, sql_type: str) -> Column:
    kept = stored_type(name, sql_type)
    return Column(name=name, type=sql_type, stored_type=kept.stored, lake_type=kept.lake, note=kept.note)


def _declared(session: Session, request: DescribeRequest, found: list[tuple[str, str]]) -> tuple[Column, ...]:
    """Return the columns in declared order and with declared types; each must be one that the query yields."""
    by_name = {name.lower(): (name, sql_type) for name, sql_type in found}
    if len(request.declared) != len(found):
        raise invalid(
            "schema_column_count",
            f"the column list names {len(request.declared)} columns, the query yields {len(found)}",
            fix="name every column of the query, or leave the list out",
        )
    columns = []
    for name, declared in request.declared:
        if name.lower() not in by_name:
            raise invalid(
                "schema_column_missing",
                f"the query yields no column {name!r}",
                fix=f"it yields {', '.join(known for known, _ in found)}",
            )
        _, sql_type = by_name[name.lower()]
        if declared is None:
            columns.append(_column(name, sql_type))
            continue
        columns.append(_cast_column(session, name, sql_type, declared))
    return tuple(columns)


def _cast_column(session: Session, name: str, sql_type: str, declared: str) -> Column:
    written = declared_type(declared)
    if written is None:
        raise invalid("type_unsupported", f"column {name!r}: {declared!r} is not a type", fix="write a DuckDB type")
    source = "INTEGER" if sql_type == "NULL" else sql_type
    try:
        row = session.run(f"DESCRIBE SELECT CAST(CAST(NULL AS {source}) AS {written}) AS c")[0]
    except duckdb.Error as error:
        trouble = translate(error)
        raise invalid("schema_type", f"column {name!r} cannot become {declared}: {trouble.what}") from None
    kept: StoredType = stored_type(name, str(row[1]))
    if not can_cast(source, str(row[1])):
        raise invalid(
            "schema_type",
            f"column {name!r} is {sql_type} in the query and cannot become {declared}",
            fix="declare the query's type, or cast in the query",
        )
    note = kept.note if str(row[1]) == sql_type else f"{sql_type} is cast to {kept.stored}"
    return Column(name=name, type=str(row[1]), stored_type=kept.stored, lake_type=kept.lake, note=note)
