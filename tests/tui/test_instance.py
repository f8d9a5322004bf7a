from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from textual.widgets import TabbedContent
from tui.tui_kit import Counter, drive, keys_of, text_of, until

from mtctl.app import open_app
from mtctl.services.reports.workflows import RunArgs
from mtctl.tui.drawn.grid import Grid
from mtctl.tui.drawn.lines import Line
from mtctl.tui.near.instance_screen import InstanceScreen
from mtctl.tui.near.log_text import LONGEST, MOST_LINES, LogText, Piece
from mtctl.tui.near.log_view import LogPane
from mtctl.tui.near.results import ResultPane

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.tui.app import Dashboard

TASKS = 10_000


def _line(ulid: str, **facts: object) -> Line:
    return Line(kind="instance", key=ulid, cells=(), facts=facts)


def _ulid(root: Path, title: str) -> str:
    with open_app(root, lambda _: None) as app:
        return next(row.ulid for row in app.instances(limit=50, state=None, table=None) if title in row.title)


async def _open(dashboard: Dashboard, pilot: Pilot[None], screen: InstanceScreen) -> InstanceScreen:
    dashboard.push_screen(screen)
    await until(pilot, lambda: screen._began)
    return screen


async def _tab(dashboard: Dashboard, pilot: Pilot[None], name: str, words: str) -> None:
    dashboard.screen.query_one(TabbedContent).active = f"pane-{name}"
    await until(pilot, lambda: words in text_of(dashboard))


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
def test_an_instance_shows_a_time_line_and_all_that_is_known_in_tabs(seen: Path, size: tuple[int, int]) -> None:
    ulid = _ulid(seen, "nightly")

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _open(dashboard, pilot, InstanceScreen(_line(ulid)))
        shown = text_of(dashboard)
        assert "✘ failed" in shown
        assert "█" in shown, "an attempt"
        assert re.search(r"TOOK +0s", shown), "the scale"
        await until(pilot, lambda: "hello from the night" in text_of(dashboard))
        await pilot.press("j")
        await until(pilot, lambda: "error[command_exit]" in text_of(dashboard))
        for name, words in (
            ("sql", "false"),
            ("plan", "tries       1 of 1"),
            ("params", "trigger       manual"),
            ("attempts", "after #1"),
            ("events", "instance_created"),
            ("why", "exit code 1"),
        ):
            await _tab(dashboard, pilot, name, words)

    drive(seen, story, size=size)


def test_a_refresh_shows_its_statement_its_plan_and_the_rows_that_it_wrote(seen: Path) -> None:
    ulid = _ulid(seen, "refresh daily")

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _open(dashboard, pilot, InstanceScreen(_line(ulid), tab="sql"))
        await until(pilot, lambda: "CREATE MATERIALIZED TABLE daily" in text_of(dashboard))
        await _tab(dashboard, pilot, "plan", "batch       2013-01-01..2013-01-04: 4 intervals")
        assert "published snapshot 2" in text_of(dashboard)
        await pilot.press("right_square_bracket")
        pane = dashboard.screen.query_one(ResultPane)
        await until(pilot, lambda: pane.told is not None)
        assert "4 rows in" in pane.said
        assert "as of snapshot 2" in pane.said
        assert dashboard.command.endswith("--limit 200 --at 2")
        assert "WHERE" in dashboard.command, "the rows of its intervals"

    drive(seen, story)


def test_an_error_of_a_refresh_is_there_with_all_its_words(own: Path) -> None:
    words = " ".join(f"word{number}" for number in range(60))
    with open_app(own, lambda _: None) as app, app._store.write() as tx:
        tx.session.connection.execute("UPDATE attempt SET error = ? WHERE error IS NOT NULL", (words,))  # type: ignore[attr-defined]
    ulid = _ulid(own, "refresh bad")

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _open(dashboard, pilot, InstanceScreen(_line(ulid), tab="why"))
        await until(pilot, lambda: "word59" in text_of(dashboard))
        await pilot.press("L")
        await until(
            pilot, lambda: "a refresh writes no output" in text_of(dashboard) and "word59" in text_of(dashboard)
        )

    drive(own, story)


def test_keys_open_the_log_and_the_statement_of_an_instance_from_its_list(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await dashboard.show_list("instances")
        await until(pilot, lambda: dashboard.grid.total == 3)
        for key, tab in (("S", "sql"), ("L", "logs")):
            await pilot.press("g", key)
            await until(pilot, lambda: isinstance(dashboard.screen, InstanceScreen))
            screen = dashboard.screen
            assert isinstance(screen, InstanceScreen)
            await until(pilot, lambda wanted=tab, screen=screen: screen._began and screen.tab == wanted)  # type: ignore[misc]
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(dashboard.screen, InstanceScreen))

    drive(seen, story)


# --- the log ----------------------------------------------------------------------------------------------------


SLOW = """
[[tasks]]
name = "talk"
command = "for i in 1 2 3; do echo line $i; done; while [ ! -e go ]; do sleep 0.05; done; echo the end"
shell = true
"""


def test_the_log_of_a_running_command_is_followed(own: Path) -> None:
    import threading

    go = own / "go"
    (own / "workflows/slow.toml").write_text(SLOW, encoding="utf-8")
    with open_app(own, lambda _: None) as app:
        app.apply(app.plan(prune=False, rebuild=()))

    def run() -> None:
        with open_app(own, lambda _: None) as app:
            app.workflows.runs.run("slow", RunArgs(), lambda _: None, actor="tester")

    runner = threading.Thread(target=run)
    runner.start()

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        found: list[str] = []

        async def running() -> bool:
            rows = await dashboard.desk.reads.do(lambda app: app.instances(limit=1, state="running", table=None))
            found[:] = [row.ulid for row in rows]
            return bool(found)

        while not await running():
            await pilot.pause(0.05)
        screen = await _open(dashboard, pilot, InstanceScreen(_line(found[0])))
        await until(pilot, lambda: "line 3" in text_of(dashboard))
        assert "▶ running" in text_of(dashboard)
        go.touch()
        await until(pilot, lambda: "the end" in text_of(dashboard))
        assert text_of(dashboard).count("line 2") == 1, "what is there is not read again"
        await until(pilot, lambda: "✔ success" in text_of(dashboard))
        assert screen.query_one(LogPane).view.following

    try:
        drive(own, story)
    finally:
        go.touch()
        runner.join()


def test_a_word_is_found_in_the_log_and_keys_mean_the_log_there(seen: Path) -> None:
    ulid = _ulid(seen, "nightly")

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        screen = await _open(dashboard, pilot, InstanceScreen(_line(ulid), tab="logs"))
        view = screen.query_one(LogPane).view
        await until(pilot, lambda: view.has_focus and len(view.text.lines) > 1)
        view.put([f"line {number} {'needle' if number % 50 == 7 else 'hay'}" for number in range(500)])
        await pilot.press("slash", *"NEEDLE", "enter")
        await until(pilot, lambda: "10 of 10" in text_of(dashboard))
        assert "line 457 needle" in text_of(dashboard)
        assert not view.following, "whoever reads does not want to be moved away"
        await pilot.press("n")
        await until(pilot, lambda: "1 of 10" in text_of(dashboard) and "line 7 needle" in text_of(dashboard))
        await pilot.press("N", "N")
        await until(pilot, lambda: "9 of 10" in text_of(dashboard))
        await pilot.press("f")
        await until(pilot, lambda: "line 499" in text_of(dashboard))
        await pilot.press("slash", "escape")
        await until(pilot, lambda: "of 10" not in text_of(dashboard))
        assert isinstance(dashboard.screen, InstanceScreen), "escape left the search only"
        view.put(["x" * 300])
        await pilot.press("w")
        await until(pilot, lambda: "not wrapped" in text_of(dashboard))
        assert view.virtual_size.width == 300

    drive(seen, story)


def _piece(data: bytes, begin: int = 0, attempt: str = "a") -> Piece:
    return Piece(attempt=attempt, title=attempt, begin=begin, end=begin + len(data), data=data)


def test_a_log_grows_by_parts_that_follow_each_other() -> None:
    text = LogText()
    whole = "eins\nzwei äöü\ndrei".encode()
    assert text.take(_piece(whole[:12]))
    assert not text.take(_piece(b"elsewhere", begin=3)), "it does not follow"
    assert text.take(_piece(whole[12:], begin=12))
    assert text.lines == ["--- a", "eins", "zwei äöü", "drei"], "a letter cut in two is whole again"
    assert text.take(_piece(b"!\n", begin=len(whole)))
    assert text.lines[-1] == "drei!"
    assert text.take(_piece(b"next\n", attempt="b"))
    assert text.lines[-2:] == ["--- b", "next"]
    assert text.headings == {0, 5 - 1}


def test_a_log_is_safe_to_show_and_never_longer_than_so_much() -> None:
    short = LogText()
    short.take(_piece(b"a long beginning\n"))
    assert short.take(_piece(b"whole\n")), "put in order at its end, it is read anew"
    assert short.lines[-1] == "whole"
    text = LogText()
    text.take(_piece(b"\x1b[31mred\x1b[0m \x1b]0;title\x07\nold 10%\rnew 20%\nx\ty\r\n"))
    assert text.lines[1] == r"red \x1b]0;title\x07"
    assert text.lines[2:] == ["new 20%", "x   y"]
    many = LogText()
    many.take(_piece(b"".join(b"line %d\n" % number for number in range(MOST_LINES + 500))))
    assert len(many.lines) == MOST_LINES
    assert many.lines[-1] == f"line {MOST_LINES + 499}"
    assert many.headings == set()
    long = LogText()
    long.take(_piece(b"y" * (LONGEST * 2 + 10) + b"\n"))
    assert [len(line) for line in long.lines[1:]] == [LONGEST, LONGEST, 10]


# --- very many tasks --------------------------------------------------------------------------------------------


@pytest.fixture
def crowded(own: Path) -> tuple[Path, str]:
    """A project with an instance of ten thousand tasks, some of which failed, with their attempts and events."""
    ulid = _ulid(own, "nightly")
    with open_app(own, lambda _: None) as app, app._store.write() as tx:
        run = tx.session.connection.execute  # type: ignore[attr-defined]
        [(instance_id, begin)] = run(
            "SELECT instance_id, created_at FROM workflow_instance WHERE ulid = ?", (ulid,)
        ).fetchall()
        [(holder,)] = run("SELECT max(holder_id) FROM holder").fetchall()
        run(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO task_instance (instance_id, name, kind, state, queue, ready_at, started_at, ended_at) "
            "SELECT ?, printf('task_%05d', i), 'command', iif(i % 1000 = 0, 'failed', 'success'), 'default', ?, "
            "?, ? FROM n",
            (TASKS, instance_id, begin, begin, begin + 1000),
        )
        run(
            "INSERT INTO attempt (ulid, task_id, number, holder_id, lease_until, boot_id, started_at, ended_at, "
            "outcome) SELECT printf('%026d', task_id), task_id, 1, ?, 0, '', started_at, ended_at, state "
            "FROM task_instance WHERE instance_id = ? AND name LIKE 'task%'",
            (holder, instance_id),
        )
        run(
            "INSERT INTO event (at, kind, instance_id, task_id) SELECT ready_at, 'task_state', instance_id, task_id "
            "FROM task_instance WHERE instance_id = ?",
            (instance_id,),
        )
    return own, ulid


def test_an_instance_of_ten_thousand_tasks_opens_with_a_screenful(crowded: tuple[Path, str]) -> None:
    root, ulid = crowded
    counter = Counter()

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await dashboard.desk.reads.do(lambda app: counter.on(app._store._connection))  # type: ignore[attr-defined]
        dashboard.follower.paused = True
        screen = InstanceScreen(_line(ulid))
        counter.rows = counter.statements = 0
        await _open(dashboard, pilot, screen)
        grid = screen.query_one("#grid-tasks", Grid)
        assert grid.total == TASKS + 2
        assert "10,001" not in text_of(dashboard)
        assert "9,991 success" in text_of(dashboard)
        for tab in screen.TABS:
            if tab in {"rows", "why"}:
                continue
            screen.tab = tab
            await pilot.pause(0.3)
            counter.rows = counter.statements = 0
            await screen.reload()
            assert counter.rows <= 200, (tab, counter.rows)
            assert counter.statements <= 5, (tab, counter.statements)
        grid.focus()
        await pilot.press("G")
        await until(pilot, lambda: "task_10000" in text_of(dashboard))
        assert keys_of(grid)[-1].endswith("task_10000")
        await pilot.press("O", "O")
        await until(pilot, lambda: grid.total == TASKS // 1000 + 1)
        assert "only failed" in text_of(dashboard)

    drive(root, story)


def test_the_cursor_stands_on_the_task_that_was_asked_for(crowded: tuple[Path, str]) -> None:
    root, ulid = crowded
    with open_app(root, lambda _: None) as app:
        part = app.board.near.tasks(ulid, (), 7_000, 1)
        wanted = part.tasks[0].row

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        screen = await _open(dashboard, pilot, InstanceScreen(_line(ulid, task_id=wanted.task_id)))
        grid = screen.query_one("#grid-tasks", Grid)
        await until(pilot, lambda: grid.current is not None and grid.current.key == f"{ulid}/{wanted.name}")
        assert wanted.name in text_of(dashboard)

    drive(root, story)


def test_signs_are_plain_where_the_terminal_is(seen: Path) -> None:
    ulid = _ulid(seen, "nightly")

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        screen = await _open(dashboard, pilot, InstanceScreen(_line(ulid)))
        line = next(one for one in text_of(dashboard).splitlines() if "hello" in one)
        assert "#" in line
        assert line.isascii()
        assert screen.query_one("#grid-tasks", Grid).total == 2

    drive(seen, story, plain=True)
