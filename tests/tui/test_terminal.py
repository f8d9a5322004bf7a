"""The dashboard as a process: in a terminal of its own, beside others, at its end."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tui.tui_kit import text_of, until

import mtctl
from mtctl.app import open_app
from mtctl.tui.app import Dashboard
from mtctl.tui.bars import Options

if TYPE_CHECKING:
    from collections.abc import Callable

_PRODUCT = Path(mtctl.__file__).parents[1]
_MTCTL = [sys.executable, "-m", "mtctl"]


def _run(*words: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_MTCTL, "-C", str(root), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=_PRODUCT,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def test_without_a_terminal_it_says_so_and_draws_nothing(seen: Path) -> None:
    done = _run("ui", root=seen)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error[terminal_missing]:")


def test_it_loads_no_engine(seen: Path) -> None:
    code = """
import asyncio, json, sys
from pathlib import Path
from mtctl.app import open_app
from mtctl.tui.app import Dashboard
from mtctl.tui.bars import Options
async def main():
    dashboard = Dashboard(lambda: open_app(Path(sys.argv[1]), lambda _: None), Options())
    async with dashboard.run_test() as pilot:
        for key in ("3", "1", "enter"):
            await pilot.press(key)
            await pilot.pause(0.1)
        await pilot.press("escape", "Q", *"SELECT 1", "ctrl+r")
        while not (pane := dashboard.screen.query("ResultPane")) or pane.first().told is None:
            await pilot.pause(0.05)
asyncio.run(main())
print(json.dumps([name for name in ("duckdb", "sqlite3", "apsw") if name in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(seen)], capture_output=True, text=True, check=True, cwd=_PRODUCT, timeout=60
    )
    assert json.loads(done.stdout) == ["apsw"]


def test_a_crash_ends_it_without_the_values_of_anything(seen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(Dashboard):
        def action_keys(self) -> None:
            password = "hunter2"  # noqa: S105 - what must not be printed
            raise RuntimeError(f"broken with {len(password)} letters")

    dashboard = Broken(lambda: open_app(seen, lambda _: None), Options())

    async def play() -> None:
        async with dashboard.run_test() as pilot:
            await until(pilot, lambda: dashboard._began and dashboard.grid.total > 0)
            await pilot.press("question_mark")
            await pilot.pause(0.2)

    with pytest.raises(RuntimeError, match="broken with 7 letters"):
        asyncio.run(play())
    assert isinstance(dashboard.failure, RuntimeError)
    said = capsys.readouterr()
    assert "hunter2" not in said.out + said.err


def _homes(root: Path) -> dict[str, str]:
    """Folders of a user who has no view and no configuration yet."""
    return {f"XDG_{name}_HOME": str(root.parent / "home" / name) for name in ("STATE", "CONFIG")}


class _Terminal:
    """A tmux server of its own with one window."""

    def __init__(self, root: Path, *words: str, environ: dict[str, str] | None = None) -> None:
        self.name = f"mtctl-test-{os.getpid()}"
        command = " ".join([*_MTCTL, "-C", str(root), "ui", *words, "; echo left-with-$?; sleep 60"])
        self._call("kill-server", check=False)
        subprocess.run(
            ["tmux", "-L", self.name, "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", command],
            check=True,
            cwd=_PRODUCT,
            env=os.environ | {"TERM": "xterm-256color", "LANG": "C.UTF-8", **_homes(root)} | (environ or {}),
        )

    def keys(self, *keys: str) -> None:
        self._call("send-keys", *keys)

    def resize(self, width: int, height: int) -> None:
        self._call("resize-window", "-x", str(width), "-y", str(height))

    def text(self, *, colours: bool = False) -> str:
        return self._call("capture-pane", "-p", *(["-e"] if colours else []))

    def until(self, holds: Callable[[str], bool]) -> str:
        end = time.monotonic() + 30
        while not holds(shown := self.text()):
            assert time.monotonic() < end, shown
            time.sleep(0.05)
        return shown

    def close(self) -> None:
        self._call("kill-server", check=False)

    def _call(self, *words: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-L", self.name, *words], capture_output=True, text=True, check=check, timeout=20
        )
        return done.stdout


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_in_a_real_terminal_a_daemon_changes_things_under_it(own: Path) -> None:
    terminal = _Terminal(own)
    try:
        terminal.until(lambda shown: "months" in shown and "never" in shown)
        with subprocess.Popen(
            [*_MTCTL, "-C", str(own), "up", "-q"], cwd=_PRODUCT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as daemon:
            try:
                terminal.until(lambda shown: "never" not in shown and shown.count("fresh") >= 2)
            finally:
                daemon.terminate()
        terminal.resize(80, 24)
        terminal.until(lambda shown: "TABLE" in shown and "mtctl refresh" in shown)
        terminal.keys("3")
        terminal.until(lambda shown: "WHAT" in shown)
        terminal.keys("q")
        shown = terminal.until(lambda shown: "left-with-0" in shown)
        assert "TABLE" not in shown, "the screen is as it was before"
    finally:
        terminal.close()


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_no_color_draws_no_colour_and_a_signal_leaves_the_terminal_whole(seen: Path) -> None:
    terminal = _Terminal(seen, environ={"NO_COLOR": "1"})
    try:
        terminal.until(lambda shown: "failing" in shown)
        coloured = [part for part in terminal.text(colours=True).split("\x1b[")[1:] if _is_coloured(part)]
        assert coloured == []
        found = subprocess.run(["pgrep", "-f", f"{seen} ui"], capture_output=True, text=True, check=True)
        for pid in found.stdout.split():
            name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
            if name.startswith(("python", "mtctl")):
                os.kill(int(pid), 15)
        terminal.until(lambda shown: "left-with-143" in shown)
    finally:
        terminal.close()


def _is_coloured(part: str) -> bool:
    """Whether an SGR sequence sets a colour that is not a grey."""
    numbers = part.partition("m")[0].split(";")
    if numbers[:2] in (["38", "2"], ["48", "2"]):
        return len(set(numbers[2:5])) > 1
    if numbers[:2] in (["38", "5"], ["48", "5"]):
        return not (int(numbers[2]) in {0, 7, 8, 15, 16, 231} or 232 <= int(numbers[2]) <= 255)
    return any(number.isdigit() and int(number) in {31, 32, 33, 34, 35, 36} for number in numbers)


def test_text_of_is_what_is_drawn(seen: Path) -> None:
    """The eye of these tests sees the same as a terminal: the first list has its head in the third line."""
    dashboard = Dashboard(lambda: open_app(seen, lambda _: None), Options())

    async def play() -> None:
        async with dashboard.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: dashboard._began and dashboard.grid.total > 0)
            assert text_of(dashboard).splitlines()[2].lstrip().startswith("TABLE")

    asyncio.run(play())
