"""Bad project files and bad definitions: each is one line with its place, and nothing is written."""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hostile_kit import DAILY, Place, Told, refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOML = {
    "A23 duplicate key": ('name = "a"\nname = "b"\n', "toml", "line 2"),
    "A23 duplicate table": ("[lake]\n[engine]\n[lake]\n", "toml", "line 3"),
    "A24 NUL": ('name = "a\\u0000b"\n', "config_value", "name"),
    "A25 inf": ("[engine]\nthreads = inf\n", "config_value", "threads"),
    "A25 nan": ("[engine]\nthreads = nan\n", "config_value", "threads"),
    "A25 1e400": ("[lake]\ntarget_file_rows = 1e400\n", "config_value", "target_file_rows"),
    "A26 int of 65 bits": ("[lake]\ntarget_file_rows = 9223372036854775808\n", "config_value", "target_file_rows"),
    "A26 negative": ("[lake]\ntarget_file_rows = -1\n", "config_value", "target_file_rows"),
    "A26 boolean": ("[lake]\ntarget_file_rows = true\n", "config_value", "target_file_rows"),
    "A27 empty key": ('"" = 1\n', "key_unknown", ""),
    "A27 unknown key": ('nmae = "x"\n', "key_unknown", "did you mean 'name'"),
    "A27 unknown inner key": ("[lake]\npaht = 'x'\n", "key_unknown", "lake.path"),
    "A27 unknown section": ("[lakes]\npath = 'x'\n", "key_unknown", "lake"),
    "A27 unknown default": ("[defaults]\nstrat = '2013-01-01'\n", "option_unknown", "did you mean 'start'"),
    "A28 deep": ("x = " + "[" * 20_000 + "]" * 20_000 + "\n", "toml_depth", "nested"),
    "A28 deep tables": ("x = " + "{a=" * 20_000 + "1" + "}" * 20_000 + "\n", "toml_depth", "nested"),
    "A32 name": ("name = 'a\"; DROP TABLE x; --'\n", "identifier", "plain name"),
    "A13 zone with a path": ('time_zone = "../../etc/localtime"\n', "time_zone", "zone"),
    "A13 POSIX zone": ('time_zone = "EST5EDT4"\n', "time_zone", "zone"),
    "A14 local": ('time_zone = "local"\n', "time_zone", "zone"),
    "A15 start after end": ("[defaults]\nstart = '2013-01-05'\nend = '2013-01-01'\n", "time_range", "not after"),
    "A15 year 0": ("[defaults]\nstart = '0000-01-01'\n", "time", ""),
    "A18 no such day": ("[defaults]\nstart = '2013-02-30'\n", "time", "2013-02-30"),
    "A18 words": ("[defaults]\nstart = 'yesterdayish'\n", "time", "yesterdayish"),
    "a word for threads": ("[engine]\nthreads = 'many'\n", "config_value", "threads"),
    "nobody's home": ("[paths]\nallowed = ['~nosuchuser/x']\n", "start_missing", "needy"),
    "lake in the state folder": ("[lake]\npath = '.mtctl/lake'\n", "config_value", "lake.path"),
    "state opened to queries": ("[paths]\nallowed = ['.mtctl']\n", "config_value", "paths.allowed"),
    "root opened to queries": ("[paths]\nallowed = ['.']\n", "config_value", "paths.allowed"),
    "type of a source": ("[sources.x]\ntype = 'oracle'\npath = 'x'\n", "config_value", "files"),
    "source without path": ("[sources.x]\ntype = 'files'\n", "config_value", "path"),
    "array for a table": ("lake = [1]\n", "config_value", "lake"),
    "memory": ("[engine]\nmemory = 'lots'\n", "config_value", "memory"),
}
GOOD_TOML = {
    "A29 BOM": b'\xef\xbb\xbfname = "shop"\n',
    "A29 CRLF": b'name = "shop"\r\n[lake]\r\ntarget_file_rows = 1000\r\n',
}
BAD_BYTES = {
    "A29 UTF-16": ('name = "shop"\n'.encode("utf-16"), "file_encoding"),
    "A29 not UTF-8": (b'name = "\xff"\n', "file_encoding"),
    "A29 100 MB": (b"#" * (100 << 20), "file_too_large"),
    "A24 a raw NUL": (b'name = "shop"\0\n', "file_nul"),
}
NAMES = {
    "A32 injection": 'a"; DROP TABLE x; --',
    "A33 empty": '""',
    "A33 64 kB": "a" * 65_536,
    "A33 dots": '".."',
    "A33 passwd": '"../../etc/passwd"',
    "A33 slash": '"a/b"',
    "A33 option": '"-rf"',
    "A33 long option": '"--help"',
    "A33 emoji": '"🦆"',
    "A33 right to left": '"a\u202eb"',
    "A33 newline": '"a\nb"',
    "A33 tab": '"a\tb"',
    "A33 escape": '"\x1b[31mred"',
    "A34 ours": "_mtctl",
    "A34 foreign schema": "main.information_schema.x",
    "A34 word of SQL": "select",
}
QUERIES = {
    "A35 empty": ("", "sql_empty"),
    "A35 comment": ("-- nothing\n", "sql_empty"),
    "A35 semicolon": (";", "sql_empty"),
    "A36 two": ("SELECT 1 AS a; DROP TABLE daily", "ddl_multiple"),
    **{
        f"A37 {text.split()[0]} {text.split()[1]}": (text, "sql_not_select")
        for text in (
            "DROP TABLE daily",
            "ATTACH 'x.db'",
            "COPY daily TO 'x.csv'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "PRAGMA version",
            "SET threads = 1",
            "CALL pragma_version()",
            "INSERT INTO daily VALUES (1)",
            "CREATE MACRO f() AS 1",
            "EXPORT DATABASE 'x'",
            "UPDATE daily SET v = 1",
            "DELETE FROM daily",
            "CREATE TABLE x (a INT)",
            "EXPLAIN SELECT 1",
            "VACUUM daily",
        )
    },
    "A38 passwd": ("SELECT * FROM read_text('/etc/passwd')", "sql_access"),
    "A38 csv of passwd": ("SELECT * FROM read_csv('/etc/passwd')", "sql_access"),
    "A38 URL": ("SELECT * FROM read_csv('http://169.254.169.254/')", "sql_access"),
    "A38 glob": ("SELECT * FROM glob('/etc/*')", "sql_access"),
    "A38 dots": ("SELECT * FROM 'data/../../x.csv'", "sql_access"),
    "A38 state": ("SELECT * FROM read_blob('.mtctl/state.db')", "sql_access"),
    "A38 state by a glob": ("SELECT * FROM read_csv('.mtctl/*')", "source_is_state"),
    "A38 the lake's files": ("SELECT * FROM 'lake/data/**/*.parquet'", "sql_access"),
    "A38 computed path": ("SELECT * FROM read_csv('data/' || 'in.csv')", "source_not_literal"),
    "A38 settings": ("SELECT * FROM duckdb_secrets()", "sql_access"),
    "A38 environment": ("SELECT getenv('HOME') AS h", "sql_bind"),
    "A39 a variable": ("SELECT * FROM frame", "upstream_unknown"),
    "A40 parentheses": ("SELECT " + "(" * 5_000 + "1" + ")" * 5_000 + " AS a", "sql_depth"),
    "A40 sum": ("SELECT " + "+".join(["1"] * 3_000) + " AS a", "sql_depth"),
    "A41 itself": ("SELECT * FROM {name}", "cycle"),
    "A42 two columns": ("SELECT 1 AS a, 2 AS a", "schema_duplicate_column"),
    "A42 our column": ("SELECT 1 AS _mtctl_x", "schema_reserved_column"),
    "A44 unknown variable": ("SELECT $missing AS a", "variable_unknown"),
    "A44 seed's variable": ("SELECT ${missing} AS a", "variable_unknown"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("hostile") / "shop")


@pytest.fixture
def toml(place: Place) -> Iterator[Path]:
    """The project file, as it was afterwards."""
    path = place.root / "mtctl.toml"
    kept = path.read_bytes()
    yield path
    if path.is_dir():
        path.rmdir()
    elif os.path.lexists(path):
        path.unlink()
    path.write_bytes(kept)


@pytest.mark.parametrize("row", TOML)
def test_a_bad_project_file_is_one_line(place: Place, toml: Path, row: str) -> None:
    text, code, word = TOML[row]
    toml.write_text(text, encoding="utf-8")
    needy = place.root / "tables" / "needy.sql"  # takes its bounds from the defaults
    if "start = " in text or "allowed" in text:
        needy.write_text(DAILY.replace("daily", "needy").replace(", 'start' = '2013-01-01', 'end' = '2013-01-05'", ""))
    told = place.call("plan", "--exit-code")
    needy.unlink(missing_ok=True)
    first = told.error_codes[0] if told.error_codes else ""
    assert first.startswith(code), told.err
    refused(told, 7, first)
    assert word in told.err
    assert "mtctl.toml" in told.err or "[defaults]" in told.err or code.startswith("time")


@pytest.mark.parametrize("row", GOOD_TOML)
def test_a_byte_order_mark_and_carriage_returns_are_read(place: Place, toml: Path, row: str) -> None:
    toml.write_bytes(GOOD_TOML[row])
    assert place.call("status").code == 0


@pytest.mark.parametrize("row", BAD_BYTES)
def test_bytes_that_are_no_text_are_refused(place: Place, toml: Path, row: str) -> None:
    content, code = BAD_BYTES[row]
    toml.write_bytes(content)
    refused(place.call("status"), 7, code)


@pytest.mark.parametrize("kind", ["directory", "fifo", "device", "dangling link", "looping link"])
@pytest.mark.parametrize("which", ["mtctl.toml", "tables/odd.sql"])
def test_a_file_that_is_none_never_hangs(place: Place, toml: Path, kind: str, which: str) -> None:
    path = place.root / which
    if which == "mtctl.toml":
        toml.unlink()
    elif kind == "directory":
        pytest.skip("a folder below tables/ is one, whatever its name")
    match kind:
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "dangling link":
            path.symlink_to("nowhere")
        case _:
            path.symlink_to(path.name)
    try:
        told = place.call("plan")
        assert told.code in {3, 7}
        refused(told, told.code, "file_missing" if kind == "dangling link" else "file_kind")
        assert path.name in told.err
    finally:
        path.rmdir() if kind == "directory" else path.unlink()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(place: Place, toml: Path) -> None:
    toml.chmod(0)
    refused(place.call("plan"), 7, "file_kind")


@pytest.mark.parametrize(
    ("first", "second"),
    [("t", "t"), ("t", "T"), ('"t"', "T"), (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é"))],
    ids=["same", "case", "quoted", "normal form"],
)
def test_two_files_of_one_table_name_both_places(place: Place, first: str, second: str) -> None:
    paths = [place.root / "tables" / name for name in ("one.sql", "two.sql")]
    try:
        for path, name in zip(paths, (first, second), strict=True):
            path.write_text(f"CREATE MATERIALIZED TABLE {name} AS SELECT 1 AS a", encoding="utf-8")
        told = place.call("apply")
        assert told.code == 7
        assert "Traceback" not in told.err
        if first.isascii():
            refused(told, 7, "table_duplicate")
            assert "tables/one.sql" in told.err
        assert "tables/two.sql" in told.err
    finally:
        for path in paths:
            path.unlink()


@pytest.fixture(scope="module")
def validated(place: Place) -> Told:
    """All bad names and queries at once, as `apply` tells them."""
    paths: list[Path] = []
    for number, name in enumerate(NAMES.values()):
        paths.append(place.root / "tables" / f"name{number}.sql")
        paths[-1].write_text(f"CREATE MATERIALIZED TABLE {name} AS SELECT 1 AS a", encoding="utf-8")
    for number, (query, _) in enumerate(QUERIES.values()):
        paths.append(place.root / "tables" / f"query{number}.sql")
        text = query.replace("{name}", f"q{number}")
        paths[-1].write_text(f"CREATE MATERIALIZED TABLE q{number} AS {text}", encoding="utf-8")
    with place.untouched():
        told = place.call("apply")
    for path in paths:
        path.unlink()
    return told


def lines_of(told: Told, file: str) -> list[str]:
    """Return the error lines that name a file."""
    return [line for line in told.err.splitlines() if line.startswith("error[") and f"tables/{file}" in line]


def test_many_bad_definitions_are_told_in_one_run(validated: Told) -> None:
    assert validated.code == 7
    assert validated.seconds < 4  # seventy definitions; one takes well below two
    assert "Traceback" not in validated.err
    assert "\x1b" not in validated.err
    assert "\u202e" not in validated.err


@pytest.mark.parametrize("row", NAMES)
def test_a_bad_name_is_refused_at_its_place(validated: Told, row: str) -> None:
    [line] = lines_of(validated, f"name{list(NAMES).index(row)}.sql")
    assert line.startswith(("error[identifier", "error[ddl_", "error[schema_unsupported", "error[name")), line
    assert f"name{list(NAMES).index(row)}.sql:1:" in line
    assert len(line) < 1000


@pytest.mark.parametrize("row", QUERIES)
def test_a_bad_query_is_refused_at_its_place(validated: Told, row: str) -> None:
    number, code = list(QUERIES).index(row), QUERIES[row][1]
    [line] = lines_of(validated, f"query{number}.sql")
    assert line.startswith(f"error[{code}"), line
    assert len(line) < 1000


def test_a_query_of_ten_megabytes_is_refused(place: Place) -> None:
    path = place.root / "tables" / "huge.sql"
    path.write_text("CREATE MATERIALIZED TABLE huge AS SELECT 1 AS a --" + "x" * (10 << 20), encoding="utf-8")
    try:
        refused(place.call("plan"), 7, "file_too_large")
    finally:
        path.unlink()


@pytest.mark.parametrize("words", [("table", "create", "-f"), ("query",)])
def test_a_plain_query_is_as_shut_in_as_a_definition(place: Place, tmp_path: Path, words: tuple[str, ...]) -> None:
    for query in ("SELECT * FROM read_text('/etc/passwd')", "DROP TABLE daily", "SELECT 1 AS a; SELECT 2 AS b"):
        argument = query
        if words[0] == "table":
            (tmp_path / "t.sql").write_text(f"CREATE MATERIALIZED TABLE t AS {query}", encoding="utf-8")
            argument = str(tmp_path / "t.sql")
        with place.untouched():
            told = place.call(*words, argument)
        assert told.code == 7
        refused(told, 7, told.error_codes[0])
        assert told.error_codes[0].startswith(("sql_", "ddl_multiple"))


def test_a_statement_file_may_be_anything(place: Place, tmp_path: Path) -> None:
    (tmp_path / "latin.sql").write_bytes("CREATE MATERIALIZED TABLE t AS SELECT 'é' AS a".encode("latin-1"))
    os.mkfifo(tmp_path / "fifo.sql")
    for name, code, error in (
        ("latin.sql", 7, "file_encoding"), ("fifo.sql", 7, "file_kind"), (".", 7, "file_kind"),
        ("missing.sql", 3, "file_missing"),
    ):  # fmt: skip
        refused(place.call("table", "create", "-f", str(tmp_path / name)), code, error)


def test_a_good_definition_is_left_alone_by_a_bad_neighbour(place: Place) -> None:
    assert place.call("query", "SELECT sum(v) AS v FROM daily", "-o", "csv").out.split() == ["v", "3"]
    assert (place.root / "tables" / "daily.sql").read_text(encoding="utf-8") == DAILY


def test_a_query_beyond_memory_and_disk_fails_and_leaves_nothing(place: Place, toml: Path) -> None:
    toml.write_text('name = "shop"\n[engine]\nmemory = "100MB"\nthreads = 1\n', encoding="utf-8")
    text = "CREATE MATERIALIZED TABLE big AS SELECT length(string_agg(a::VARCHAR, '')) AS l FROM range(40000000) t(a)"
    path = place.root / "tables" / "big.sql"
    path.write_text(text, encoding="utf-8")
    try:
        assert place.call("apply").code == 0
        told = place.call("refresh", "big")
        assert told.code == 1
        assert told.error_codes == ["resource"], told.err
        assert "memory" in told.err
        assert [found for found in (place.root / ".mtctl" / "tmp").rglob("*") if found.is_file()] == []
        assert not any((place.root / "lake" / "_staging").iterdir())
        assert place.call("verify").code == 0
    finally:
        path.unlink()
        place.call("apply", "--prune", "--yes")
