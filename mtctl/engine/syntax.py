"""Floor 2. Reads one SELECT with DuckDB's own parser: tables, file literals, parameters, functions, canonical text.

Nothing is looked up and nothing runs. DuckDB's positions are byte offsets, so the query is held as UTF-8 throughout.
PIVOT cannot be serialised by DuckDB; its tables stay unknown, and its literals are found among the tokens.
"""

# ruff: noqa: S608 - the one value written into SQL is quoted by engine.literals

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb

from mtctl.core.errors import MtctlError, invalid
from mtctl.core.values import frozen
from mtctl.engine import literals
from mtctl.engine.finder import Finder, Literal, TableName
from mtctl.engine.shape import aggregate_names, shape_of
from mtctl.engine.tokens import Token, tokens_of
from mtctl.engine.troubles import Text, locate, translate
from mtctl.ports.engine import Parsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.evolution import Shape

MAX_QUERY_BYTES = 10_000_000
"""A longer query is refused unread."""

MAX_CACHED = 20_000
"""So many queries are remembered; then all are forgotten."""

MAX_NESTING = 1000
"""Deepest parentheses; DuckDB's own limit for expressions."""

_VOLATILE = frozenset(
    {
        "now", "random", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "nextval", "currval", "setseed", "today",
        "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "get_current_time",
        "get_current_timestamp", "transaction_timestamp", "txid_current", "current_query", "current_query_id",
        "current_connection_id", "current_transaction_id", "sleep_ms", "write_log", "stats", "get_current_date",
    }
)  # fmt: skip
_TREES_AT_ONCE = 200
_STARTS = frozenset({"select", "with", "from", "values", "table", "pivot", "unpivot", "pivot_wider", "pivot_longer"})
_SHOWS = frozenset({"describe", "desc", "show", "summarize"})


@frozen
class Syntax:
    """One SELECT, taken apart: the parser's answer, and where its files and tables stand."""

    query: bytes
    end: int  # byte behind the last token that is not a closing semicolon
    parsed: Parsed
    literals: tuple[Literal, ...]
    tables: tuple[TableName, ...]
    has_null: bool
    words: frozenset[str]  # every identifier, lower case and unquoted: all that is known of a PIVOT's tables


def read_selects(
    connection: duckdb.DuckDBPyConnection,
    queries: Sequence[str],
    cache: dict[str, Syntax],
    *,
    allow_show: bool = False,
) -> list[Syntax | MtctlError]:
    """Take SELECTs apart, each on its own.

    Errors: `sql_empty`, `sql_multiple`, `sql_not_select`, `sql_syntax`, `sql_access`, `sql_depth`, `sql_too_large`,
    `source_not_literal`. What was read lies in `cache`, since the same query is parsed, described and staged.
    """
    drafts = {query: _draft(connection, query, allow_show=allow_show) for query in queries if query not in cache}
    trees = _trees(connection, [query for query, draft in drafts.items() if isinstance(draft, _Draft)])
    errors: dict[str, MtctlError] = {}
    found = {query: cache[query] for query in queries if query in cache}
    for query, draft in drafts.items():
        try:
            if isinstance(draft, MtctlError):
                raise draft
            found[query] = _syntax(draft, trees[query], allow_show=allow_show)
        except MtctlError as error:
            errors[query] = error
    if len(cache) + len(found) > MAX_CACHED:
        cache.clear()
    if not allow_show:
        cache.update(found)
    return [found[query] if query in found else errors[query] for query in queries]


def read_select(
    connection: duckdb.DuckDBPyConnection, query: str, cache: dict[str, Syntax], *, allow_show: bool = False
) -> Syntax:
    """Take one SELECT apart; errors as `read_selects`."""
    [answer] = read_selects(connection, [query], cache, allow_show=allow_show)
    if isinstance(answer, MtctlError):
        raise answer
    return answer


def shapes(connection: duckdb.DuckDBPyConnection, queries: Sequence[str]) -> list[Shape | None]:
    """Return the shape of each SELECT, None where it has none (see `engine.shape`)."""
    aggregates = aggregate_names(connection)
    trees = _trees(connection, queries)
    loaded = [_loaded(trees[query]) for query in queries]
    return [None if tree is None else shape_of(tree, aggregates) for tree in loaded]


def canonical(raw: bytes, tokens: list[Token]) -> str:
    """Return the tokens in one spelling: no comments, single spaces, keywords and unquoted names as they fold."""
    end = len(tokens)
    while end and tokens[end - 1].text == ";":
        end -= 1
    return " ".join(t.text.lower() if t.kind == "keyword" else t.text for t in tokens[:end]) if raw else ""


@frozen
class _Draft:
    """A query that is one SELECT for certain, its tree not yet looked at."""

    raw: bytes
    tokens: list[Token]
    params: tuple[str, ...]
    pivot: bool


def _draft(connection: duckdb.DuckDBPyConnection, query: str, *, allow_show: bool) -> _Draft | MtctlError:
    try:
        raw = _checked_bytes(query)
        statements = connection.extract_statements(query)
        tokens = tokens_of(raw)
        pivot = _check_one_select(raw, tokens, statements, allow_show=allow_show)
        _check_nesting(tokens)
    except duckdb.Error as error:
        return translate(error, Text(original=query.encode("utf-8", "surrogatepass")))
    except RecursionError:
        return _too_deep()
    except MtctlError as error:
        return error
    params = tuple(sorted({str(name) for statement in statements for name in statement.named_parameters}))
    return _Draft(raw=raw, tokens=tokens, params=params, pivot=pivot)


def _syntax(draft: _Draft, tree_text: str, *, allow_show: bool) -> Syntax:
    raw, tokens = draft.raw, draft.tokens
    tree = None if draft.pivot else _loaded(tree_text)
    finder = Finder(raw, tokens)
    if tree is None:
        finder.scan_tokens()
    else:
        finder.walk(tree, allow_show=allow_show)
    found = sorted(finder.literals, key=lambda literal: literal.start)
    return Syntax(
        query=raw,
        end=max((t.end for t in tokens if t.text != ";"), default=0),
        parsed=Parsed(
            tables=None if tree is None else tuple(dict.fromkeys(".".join(t.parts) for t in finder.tables)),
            literals=tuple(dict.fromkeys(literal.value for literal in found)),
            params=draft.params,
            functions=tuple(sorted(finder.functions)),
            volatile=tuple(sorted(finder.functions & _VOLATILE)),
            canonical=canonical(raw, tokens),
        ),
        literals=tuple(found),
        tables=tuple(finder.tables),
        has_null=any(t.kind == "keyword" and t.text.lower() == "null" for t in tokens),
        words=frozenset(t.name() for t in tokens if t.kind == "identifier"),
    )


def _checked_bytes(query: str) -> bytes:
    raw = query.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_QUERY_BYTES:
        raise invalid(
            "sql_too_large", f"the query has {len(raw):,} bytes, more than 10 MB", fix="put the data into a file"
        )
    if b"\0" in raw:
        where, excerpt = locate(raw.replace(b"\0", b"?"), raw.index(b"\0"))
        raise invalid("sql_syntax", "the query holds a NUL character", where=where, fix="remove it", excerpt=excerpt)
    return raw


def _check_one_select(raw: bytes, tokens: list[Token], statements: list[Any], *, allow_show: bool) -> bool:
    """Refuse anything but one SELECT; return whether it needs the PIVOT fallback."""
    if not statements or not tokens:
        raise invalid("sql_empty", "the query is empty", fix="write one SELECT")
    words = {t.text.lower() for t in tokens if t.kind == "keyword"}
    pivot = bool(words & {"pivot", "pivot_wider"})
    count = _count_statements(tokens)
    if count > 1:
        raise invalid("sql_multiple", f"the text holds {count} statements", fix="keep one SELECT and nothing after it")
    first = next((t for t in tokens if t.text != "("), tokens[0])
    word = first.text.lower()
    allowed = _STARTS | _SHOWS if allow_show else _STARTS
    is_select = all(s.type == duckdb.StatementType.SELECT for s in statements)
    if word not in allowed or not (is_select or pivot):
        where, excerpt = locate(raw, first.start)
        raise invalid(
            "sql_not_select",
            f"the statement is not a SELECT but begins with {first.text.upper()[:40]}",
            where=where,
            fix="write exactly one SELECT; mtctl itself creates and fills the table",
            excerpt=excerpt,
        )
    return not is_select or pivot


def _count_statements(tokens: list[Token]) -> int:
    """Count the non-empty pieces between semicolons; the parser's own count also has those that PIVOT makes."""
    count, inside = 0, False
    for token in tokens:
        if token.text == ";":
            inside = False
        elif not inside:
            count, inside = count + 1, True
    return count


def _check_nesting(tokens: list[Token]) -> None:
    """Refuse parentheses nested deeper than the parser allows expressions to be; it lets empty ones pass."""
    depth = 0
    for token in tokens:
        if token.text == "(":
            depth += 1
            if depth > MAX_NESTING:
                raise _too_deep()
        elif token.text == ")":
            depth -= 1


def _trees(connection: duckdb.DuckDBPyConnection, queries: Sequence[str]) -> dict[str, str]:
    """Return the parser's tree of each query as JSON, all by one statement: a statement costs ten times a query.

    They are written into the text: binding makes duckdb look for numpy and pandas on the disk, every single time.
    """
    trees: dict[str, str] = {}
    for first in range(0, len(queries), _TREES_AT_ONCE):
        some = queries[first : first + _TREES_AT_ONCE]
        values = ", ".join(f"({literals.text(query)})" for query in some)
        rows = connection.execute(f"SELECT json_serialize_sql(q) FROM (VALUES {values}) AS v(q)").fetchall()
        trees |= {query: str(row[0]) for query, row in zip(some, rows, strict=True)}
    return trees


def _loaded(tree: str) -> Any:
    """Return the parser's tree, None where DuckDB cannot serialise it."""
    try:
        answer = json.loads(tree)
    except RecursionError:
        raise _too_deep() from None
    if not answer["error"]:
        return answer["statements"]
    if "depth" in str(answer.get("error_message", "")):
        raise _too_deep()
    return None


def _too_deep() -> MtctlError:
    return invalid(
        "sql_depth",
        "the query is nested too deeply",
        fix="split the query into common table expressions, or shorten the expression",
    )
