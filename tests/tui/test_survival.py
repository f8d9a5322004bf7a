"""What may happen to a dashboard that is open all day: locks, upgrades, other sizes, signals."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest
from tui.tui_kit import drive, number_of, text_of, until

import mtctl
from mtctl.app import open_app
from mtctl.core.listing import Filter
from mtctl.tui import following
from mtctl.tui.verbs import doing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from textual.pilot import Pilot

    from mtctl.tui.app import Dashboard

LOCK = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""
SIZES = ((60, 20), (200, 60), (20, 5), (1, 1), (300, 90), (80, 24))


@contextmanager
def _locked(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the lock for writing until a line comes."""
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, str(root / ".mtctl/state.db")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            if holder.poll() is None:
                holder.communicate("go\n", timeout=10)


def test_while_another_process_holds_the_lock_everything_is_seen_and_an_act_waits(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press(number_of(dashboard, "queues"))
        await until(pilot, lambda: dashboard.grid.current is not None and dashboard.grid.name == "queues")
        with _locked(own) as holder:
            acting = asyncio.create_task(
                dashboard.desk.acts.do(lambda project: project.operator.queues.pause("default", "lunch"))
            )
            for number in range(1, len(dashboard.listings) + 1):
                await pilot.press(str(number))
                await until(pilot, lambda: dashboard.grid.total > 0 or dashboard.grid.name == "ranges")
            assert not acting.done()
            await pilot.press("q")
            await until(pilot, lambda: "1 thing started here" in text_of(dashboard))
            await pilot.press("n", number_of(dashboard, "queues"))
            holder.communicate("go\n", timeout=10)
            await acting
            await until(pilot, lambda: "lunch" in text_of(dashboard))

    drive(own, story)


def test_an_act_on_a_locked_file_says_that_it_waits_and_is_done_once(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doing, "PATIENCE_SECONDS", 0.2)

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        with _locked(own) as holder:
            await pilot.press("r")
            await until(pilot, lambda: "another process is writing" in _told(dashboard))
            await pilot.press("r")
            await until(pilot, lambda: "being done already" in _told(dashboard))
            holder.communicate("go\n", timeout=10)
            await until(pilot, lambda: "queued as instance" in _told(dashboard))
        await pilot.press("r")
        await until(pilot, lambda: _told(dashboard).count("queued as instance") == 2)

    before = _instances(own)
    drive(own, story)
    assert _instances(own) == before + 2


def test_an_act_reaches_the_state_file_that_is_there_now(own: Path) -> None:
    state, copy = own / ".mtctl/state.db", own / "copy.db"
    with open_app(own, lambda _: None) as app:
        app.back_up(copy, keep=1)
    before = _instances(own)

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("r")
        await until(pilot, lambda: _told(dashboard).count("queued as instance") == 1)
        _remove(state)
        copy.rename(state)
        await pilot.press("r")
        await until(pilot, lambda: _told(dashboard).count("queued as instance") == 2)
        assert _instances(own) == before + 1, "the first went with the file that it was written to"
        _remove(state)
        await pilot.press("r")
        await until(pilot, lambda: "there is no state file" in _told(dashboard))

    drive(own, story)


def _remove(state: Path) -> None:
    for part in ("", "-wal", "-shm"):
        Path(f"{state}{part}").unlink(missing_ok=True)


def _told(dashboard: Dashboard) -> str:
    return " ".join(one.message for one in dashboard._notifications)


def _instances(root: Path) -> int:
    with open_app(root, lambda _: None) as app:
        return app.board.total(Filter())


def test_a_store_that_does_not_answer_is_said_while_it_is_waited_for(
    seen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 0.3)

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        ended = asyncio.Event()
        held = asyncio.create_task(dashboard.desk.reads.do(lambda _: time.sleep(1.5)))
        held.add_done_callback(lambda _: ended.set())
        await until(pilot, lambda: "waiting for it" in text_of(dashboard).splitlines()[0])
        assert not ended.is_set()
        await pilot.press("j")
        assert dashboard.grid.cursor == 1, "what has been read is still there"
        await held
        await until(pilot, lambda: "live · as of" in text_of(dashboard).splitlines()[0])

    drive(seen, story)


def test_a_file_that_a_newer_program_has_upgraded_is_said_and_told_again_at_the_end(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        connection = apsw.Connection(str(own / ".mtctl/state.db"))
        version = connection.pragma("user_version")
        connection.pragma("user_version", version + 1)
        await until(pilot, lambda: "newer mtctl" in text_of(dashboard).splitlines()[0])
        assert "bad" in text_of(dashboard), "what was seen stays"
        assert dashboard.trouble is not None
        assert dashboard.trouble.code == "state_newer"
        connection.pragma("user_version", version)
        await until(pilot, lambda: "live · as of" in text_of(dashboard).splitlines()[0])
        assert dashboard.trouble is None
        connection.pragma("user_version", version + 1)
        await until(pilot, lambda: dashboard.trouble is not None)
        connection.close()

    dashboard = drive(own, story)
    assert dashboard.trouble is not None, "the command raises it: its exit code is that of a newer state file"


@pytest.mark.parametrize(
    "keys",
    [
        ("1",),
        ("H",),
        ("3", "enter"),
        *(
            pytest.param(keys, marks=pytest.mark.campaign)
            for keys in (
                ("3",),
                ("1", "enter"),
                ("2", "enter"),
                ("1", "b"),
                ("question_mark",),
                ("e",),
                ("a",),
                ("colon",),
            )
        ),
    ],
)
def test_a_storm_of_sizes_is_survived(seen: Path, keys: tuple[str, ...]) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        for key in keys:
            await pilot.press(key)
            await until(pilot, lambda: dashboard.grid.current is not None)
        for width, height in SIZES:
            await pilot.resize_terminal(width, height)
        await pilot.pause()
        lines = text_of(dashboard).splitlines()
        assert len(lines) == 24
        assert all(len(line) <= 80 for line in lines)
        assert dashboard.failure is None

    drive(seen, story)


class _Terminal:
    """`mtctl ui` in a pseudo-terminal."""

    def __init__(self, root: Path, home: Path) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(100, 30)
        environ = os.environ | {"TERM": "xterm-256color", "XDG_STATE_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        self.child = subprocess.Popen(
            [sys.executable, "-m", "mtctl", "-C", str(root), "ui"], stdin=theirs, stdout=theirs,
            stderr=theirs, env=environ, cwd=Path(mtctl.__file__).parents[1], start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def key(self, key: str) -> None:
        os.write(self._ours, key.encode())

    def until(self, words: str) -> str:
        said, end = "", time.monotonic() + 30
        while words not in said:
            assert time.monotonic() < end, said[-2000:]
            if select.select([self._ours], [], [], 0.2)[0]:
                said += os.read(self._ours, 1 << 16).decode(errors="replace")
        return said

    def close(self) -> None:
        """End it, whatever has become of the test."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(30)

    def end(self) -> tuple[int, str, str]:
        """Return the exit code, the rest of what was drawn, and what was said."""
        said = ""
        while select.select([self._ours], [], [], 30)[0]:
            try:
                said += os.read(self._ours, 1 << 16).decode(errors="replace")
            except OSError:
                break
        self.child.wait(30)
        os.close(self._ours)
        drawn, _, errors = said.rpartition("\x1b")
        return self.child.returncode, drawn + _, errors.partition("error")[1] + errors.partition("error")[2]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[Path], _Terminal]]:
    """Opens dashboards, and ends those that a test has left."""
    terminals: list[_Terminal] = []

    def opening(root: Path) -> _Terminal:
        terminals.append(_Terminal(root, tmp_path / "home"))
        return terminals[-1]

    yield opening
    for terminal in terminals:
        terminal.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_and_leaves_the_terminal_as_it_was(
    seen: Path, opened: Callable[[Path], _Terminal], number: int, code: int
) -> None:
    terminal = opened(seen)
    terminal.until("failing")
    os.kill(terminal.child.pid, number)
    ended, drawn, errors = terminal.end()
    assert ended == code
    assert "\x1b[?1049l" in drawn, "the other screen is left"
    assert "\x1b[?25h" in drawn, "the cursor is back"
    assert errors == ""


def test_a_terminal_that_goes_away_without_a_signal_ends_it(seen: Path, opened: Callable[[Path], _Terminal]) -> None:
    terminal = opened(seen)
    terminal.until("failing")
    os.close(terminal._ours)
    terminal.child.wait(20)


def test_a_window_that_changes_its_size_is_drawn_anew(seen: Path, opened: Callable[[Path], _Terminal]) -> None:
    terminal = opened(seen)
    terminal.until("TROUBLE")
    terminal.resize(140, 40)
    os.kill(terminal.child.pid, signal.SIGWINCH)
    terminal.until("TABLE")
    terminal.key("3")
    terminal.until("workflow run nightly")
    terminal.key("q")
    assert terminal.end()[0] == 0


def test_an_upgrade_under_it_gives_the_exit_code_of_a_newer_state_file(
    own: Path, opened: Callable[[Path], _Terminal]
) -> None:
    terminal = opened(own)
    terminal.until("failing")
    connection = apsw.Connection(str(own / ".mtctl/state.db"))
    connection.pragma("user_version", connection.pragma("user_version") + 1)
    connection.close()
    terminal.until("newer mtctl")
    terminal.key("q")
    ended, _, errors = terminal.end()
    assert ended == 9
    assert errors.startswith("error[state_newer]:")


def test_a_state_file_of_a_newer_program_is_told_before_the_screen_is_taken(
    own: Path, opened: Callable[[Path], _Terminal]
) -> None:
    with open_app(own, lambda _: None):
        pass
    connection = apsw.Connection(str(own / ".mtctl/state.db"))
    connection.pragma("user_version", connection.pragma("user_version") + 1)
    connection.close()
    ended, drawn, errors = opened(own).end()
    assert ended == 9
    assert "\x1b[?1049h" not in drawn
    assert errors.startswith("error[state_newer]:")
