"""Names that change and tables that come back, as one session of the real extension sees them, and `query --at`."""

from __future__ import annotations

import csv
import io

import pytest
from lake_kit import Duck, Project, empty, lake_python
from test_lake_reading import compare_all

WIDE = "CREATE OR ALTER MATERIALIZED TABLE t AS SELECT range AS i, range * 2 AS j, 'x' || range AS k FROM range(100)"
NARROW = "CREATE OR ALTER MATERIALIZED TABLE t AS SELECT range AS i, 'x' || range AS k FROM range(100)"


@pytest.fixture
def project(tmp_path) -> Project:
    lake_python()
    return empty(tmp_path / "names")


def create(project: Project, text: str) -> None:
    path = project.root / "statement.sql"
    path.write_text(text, encoding="utf-8")
    project.mtctl("table", "create", "-f", str(path))


def test_renamed_dropped_made_again_and_brought_back_in_one_open_session(project: Project) -> None:
    create(project, WIDE)
    project.mtctl("refresh", "t")
    with project.attached() as lake, Duck() as own:
        first = lake.content("t")
        assert first[0] == 100

        # A column that goes before the drop: the files keep its field id.
        create(project, NARROW)
        narrow, kept = lake.content("t"), lake.rows("SELECT rowid, i FROM t ORDER BY ALL")
        project.mtctl("table", "rename", "t", "u")
        assert lake.content("u") == narrow
        lake.error("FROM t")
        renamed = project.versions()[-1]
        assert lake.content(f"t AT (VERSION => {renamed - 1})") == narrow
        lake.error(f"FROM u AT (VERSION => {renamed - 1})")

        project.mtctl("table", "drop", "u", "--yes")
        lake.error("FROM u")
        project.mtctl("table", "undrop", "u")
        back = project.versions()[-1]
        assert lake.content("u") == narrow
        assert lake.rows("SELECT rowid, i FROM u ORDER BY ALL") == kept, "rows keep their ids"
        lake.error(f"FROM u AT (VERSION => {back - 1})")
        assert lake.content(f"u AT (VERSION => {back - 2})") == narrow
        feed = lake.rows(f"SELECT change_type, count(*) FROM names.table_changes('u', {back}, {back}) GROUP BY ALL")
        assert feed == [("insert", 100)]

        # A new column gets an id that no file knows, and the next publish goes on from there.
        create(project, WIDE.replace("TABLE t", "TABLE u").replace("range * 2 AS j", "range * 3 AS l"))
        assert lake.rows("SELECT count(l), count(*) FROM u") == [(0, 100)]
        project.mtctl("refresh", "u", "--force")
        assert lake.rows("SELECT sum(l), count(DISTINCT rowid) FROM u") == [(14850, 100)]

        project.mtctl("table", "drop", "u", "--yes")
        create(project, "CREATE MATERIALIZED TABLE u AS SELECT 'other' AS word")
        project.mtctl("refresh", "u")
        project.mtctl("table", "undrop", "u", "--as", "w")
        assert lake.rows("FROM u") == [("other",)]
        assert lake.rows("SELECT sum(l) FROM w") == [(14850,)]

        versions = project.versions()
        assert compare_all(project, lake, own, versions) >= len(versions) - 3
        told = [name for (name,) in lake.rows("SELECT table_name FROM information_schema.tables ORDER BY 1")]
        assert told == ["u", "w"]
        for version in (versions[2], versions[-1]):
            compare_past(project, lake, version)


def compare_past(project: Project, lake: Duck, version: int) -> None:
    """Compare `query --at` with the extension's AT (VERSION): names of the columns and every row."""
    for name in project.tables_at(version):
        text = project.mtctl("query", f"SELECT * FROM {name} ORDER BY ALL", "--at", str(version), "-o", "csv")
        heads, *rows = csv.reader(io.StringIO(text))
        types = lake.types(f"{name} AT (VERSION => {version})")
        assert heads == [column for column, _ in types]
        theirs = lake.rows(f"SELECT * FROM {name} AT (VERSION => {version}) ORDER BY ALL")
        assert rows == [["" if value is None else str(value) for value in row] for row in theirs], (name, version)


@pytest.mark.campaign
def test_the_past_is_read_alike_after_overwrites_in_a_shared_file(small: Project) -> None:
    settings = small.root / "mtctl.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("target_file_rows = 1\n", ""), encoding="utf-8")
    small.mtctl("refresh", "flights_daily", "--force")
    small.replace("flights_daily", "count(*)  ", "count(*) + day(flight_date) % 2")
    small.mtctl("apply")
    for day in ("2013-01-03", "2013-01-05", "2013-01-03"):
        small.mtctl("refresh", "flights_daily", "--interval", day, "--force")
    with small.attached() as lake:
        newest = small.versions()[-4:]
        for version in newest:
            compare_past(small, lake, version)
        compare_diff(small, lake, newest[0] - 1, newest[-1])


def compare_diff(project: Project, lake: Duck, before: int, after: int) -> None:
    """Compare `diff` with what the extension's two states have less of each other, as multisets."""
    text = project.mtctl("diff", "flights_daily", "--from", str(before), "--to", str(after), "-o", "csv")
    _, *rows = csv.reader(io.StringIO(text))
    old, new = (f"FROM flights_daily AT (VERSION => {version})" for version in (before, after))
    for change, left, right in (("added", new, old), ("removed", old, new)):
        theirs = lake.rows(f"SELECT *, count(*) FROM ({left} EXCEPT ALL {right}) GROUP BY ALL ORDER BY ALL")
        ours = [[*row, times] for kind, times, *row in rows if kind == change]
        assert ours == [["" if value is None else str(value) for value in row] for row in theirs]
