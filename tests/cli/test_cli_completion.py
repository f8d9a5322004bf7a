from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

import mtctl.store
from mtctl.cli.root import ENTRIES
from mtctl.cli.shell import SCRIPTS, Shell
from mtctl.completion import candidates


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["ta"], ["table"]),
        (["table", "pa"], ["partitions"]),
        (["-C", "x", "table", "pa"], ["partitions"]),
        (["--color=never", "table", "pa"], ["partitions"]),
        (["-o", ""], ["table", "json", "ndjson", "csv"]),
        (["status", "-o", "nd"], ["ndjson"]),
        (["status", "--output", "c"], ["csv"]),
        (["status", "--output=c"], ["--output=csv"]),
        (["instance", "list", "--state", "s"], ["suspended", "success"]),
        (["refresh", "--down"], ["--downstream"]),
        (["refresh", "--all", "--upst"], ["--upstream"]),
        (["refresh", "--batch", ""], []),
        (["refresh", "--force", "--", "--"], []),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["completion", "f"], ["fish"]),
        (["help", "ex"], ["exit-codes"]),
        (["init", ""], [":dir"]),
        (["-C", ""], [":dir"]),
        (["table", "create", "-f", ""], [":file"]),
        (["query", ""], []),
        (["nosuch", ""], list(ENTRIES)),
        (["lake", ""], ["check", "repair", "compact", "info", "expire", "gc"]),
    ],
)
def test_words_are_completed_from_the_tree(words: list[str], found: list[str]) -> None:
    shown = [line.split("\t")[0] for line in candidates(words, "fish")]
    assert shown == found


def test_no_word_at_all_gives_every_command() -> None:
    assert candidates([], "bash") == list(ENTRIES)


def test_zsh_and_fish_get_descriptions_and_bash_does_not() -> None:
    assert candidates(["ver"], "zsh")[0].startswith("verify:Recompute")
    assert candidates(["ver"], "fish")[0].startswith("verify\tRecompute")
    assert candidates(["ver"], "bash") == ["verify"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a state file of the real schema that knows three tables, one of them dropped."""
    (tmp_path / "mtctl.toml").write_text("", encoding="utf-8")
    (tmp_path / ".mtctl").mkdir()
    connection = apsw.Connection(str(tmp_path / ".mtctl" / "state.db"))
    text = (Path(mtctl.store.__file__).parent / "migrations" / "0001_initial.sql").read_text(encoding="utf-8")
    connection.execute(text)
    names = (("flights_daily", None), ("flights_old", 5), ("weather_daily", None))
    for number, (name, dropped) in enumerate(names):
        connection.execute(
            "INSERT INTO materialized_table (uuid, name, origin, lake_table_id, folder, created_at, dropped_at)"
            " VALUES (?, ?, 'command', ?, 'x/', 1, ?)",
            (name, name, number, dropped),
        )
    connection.close()
    return tmp_path


def test_table_names_come_from_the_state_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    assert candidates(["table", "show", "fl"], "bash") == ["flights_daily"]
    assert candidates(["refresh", "weather_daily", ""], "bash") == ["flights_daily", "weather_daily"]
    assert candidates(["apply", "--rebuild", "w"], "bash") == ["weather_daily"]


def test_the_directory_option_chooses_the_project(project: Path) -> None:
    assert candidates(["-C", str(project), "status", "w"], "bash") == ["weather_daily"]
    assert candidates([f"--directory={project}", "status", "w"], "bash") == ["weather_daily"]


def run_fast(words: list[str], cwd: Path, shell: str = "bash") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "_MTCTL_COMPLETE": shell, "PYTHONPATH": str(Path(mtctl.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-m", "mtctl", *words], cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("content", [b"", b"no database", None])
def test_a_broken_state_file_is_silence(project: Path, content: bytes | None) -> None:
    file = project / ".mtctl" / "state.db"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    done = run_fast(["table", "show", ""], project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_locked_state_file_does_not_hold_up_the_tab_key(project: Path) -> None:
    held = apsw.Connection(str(project / ".mtctl" / "state.db"))
    held.execute("BEGIN EXCLUSIVE")
    done = run_fast(["table", "show", ""], project)
    held.close()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("shell", "check"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_the_script_is_valid_in_its_shell(shell: str, check: list[str], tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(SCRIPTS[Shell(shell)][1], encoding="utf-8")
    assert subprocess.run([shell, *check, script], capture_output=True, check=False).returncode == 0


@pytest.fixture
def program(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose PATH has this checkout's mtctl."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = folder / "mtctl"
    root = Path(mtctl.__file__).parents[1]
    file.write_text(f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m mtctl "$@"\n', encoding="utf-8")
    file.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["mtctl", "table", "sh"], ["show"]),
        (["mtctl", "status", "--output", "=", "nd"], ["ndjson"]),
        (["mtctl", "ver"], ["verify"]),
    ],
)
def test_bash_completes(program: dict[str, str], words: list[str], found: list[str]) -> None:
    array = " ".join(f"'{word}'" for word in words)
    text = SCRIPTS[Shell.BASH][1] + (
        f"\nCOMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; _mtctl_completion; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(["bash", "-c", text], env=program, capture_output=True, text=True, check=True)
    assert done.stdout.split() == found


def test_fish_completes(program: dict[str, str]) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    text = SCRIPTS[Shell.FISH][1] + '\ncomplete -C "mtctl table sh"'
    done = subprocess.run(["fish", "-N", "-c", text], env=program, capture_output=True, text=True, check=True)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["show"]
