"""What the real DuckLake extension reads from our catalog, beside what mtctl itself holds, while mtctl goes on writing.

The extension is in a child process that attaches the lake by the statements of `mtctl attach`; mtctl's own view is the
list of files of a snapshot, read by field id in another DuckDB that knows of no catalog.
"""

from __future__ import annotations

import json

import pytest
from lake_kit import Duck, Project, Writer

KINDS = {
    "created_schema": "schemas_created",
    "created_table": "tables_created",
    "dropped_table": "tables_dropped",
    "altered_table": "tables_altered",
    "inserted_into_table": "tables_inserted_into",
    "deleted_from_table": "tables_deleted_from",
}
"""Our words in `changes_made` and the extension's for them."""


def compare_all(project: Project, lake: Duck, own: Duck, snapshots: list[int]) -> int:
    """Compare content and columns of every table at every snapshot; return how many were compared."""
    compared = 0
    for snapshot in snapshots:
        for name, relation in project.tables_at(snapshot).items():
            theirs = f"{name} AT (VERSION => {snapshot})"
            assert lake.content(theirs) == own.content(relation), (name, snapshot)
            assert lake.types(theirs) == own.types(relation), (name, snapshot)
            compared += 1
    return compared


def compare_while_writing(project: Project, refreshes: int) -> None:
    with project.attached() as lake, Duck() as own:
        first = project.versions()
        with Writer(project, "flights_daily", "--interval", "2013-03") as writer:
            compared = compare_all(project, lake, own, first)
            while writer.done < refreshes and not writer.troubles:
                compared += compare_all(project, lake, own, project.versions()[-1:])

        # What was written meanwhile is seen by the session that has been attached all the time.
        newest = project.versions()[-1]
        for name, relation in project.tables_at(newest).items():
            assert lake.content(name) == own.content(relation)

    assert writer.troubles == []
    assert newest >= first[-1] + refreshes
    assert compared > 40


def test_every_table_at_every_version_reads_as_mtctl_holds_it_while_mtctl_writes(history):
    compare_while_writing(history, refreshes=1)


@pytest.mark.campaign
def test_readers_agree_with_mtctl_through_many_concurrent_refreshes(history):
    compare_while_writing(history, refreshes=12)


def test_snapshots_and_their_changes_are_those_of_the_catalog(history):
    columns = "snapshot_id, schema_version, author, to_json(changes)::VARCHAR"
    ours = history.sql(
        "SELECT snapshot_id, schema_version, author, changes_made, snapshot_time FROM ducklake_snapshot"
        " JOIN ducklake_snapshot_changes USING (snapshot_id) ORDER BY 1"
    )
    with history.attached() as lake:
        theirs = lake.rows(f"SELECT {columns} FROM nycflights13.snapshots() WHERE snapshot_id <= {ours[-1][0]}")
        order = "SELECT snapshot_id FROM nycflights13.snapshots() ORDER BY snapshot_time"
        by_time = [one for (one,) in lake.rows(order)]

    assert [row[:3] for row in theirs] == [row[:3] for row in ours]
    assert {author for _, _, author, _ in theirs} == {"mtctl"}
    told = [{kind: sorted(names) for kind, names in json.loads(text).items()} for *_, text in theirs]
    assert told == [changes_of(text) for _, _, _, text, _ in ours]
    assert {kind for changes in told for kind in changes} == set(KINDS.values()), "each kind of change was looked at"
    assert by_time == sorted(by_time), "AT (TIMESTAMP) goes by the time"


def changes_of(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in text.split(","):
        kind, _, name = word.partition(":")
        found.setdefault(KINDS[kind], []).append(name.replace('"', ""))
    return {kind: sorted(names) for kind, names in found.items()}


@pytest.mark.campaign
def test_a_moment_in_time_is_the_snapshot_that_was_newest_then(history):
    with history.attached() as lake, Duck() as own:
        for snapshot in history.versions()[-3:]:
            [(time,)] = history.sql("SELECT snapshot_time FROM ducklake_snapshot WHERE snapshot_id = ?", snapshot)
            for name, relation in history.tables_at(snapshot).items():
                theirs = lake.content(f"{name} AT (TIMESTAMP => TIMESTAMPTZ '{time}')")
                assert theirs == own.content(relation)


def test_the_change_feed_of_intervals_with_their_own_file_is_what_the_ledger_says(small):
    small.mtctl("refresh", "flights_daily", "--interval", "2013-01-03", "--force")
    widest = "AS avg_arrival_delay\nFROM"
    small.replace("flights_daily", widest, "AS avg_arrival_delay,\n  max(dep_delay) AS worst_delay\nFROM")
    small.mtctl("apply")
    small.mtctl("refresh", "flights_daily", "--from", "2013-01-05", "--to", "2013-01-08", "--force")

    published = [one for one in small.versions() if small.changes_at("flights_daily", one)]
    assert len(published) == 3
    with small.attached() as lake, Duck() as own:
        for snapshot in published:
            changes = small.changes_at("flights_daily", snapshot)
            kinds = {kind for _, kind, _ in changes}
            assert kinds == ({"insert"} if snapshot == published[0] else {"delete", "insert"})
            for kind in kinds:
                files = [f"'{path}'" for _, one, path in changes if one == kind]
                feed = f"nycflights13.table_changes('flights_daily', {snapshot}, {snapshot})"
                theirs = f"(SELECT {COLUMNS} FROM {feed} WHERE change_type = '{kind}')"
                ours = f"(SELECT {COLUMNS} FROM read_parquet([{', '.join(files)}]))"
                found = lake.content(theirs)
                assert found[0] > 0
                assert found == own.content(ours), (snapshot, kind)


COLUMNS = "flight_date, carrier, flights, cancelled, avg_departure_delay, avg_arrival_delay"


@pytest.mark.campaign
def test_row_ids_are_never_given_twice(small):
    small.mtctl("refresh", "flights_daily", "--interval", "2013-01-03", "--force")

    with small.attached() as lake:
        [(rows, ids)] = lake.rows("SELECT count(*), count(DISTINCT rowid) FROM flights_daily")
        feed = f"nycflights13.table_changes('flights_daily', 0, {small.versions()[-1]})"
        [(added, added_ids)] = lake.rows(
            f"SELECT count(*), count(DISTINCT rowid) FROM {feed} WHERE change_type = 'insert'"
        )

    assert rows == ids
    assert added == added_ids > rows


def test_filters_count_and_extremes_agree_although_statistics_answer_them(history):
    questions = [
        "SELECT count(*) FROM {}",
        "SELECT min(flight_date), max(flight_date), min(flights), max(carrier) FROM {}",
        "SELECT count(*) FROM {} WHERE flight_date = DATE '2013-02-14'",
        "SELECT count(*) FROM {} WHERE flight_date >= DATE '2013-12-31'",
        "SELECT count(*) FROM {} WHERE flights > 180 AND carrier <> 'UA'",
        "SELECT count(*) FROM {} WHERE avg_arrival_delay IS NULL",
        "SELECT count(*) FROM {} WHERE worst_delay IS NULL",
        "SELECT count(*) FROM {} WHERE worst_delay > 300",
    ]
    relation = history.tables_at(history.versions()[-1])["flights_daily"]
    with history.attached() as lake, Duck() as own:
        for question in questions:
            assert lake.rows(question.format("flights_daily")) == own.rows(question.format(relation)), question
