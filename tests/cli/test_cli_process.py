"""The program as a process: streams, signals, and what it does not import."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import mtctl

ROOT = Path(mtctl.__file__).parents[1]
PLAIN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}


def start(words: list[str], **options) -> subprocess.Popen[str]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": PLAIN, "text": True, **options}
    return subprocess.Popen([sys.executable, "-m", "mtctl", *words], **options)


def run(words: list[str], **options) -> tuple[int, str, str]:
    process = start(words, **options)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("words", [["--version"], ["-V"], ["help", "keys", "-o", "csv"], ["status", "-h"]])
def test_a_full_disk_is_exit_1_in_one_line(words: list[str]) -> None:
    with Path("/dev/full").open("w", encoding="ascii") as full:
        code, _, err = run(words, stdout=full)
    assert code == 1
    assert err.startswith("error[output_failed]: cannot write the output: No space left on device")
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [["--version"], ["help", "keys", "-o", "json"], ["-h"], ["help", "states"]])
def test_a_reader_that_went_away_is_quiet(words: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    code, _, err = run(words, stdout=write_end)
    os.close(write_end)
    assert (code, err) == (141, "")


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_streams_do_no_harm(closed: str) -> None:
    for words, code in (("help", 0), ("--version", 0), ("nosuch", 2)):
        command = f'exec "$0" -m mtctl {words} {closed}'
        done = subprocess.run(["bash", "-c", command, sys.executable], env=PLAIN, capture_output=True, check=False)
        assert done.returncode == code
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "extra",
    [
        {"LANG": "C"},
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        {"TERM": "dumb"},
        {"COLUMNS": "20"},
        {"NO_COLOR": "1"},
        {"GITHUB_ACTIONS": "true", "FORCE_COLOR": "1"},
    ],
)
def test_strange_environments_do_no_harm(extra: dict[str, str]) -> None:
    for words in (["help", "states"], ["-h"], ["refresh", "-h"], ["nosuch"]):
        code, out, err = run(words, env={**PLAIN, **extra})
        assert code == (2 if words == ["nosuch"] else 0)
        assert "Traceback" not in out + err
        if "FORCE_COLOR" not in extra:
            assert "\x1b" not in out + err


def test_without_utf8_the_glyphs_are_ascii() -> None:
    _, out, _ = run(["help", "states"], env={**PLAIN, "LANG": "C"})
    assert "X failed" in out
    assert out.isascii()


def test_no_home_and_no_temporary_folder_do_no_harm(tmp_path: Path) -> None:
    environ = {"PATH": PLAIN["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "missing")}
    code, _, err = run(["status"], env=environ, cwd=tmp_path)
    assert code == 3
    assert err.startswith("error[project_missing]: ")


def test_a_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    script = f'mkdir "{tmp_path}/gone"; cd "{tmp_path}/gone"; rmdir "{tmp_path}/gone"; exec "$0" -m mtctl status'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable], env=PLAIN, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "Traceback" not in done.stderr


def test_a_terminal_is_drawn_on_and_a_question_is_asked(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, "ask"], stdin=terminal, stdout=terminal, stderr=terminal,
        env={**PLAIN, "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    while b"[y/N]" not in shown:
        assert select.select([controller], [], [], 30)[0], shown
        shown += os.read(controller, 4096)
    os.write(controller, b"n\n")
    assert process.wait(timeout=30) == 1
    os.close(controller)
    assert b"drop the data of old?" in shown


_CHILD = """
import sys, threading
from mtctl.cli.main import run
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.states import InstanceState
from mtctl.services.reports import ApplyPlan, Change, RefreshReport

class Project:
    def __init__(self): self.stopped = threading.Event()
    def __enter__(self): return self
    def __exit__(self, *_): return None
    def open_app(self, directory, notice): return self
    patience = 1
    def interrupt(self): self.stopped.set()
    def plan(self, **_):
        return ApplyPlan(changes=(Change(table="old", action="drop", file=None),), problems=(), pending=True)
    def refresh(self, args, on_event):
        print("started", file=sys.stderr, flush=True)
        if args.force:
            while True: threading.Event().wait(1)
        self.stopped.wait()
        return RefreshReport(instance="01J", state=InstanceState.CANCELLED, plan=(), tables=(), not_ready=(), notes=(),
                             seconds=1.0, interrupted=True)
    def query(self, sql, limit):
        print("started", file=sys.stderr, flush=True)
        self.stopped.wait()
        raise MtctlError("cancelled", "the query was stopped", kind=Kind.FAILED)

words = {"refresh": ["refresh", "a"], "stubborn": ["refresh", "a", "--force"], "query": ["query", "SELECT 1"],
         "ask": ["apply", "--prune"]}[sys.argv[1]]
project = Project()
sys.exit(run(words, lambda: project))
"""


def child(what: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, what], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=PLAIN, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "started\n"
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("what", ["refresh", "query"])
def test_a_signal_stops_the_work_gently(what: str, number: int, code: int) -> None:
    process = child(what)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_second_signal_ends_at_once(number: int, code: int) -> None:
    process = child("stubborn")
    process.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=0.2)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in err


_HEAVY = ("duckdb", "rich", "textual", "pydantic", "croniter", "sqlite3", "asyncio")
_MODULES = """
import json, runpy, sys, atexit
def show(): print(json.dumps(sorted(sys.modules)), file=sys.stderr)
atexit.register(show)
sys.argv = ["mtctl", *sys.argv[1:]]
runpy.run_module("mtctl", run_name="__main__", alter_sys=True)
"""


def modules(words: list[str], **environ: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _MODULES, *words], env={**PLAIN, **environ}, capture_output=True, text=True, check=False
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    ("words", "environ"),
    [("--version", {}), ("table sh", {"_MTCTL_COMPLETE": "bash"}), ("table sh", {"_MTCTL_COMPLETE": "zsh"})],
)
def test_version_and_completion_are_answered_before_the_option_parser(words: str, environ: dict[str, str]) -> None:
    loaded = modules(words.split(), **environ)
    assert not loaded & {*_HEAVY, "typer", "apsw", "mtctl.cli.main", "inspect", "dataclasses"}


@pytest.mark.parametrize("words", [["-h"], ["help", "keys"], ["status", "-h"], ["-C", "/nowhere", "status"]])
def test_no_command_loads_what_it_does_not_need(words: list[str]) -> None:
    assert not modules(words) & {*_HEAVY}


def test_the_help_of_the_root_imports_no_command() -> None:
    loaded = modules(["-h"])
    assert not {name for name in loaded if name.startswith("mtctl.cli.")} & {
        "mtctl.cli.project", "mtctl.cli.refresh", "mtctl.cli.table", "mtctl.cli.query", "mtctl.app",
    }  # fmt: skip
