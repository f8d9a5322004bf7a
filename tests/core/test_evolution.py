"""What becomes of columns when a definition changes, and when what is there stays right."""

from __future__ import annotations

import pytest

from mtctl.core.errors import MtctlError
from mtctl.core.evolution import (
    Output,
    Shape,
    check_renames,
    evolution,
    is_exact_promotion,
    is_same_query,
)
from mtctl.core.model import Column, Mode, TableDefinition
from mtctl.core.values import replace

LAKE = {"INTEGER": "int32", "BIGINT": "int64", "VARCHAR": "varchar", "DATE": "date", "FLOAT": "float32",
        "DOUBLE": "float64", "DECIMAL(5,2)": "decimal(5,2)", "INTEGER[]": "list", "BIGINT[]": "list",
        "SMALLINT": "int16", "UTINYINT": "uint8", "UBIGINT": "uint64", "TIMESTAMP": "timestamp",
        "DECIMAL(10,2)": "decimal(10,2)", "DECIMAL(10,3)": "decimal(10,3)", "DECIMAL(4,2)": "decimal(4,2)"}  # fmt: skip


def column(name: str, kind: str = "INTEGER", field_id: int = 0) -> Column:
    return Column(name=name, type=kind, stored_type=kind, lake_type=LAKE[kind], field_id=field_id)


def table(*columns: Column, query: str = "SELECT 1", **more: object) -> TableDefinition:
    numbered = tuple(replace(one, field_id=place) for place, one in enumerate(columns, start=1))
    return TableDefinition(
        name="t", ddl="", query=query, fingerprint="f", mode=Mode.FULL, columns=numbered, zone="UTC", **more
    )


A, B, C = column("a"), column("b"), column("c")


def test_columns_come_go_and_move():
    found = evolution(table(A, B), table(B, C))
    assert [one.name for one in found.added] == ["c"]
    assert [one.name for one in found.dropped] == ["a"]
    assert not found.reordered
    assert evolution(table(A, B), table(B, A)).reordered
    assert evolution(table(A, B), table(C, A, B)).changes == (
        "column c is added: what is there reads NULL in it",
    )
    assert evolution(table(A, B), table(A, B)).changes == ()


def test_a_column_is_renamed_only_where_a_key_says_so():
    renamed = table(A, C, options=(("renamed.column.C", "B"),))
    found = evolution(table(A, B), renamed)
    assert [(old.name, new.name) for old, new in found.renamed] == [("b", "c")]
    assert (found.added, found.dropped) == ((), ())
    # Once it is done the key says nothing more.
    assert evolution(renamed, renamed).changes == ()
    assert evolution(table(A, B), table(A, C)).renamed == ()


def test_another_case_of_a_name_is_a_new_name_for_the_same_column():
    assert len(evolution(table(A), table(column("A"))).renamed) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SMALLINT", "INTEGER"), ("INTEGER", "BIGINT"), ("UTINYINT", "SMALLINT"), ("UTINYINT", "UBIGINT"),
        ("DECIMAL(5,2)", "DECIMAL(10,2)"),
    ],
)  # fmt: skip
def test_exact_promotions_widen_in_place(old, new):
    assert is_exact_promotion(column("a", old), column("a", new))
    found = evolution(table(column("a", old)), table(column("a", new)))
    assert (found.problem, len(found.widened)) == ("", 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("BIGINT", "INTEGER"), ("INTEGER", "VARCHAR"), ("BIGINT", "DOUBLE"), ("UBIGINT", "BIGINT"),
        ("DECIMAL(5,2)", "DECIMAL(10,3)"), ("DECIMAL(5,2)", "DECIMAL(4,2)"), ("DATE", "TIMESTAMP"),
        ("INTEGER[]", "BIGINT[]"), ("DOUBLE", "FLOAT"), ("FLOAT", "DOUBLE"),
    ],
)  # fmt: skip
def test_any_other_type_is_a_problem_that_names_the_column(old, new):
    found = evolution(table(column("a", old)), table(column("a", new)))
    assert found.problem == f"column 'a' changes from {old} to {new}"


def shape(*outputs: Output, rest: str = "r", aggregated: bool = False) -> Shape:
    return Shape(outputs=outputs, rest=rest, aggregated=aggregated)


OUT_A, OUT_B, OUT_C = (Output(name=name, digest=name * 2) for name in "abc")


def same(old: TableDefinition, first: Shape | None, new: TableDefinition, second: Shape | None) -> bool:
    return is_same_query(evolution(old, new), (old, first), (new, second))


def test_whole_columns_that_come_and_go_leave_the_rest_the_same():
    old = table(A, B, query="old")
    assert same(old, shape(OUT_A, OUT_B), table(A, B, C, query="new"), shape(OUT_A, OUT_B, OUT_C))
    assert same(old, shape(OUT_A, OUT_B), table(B, query="new"), shape(OUT_B))
    renamed = table(A, C, query="new", options=(("renamed.column.c", "b"),))
    assert same(old, shape(OUT_A, OUT_B), renamed, shape(OUT_A, Output(name="c", digest="bb")))
    assert same(old, shape(OUT_A, OUT_B), table(B, A, query="new"), shape(OUT_B, OUT_A))


@pytest.mark.parametrize(
    "second",
    [
        shape(OUT_A, OUT_B, OUT_C, rest="other"),
        shape(OUT_A, Output(name="b", digest="other"), OUT_C),
        shape(OUT_A, OUT_B, Output(name="c", digest="cc", multiplies=True)),
        shape(OUT_A, OUT_B, OUT_C, aggregated=True),
        shape(OUT_A, OUT_B),
        None,
    ],
    ids=["rows", "another column", "more rows", "one row", "unclear", "unknown"],
)
def test_what_may_change_other_values_or_rows_is_not_the_same(second):
    assert not same(table(A, B, query="old"), shape(OUT_A, OUT_B), table(A, B, C, query="new"), second)


def test_made_up_names_are_matched_by_their_place_or_not_at_all():
    old, new = table(A, B, query="old"), table(A, B, C, query="new")
    nameless = Output(name=None, digest="bb")
    assert same(old, shape(OUT_A, nameless), new, shape(OUT_A, nameless, OUT_C))
    assert not same(old, shape(OUT_A, nameless), new, shape(nameless, OUT_A, OUT_C))


def test_what_surrounds_a_query_belongs_to_it():
    old = table(A, query="q")
    assert same(old, None, table(A, B, query="q"), None)
    assert not same(old, None, replace(table(A, B, query="q"), zone="Europe/Paris"), None)


@pytest.mark.parametrize(
    ("written", "word"), [({"x": "a"}, "yields no column 'x'"), ({"b": "a"}, "column 'a' is still there")]
)
def test_a_rename_that_cannot_be_meant_is_refused(written, word):
    with pytest.raises(MtctlError, match=word) as caught:
        check_renames(table(A, B), written)
    assert caught.value.code == "option_target"
    check_renames(table(A, B), {"b": "old"})
