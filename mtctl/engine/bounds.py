"""Floor 2. What a SELECT asks of the columns of its tables, by the parser's tree: what lets files go unopened.

Only what is proved: the conjuncts of a WHERE that compare a column of a table in that very FROM with a constant, and
result columns that are plain columns of a table. A table that is named twice, sampled or joined in an order of rows
(ASOF, POSITIONAL) has none, and a name that is also a common table expression's neither.
"""



from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import duckdb

from mtctl.core.pruning import Bound, Constant, Sight, Through
from mtctl.engine import dialect, literals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Node = dict[str, Any]


def sight_of(connection: duckdb.DuckDBPyConnection, query: str) -> Sight:
    """Return what one SELECT can see of its tables; an empty sight where the parser cannot tell."""
    try:
        row = connection.execute(f"SELECT json_serialize_sql({literals.text(query)})").fetchone()
        tree = json.loads(row[0]) if row is not None else {}
        return Sight() if tree.get("error", True) else _sight(tree["statements"])
    except (duckdb.Error, RecursionError, LookupError, TypeError, ValueError):
        return Sight()  # a tree of a shape that nobody has seen yet proves nothing


def _sight(tree: Any) -> Sight:
    nodes = list(_nodes(tree))
    if any(_unsettling(node) for node in nodes):
        return Sight()
    counts = Counter(str(node["table_name"]).lower() for node in nodes if node.get("type") == "BASE_TABLE")
    ctes = {str(entry["key"]).lower() for node in nodes for entry in (node.get("cte_map") or {}).get("map") or ()}
    once = {name for name, count in counts.items() if count == 1} - ctes
    selects = (node for node in nodes if node.get("type") == "SELECT_NODE" and not node.get("sample"))
    bounds = tuple(bound for node in selects for bound in _bounds(node, once))
    return Sight(bounds=bounds, throughs=_throughs(tree, nodes, once))


_CASTS = frozenset({"DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "UUID"})
_SIDES = {
    "COMPARE_EQUAL": (True, True),
    "COMPARE_LESSTHAN": (False, True),
    "COMPARE_LESSTHANOREQUALTO": (False, True),
    "COMPARE_GREATERTHAN": (True, False),
    "COMPARE_GREATERTHANOREQUALTO": (True, False),
}
_JOINS = frozenset({"INNER", "LEFT", "RIGHT", "OUTER"})


def _nodes(tree: Any) -> Iterator[Node]:
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            yield node
            stack.extend(node.values())


def _unsettling(node: Node) -> bool:
    """Whether which row meets which depends on rows that are left out."""
    if node.get("type") == "JOIN":
        plain = node.get("ref_type") in {"REGULAR", "CROSS", "NATURAL"} and node.get("join_type") in _JOINS
        return not plain or bool(node.get("sample")) or bool(node.get("ranking_expression"))
    return any(node.get("type") == one for one in ("PIVOT", "SHOW_REF"))  # of a constant, the type is no word


def _leaves(ref: Any) -> Iterator[Node]:
    """Yield the tables of a FROM that are joined as they are."""
    stack = [ref]
    while stack:
        node = stack.pop()
        if not isinstance(node, dict):
            continue
        if node.get("type") == "JOIN" and not node.get("alias"):
            stack += [node.get("left"), node.get("right")]
        elif node.get("type") == "BASE_TABLE" and not any(
            node.get(key) for key in ("sample", "at_clause", "column_name_alias")
        ):
            yield node


class _Reach:
    """The tables of one FROM by the name that its columns are written with."""

    def __init__(self, node: Node, once: set[str]) -> None:
        ref = node.get("from_table") or {}
        self._leaves = {
            str(leaf.get("alias") or leaf["table_name"]).lower(): leaf
            for leaf in _leaves(ref)
            if str(leaf["table_name"]).lower() in once
        }
        self._alone = ref.get("type") == "BASE_TABLE"

    def column(self, node: Any) -> tuple[str, str] | None:
        """Return table and column of a plain column reference, None for anything else."""
        names = node.get("column_names") if isinstance(node, dict) and node.get("class") == "COLUMN_REF" else None
        leaf = None
        if names and len(names) == 2:
            leaf = self._leaves.get(str(names[0]).lower())
        elif names and len(names) == 1 and self._alone:
            leaf = next(iter(self._leaves.values()), None)
        if leaf is None or not names:
            return None
        parts = (leaf.get("catalog_name"), leaf.get("schema_name"), leaf["table_name"])
        return ".".join(str(part) for part in parts if part), str(names[-1])


def _bounds(node: Node, once: set[str]) -> Iterator[Bound]:
    reach = _Reach(node, once)
    stack = [node.get("where_clause")]
    while stack:
        clause = stack.pop()
        if not isinstance(clause, dict):
            continue
        if clause.get("type") == "CONJUNCTION_AND":
            stack += clause["children"]
            continue
        found = _comparison(reach, clause)
        if found is not None:
            yield found


def _comparison(reach: _Reach, clause: Node) -> Bound | None:
    column: tuple[str, str] | None = None
    ranges: tuple[tuple[Constant | None, Constant | None], ...] = ()
    if clause.get("class") == "COMPARISON" and clause.get("type") in _SIDES:
        low, high = _SIDES[clause["type"]]
        column, constant = reach.column(clause["left"]), _constant(clause["right"])
        if column is None:
            column, constant = reach.column(clause["right"]), _constant(clause["left"])
            low, high = high, low
        if constant is not None:
            ranges = ((constant if low else None, constant if high else None),)
    elif clause.get("type") == "COMPARE_BETWEEN" and "input" in clause:
        column = reach.column(clause["input"])
        ranges = ((_constant(clause["lower"]), _constant(clause["upper"])),)
    elif clause.get("type") == "COMPARE_IN" and clause.get("children"):
        column = reach.column(clause["children"][0])
        constants = [_constant(child) for child in clause["children"][1:]]
        # All are cast to one type; where they are of one kind, that is the one that each has alone.
        if all(constants) and len({constant.kind for constant in constants if constant}) == 1:
            ranges = tuple((constant, constant) for constant in constants)
    if column is None or not any(side for pair in ranges for side in pair):
        return None
    return Bound(table=column[0], column=column[1], ranges=ranges)


def _constant(node: Any) -> Constant | None:
    if not isinstance(node, dict):
        return None
    if node.get("class") == "PARAMETER":
        return Constant(kind="parameter", text=str(node["identifier"]))
    if node.get("class") == "CONSTANT":
        found = dialect.plain_constant(node)
        return None if found is None else Constant(kind=found[0], text=found[1])
    if node.get("class") == "CAST" and not node.get("try_cast") and node["child"].get("class") == "CONSTANT":
        kind, found = dialect.cast_target(node), dialect.plain_constant(node["child"])
        if kind in _CASTS and found is not None and found[0] == "string":
            return Constant(kind=kind, text=found[1])
    return None


# --- result columns ---------------------------------------------------------------------------------------------


def _throughs(tree: Any, nodes: Sequence[Node], once: set[str]) -> tuple[Through, ...]:
    """Return the result columns of a plain SELECT that are a table's.

    Nothing in it may see rows of other values: no window, no LIMIT, no outer join, one GROUP BY at most. That groups by
    every plain column of the result, or DuckDB refuses the query.
    """
    node = tree[0].get("node") if isinstance(tree, list) and len(tree) == 1 else None
    if not isinstance(node, dict) or node.get("type") != "SELECT_NODE":
        return ()
    if node.get("sample") or node.get("qualify") or len(node.get("group_sets") or ()) > 1:
        return ()
    limited = any(modifier.get("type") != "ORDER_MODIFIER" for modifier in node.get("modifiers") or ())
    if limited or any(one.get("class") == "WINDOW" or one.get("join_type", "INNER") != "INNER" for one in nodes):
        return ()
    reach = _Reach(node, once)
    return tuple(
        Through(output=str(item.get("alias") or column[1]), table=column[0], column=column[1])
        for item in node["select_list"]
        if (column := reach.column(item)) is not None
    )
