from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.storage import PLAIN, Statistics, TypeTree, fields, is_nested, plain, tree_of, width

NAMES = st.sampled_from(["a", "b c", 'q"x', "ä", "when", "key", "element", "a.b", ",", "(", "'"])
LEAVES = st.sampled_from([*PLAIN, "DECIMAL(38,0)", "ENUM('x', 'y''z)')"])


def _nested(inner: st.SearchStrategy[TypeTree]) -> st.SearchStrategy[TypeTree]:
    return st.one_of(
        inner.map(lambda part: TypeTree(name="LIST", parts=(("element", part),))),
        st.builds(
            lambda part, size: TypeTree(name="ARRAY", parts=(("element", part),), size=size), inner, st.integers(1, 9)
        ),
        st.builds(lambda key, held: TypeTree(name="MAP", parts=(("key", key), ("value", held))), inner, inner),
        st.lists(st.tuples(NAMES, inner), min_size=1, max_size=4).map(
            lambda parts: TypeTree(name="STRUCT", parts=tuple(parts))
        ),
    )


TREES = st.recursive(LEAVES.map(lambda name: TypeTree(name=name)), _nested, max_leaves=8)


@given(TREES)
def test_a_type_is_taken_apart_and_put_together_again(tree: TypeTree):
    assert tree_of(tree.text) == tree


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("struct( a int ,b varchar [] )", 'STRUCT("a" int, "b" varchar[])'),
        ("MAP(VARCHAR,DECIMAL(5, 2))", "MAP(VARCHAR, DECIMAL(5,2))"),
        ("TIMESTAMP WITH TIME ZONE[3]", "TIMESTAMP WITH TIME ZONE[3]"),
        ('STRUCT("a""q" DOUBLE)[]', 'STRUCT("a""q" DOUBLE)[]'),
        ("UNION(num INTEGER, str VARCHAR)", 'UNION("num" INTEGER, "str" VARCHAR)'),
    ],
)
def test_a_written_type_has_one_spelling(written: str, text: str):
    assert tree_of(written).text == text


@pytest.mark.parametrize(
    "text",
    ["", "[]", "STRUCT(INTEGER, VARCHAR)", "STRUCT(a INTEGER", "INTEGER); DROP TABLE x; --", "MAP(VARCHAR)", "'a'",
     "STRUCT(TIMESTAMP WITH TIME ZONE)", "a b;c", '"NULL"[]', "INTEGER[x]", "INTEGER -- [1]"],
)  # fmt: skip
def test_what_is_no_type_is_refused(text: str):
    with pytest.raises(ValueError, match=r".+"):
        tree_of(text)


def test_field_ids_follow_the_columns_own_depth_first():
    found = fields("st", 5, 'STRUCT("a" INTEGER, "b" VARCHAR[], "m" MAP(DATE, STRUCT("x" DOUBLE)))')
    assert [(one.field_id, one.parent_id, one.quoted_path, one.lake_type) for one in found] == [
        (5, None, '"st"', "struct"),
        (6, 5, '"st"."a"', "int32"),
        (7, 5, '"st"."b"', "list"),
        (8, 7, '"st"."b"."element"', "varchar"),
        (9, 5, '"st"."m"', "map"),
        (10, 9, '"st"."m"."key"', "date"),
        (11, 9, '"st"."m"."value"', "struct"),
        (12, 11, '"st"."m"."value"."x"', "float64"),
    ]
    assert [one.statistics is not Statistics.NONE for one in found] == [False, True] + [False] * 6


@given(TREES)
def test_a_type_is_as_wide_as_it_has_fields(tree: TypeTree):
    if "ENUM" in tree.text or "ARRAY" in repr(tree):
        return
    found = fields("c", 3, tree.text)
    assert [one.field_id for one in found] == list(range(3, 3 + width(tree.text)))
    assert is_nested(tree.text) == (len(found) > 1)
    assert all(one.parent_id is None or 3 <= one.parent_id < one.field_id for one in found)


def test_a_column_without_an_id_has_no_fields_yet():
    with pytest.raises(ValueError, match="no field id"):
        fields("a", 0, "INTEGER")


def test_only_what_is_in_the_table_is_plain():
    assert plain("HUGEINT") is None
    assert plain("INTEGER[]") is None
    assert plain("DECIMAL(5,2)").lake == "decimal(5,2)"
