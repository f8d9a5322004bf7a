"""Bad words on the command line, and a bad world around the program."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_kit import Place, refused

import mtctl

SOURCE = str(Path(mtctl.__file__).parents[1])

WORDS = {
    "A15 range backwards": ("refresh daily --from 2013-01-04 --to 2013-01-02", 2, "time_range"),
    "A15 year 9999": ("refresh daily --interval 9999-12-31", 2, "time_range"),
    "A15 year 0": ("refresh daily --interval 0000-01-01", 2, "time_"),
    "A18 no such day": ("refresh daily --interval 2013-02-30", 2, "time_"),
    "A18 no such month": ("refresh daily --from 2013-13-01 --to 2014-01-01", 2, "time_"),
    "A18 words": ("refresh daily --interval yesterdayish", 2, "time_"),
    "A18 empty": ("refresh daily --interval ''", 2, "argument_empty"),
    "A18 long": (f"refresh daily --interval {'9' * 5000}", 2, "time_"),
    "A11 full-width digits": ("refresh daily --interval ２０１３-01-01", 2, "time_"),
    "A20 in the future": ("refresh daily --interval 2998-01-01", 0, ""),
    "half a range": ("refresh daily --from 2013-01-01", 2, "range_half"),
    "A52 no table": ("refresh nosuch", 3, "table_unknown"),
    "A52 no table to show": ("table show nosuch", 3, "table_unknown"),
    "A52 no instance": ("instance show 01ZZZ", 3, "instance_"),
    "A52 injection": ("""instance show "' OR 1=1--" """, 3, "instance_"),
    "A52 injected table": ("""table show "daily'; DROP TABLE x; --" """, 3, "table_unknown"),
    "A52 pattern for all": ("instance show %", 3, "instance_"),
    "A52 selector": ("""refresh "x' OR '1'='1" """, 3, "table_unknown"),
    "A52 escape": ("table show '\x1b[31mred'", 3, "table_unknown"),
    "A53 limit -1": ("query 'FROM daily' --limit -1", 2, "argument_invalid"),
    "A53 limit 0": ("table partitions daily --limit 0", 2, "argument_invalid"),
    "A53 limit abc": ("instance list --limit abc", 2, "argument_invalid"),
    "A53 unknown flag": ("status --frobnicate", 2, "option_unknown"),
    "A53 unknown verb": ("statsu", 2, ""),
    "A53 empty argument": ("table show ''", 2, "argument_empty"),
    "A53 no argument": ("table show", 2, "argument_missing"),
    "A53 batch 0": ("refresh daily --batch 0", 2, "argument_invalid"),
    "A53 batch huge": ("refresh daily --batch 99999999999999999999", 0, ""),
    "A53 output": ("status -o yaml", 2, "argument_invalid"),
    "partition without a value": ("refresh daily --partition d", 2, ""),
    "partition of another column": ("refresh daily --partition x=2013-01-01", 2, "partition"),
    "grace": ("lake gc --grace soon", 2, ""),
    "negative grace": ("lake gc --grace -1h", 2, ""),
    "SQL, empty": ("query ''", 2, "argument_empty"),
    "SQL, NUL": ("query 'SELECT 1\0'", 7, "sql_"),
    "SQL, unknown parameter": ("query 'SELECT $x AS x'", 7, ""),
    "SQL, table function": ("query 'FROM duckdb_settings()'", 7, "sql_access"),
    "SQL, comment": ("query '/* nothing */'", 7, "sql_empty"),
    "SQL, unknown table": ("query 'FROM nosuch'", 3, "table_unknown"),
    "drop unknown": ("table drop nosuch --yes", 3, "table_unknown"),
    "drop, unasked": ("table drop daily", 2, "confirmation_missing"),
    "init in a project": ("init .", 4, ""),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("words") / "shop")


def split(text: str) -> list[str]:
    """Split as a shell does, with NUL left in."""
    return [word.replace("\ue000", "\0") for word in shlex.split(text.replace("\0", "\ue000"))]


@pytest.mark.parametrize("row", WORDS)
def test_bad_words_are_one_line(place: Place, row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, code, error = WORDS[row]
    monkeypatch.chdir(place.root)
    told = place.call(*split(text))
    assert "Traceback" not in told.err + told.out
    assert "\x1b" not in told.err
    if code == 0:
        assert (told.code, told.error_codes) == (0, [])
        return
    first = (told.error_codes or [""])[0]
    assert first.startswith(error), told.err
    refused(told, code, first)
    assert len(told.err) < 1000


def test_all_of_that_wrote_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.root)  # `init .` means the project too
    with place.untouched():
        for text, code, _ in WORDS.values():
            if code != 0 and "refresh" not in text:
                place.call(*split(text))


@pytest.mark.parametrize("row", [row for row, (text, code, _) in WORDS.items() if code and "yaml" not in text])
@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_errors_are_json_where_json_was_asked_for(place: Place, row: str, form: str) -> None:
    if row == "init in a project":
        pytest.skip("needs to stand in the project")
    text, code, _ = WORDS[row]
    told = place.call("-o", form, *split(text))
    [line] = told.err.splitlines()
    error = json.loads(line)["error"]
    assert (told.code, error["exit"], told.out) == (code, code, "")
    assert set(error) >= {"code", "what", "where", "fix"}


def test_open_intervals_are_counted_and_strict_refuses_them(place: Place) -> None:
    path = place.root / "tables" / "growing.sql"
    text = (place.root / "tables" / "daily.sql").read_text(encoding="utf-8")
    path.write_text(text.replace("daily", "growing").replace(", 'end' = '2013-01-05'", ""), encoding="utf-8")
    try:
        assert place.call("apply").code == 0
        words = ("refresh", "growing", "--from", "2998-01-01", "--to", "2998-01-03")
        told = place.call(*words)
        assert told.code == 0
        assert "2998-01-01..2998-01-02 left out: not over yet" in told.err
        refused(place.call(*words, "--strict"), 2, "interval_open")
    finally:
        path.unlink()
        assert place.call("apply", "--prune", "--yes").code == 0


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [("2024-11-03T01:30", "time_ambiguous", "-04:00"), ("2024-03-10T02:30", "time_nonexistent", "")],
)
def test_a_local_time_that_is_twice_or_never_is_refused(place: Place, text: str, error: str, word: str) -> None:
    path = place.root / "tables" / "hourly.sql"
    path.write_text(
        "CREATE MATERIALIZED TABLE hourly PARTITIONED BY (h) WITH ('partition.grain' = 'minute', "
        "'start' = '2024-01-01', 'time-zone' = 'America/New_York') AS SELECT TIMESTAMPTZ '2024-11-03 05:30:00Z' AS h",
        encoding="utf-8",
    )
    try:
        assert place.call("apply").code == 0
        told = place.call("refresh", "hourly", "--from", text, "--to", "2024-12-01", "--dry-run")
        refused(told, 2, error)
        assert word in told.err
    finally:
        path.unlink()
        assert place.call("apply", "--prune", "--yes").code == 0


def test_pruning_without_a_terminal_needs_a_yes(place: Place) -> None:
    path = place.root / "tables" / "one.sql"
    path.write_text("CREATE MATERIALIZED TABLE one AS SELECT 1 AS a", encoding="utf-8")
    assert place.call("apply").code == 0
    path.unlink()
    with place.untouched():
        refused(place.call("apply", "--prune"), 2, "confirmation_missing")
    assert place.call("apply", "--prune", "--yes").code == 0
    assert "\none," not in place.call("table", "list", "-o", "csv").out


def process(place: Place, words: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    """Run the program as a process of its own."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE, "LANG": "C.UTF-8"} | dict(options.pop("env", {}))  # type: ignore[call-overload]
    options = {"capture_output": True, "text": True, "timeout": 60, "cwd": place.root, **options}
    return subprocess.run([sys.executable, "-m", "mtctl", *words], env=environ, check=False, **options)


def test_a_statement_on_stdin_may_be_anything(place: Place) -> None:
    for raw, error in ((b"\xff\xfe", "file_encoding"), (b"CREATE \0", "file_nul"), (b"", "sql_empty")):
        done = process(place, ["table", "create", "-f", "-"], input=raw, text=False)
        assert done.returncode == 7
        assert done.stderr.startswith(f"error[{error}".encode()), done.stderr
        assert done.stderr.count(b"error[") == 1
        assert b"Traceback" not in done.stderr


def test_a_full_disk_under_a_long_answer_is_exit_1(place: Place) -> None:
    with Path("/dev/full").open("w", encoding="ascii") as full:
        done = process(
            place, ["query", "SELECT * FROM range(100000) t(a)"], stdout=full, capture_output=False, stderr=-1
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error[output_failed]")


def test_a_reader_that_had_enough_ends_a_long_answer_quietly(place: Place) -> None:
    script = f"'{sys.executable}' -m mtctl query 'SELECT * FROM range(3000000) t(a)' -o csv | head -1; "
    script += 'exit "${PIPESTATUS[0]}"'
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE, "LANG": "C.UTF-8"}
    done = subprocess.run(["bash", "-c", script], cwd=place.root, env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    "environ",
    [
        {"TERM": "dumb", "COLUMNS": "20", "LANG": "C", "NO_COLOR": "1"},
        {"TMPDIR": "/nonexistent", "HOME": "/nonexistent"},
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    ],
    ids=["narrow", "homeless", "ascii"],
)
def test_a_poor_environment_is_enough(place: Place, environ: dict[str, str]) -> None:
    for words in (["status"], ["query", "FROM daily"], ["refresh", "daily"], ["plan"], ["verify"]):
        done = process(place, words, env=environ)
        assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr


@pytest.mark.parametrize(
    "variable", ["MTCTL_TIME_ZONE=Mars/Base", "MTCTL_ENGINE_THREADS=many", "MTCTL_ENGINE_MEMORY=x"]
)
def test_bad_settings_of_the_environment_are_one_line(place: Place, variable: str) -> None:
    name, _, value = variable.partition("=")
    done = process(place, ["status"], env={name: value})
    assert (done.returncode, done.stderr.count("\n")) == (7, 1), done.stderr


def test_files_are_private_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        place = Place(tmp_path / "shop")
    finally:
        os.umask(before)
    for path in [place.root / ".mtctl", *(place.root / ".mtctl").rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert path.stat().st_mode & 0o777 == wanted, path
