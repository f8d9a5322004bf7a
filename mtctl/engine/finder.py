"""Floor 2. What one SELECT names: tables, file literals and functions, by the parser's tree or, without one, tokens.

The names of common table expressions are no tables, each only where it is in reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.core.errors import MtctlError, invalid
from mtctl.core.values import frozen
from mtctl.engine.dialect import place_of_function
from mtctl.engine.troubles import locate

if TYPE_CHECKING:
    from mtctl.engine.tokens import Token

READERS = {
    "read_parquet": "read_parquet",
    "parquet_scan": "read_parquet",
    "read_csv": "read_csv",
    "read_csv_auto": "read_csv_auto",
    "read_json": "read_json",
    "read_json_auto": "read_json_auto",
    "read_ndjson": "read_ndjson",
    "read_ndjson_auto": "read_ndjson_auto",
}
"""Table functions that read files, all with the path as their first argument."""


@frozen
class Literal:
    """A path literal in the query: its bytes `[start, end)`, its value, and how it is read.

    `reader` is the table function around it, None where the literal itself stands as a table; then `aliased` says
    whether the query gives it a name of its own.
    """

    start: int
    end: int
    value: str
    reader: str | None
    aliased: bool = True


@frozen
class TableName:
    """A relation named in the query: its parts as written, unquoted, and its bytes `[start, end)`."""

    parts: tuple[str, ...]
    start: int
    end: int


_PURE_TABLE_FUNCTIONS = frozenset(
    {"range", "generate_series", "unnest", "json_each", "json_tree", "repeat", "repeat_row"}
)
_CLOCK_COLUMNS = frozenset({"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"})
_DENIED_FUNCTIONS = frozenset({"query", "query_table", "which_secret"})
_SYSTEM_STARTS = ("duckdb_", "pragma_")
"""Views of DuckDB's own are named like its functions."""

_DENIED_STARTS = ("read_", "glob", "sniff_", "parquet_", "duckdb_", "pragma_", "sqlite_", "postgres_", "iceberg_")


class Finder:
    """Walks the parser's tree (or, without one, the tokens) and keeps what it meets."""

    def __init__(self, raw: bytes, tokens: list[Token]) -> None:
        self.tables: list[TableName] = []
        self.literals: list[Literal] = []
        self.functions: set[str] = set()
        self._raw = raw
        self._tokens = tokens
        self._at = {token.start: index for index, token in enumerate(tokens)}

    def walk(self, tree: Any, *, allow_show: bool) -> None:
        """Visit every node, without recursion, keeping the names of CTEs in reach."""
        stack: list[tuple[Any, frozenset[str]]] = [(tree, frozenset())]
        while stack:
            node, ctes = stack.pop()
            if isinstance(node, list):
                stack.extend((child, ctes) for child in node)
                continue
            if not isinstance(node, dict):
                continue
            ctes = self._with_ctes(node, ctes, stack)
            self._visit(node, ctes, allow_show=allow_show)
            stack.extend((child, ctes) for key, child in node.items() if key != "cte_map")
        self.tables.sort(key=lambda table: table.start)

    def scan_tokens(self) -> None:
        """Find functions, and string literals that stand where a table or a reader's path stands."""
        for index, token in enumerate(self._tokens):
            opens = index + 1 < len(self._tokens) and self._tokens[index + 1].text == "("
            name = token.name() if token.kind == "identifier" else ""
            if name and opens:
                self.functions.add(name)
            if name in READERS and opens:
                self._reader_literal(name, index + 2, token.start)
            elif name.startswith(_SYSTEM_STARTS) or (opens and _is_denied(name)):
                raise self._denied(name, token.start)
            elif token.kind == "string" and self._stands_as_table(index):
                aliased = index + 1 < len(self._tokens) and self._tokens[index + 1].text.lower() == "as"
                self._add_literal(token, None, aliased=aliased)

    def _with_ctes(
        self, node: dict[str, Any], ctes: frozenset[str], stack: list[tuple[Any, frozenset[str]]]
    ) -> frozenset[str]:
        """Return the CTE names that the node's own parts see; queue each CTE's body with what it sees itself."""
        entries = (node.get("cte_map") or {}).get("map") or []
        recursive = node.get("type") == "RECURSIVE_CTE_NODE"
        if recursive:
            ctes |= {str(node.get("cte_name", "")).lower()}
        for entry in entries:
            name = str(entry["key"]).lower()
            body = entry["value"]
            # A CTE sees those before it, and itself only when it is recursive (its own node adds the name).
            stack.append((body, ctes))
            ctes |= {name}
        return ctes

    def _visit(self, node: dict[str, Any], ctes: frozenset[str], *, allow_show: bool) -> None:
        kind = node.get("type")
        if kind == "BASE_TABLE":
            self._table(node, ctes)
        elif kind == "TABLE_FUNCTION":
            self._table_function(node)
        elif kind == "SHOW_REF" and not allow_show:
            raise invalid("sql_not_select", "DESCRIBE, SHOW and SUMMARIZE are no tables", fix="write a SELECT")
        elif kind == "COLUMN_REF":
            names = node.get("column_names") or []
            if len(names) == 1 and str(names[0]).lower() in _CLOCK_COLUMNS:
                self.functions.add(str(names[0]).lower())
        elif node.get("class") in {"FUNCTION", "WINDOW"}:
            name = str(node.get("function_name", "")).lower()
            if name and (name[0].isalpha() or name[0] == "_") and not node.get("is_operator"):
                self.functions.add(name)

    def _table(self, node: dict[str, Any], ctes: frozenset[str]) -> None:
        start = int(node["query_location"])
        token = self._token(start)
        if token is not None and token.kind == "string":
            self._add_literal(token, None, aliased=bool(node.get("alias")))
            return
        names = (node.get("catalog_name"), node.get("schema_name"), node["table_name"])
        parts = tuple(str(part) for part in names if part)
        if len(parts) == 1 and parts[0].lower() in ctes:
            return
        self.tables.append(TableName(parts=parts, start=start, end=self._end_of_name(start, len(parts))))

    def _end_of_name(self, start: int, parts: int) -> int:
        """Return where a dotted name ends: its parts and the dots between them are one token each."""
        index = self._at.get(start)
        last = None if index is None else index + 2 * (parts - 1)
        return start if last is None or last >= len(self._tokens) else self._tokens[last].end

    def _table_function(self, node: dict[str, Any]) -> None:
        function = node.get("function") or {}
        name = str(function.get("function_name", "")).lower()
        start = place_of_function(node)
        if name in READERS:
            index = self._at.get(start)
            while index is not None and index < len(self._tokens) and self._tokens[index].text != "(":
                index += 1
            self._reader_literal(name, None if index is None else index + 1, start)
        elif name not in _PURE_TABLE_FUNCTIONS:
            raise self._denied(name, start)

    def _reader_literal(self, reader: str, index: int | None, start: int) -> None:
        token = self._tokens[index] if index is not None and index < len(self._tokens) else None
        after = self._tokens[index + 1].text if index is not None and index + 1 < len(self._tokens) else ""
        if token is None or token.kind != "string" or after not in {",", ")"}:
            where, excerpt = locate(self._raw, token.start if token else start)
            raise invalid(
                "source_not_literal",
                f"the path given to {reader} is not a plain string literal",
                where=where,
                fix="write the path or glob as one '…' literal, or name it as [sources.<name>] in mtctl.toml",
                excerpt=excerpt,
            )
        self._add_literal(token, reader, aliased=True)

    def _add_literal(self, token: Token, reader: str | None, *, aliased: bool) -> None:
        value = token.string_value()
        self.literals.append(Literal(start=token.start, end=token.end, value=value, reader=reader, aliased=aliased))

    def _stands_as_table(self, index: int) -> bool:
        return index > 0 and self._tokens[index - 1].text.lower() in {"from", "join", "pivot", "table"}

    def _token(self, start: int) -> Token | None:
        index = self._at.get(start)
        return None if index is None else self._tokens[index]

    def _denied(self, name: str, start: int) -> MtctlError:
        where, excerpt = locate(self._raw, start)
        return invalid(
            "sql_access",
            f"the table function {name} is not open to queries",
            where=where,
            fix="read files with read_parquet, read_csv or read_json and a literal path",
            excerpt=excerpt,
        )


def _is_denied(function: str) -> bool:
    return function.startswith(_DENIED_STARTS) or function in _DENIED_FUNCTIONS
