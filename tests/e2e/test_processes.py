"""What each process holds, and what may not reach the state file: libraries, hostile SQL, modes, foreign files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.kit import (
    Done,
    Traced,
    books,
    check_proof,
    child,
    environment,
    high_water,
    kill,
    line_with,
    ok,
    project,
    run,
    start,
)

_WATCH = """
import os, sys
_NAMES = {"duckdb", "_duckdb", "apsw", "sqlite3", "_sqlite3", "typer", "rich", "textual", "pydantic", "croniter"}
def _hook(event, args):
    if event == "import" and args[0] in _NAMES:
        with open(os.path.join(os.environ["WATCH"], str(os.getpid())), "a") as file:
            file.write(args[0] + "\\n")
if "WATCH" in os.environ:
    with open(os.path.join(os.environ["WATCH"], str(os.getpid())), "a") as file:
        file.write(" ".join(open(f"/proc/{os.getpid()}/cmdline").read().split("\\0")) + "\\n")
    sys.addaudithook(_hook)
"""

_LIBRARIES = ({"duckdb", "_duckdb"}, {"apsw"}, {"sqlite3", "_sqlite3"})
_HEAVY = {"duckdb", "rich", "textual", "pydantic", "croniter"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = project(tmp_path_factory.mktemp("small") / "p", days=3)
    ok(root, "refresh", "--all")
    return root


# --- one library a process ------------------------------------------------------------------------------------------


def _watched(root: Path, watch: Path, *words: str) -> dict[str, set[str]]:
    """Run mtctl and return what each of its processes imported, by its command line; nothing escapes an audit hook."""
    folder = watch / "-".join(words).replace(" ", "_")
    folder.mkdir()
    (watch / "sitecustomize.py").write_text(_WATCH, encoding="utf-8")
    env = environment(WATCH=str(folder))
    env["PYTHONPATH"] = f"{watch}{os.pathsep}{env['PYTHONPATH']}"
    done = run(root, *words, env=env)
    assert done.code == 0, done.err
    found = {}
    for path in folder.iterdir():
        command, *names = path.read_text(encoding="utf-8").splitlines()
        found[command] = set(names)
    return found


@pytest.mark.parametrize(
    "words",
    [
        ("refresh", "--all", "--full"),
        ("up", "--once"),
        ("query", "FROM totals"),
        ("verify",),
        ("table", "preview", "totals"),
    ],
    ids=" ".join,
)
def test_no_process_holds_two_of_the_three_libraries(small: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    found = _watched(small, tmp_path, *words)
    for command, names in found.items():
        held = [library for library in _LIBRARIES if library & names]
        assert len(held) == 1, (command, names)
        assert ("mtctl.engine.runner" in command) == bool(names & {"duckdb"}), (command, names)
    assert any("mtctl.engine.runner" in command for command in found) or words == ("up", "--once")


@pytest.mark.parametrize(
    "words", [("status",), ("refresh", "--all"), ("table", "list"), ("instance", "list")], ids=" ".join
)
def test_what_only_looks_starts_no_runner_and_loads_nothing_heavy(
    small: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    ok(small, "refresh", "--all")
    [(command, names)] = _watched(small, tmp_path, *words).items()
    assert "apsw" in names, command
    assert not names & (_HEAVY | {"sqlite3", "_sqlite3"})


# --- hostile SQL while another process writes -----------------------------------------------------------------------


_HOSTILE = (
    "FROM read_blob('.mtctl/state.db')",
    "FROM glob('.mtctl/*')",
    "COPY (SELECT 1 AS x) TO '{state}'",
    "ATTACH '.mtctl/state.db' AS s (TYPE sqlite)",
    "FROM read_parquet('data/link.parquet')",
    "FROM 'data/hard.parquet'",
    "FROM read_csv('data/../.mtctl/state*')",
)


@pytest.mark.campaign
def test_sql_cannot_reach_the_state_while_another_process_writes(tmp_path: Path) -> None:
    root = project(tmp_path / "p", days=200)
    ok(root, "refresh", "daily")
    state = root / ".mtctl/state.db"
    (root / "data/link.parquet").symlink_to(state)
    (root / "data/inside").symlink_to(root / ".mtctl")
    with start(root, "refresh", "daily", "--interval", "2024-01-01/2024-07-19", "--force", "--batch", "1") as writer:
        line_with(writer, "✔ success  daily")  # it writes
        os.link(f"{state}-wal", root / "data/hard.parquet")
        for sql in _HOSTILE:
            _check_refused(run(root, "query", sql.format(state=state)))
        ddl = f"CREATE MATERIALIZED TABLE thief AS SELECT content FROM read_text('{state}')"
        _check_refused(run(root, "table", "create", "-f", "-", stdin=ddl))
        assert writer.poll() is None, "the writer was done too early to prove anything"
        writer.send_signal(signal.SIGINT)
        _, err = writer.communicate()
    assert writer.returncode == 130, err
    acknowledged = 1 + sum(line.startswith("✔ success  daily") for line in err.splitlines())
    assert acknowledged > 10

    (root / "data/hard.parquet").unlink()
    found = books(root)
    assert found["successes"]["daily"] == 1 + acknowledged
    assert [row[3] for row in found["ledger"] if row[0] == "daily"] == [1] * 200
    assert not any(found["open"].values()), found["open"]
    ok(root, "verify")


def _check_refused(done: Done) -> None:
    assert (done.code, done.out) == (7, ""), done
    assert done.err.startswith(("error[sql_access]", "error[source_is_state]", "error[sql_not_select]")), done.err


# --- modes and foreign state files ----------------------------------------------------------------------------------


def test_under_umask_000_everything_of_the_state_is_private(tmp_path: Path) -> None:
    words = ["init --example x", "-C x up --once", "-C x query 'FROM route_leaderboard'"]
    script = "umask 000; " + " && ".join(f'"$0" -m mtctl {line}' for line in words)
    done = subprocess.run(
        ["bash", "-c", script, sys.executable], cwd=tmp_path, env=environment(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    private = [tmp_path / "x/.mtctl", *(tmp_path / "x/.mtctl").rglob("*"), *(tmp_path / "x/lake").rglob("*")]
    assert len(private) > 8
    for path in private:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_files_beside_a_working_database_are_private_too(tmp_path: Path) -> None:
    root = project(tmp_path / "p", days=1)
    with Traced(root, "refresh", "daily") as traced:
        traced.until("renamed")
        modes = {path.name: path.stat().st_mode & 0o777 for path in (root / ".mtctl").rglob("*") if path.is_file()}
        assert traced.finish().code == 0
    assert {"state.db", "state.db-wal", "state.db-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}, modes


_MAKE_NEWER = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA user_version = 99'); c.close()"
_MAKE_OTHER = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('CREATE TABLE t (x)'); c.close()"


def _zero(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("dear diary\n" * 200, encoding="utf-8")


def _other(path: Path) -> None:
    path.unlink()
    child(_MAKE_OTHER, str(path))


def _newer(path: Path) -> None:
    child(_MAKE_NEWER, str(path))


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _hard_link(path: Path) -> None:
    os.link(path, path.parents[1] / "second-name.db")


def _forbidden(path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path.chmod(0)


def _scrambled(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xaa" * 3996  # the root page of the schema
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (Path.unlink, "state_missing"),
        (_zero, "state_empty"),
        (_text, "state_not_sqlite"),
        (_other, "state_foreign"),
        (_newer, "state_newer"),
        (_cut, "state_corrupt"),
        (_scrambled, "state_corrupt"),
        (_folder, "state_directory"),
        (_hard_link, "state_hard_linked"),
        (_forbidden, "state_permission"),
    ],
)
def test_a_state_file_that_is_not_ours_is_refused_untouched(small: Path, tmp_path: Path, spoil, code: str) -> None:
    root = tmp_path / "p"
    shutil.copytree(small, root)
    state = root / ".mtctl/state.db"
    spoil(state)
    before = _bytes_below(root / ".mtctl")
    for words in (("status",), ("refresh", "--all")):
        done = run(root, *words)
        assert (done.code, done.out) == (9, ""), done
        assert done.err.startswith(f"error[{code}]: "), done.err
        assert done.err.count("\n") == 1
    assert _bytes_below(root / ".mtctl") == before


def _bytes_below(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- the dead and their runners -------------------------------------------------------------------------------------


@pytest.mark.campaign
def test_a_runner_that_hears_nothing_is_ended_by_whoever_comes_next(tmp_path: Path) -> None:
    root = project(tmp_path / "p", days=2)
    with Traced(root, "refresh", "daily") as traced:
        runner = traced.until("staged")
        assert runner is not None
        os.kill(runner, signal.SIGSTOP)
        kill(traced.process.pid)
        traced.process.wait()
        traced.forget()
        done = run(root, "refresh", "daily")
        assert done.code == 0, done.err
        assert not _lives(runner)
    check_proof(root, days=2)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


# --- memory ---------------------------------------------------------------------------------------------------------

_ROWS = """
SELECT DATE '2024-01-01' + (i % 4)::INTEGER AS day, i AS id, md5(i::VARCHAR) AS a, md5((i + 1)::VARCHAR) AS b
FROM range(8_000_000) t(i)
"""


@pytest.mark.campaign
@pytest.mark.parametrize("partitioned", [False, True], ids=["whole", "intervals"])
def test_a_big_result_stays_within_the_runners_limit(tmp_path: Path, *, partitioned: bool) -> None:
    ends = "PARTITIONED BY (day) WITH ('partition.grain' = 'day')" if partitioned else ""
    big = f"CREATE MATERIALIZED TABLE big {ends} AS {_ROWS}"
    root = project(tmp_path / "p", days=4, tables={"big": big}, settings='memory = "256MB"')
    with Traced(root, "refresh", "big") as traced:
        runner = traced.until("fsynced")
        assert runner is not None
        runner_mb, holder_mb = high_water(runner), high_water(traced.process.pid)
        done = traced.finish()
    assert done.code == 0, done.err
    assert sum(path.stat().st_size for path in (root / "lake/data").rglob("*.parquet")) > 256_000_000
    assert (runner_mb < 256 + 150, holder_mb < 100) == (True, True), (runner_mb, holder_mb)
    assert json.loads(ok(root, "query", "SELECT count(*) AS n FROM big", "-o", "json"))["data"] == [{"n": 8_000_000}]
