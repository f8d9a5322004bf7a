"""Another name for a table: by command, and in a file by `renamed.from`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from service_kit import DAILY, books, fails

if TYPE_CHECKING:
    from service_kit import World

FOUR_DAYS = {f"2013-01-0{number}": [number] for number in range(1, 5)}
RENAMED = DAILY.replace("TABLE daily", "TABLE days").replace("WITH (", "WITH ('renamed.from' = 'daily', ")
SUMS = "CREATE MATERIALIZED TABLE sums WITH ('tags.team' = 'a') AS SELECT sum(total)::BIGINT AS s FROM daily\n"


@pytest.fixture
def filled(world: World) -> World:
    world.days(FOUR_DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    return world


def test_a_renamed_table_keeps_data_coverage_tags_and_schedule(filled: World) -> None:
    filled.app.create_table(SUMS.replace("WITH (", "WITH ('schedule' = '0 2 * * *', "), "<stdin>")
    filled.fill("sums")
    before = filled.app._store.read
    with before() as view:
        [old] = view.tables(["sums"])
    assert filled.app.lake.renamer.rename("SUMS", "Totals") == "totals"

    with before() as view:
        assert not view.tables(["sums"])
        [new] = view.tables(["totals"])
        [workflow] = [row for row in view.workflows() if row.table_id == new.table_id]
    assert (new.table_id, new.lake_table_id, new.folder) == (old.table_id, old.lake_table_id, old.folder)
    assert new.definition.fingerprint == old.definition.fingerprint
    assert new.definition.tags == (("team", "a"),)
    assert new.epoch > old.epoch, "what runs now would publish under a name that is gone"
    assert (workflow.name, workflow.definition.schedule is not None) == ("totals", True)
    assert filled.status("totals").health == "fresh"
    assert filled.rows("SELECT s FROM totals") == [("10",)]
    assert [one.state for one in filled.refresh("totals").tables] == ["up_to_date"]
    filled.fill("totals", force=True)
    filled.app.create_table(
        "CREATE OR ALTER MATERIALIZED TABLE totals AS SELECT max(total)::BIGINT AS s FROM daily", "<stdin>"
    )


def test_a_rename_is_refused_where_a_name_is_taken_read_or_defined_by_a_file(filled: World) -> None:
    rename = filled.app.lake.renamer.rename
    filled.app.create_table(SUMS, "<stdin>")
    filled.app.create_table("CREATE MATERIALIZED TABLE a AS SELECT s FROM sums", "<stdin>")
    filled.app.create_table("CREATE MATERIALIZED TABLE b AS SELECT s FROM sums", "<stdin>")
    before = books(filled.root)
    with fails("table_in_use", "'a', 'b'"):
        rename("sums", "totals")
    with fails("table_from_file", "'renamed.from' = 'daily'", "tables/daily.sql"):
        rename("daily", "days")
    with fails("table_exists", "'b'"):
        rename("a", "b")
    with fails("table_exists", "already"):
        rename("a", "A")
    with fails("table_unknown", "'sums'"):
        rename("sum", "x")
    with fails("identifier", "NEW"):
        rename("a", "no good")
    assert books(filled.root) == before


def test_a_file_renames_its_table_and_its_readers_with_it(filled: World) -> None:
    filled.table("sums", SUMS)
    filled.apply()
    filled.fill("sums")
    before = filled.attempts("daily")
    (filled.root / "tables" / "daily.sql").unlink()
    filled.table("days", RENAMED)
    assert [error.code for error in filled.plan().problems] == ["table_in_use"]

    filled.table("sums", SUMS.replace("FROM daily", "FROM days"))
    assert filled.change("days").action == "rename"
    filled.apply()
    assert filled.attempts("days") == before
    assert set(filled.states("days").values()) == {"fresh"}
    filled.fill("sums")
    assert filled.rows("SELECT s FROM sums") == [("10",)]
    # Its lineage is that of the table, whatever it is called.
    filled.days(FOUR_DAYS | {"2013-01-02": [12]})
    filled.fill("sums", upstream=True)
    assert filled.rows("SELECT s FROM sums") == [("20",)]
    assert not filled.plan().pending
    history = filled.app.lake.history.versions("days", 99).versions
    assert ("rename", "from daily to days") in [(one.what, one.detail) for one in history]


def test_a_reader_that_is_left_behind_is_named(filled: World) -> None:
    filled.app.create_table(SUMS, "<stdin>")
    (filled.root / "tables" / "daily.sql").unlink()
    filled.table("days", RENAMED)
    error = filled.problem()
    assert (error.code, "'sums'" in str(error)) == ("table_in_use", True)
