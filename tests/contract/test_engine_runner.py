from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from contract.engine_kit import Bench, bench_in, error_of

from mtctl.core.errors import Kind, MtctlError
from mtctl.engine import client as client_module
from mtctl.engine.client import RunnerClient

pytestmark = pytest.mark.usefixtures("started")

SLOW = "SELECT count(*) AS c FROM range(10000000) a, range(100000) b WHERE (a.range + b.range) % 3 = 1"


@pytest.fixture
def bench(tmp_path):
    yield from bench_in(tmp_path / "p")


def test_a_big_result_streams_in_little_memory(bench: Bench):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = bench.client.query(
        "SELECT range AS n, repeat('row number ', 40) || range AS t FROM range(300000)", (), (), "UTC", None
    )
    assert (result.columns, result.types) == (("n", "t"), ("BIGINT", "VARCHAR"))
    rows = last = 0
    for chunk in result.chunks:
        assert sum(len(n or "") + len(t or "") for n, t in chunk) <= 1 << 20
        rows += len(chunk)
        last = int(chunk[-1][0] or 0)
    assert (rows, last) == (300_000, 299_999)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB


def test_values_come_as_text_in_the_zone_asked_for(bench: Bench):
    sql = (
        "SELECT TIMESTAMPTZ '2013-07-01 12:00:00+00' AS a, NULL AS b, '\\x00\\xFF'::BLOB AS c, "
        "1.50::DECIMAL(5,2) AS d, [1, NULL] AS e, 'a\u2028\"' AS e"
    )
    assert bench.query(sql, zone="America/New_York") == [
        ["2013-07-01 08:00:00-04", None, "\\x00\\xFF", "1.50", "[1, NULL]", 'a\u2028"']
    ]


def test_limit_and_order_hold(bench: Bench):
    rows = bench.query("SELECT range AS n FROM range(5000) ORDER BY n DESC -- last first", limit=3)
    assert rows == [["4999"], ["4998"], ["4997"]]
    assert bench.query("SELECT 1 WHERE false") == []


def test_a_result_left_early_does_not_block_the_next_call(bench: Bench):
    result = bench.client.query("SELECT range FROM range(100000000)", (), (), "UTC", None)
    assert len(next(result.chunks)) > 0
    assert bench.query("SELECT 1") == [["1"]]
    assert list(result.chunks) == []
    never = bench.client.query("SELECT range FROM range(100000000)", (), (), "UTC", None)
    assert bench.query("SELECT 2") == [["2"]]
    assert never.columns == ("range",)


def test_an_error_on_the_way_is_told_and_the_runner_lives(bench: Bench):
    sql = "SELECT CASE WHEN range < 100000 THEN 1 ELSE CAST('x' || range AS INTEGER) END AS c FROM range(200000)"
    error = error_of(lambda: bench.query(sql))
    # Under load DuckDB now and then tells that it broke off its other threads, and not why.
    assert (error.code, error.kind) in {("query_failed", Kind.FAILED), ("query_failed", Kind.ENGINE)}
    assert bench.query("SELECT 1") == [["1"]]


def test_an_interruption_that_nobody_asked_for_is_no_cancel():
    from mtctl.engine.runner import Runner

    runner = Runner.__new__(Runner)
    asked = threading.Event()

    class Asked:
        def check(self) -> None:
            if asked.is_set():
                raise MtctlError("cancelled", "asked for", kind=Kind.FAILED)

    runner._session = Asked()
    interrupted = MtctlError("cancelled", "the query was cancelled", kind=Kind.FAILED)
    assert (runner._honest(interrupted).code, runner._honest(interrupted).kind) == ("query_failed", Kind.ENGINE)
    asked.set()
    assert runner._honest(interrupted).what == "asked for"


def test_cancel_interrupts_and_the_same_runner_goes_on(bench: Bench):
    bench.query("SELECT 1")
    group = bench.client.group
    seen = threading.Event()

    def cancel_once(_):
        if not seen.is_set():
            seen.set()
            threading.Thread(target=bench.client.cancel).start()

    error = error_of(lambda: bench.stage(SLOW, columns=bench.columns("SELECT 1::BIGINT AS c"), on_progress=cancel_once))
    assert (error.code, error.kind) == ("cancelled", Kind.FAILED)
    assert bench.query("SELECT 1") == [["1"]]
    assert bench.client.group == group
    assert not list(Path(bench.settings.staging).iterdir())


def test_ctrl_c_in_the_holder_stops_the_query(bench: Bench):
    columns = bench.columns("SELECT 1::BIGINT AS c")

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.stage(SLOW, columns=columns, on_progress=interrupt)
    assert bench.query("SELECT 1") == [["1"]]


def test_a_cancel_that_is_not_obeyed_ends_in_a_kill(bench: Bench, monkeypatch):
    monkeypatch.setattr(client_module, "TERMINATE_AFTER", 0.3)
    monkeypatch.setattr(client_module, "KILL_AFTER", 0.6)
    bench.query("SELECT 1")
    group = bench.client.group
    assert group is not None
    os.killpg(group, signal.SIGSTOP)  # it reads no cancel, and SIGTERM waits too
    ended = threading.Event()

    def cancel() -> None:
        while not ended.wait(0.05):  # on a busy machine the query may begin after any single cancel
            bench.client.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    try:
        error = error_of(lambda: bench.query("SELECT 2"))
    finally:
        ended.set()
        canceller.join()
    assert (error.code, error.kind) == ("runner_crashed", Kind.ENGINE)
    assert bench.query("SELECT 3") == [["3"]]


def test_a_cancel_that_came_as_its_request_ended_does_not_swallow_the_next(tmp_path: Path):
    ended, held = threading.Event(), threading.Event()

    class Slow(RunnerClient):
        def _later(self, *args: Any) -> threading.Timer:
            held.set()
            assert ended.wait(30)
            return super()._later(*args)

    bench = Bench(tmp_path)
    bench.client.close()
    bench.client = client = Slow(sys.executable, bench.settings)
    try:
        columns = bench.columns("SELECT 1::BIGINT AS c")
        late = threading.Thread(target=client.cancel)

        def cancel_late(_: object) -> None:
            if not late.is_alive() and not held.is_set():
                late.start()

        assert error_of(lambda: bench.stage(SLOW, columns=columns, on_progress=cancel_late)).code == "cancelled"
        assert held.is_set()
        ended.set()
        late.join()  # it has left timers for a request that is over
        guard = threading.Timer(30, client.kill)  # a failure, not a hang
        guard.start()
        error = error_of(lambda: bench.stage(SLOW, columns=columns, on_progress=lambda _: client.cancel()))
        guard.cancel()
        assert error.code == "cancelled"
    finally:
        ended.set()
        bench.close()


def test_a_killed_runner_is_told_and_replaced(bench: Bench):
    columns = bench.columns("SELECT 1::BIGINT AS c")
    first = bench.client.group
    error = error_of(lambda: bench.stage(SLOW, columns=columns, on_progress=lambda _: bench.client.kill()))
    assert (error.code, error.kind) == ("runner_crashed", Kind.ENGINE)
    assert "SIGKILL" in error.what
    assert bench.query("SELECT 1") == [["1"]]
    assert bench.client.group != first
    assert len(list(Path(bench.settings.temp).iterdir())) == 1


def test_a_runner_that_died_between_calls_is_replaced(bench: Bench):
    bench.query("SELECT 1")
    assert bench.client.group is not None
    os.kill(bench.client.group, signal.SIGKILL)
    os.waitid(os.P_PID, bench.client.group, os.WEXITED | os.WNOWAIT)
    assert bench.query("SELECT 2") == [["2"]]


def test_close_leaves_no_process_and_no_folder(bench: Bench):
    bench.query("SELECT 1")
    group = bench.client.group
    assert group is not None
    bench.client.close()
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
    assert list(Path(bench.settings.temp).iterdir()) == []
    assert bench.client.group is None


_ORPHAN = """
import os, sys, threading
from contract.engine_kit import Bench
from pathlib import Path
bench = Bench(Path(sys.argv[1]))
def report(progress):
    print(bench.client.group, flush=True)
    os._exit(1)
columns = bench.columns("SELECT 1::BIGINT AS c")
bench.stage(sys.argv[2], columns=columns, on_progress=report)
"""


def _ends(pid: int) -> bool:
    """Wait until a process has ended; nobody may have reaped it yet."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 30)[0])
    finally:
        os.close(descriptor)


def test_no_thread_can_read_or_write_a_descriptor_after_it_was_closed(bench: Bench):
    """The next runner gets the same numbers: a late reader took its first answer, and the holder waited for ever."""
    bench.query("SELECT 1")
    process = bench.client._runner
    assert process is not None
    readers = [thread for thread in threading.enumerate() if thread.name == "runner-reader"]
    bench.client.close()
    assert not any(thread.is_alive() for thread in readers)
    assert process._process.stdout is not None
    assert process._process.stdout.closed
    process.send({"do": "close"})  # a cancel that comes late: nothing is there to write to


def test_a_runner_that_reads_nothing_any_more_is_ended_all_the_same(bench: Bench):
    bench.query("SELECT 1")
    process = bench.client._runner
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    writing = threading.Thread(target=process.send, args=({"do": "cancel", "id": 0, "pad": "x" * (1 << 20)},))
    writing.start()  # far more than a pipe holds
    assert process.end() == -signal.SIGKILL
    writing.join(30)
    assert not writing.is_alive()


def test_a_runner_does_not_outlive_its_holder(tmp_path):
    tests = str(Path(__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": f"{tests}:{Path(tests).parent}"}
    done = subprocess.run(
        [sys.executable, "-c", _ORPHAN, str(tmp_path / "p"), SLOW],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    runner = int(done.stdout)
    assert _ends(runner)
    assert list((tmp_path / "p/.mtctl/tmp").iterdir()) == []


def test_too_little_memory_fails_the_attempt_only(tmp_path):
    for bench in bench_in(tmp_path / "small", memory=64 << 20):
        query = "SELECT list(range)::VARCHAR AS l FROM range(60000000)"
        error = error_of(lambda bench=bench, query=query: bench.query(query))
        assert (error.code, error.kind) == ("resource", Kind.FAILED)
        assert bench.query("SELECT 1") == [["1"]]


def test_a_sort_beyond_memory_spills_into_the_private_folder(tmp_path):
    for bench in bench_in(tmp_path / "spill", memory=112 << 20):
        query = "SELECT hash(range) AS h, 'some text ' || range AS t FROM range(3000000) ORDER BY h"
        assert bench.stage(query).rows == 3_000_000
        [private] = Path(bench.settings.temp).iterdir()
        left = [path.name for path in private.iterdir() if not path.name.endswith("_owner")]  # DuckDB 2 marks it
        assert left == ["stderr"]
    assert not private.exists()


_MODULES = """
import sys
import mtctl.engine.runner
foreign = ("apsw", "sqlite3", "_sqlite3", "numpy", "pandas", "pyarrow", "rich")
print(sorted(name for name in foreign if name in sys.modules))
"""
_CLIENT = """
import sys
import mtctl.engine.client
print(sorted(name for name in ("duckdb", "_duckdb", "apsw", "sqlite3", "asyncio") if name in sys.modules))
"""


@pytest.mark.parametrize("code", [_MODULES, _CLIENT])
def test_runner_and_client_load_only_their_own_libraries(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"


def test_a_module_of_the_users_folder_is_not_loaded(bench: Bench, monkeypatch):
    (bench.root / "json.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(bench.root)
    assert bench.query("SELECT 1") == [["1"]]


def test_settings_stay_locked(bench: Bench):
    sql = "SELECT value FROM duckdb_settings WHERE name = 'enable_external_access'"
    assert error_of(lambda: bench.query(sql)).code in {"sql_bind", "sql_access"}
    assert bench.query("SELECT current_setting('lock_configuration'), current_setting('enable_external_access')") == [
        ["true", "false"]
    ]
