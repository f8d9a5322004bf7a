"""Floor 2. A SELECT taken apart by its parser's tree: a digest for each item, and one for all else.

Two versions of a query are compared by it: whether only whole columns came or went. What is not proved has no shape.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from mtctl.core.evolution import Output, Shape
from mtctl.engine.dialect import PLACES, number_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_MULTIPLYING = frozenset({"unnest", "unlist", "generate_subscripts"})
"""Functions in a SELECT list that decide how many rows there are."""


def shape_of(tree: Any, aggregates: frozenset[str]) -> Shape | None:
    """Return the shape of a serialised SELECT, None where a column may decide about other rows or columns.

    That is so with DISTINCT, LIMIT, GROUP BY ALL, set operations, `*` and COLUMNS(…).
    """
    node = tree[0]["node"] if isinstance(tree, list) and len(tree) == 1 else None
    if not isinstance(node, dict) or node.get("type") != "SELECT_NODE":
        return None
    if node.get("aggregate_handling") != "STANDARD_HANDLING":
        return None
    if any(modifier.get("type") != "ORDER_MODIFIER" for modifier in node.get("modifiers") or ()):
        return None
    items = node["select_list"]
    if any(_stars(item) for item in items):
        return None
    outputs = tuple(_output(item) for item in items)
    grouped = bool(node.get("group_expressions") or node.get("group_sets"))
    aggregated = not grouped and (bool(node.get("having")) or any(_aggregates(item, aggregates) for item in items))
    rest = {key: value for key, value in node.items() if key not in {"select_list", "modifiers"}}
    rest["group_expressions"] = [_resolved(one, outputs) for one in node.get("group_expressions") or ()]
    return Shape(outputs=outputs, rest=_digest(rest), aggregated=aggregated)


def aggregate_names(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Return the names of all aggregate functions, lower case."""
    sql = "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'"
    return frozenset(str(row[0]) for row in connection.execute(sql).fetchall())


def _output(item: dict[str, Any]) -> Output:
    name = item.get("alias") or None
    if name is None and item.get("class") == "COLUMN_REF":
        name = str(item["column_names"][-1])
    multiplies = any(_function(node) in _MULTIPLYING for node in _nodes(item))
    return Output(name=name, digest=_digest({**item, "alias": ""}), multiplies=multiplies)


def _resolved(expression: Any, outputs: tuple[Output, ...]) -> Any:
    """Return what a grouping expression stands for: a number means an item of the list."""
    if not isinstance(expression, dict) or expression.get("class") != "CONSTANT":
        return expression
    place = number_of(expression)
    if place is not None and 1 <= place <= len(outputs):
        return {"item": outputs[place - 1].digest}
    return expression


def _stars(item: Any) -> bool:
    return any(node.get("class") == "STAR" for node in _nodes(item))


def _aggregates(item: Any, names: frozenset[str]) -> bool:
    return any(_function(node) in names for node in _nodes(item))


def _function(node: dict[str, Any]) -> str:
    return str(node.get("function_name", "")).lower() if node.get("class") == "FUNCTION" else ""


def _nodes(item: Any) -> Iterator[dict[str, Any]]:
    """Yield the nodes of one item, those of its subqueries left out: they are worlds of their own."""
    stack = [item]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict) and node.get("class") != "SUBQUERY":
            yield node
            stack.extend(node.values())


def _digest(tree: Any) -> str:
    text = json.dumps(_without_places(tree), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _without_places(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_without_places(one) for one in tree]
    if isinstance(tree, dict):
        return {key: _without_places(value) for key, value in tree.items() if key not in PLACES}
    return tree
