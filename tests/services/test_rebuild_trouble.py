"""A new version that is built beside the old one, when something is wrong with either of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rebuild_kit import DOUBLED, SUM, begun
from service_kit import DAILY

if TYPE_CHECKING:
    from service_kit import World

DAYS = {f"2013-01-0{number}": [number] for number in range(1, 5)}
BROKEN = DAILY.replace(
    "sum(v)::BIGINT", "CASE WHEN d = '2013-01-03' THEN error('no third day') ELSE sum(v) END::DOUBLE"
).replace("'start'", "'refresh.batch' = '1', 'start'")
OLD_SUM = [("4", "10", "BIGINT")]


@pytest.fixture
def filled(world: World) -> World:
    """Four days, each in a file of its own."""
    world.settings("name = 'shop'\n[lake]\ntarget_file_rows = 1\n")
    world.days(DAYS)
    world.table("daily", DAILY)
    world.apply()
    world.fill("daily")
    return world


def files(world: World) -> tuple[list[Path], list[Path]]:
    """Return the files of the old version and those of the new one."""
    every = list((world.root / "lake" / "data").rglob("*.parquet"))
    new = {Path(row.file or "") for row in world.app.partitions("daily", missing=False, stale=False)}
    return sorted(set(every) - new), sorted(set(every) & new)


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[20] ^= 0xFF
    path.write_bytes(bytes(content))


# --- verify and check cover both --------------------------------------------------------------------------------------


def test_verify_looks_at_both_versions_and_says_which(filled: World) -> None:
    begun(filled)
    report = filled.app.verify(())
    assert (report.tables, report.files, report.intervals, report.findings) == (1, 6, 6, ())
    old, new = files(filled)
    assert (len(old), len(new)) == (4, 2)
    spoil(old[2])
    [found, *_] = filled.app.verify(("daily",)).findings
    assert (found.version, found.subject) == ("old", "daily (old version)")
    spoil(new[0])
    assert {one.version for one in filled.app.verify(()).findings} == {"old", "new"}


def test_a_check_names_the_version_and_a_repair_makes_its_intervals_stale(filled: World) -> None:
    begun(filled)
    old, new = files(filled)
    old[2].unlink()
    new[0].write_bytes(new[0].read_bytes()[:-9])
    checker = filled.app.lake.checker
    found = {one.version: one for one in checker.check(deep=False).found}
    assert {version: (one.check, one.path) for version, one in found.items()} == {
        "old": ("missing", str(old[2])),
        "new": ("truncated", str(new[0])),
    }
    assert found["old"].mends != found["new"].mends
    stale = ("daily (new version)", found["new"].intervals), ("daily (old version)", found["old"].intervals)
    assert checker.repair(deep=False, dry_run=True).stale == stale
    assert checker.repair(deep=False, dry_run=False).stale == stale
    filled.fill("daily")
    assert filled.rows(SUM) == [("4", "20.0", "DOUBLE")]
    assert filled.app.verify(()).findings == ()


def test_what_is_damaged_of_the_old_version_is_refreshed_when_that_is_taken_back(filled: World) -> None:
    begun(filled)
    old, _ = files(filled)
    old[2].unlink()
    [found] = filled.app.lake.checker.check(deep=False).found
    filled.app.lake.checker.repair(deep=False, dry_run=False)
    filled.table("daily", DAILY)
    filled.apply()
    assert {day: state for day, state in filled.states("daily").items() if state != "fresh"} == {
        found.intervals: "file damaged"
    }
    filled.fill("daily")
    assert filled.rows(SUM) == OLD_SUM
    assert filled.app.verify(()).findings == ()


def test_the_ledger_of_the_old_version_is_held_against_its_files(filled: World) -> None:
    begun(filled)
    with filled.app._store.write() as tx:
        tx.session.connection.execute(
            "UPDATE ducklake_data_file SET end_snapshot = begin_snapshot + 1 WHERE data_file_id ="
            " (SELECT min(file_id) FROM ledger WHERE end_snapshot IS NULL)"
        )
    assert {(one.version, one.check) for one in filled.app.verify(()).findings} == {("old", "ledger")}
    [lost] = [one for one in filled.app.lake.checker.check(deep=False).found if one.check == "catalog row"]
    assert (lost.table, lost.version, lost.intervals != "") == ("daily", "old", True)


# --- an interval that always fails ------------------------------------------------------------------------------------


def held_up(world: World) -> World:
    """Let three of four days of a new version be there, and the third day fail; the newest attempt succeeds."""
    world.table("daily", BROKEN)
    world.apply()
    assert world.refresh("daily").tables[0].error
    world.fill("daily", intervals=("2013-01-04",), force=True)
    assert world.status("daily").rebuilding == (3, 4)
    assert world.rows(SUM) == OLD_SUM
    return world


def test_status_plan_and_why_name_the_interval_the_error_and_the_way_out(filled: World) -> None:
    held_up(filled)
    held = filled.status("daily").held_up
    assert held is not None
    assert held.intervals == "2013-01-03"
    assert "no third day" in held.text
    assert "mtctl apply" in held.fix
    assert filled.plan().held_up == {"daily": held}
    assert filled.app.show("daily").status.held_up == held
    [link] = filled.app.operator.whys.why("daily").chain
    assert (link.cause, link.fix) == ("failed", held.fix)
    assert held.text in link.text


def test_nothing_is_told_of_a_version_that_only_is_not_ready_yet(filled: World) -> None:
    begun(filled)
    assert filled.status("daily").held_up is None
    assert filled.plan().held_up == {}


def test_a_failure_that_was_made_good_is_told_no_more(filled: World) -> None:
    held_up(filled)
    filled.table("daily", DOUBLED)
    filled.apply()
    assert filled.status("daily").held_up is None, "nobody has tried the mended definition yet"
    filled.fill("daily")
    assert filled.rows(SUM) == [("4", "20.0", "DOUBLE")]


def test_the_former_definition_takes_a_new_version_back_that_cannot_be_built(filled: World) -> None:
    filled.table("top", "CREATE MATERIALIZED TABLE top AS SELECT max(total) AS best FROM daily\n")
    filled.apply()
    filled.fill("top")
    held_up(filled)
    filled.table("daily", DAILY)
    assert "the version that was being built is given up" in filled.change("daily").notes
    filled.apply()
    assert filled.status("daily").held_up is None
    assert filled.status("daily").rebuilding is None
    assert filled.rows(SUM) == OLD_SUM
    assert set(filled.states("daily").values()) == set(filled.states("top").values()) == {"fresh"}
    assert filled.app.verify(()).findings == ()
    assert not filled.plan().pending


def test_what_changed_in_the_sources_meanwhile_is_stale_once_the_old_version_is_back(filled: World) -> None:
    filled.table("base", DAILY.replace("TABLE daily", "TABLE base"))
    filled.table("daily", DAILY.replace("d, count(*) AS n, sum(v)::BIGINT AS total FROM 'data/in.csv' GROUP BY d",
                                        "d, n, total FROM base"))  # fmt: skip
    filled.apply()
    filled.fill(everything=True)
    filled.table("daily", DAILY.replace("d, count(*) AS n, sum(v)::BIGINT AS total FROM 'data/in.csv' GROUP BY d",
                                        "d, n, error('no')::DOUBLE AS total FROM base"))  # fmt: skip
    filled.apply()
    filled.days(DAYS | {"2013-01-02": [20]})
    filled.fill("base")
    assert filled.refresh("daily").tables[0].error
    filled.table("daily", DAILY.replace("d, count(*) AS n, sum(v)::BIGINT AS total FROM 'data/in.csv' GROUP BY d",
                                        "d, n, total FROM base"))  # fmt: skip
    filled.apply()
    assert filled.states("daily")["2013-01-02"] == "upstream base changed"
    assert list(filled.states("daily").values()).count("fresh") == 3
    filled.fill("daily")
    assert filled.rows("SELECT sum(total) FROM daily") == [("28",)]
    assert filled.app.verify(()).findings == ()


def test_a_version_that_wants_less_needs_no_more_than_that(filled: World) -> None:
    last = BROKEN.replace("2013-01-03", "2013-01-04").replace("third", "fourth")
    filled.table("daily", last)
    filled.apply()
    assert filled.refresh("daily").tables[0].error
    assert filled.rows(SUM) == OLD_SUM
    filled.table("daily", last.replace("'end' = '2013-01-05'", "'end' = '2013-01-04'"))
    filled.apply()
    assert filled.rows(SUM) == [("3", "6.0", "DOUBLE")], "all that is wanted is there: it is shown at once"
    assert filled.status("daily").rebuilding is None
    assert filled.app.verify(()).findings == ()
