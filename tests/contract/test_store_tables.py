"""Definitions in the store: round trip, lineage, workflows, names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_kit import Kit, day, definition, full, kit_at, new

from mtctl.core.errors import MtctlError
from mtctl.core.interval import Grain
from mtctl.core.model import (
    Column,
    EmptyPolicy,
    Mode,
    NullPolicy,
    Origin,
    Partition,
    PartitionColumn,
    RangeKind,
    Read,
    Source,
    TableDefinition,
)
from mtctl.core.values import replace
from mtctl.store.definition import decode, encode

TEXTS = st.text(max_size=8)
MAYBE = st.none() | TEXTS
INSTANTS = st.none() | st.integers(min_value=-(2**55), max_value=2**55)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)
COLUMNS = st.builds(
    Column,
    name=TEXTS,
    type=TEXTS,
    stored_type=TEXTS,
    lake_type=TEXTS,
    field_id=st.integers(0, 99),
    nullable=st.booleans(),
    note=TEXTS,
    comment=MAYBE,
)
PARTITIONS = st.builds(
    Partition,
    columns=st.lists(st.builds(PartitionColumn, name=TEXTS, type=TEXTS, formatter=MAYBE), max_size=2).map(tuple),
    grain=st.sampled_from(Grain),
    null_policy=st.sampled_from(NullPolicy),
)
READS = st.builds(
    Read,
    table=TEXTS,
    kind=st.sampled_from(RangeKind),
    before=st.integers(),
    after=st.integers(),
    wait=st.booleans(),
)
SOURCES = st.builds(
    Source, text=TEXTS, paths=st.lists(TEXTS, max_size=2).map(tuple), restate=st.booleans(), version=MAYBE
)
DEFINITIONS = st.builds(
    TableDefinition,
    name=TEXTS,
    ddl=TEXTS,
    query=TEXTS,
    fingerprint=TEXTS,
    mode=st.sampled_from(Mode),
    columns=st.lists(COLUMNS, max_size=3).map(tuple),
    zone=TEXTS,
    partition=st.none() | PARTITIONS,
    primary_key=st.lists(TEXTS, max_size=2).map(tuple),
    comment=MAYBE,
    start=INSTANTS,
    end=INSTANTS,
    refresh_mode=MAYBE,
    freshness=MAYBE,
    schedule=MAYBE,
    reads=st.lists(READS, max_size=2).map(tuple),
    sources=st.lists(SOURCES, max_size=2).map(tuple),
    params=st.lists(TEXTS, max_size=2).map(tuple),
    volatile=st.lists(TEXTS, max_size=2).map(tuple),
    auto=st.booleans(),
    open=st.booleans(),
    delay=st.integers(0, 10),
    batch=st.none() | st.integers(1, 9),
    on_empty=st.sampled_from(EmptyPolicy),
    tags=PAIRS,
    options=PAIRS,
    content=TEXTS,
)


@given(DEFINITIONS)
def test_a_definition_comes_back_as_it_went_in(given_definition):
    assert decode(encode(given_definition)) == given_definition


def test_every_field_of_a_definition_is_stored():
    assert len(TableDefinition.__slots__) == 27, "a field was added: teach the codec and the strategy above"


@pytest.fixture
def kit(tmp_path) -> Kit:
    return kit_at(tmp_path)


def test_names_are_found_whatever_their_case_and_only_those_asked_for(kit):
    kit.put(definition("Flights"), definition("weather"))

    with kit.store.read() as view:
        assert [one.definition.name for one in view.tables()] == ["Flights", "weather"]
        assert [one.definition.name for one in view.tables(["flights", "nosuch"])] == ["Flights"]
        assert view.tables([]) == []


def test_an_outline_says_what_the_definition_in_force_says(kit):
    plain = definition("a")
    rich = definition("b", delay=5, open=True, schedule="0 * * * *", comment="says ‘b’", tags=(("k", "v"),), end=None)
    ids = kit.put(plain, rich, full("whole"))
    kit.change(ids["b"], replace(rich, delay=7, comment=None))

    with kit.store.read() as view:
        tables, outlines = view.tables(), view.outlines()
    assert [one.table_id for one in outlines] == [one.table_id for one in tables]
    assert [one.delay for one in outlines] == [0, 7, 0]
    for table, outline in zip(tables, outlines, strict=True):
        for name in ("origin", "file"):
            assert getattr(outline, name) == getattr(table, name)
        for name in set(outline.__slots__) - {"table_id", "origin", "file"}:
            assert getattr(outline, name) == getattr(table.definition, name), name


def test_a_name_is_taken_once_and_free_again_after_a_drop(kit):
    first = kit.put(definition("a"))["a"]
    with pytest.raises(MtctlError) as caught:
        kit.put(definition("A"))
    assert caught.value.code == "table_exists"

    with kit.store.write() as tx:
        tx.drop_tables([first])

    assert kit.put(definition("a"))["a"] != first


def test_an_unknown_upstream_is_refused_and_nothing_is_put(kit):
    with pytest.raises(MtctlError) as caught:
        kit.put(definition("up"), definition("down", reads=(Read(table="nosuch"),)))

    assert caught.value.code == "upstream_unknown"
    with kit.store.read() as view:
        assert view.tables() == []


def test_lineage_may_point_forward_within_one_call_and_follows_the_definition(kit):
    ids = kit.put(definition("down", reads=(Read(table="UP"),)), definition("up"), definition("other"))
    assert kit.sql("SELECT table_id, upstream_id FROM table_read") == [(ids["down"], ids["up"])]

    kit.change(ids["down"], definition("down", reads=(Read(table="other"),)))

    assert kit.sql("SELECT table_id, upstream_id FROM table_read") == [(ids["down"], ids["other"])]


def test_a_table_that_comes_back_gets_its_readers_back(kit):
    ids = kit.put(definition("up"), definition("down", reads=(Read(table="up"),)))
    with kit.store.write() as tx:
        tx.drop_tables([ids["up"]])

    again = kit.put(definition("up"))["up"]

    assert kit.sql("SELECT table_id, upstream_id FROM table_read") == [(ids["down"], again)]


def test_epochs_rise_with_what_supersedes_and_with_nothing_else(kit):
    table = kit.put(definition("a"))["a"]

    def epoch():
        with kit.store.read() as view:
            return view.tables()[0].epoch

    kit.change(table, definition("a", comment="c", schedule="@daily", tags=(("x", "y"),), ddl="other words"))
    assert epoch() == 1
    kit.change(table, definition("a", fingerprint="f2"))
    assert epoch() == 2
    kit.change(table, definition("a", fingerprint="f2", zone="Europe/Berlin"))
    assert epoch() == 3
    kit.change(table, definition("a", fingerprint="f2", zone="Europe/Berlin"), rebuild=True)
    assert epoch() == 4


def test_a_table_has_a_workflow_that_follows_its_schedule(kit):
    def workflow():
        return kit.sql("SELECT name, state, version FROM workflow WHERE dropped_at IS NULL")

    table = kit.put(definition("a"))["a"]
    assert workflow() == [("a", "disabled", 1)]
    kit.change(table, definition("a", schedule="0 6 * * *"))
    assert workflow() == [("a", "enabled", 2)]
    kit.sql("UPDATE workflow SET state = 'disabled'")
    kit.change(table, definition("a", schedule="0 7 * * *"))
    assert workflow() == [("a", "disabled", 3)], "a person switched it off"
    kit.change(table, definition("a", schedule="0 7 * * *", comment="words"))
    assert workflow() == [("a", "disabled", 4)], "a workflow has the comment of its table"
    kit.change(table, definition("a", schedule="0 7 * * *", comment="words", fingerprint="f2"))
    assert workflow() == [("a", "disabled", 4)]
    kit.change(table, definition("a"))
    assert workflow() == [("a", "disabled", 5)]
    with kit.store.read() as view:
        second = view.workflow_versions(view.workflows()[0].workflow_id)[1][1]
    assert second.schedule is not None
    assert second.schedule.text == "0 6 * * *"
    with kit.store.write() as tx:
        tx.drop_tables([table])
    assert workflow() == []


def test_a_table_with_freshness_begins_enabled(kit):
    kit.put(definition("a", freshness="INTERVAL '1' HOUR"))

    assert kit.sql("SELECT state FROM workflow") == [("enabled",)]


def test_files_that_were_applied_are_known_by_stat_and_hash(kit):
    from_file = replace(
        new(definition("a")), origin=Origin.FILE, file="tables/a.sql", file_sha256="s1", file_size=10, file_mtime_ns=5
    )
    with kit.store.write() as tx:
        table = tx.put_tables([from_file])["a"]
        assert tx.applied_files() == {"tables/a.sql": (table, "s1", 10, 5)}
        tx.touch_file(table, file="tables/a.sql", sha256="s2", size=11, mtime_ns=6)
        assert tx.applied_files() == {"tables/a.sql": (table, "s2", 11, 6)}


def test_a_renamed_table_keeps_its_data_and_ids(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})

    kit.change(table, definition("b"))

    with kit.store.read() as view:
        found = view.tables()[0]
        assert (found.table_id, found.definition.name) == (table, "b")
        assert len(view.data_files(table)) == 1
    assert kit.coverage(table)[0]


def test_speed_and_totals_are_told_per_table(kit):
    ids = kit.put(definition("a"), full("b"))
    kit.refresh(ids["a"], {day(0): "x", day(1): "y"})

    with kit.store.read() as view:
        assert view.seconds_per_interval(ids.values()) == {ids["a"]: 0.5}
        totals = view.totals()
    assert (totals[ids["a"]].rows, totals[ids["a"]].files) == (20, 1)
    assert (totals[ids["b"]].rows, totals[ids["b"]].files) == (0, 0)
