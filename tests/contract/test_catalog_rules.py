"""The rules of the DuckLake catalog that lost data or gave wrong answers where they were broken, one test each."""

from __future__ import annotations

import pytest
from store_kit import KEY, VALUE, Kit, day, definition, full, kit_at, new, stats

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import WHOLE
from mtctl.core.model import Column
from mtctl.core.values import replace
from mtctl.store.catalog import instant_of, time_text

TEXT = Column(name="m", type="VARCHAR", stored_type="VARCHAR", lake_type="varchar")


@pytest.fixture
def kit(tmp_path) -> Kit:
    return kit_at(tmp_path)


def _head(kit):
    text = "SELECT snapshot_id, schema_version, next_catalog_id, next_file_id FROM ducklake_snapshot"
    return kit.sql(f"{text} ORDER BY snapshot_id DESC LIMIT 1")[0]


def _changes(kit):
    return kit.sql("SELECT changes_made FROM ducklake_snapshot_changes ORDER BY snapshot_id DESC LIMIT 1")[0][0]


def _lake(kit, table):
    return kit.sql("SELECT lake_table_id FROM materialized_table WHERE table_id = ?", table)[0][0]


def test_a_new_catalog_is_what_the_extension_would_make(kit, tmp_path):
    metadata = dict(kit.sql("SELECT key, value FROM ducklake_metadata WHERE scope IS NULL"))

    assert metadata["version"] == "1.0"
    assert metadata["encrypted"] == "false"
    assert metadata["data_inlining_row_limit"] == "0", "foreign rows must not hide outside of files"
    assert metadata["data_path"] == f"{tmp_path}/lake/data/"
    assert _head(kit) == (0, 0, 1, 0)
    assert _changes(kit) == 'created_schema:"main"'
    assert kit.sql("SELECT schema_id, schema_name, path, path_is_relative FROM ducklake_schema") == [(0, "main", "", 1)]


def test_no_table_wide_column_statistics_are_ever_written(kit):
    table = kit.put(definition("a"))["a"]
    with kit.store.write() as tx:
        row = (_lake(kit, table), 1, 0, 0, "0", "5", None)
        tx.session.connection.execute("INSERT INTO ducklake_table_column_stats VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    kit.refresh(table, {day(0): "x"})

    assert kit.sql("SELECT * FROM ducklake_table_column_stats") == []


def test_record_counts_of_a_table_are_gross(kit):
    table = kit.put(definition("a"))["a"]
    assert kit.sql("SELECT * FROM ducklake_table_stats") == [(_lake(kit, table), 0, 0, 0)], "from the first moment"
    for text in "xyz":
        kit.refresh(table, {day(0): text})
    kit.refresh(table, {day(0): "e"}, empty=frozenset({day(0)}))

    assert kit.sql("SELECT record_count, next_row_id, file_size_bytes FROM ducklake_table_stats") == [(30, 30, 300)]


def test_row_ids_are_never_given_twice(kit):
    table = kit.put(definition("a"))["a"]
    for number in range(3):
        kit.refresh(table, {day(number % 2): f"{number}"})

    assert kit.sql("SELECT row_id_start, record_count FROM ducklake_data_file ORDER BY data_file_id") == [
        (0, 10),
        (10, 10),
        (20, 10),
    ]


def test_statistics_come_with_a_larger_file_id(kit):
    table = kit.put(definition("a"))["a"]
    before = _head(kit)[3]

    kit.refresh(table, {day(0): "x"})

    assert _head(kit)[3] == before + 1
    assert kit.sql("SELECT count(*) FROM ducklake_file_column_stats") == [(2,)]


def test_schema_version_rises_with_every_schema_change_and_with_nothing_else(kit):
    versions = [_head(kit)[1]]

    def step(rises):
        versions.append(_head(kit)[1])
        assert versions[-1] == versions[-2] + rises

    table = kit.put(definition("a"))["a"]
    step(1)
    kit.refresh(table, {day(0): "x"})
    step(0)
    kit.change(table, definition("a", columns=(KEY, VALUE, TEXT)))
    step(1)
    kit.change(table, definition("a", columns=(KEY, VALUE, TEXT), comment="words"))
    step(1)
    kit.change(table, definition("a", columns=(KEY, VALUE, replace(TEXT, comment="words")), comment="words"))
    step(1)
    kit.change(table, definition("a", columns=(KEY, VALUE, replace(TEXT, comment="words")), comment="words", delay=1))
    step(0)
    kit.change(table, definition("b", columns=(KEY, VALUE, replace(TEXT, comment="words")), comment="words", delay=1))
    step(1)
    with kit.store.write() as tx:
        tx.drop_tables([table])
    step(1)


def test_the_schema_of_an_older_snapshot_stays_as_it_was(kit):
    table = kit.put(definition("a"))["a"]
    old = _head(kit)[0]
    kit.change(table, definition("a", columns=(TEXT, KEY, VALUE)))

    at = "SELECT column_name FROM ducklake_column WHERE begin_snapshot <= ? AND ifnull(end_snapshot, 99) > ? {}"
    order = "ORDER BY column_order"
    assert kit.sql(at.format(order), old, old) == [("d",), ("n",)]
    assert kit.sql(at.format(order), old + 1, old + 1) == [("m",), ("d",), ("n",)]


def test_record_counts_and_sizes_of_a_file_are_those_of_the_staged_one(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x", day(1): "y"})

    columns = "record_count, file_size_bytes, footer_size, path_is_relative, file_format, mapping_id, partial_max"
    assert kit.sql(f"SELECT {columns} FROM ducklake_data_file") == [(20, 200, 100, 1, "parquet", None, None)]


def test_a_path_stands_in_one_catalog_row_only(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})
    path = kit.sql("SELECT path FROM ducklake_data_file")[0][0]
    publication = kit.publication(kit.take(table, [day(1)]), {day(1): "y"})

    with pytest.raises(MtctlError) as caught:
        kit.publish(replace(publication, files=(path,)))

    assert caught.value.code == "path_taken"
    assert kit.sql("SELECT count(*) FROM ducklake_data_file") == [(1,)]


def test_no_statistics_are_written_where_they_are_not_proven(kit):
    span = Column(name="s", type="INTERVAL", stored_type="INTERVAL", lake_type="interval")
    table = kit.put(definition("a", columns=(KEY, VALUE, span)))["a"]
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "x"})
    told = (stats(1, 10, "a", "b"), stats(2, 0, None, None), stats(3, 10, "1", "2"), stats(9, 10, "1", "2"))
    file = replace(publication.staged.files[0], stats=told)

    kit.publish(replace(publication, staged=replace(publication.staged, files=(file,))))

    assert kit.sql("SELECT column_id FROM ducklake_file_column_stats") == [(1,)]


def test_all_null_columns_keep_their_counts(kit):
    table = kit.put(definition("a"))["a"]
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "x"})
    nulls = replace(stats(2, 0, None, None), null_count=10)
    file = replace(publication.staged.files[0], stats=(nulls,))

    kit.publish(replace(publication, staged=replace(publication.staged, files=(file,))))

    found = kit.sql("SELECT column_id, value_count, null_count, min_value, max_value FROM ducklake_file_column_stats")
    assert found == [(2, 0, 10, None, None)]


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ((KEY, replace(VALUE, stored_type="VARCHAR", lake_type="varchar")), "changes from BIGINT to VARCHAR"),
        ((KEY, replace(VALUE, stored_type="INTEGER", lake_type="int32")), "changes from BIGINT to INTEGER"),
        ((KEY, VALUE, replace(TEXT, nullable=False)), "NOT NULL"),
    ],
)
def test_what_old_files_cannot_serve_is_refused_with_the_way_out(kit, columns, word):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})

    with pytest.raises(MtctlError, match=word) as caught:
        kit.change(table, definition("a", columns=columns))

    assert caught.value.code == "schema_incompatible"
    assert caught.value.kind is Kind.CONFLICT
    assert "--rebuild a" in caught.value.fix
    assert _head(kit)[0] == 2


def test_field_ids_count_from_one_and_are_never_used_again(kit):
    def ids(table):
        with kit.store.read() as view:
            return {one.name: one.field_id for one in view.tables()[0].definition.columns}

    table = kit.put(definition("a"))["a"]
    assert ids(table) == {"d": 1, "n": 2}
    kit.change(table, definition("a", columns=(TEXT, VALUE, KEY)))
    assert ids(table) == {"m": 3, "n": 2, "d": 1}
    kit.change(table, definition("a", columns=(TEXT, VALUE, KEY, replace(TEXT, name="k"))))
    assert ids(table) == {"m": 3, "n": 2, "d": 1, "k": 4}


def test_a_rebuilt_table_is_another_lake_table_in_another_folder(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})
    first = kit.sql("SELECT lake_table_id, folder FROM materialized_table")[0]

    kit.change(table, definition("a", columns=(VALUE, KEY)), rebuild=True)

    second = kit.sql("SELECT lake_table_id, folder FROM materialized_table WHERE dropped_at IS NULL")[0]
    assert second[0] > first[0]
    assert second[1] != first[1]
    assert _changes(kit).startswith('created_schema:"_mtctl",created_table:"_mtctl"."a_')
    kit.refresh(table, {day(0): "x"})
    assert _changes(kit) == f'dropped_table:{first[0]},created_table:"main"."a"'
    live = "SELECT table_id FROM ducklake_data_file WHERE end_snapshot IS NULL"
    assert kit.sql(live) == [(second[0],)]


def test_changes_are_spelled_as_the_extension_reads_them(kit):
    ids = kit.put(definition("a"), full('odd "name"'))
    assert _changes(kit) == 'created_table:"main"."a",created_table:"main"."odd ""name"""'
    lake = _lake(kit, ids["a"])
    kit.refresh(ids["a"], {day(0): "x"})
    assert _changes(kit) == f"inserted_into_table:{lake}"
    kit.refresh(ids["a"], {day(0): "y"})
    assert _changes(kit) == f"deleted_from_table:{lake},inserted_into_table:{lake}"
    kit.change(ids["a"], definition("a", columns=(KEY, VALUE, TEXT)))
    assert _changes(kit) == f"altered_table:{lake}"
    with kit.store.write() as tx:
        tx.drop_tables(list(ids.values()))
    assert _changes(kit) == f"dropped_table:{lake},dropped_table:{lake + 1}"


def test_folders_never_leave_the_lake(kit):
    kit.put(full('../up "x'))

    folder = str(kit.sql("SELECT folder FROM materialized_table")[0][0])

    assert folder.startswith("___up__x-")
    assert folder.count("/") == 1


def test_several_definitions_are_one_snapshot_and_unchanged_ones_none(kit):
    ids = kit.put(*(definition(f"t{number}") for number in range(20)))
    assert _head(kit)[0] == 1
    assert _head(kit)[2] == 21

    with kit.store.write() as tx:
        tx.put_tables([new(definition(name), table_id) for name, table_id in ids.items()])

    assert _head(kit)[0] == 1
    assert kit.sql("SELECT count(*) FROM table_version") == [(20,)]


def test_ids_exceed_every_id_in_use(kit):
    table = kit.put(definition("a"))["a"]
    for number in range(3):
        kit.refresh(table, {day(number): "x"})

    assert kit.sql("SELECT max(table_id) FROM ducklake_table")[0][0] < _head(kit)[2]
    assert kit.sql("SELECT max(data_file_id) FROM ducklake_data_file")[0][0] < _head(kit)[3]


def test_snapshot_times_rise_even_when_the_clock_does_not(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})
    kit.clock.set_wall(kit.clock.now() - 60_000_000)
    kit.refresh(table, {day(0): "y"})

    times = [str(one) for (one,) in kit.sql("SELECT snapshot_time FROM ducklake_snapshot ORDER BY snapshot_id")]

    assert times == sorted(set(times))
    assert times[0] == "2023-11-14 22:13:20.000000+00"


@pytest.mark.parametrize("instant", [0, 1, 1_700_000_000_123_456, 253_402_300_799_999_999])
def test_snapshot_times_read_back_exactly(instant):
    assert instant_of(time_text(instant)) == instant


def test_times_that_others_write_are_read(kit):
    assert instant_of("1970-01-01T00:00:01Z") == 1_000_000
    assert instant_of("1970-01-01 00:00:01") == 1_000_000
    assert instant_of("1970-01-01 00:00:01.5+00") == 1_500_000


def test_a_file_under_a_foreign_delete_file_counts_as_moved(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})
    publication = kit.publication(kit.take(table, [day(0)]), {day(0): "y"})
    with kit.store.write() as tx:
        text = "INSERT INTO ducklake_delete_file (delete_file_id, table_id, begin_snapshot, data_file_id, path) "
        tx.session.connection.execute(text + "VALUES (9, ?, 2, 0, 'd.parquet')", (_lake(kit, table),))

    assert kit.publish(publication).outcome == "superseded"


def test_the_lake_may_move(kit):
    table = kit.put(definition("a"))["a"]
    kit.refresh(table, {day(0): "x"})
    with kit.store.write() as tx:
        tx.adopt_path("/elsewhere/data")
        assert all(path.startswith("/elsewhere/data/a-") for path in tx.known_paths())

    with kit.store.read() as view:
        paths = view.file_paths([table], view.snapshot())[table]
        assert paths == (view.data_files(table)[0].path,)
        assert set(paths) == view.known_paths()


def test_dropping_ends_every_row_of_a_table(kit):
    ids = kit.put(definition("a", comment="t", columns=(KEY, replace(VALUE, comment="c"))), definition("b"))
    kit.refresh(ids["a"], {day(0): "x"})
    lake = _lake(kit, ids["a"])

    with kit.store.write() as tx:
        tx.drop_tables([ids["a"]])

    for name in ("table", "column", "column_tag", "data_file"):
        live = kit.sql(f"SELECT count(*) FROM ducklake_{name} WHERE table_id = ? AND end_snapshot IS NULL", lake)
        assert live == [(0,)]
        assert kit.sql(f"SELECT count(*) > 0 FROM ducklake_{name} WHERE table_id = ?", lake) == [(1,)]
    with kit.store.read() as view:
        assert view.ledger(ids["a"], WHOLE) == []


def test_schema_versions_have_a_row_for_every_table_whose_columns_moved(kit):
    ids = kit.put(definition("a"), definition("b"))
    kit.change(ids["a"], definition("a", columns=(KEY, VALUE, TEXT)))

    a, b = _lake(kit, ids["a"]), _lake(kit, ids["b"])
    found = kit.sql("SELECT begin_snapshot, schema_version, table_id FROM ducklake_schema_versions ORDER BY 1, 3")
    assert found == [(1, 1, a), (1, 1, b), (2, 2, a)]
