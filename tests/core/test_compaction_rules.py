"""Which small files become one: fewest files, none far over the target, and only when it is worth it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.compaction import CROWD, REST, WARM, Size, Small, cold, merges, worthwhile

TARGET = Size(rows=1000, bytes=10_000)
NOW = 10**15


def small(number: int, rows: int, *, start: int | None = None, age: int = 2 * REST, layout: str = "") -> Small:
    return Small(
        file_id=number,
        start=number if start is None else start,
        rows=rows,
        bytes=rows * 10,
        written_at=NOW - age,
        layout=layout,
    )


def ids(groups: list[tuple[Small, ...]]) -> list[list[int]]:
    return [[one.file_id for one in group] for group in groups]


def test_neighbours_are_merged_up_to_the_target():
    assert ids(merges([small(n, 300) for n in range(7)], TARGET)) == [[0, 1, 2, 3], [4, 5, 6]]


def test_what_was_taken_out_of_a_full_file_fits_into_it_again_though_it_grew():
    files = [small(0, 980), small(1, 40, start=0), small(2, 990)]
    assert ids(merges(files, TARGET)) == [[0, 1]]


def test_small_files_that_fit_to_no_neighbour_are_merged_with_each_other():
    files = [small(n, 1250 if n % 2 else 100) for n in range(8)]
    assert ids(merges(files, TARGET)) == [[0, 2, 4, 6]]


def test_files_of_other_columns_are_never_merged():
    files = [small(n, 100, layout="new" if n > 2 else "old") for n in range(5)]
    assert ids(merges(files, TARGET)) == [[3, 4], [0, 1, 2]]


def test_nothing_is_to_do_where_every_file_is_full_or_alone():
    assert merges([small(n, 900) for n in range(5)], TARGET) == []
    assert merges([small(0, 1)], TARGET) == []
    assert merges([], TARGET) == []


@given(st.lists(st.tuples(st.integers(1, 1500), st.integers(0, 40)), max_size=60))
def test_groups_are_disjoint_near_the_target_and_leave_few_small_files(found: list[tuple[int, int]]):
    files = [small(n, rows, start=start) for n, (rows, start) in enumerate(found)]
    groups = merges(files, TARGET)
    merged = [one.file_id for group in groups for one in group]
    assert len(merged) == len(set(merged))
    for group in groups:
        assert len(group) > 1
        assert sum(one.rows for one in group) <= TARGET.rows * 1.25
    left = [one.rows for one in files if one.file_id not in merged] + [sum(one.rows for one in g) for g in groups]
    assert sum(rows * 2 <= TARGET.rows for rows in left) <= 1, "two small ones would have fitted together"
    assert len(left) <= 2 * sum(left) / TARGET.rows + 2


def test_a_round_leaves_alone_what_is_warm_unless_there_are_very_many():
    warm = [small(n, 1, age=WARM // 2) for n in range(CROWD)]
    assert cold(warm, TARGET, NOW) == []
    assert len(cold([*warm, small(CROWD, 1)], TARGET, NOW)) == CROWD + 1


def test_a_round_writes_a_big_file_anew_only_for_a_fair_share_or_when_the_table_is_at_rest():
    young = 2 * WARM
    big, few = small(0, 900, age=young), [small(n, 10, age=young) for n in range(1, 6)]
    assert worthwhile([(big, *few)], NOW) == []
    assert worthwhile([tuple(few)], NOW) == [tuple(few)]
    assert worthwhile([tuple(few[:3])], NOW) == []
    many = (big, *(small(n, 1, age=young) for n in range(1, 16)))
    assert worthwhile([many], NOW) == [many]
    rested = (small(0, 900), small(1, 10))
    assert worthwhile([rested], NOW) == [rested]
