from __future__ import annotations

from typing import TYPE_CHECKING

from tui.tui_kit import drive, text_of
from tui.verb_kit import ask, choose, confirm, fill, go_to, page_of, show_list, states, submit, until

from mtctl.core.errors import MtctlError
from mtctl.tui.asked.menu import Menu
from mtctl.tui.asked.questions import Question
from mtctl.tui.verbs import verb_named, verbs_for

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.services.reports.details import TableDetail
    from mtctl.tui.app import Dashboard

LATE = """[[tasks]]
name = "one"
command = ["echo", "one"]

[variables]
region = { value = "eu" }
"""


def test_refresh_queues_an_instance_and_says_its_command(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "months")
        await pilot.press("r")
        await until(pilot, lambda: states(own).get("refresh months") == "pending")
        await until(pilot, lambda: "queued as instance" in text_of(dashboard))
        assert dashboard.command == "mtctl refresh months --detach"

    drive(own, story)


def test_a_refresh_takes_its_options_from_the_form(own: Path) -> None:
    def newest() -> tuple[str, tuple[str, ...]]:
        def look(app: object) -> tuple[str, tuple[str, ...]]:
            row = app.instances(limit=1, state=None, table=None)[0]  # type: ignore[attr-defined]
            return row.title, tuple(sorted({task.name for task in app.instance(row.ulid).tasks}))  # type: ignore[attr-defined]

        return ask(own, look)

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "daily")
        await choose(dashboard, pilot, "refresh")
        command = await submit(dashboard, pilot, interval="2013-01-02 2013-01-03", force="yes", downstream="yes")
        assert command == (
            "mtctl refresh daily --interval 2013-01-02 --interval 2013-01-03 --force --downstream --detach"
        )
        await until(pilot, lambda: newest()[1] == ("daily", "months"))

    drive(own, story)


def test_marked_lines_are_asked_about_with_their_number_and_no_is_no(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("space", "space", "space")
        await until(pilot, lambda: "3 marked" in text_of(dashboard))
        await pilot.press("F")
        await until(pilot, lambda: isinstance(dashboard.screen, Question))
        await pilot.pause()
        assert "3 × table" in text_of(dashboard)
        assert "$ mtctl refresh bad daily months --full --detach" in text_of(dashboard)
        await pilot.press("enter")  # the button with the focus is No
        await until(pilot, lambda: not isinstance(dashboard.screen, Question))
        assert "pending" not in states(own).values()
        await pilot.press("F")
        await confirm(dashboard, pilot)
        await until(pilot, lambda: "pending" in states(own).values())

    drive(own, story)


def test_tables_are_created_edited_renamed_scheduled_dropped_and_brought_back(own: Path) -> None:
    def table(name: str) -> TableDetail | None:
        try:
            return ask(own, lambda app: app.show(name))
        except MtctlError:
            return None

    def schedule(name: str) -> str | None:
        found = table(name)
        return found.status.schedule if found is not None else None

    def fires(name: str) -> str:
        return ask(own, lambda app: app.workflows.looks.detail(name).row.state.value)

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("c")
        await submit(dashboard, pilot, statement="CREATE MATERIALIZED TABLE top AS SELECT 1 AS x")
        await until(pilot, lambda: table("top") is not None)

        await go_to(dashboard, pilot, "top")
        await pilot.press("M")
        form = await fill(dashboard, pilot)
        text = form.given.text("statement")
        assert text.startswith("CREATE OR ALTER MATERIALIZED TABLE top")
        assert form.command.startswith("mtctl table create -f - <<'END'\nCREATE OR ALTER")
        await submit(dashboard, pilot, statement=text.replace("1 AS x", "2 AS x"))
        await until(pilot, lambda: "2 AS x" in table("top").query)  # type: ignore[union-attr]

        await choose(dashboard, pilot, "rename")
        assert await submit(dashboard, pilot, new="best") == "mtctl table rename top best"
        await until(pilot, lambda: table("best") is not None)

        await go_to(dashboard, pilot, "best")
        await choose(dashboard, pilot, "set the schedule")
        await submit(dashboard, pilot, cron="0 3 * * *")
        await until(pilot, lambda: schedule("best") == "0 3 * * *")
        await pilot.press("D")
        assert "1 × table (best)" in await confirm(dashboard, pilot)
        await until(pilot, lambda: fires("best") == "disabled")
        await pilot.press("E")
        await until(pilot, lambda: fires("best") == "enabled")
        await choose(dashboard, pilot, "take the schedule")
        await submit(dashboard, pilot)
        await until(pilot, lambda: schedule("best") is None)

        await pilot.press("X")
        assert "no other table reads them" in await confirm(dashboard, pilot)
        await until(pilot, lambda: table("best") is None)
        await until(pilot, lambda: all(line.key != "best" for line in dashboard.grid._lines.values()))
        await pilot.press("U")
        assert await submit(dashboard, pilot, **{"as": "again"}) == "mtctl table undrop best --as again"
        await until(pilot, lambda: table("again") is not None)

    drive(own, story)


def test_what_others_read_is_dropped_only_with_them_and_what_a_file_says_is_edited_there(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "daily")
        await pilot.press("X")
        await until(pilot, lambda: isinstance(dashboard.screen, Question))
        await pilot.pause()
        assert "1 other table reads them (months)" in " ".join(text_of(dashboard).replace("│", " ").split())
        await pilot.press("y")
        await until(pilot, lambda: "error[table_in_use]" in text_of(dashboard))
        await pilot.press("M")
        await until(pilot, lambda: "error[table_from_file]" in text_of(dashboard))
        await until(pilot, lambda: "tables/daily.sql" in text_of(dashboard))

    drive(seen, story)


def test_what_is_asked_about_a_table_is_shown_as_pages(seen: Path) -> None:
    pages = {
        "preview": ("First rows of daily", "n", "2013-01-02"),
        "verify": ("Verified daily", "all as recorded"),
        "validate_table": ("Checked daily", "valid, as it is in force"),
        "history": ("Versions of daily", "refresh", "create"),
        "partitions": ("Intervals of daily", "2013-01-02", "fresh"),
        "diff": ("What became of daily", "from snapshot"),
    }

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "daily")
        for name, shown in pages.items():
            verb = verb_named(name)
            await choose(dashboard, pilot, verb.label)
            if verb.fields:
                await submit(dashboard, pilot)
            text = await page_of(dashboard, pilot)
            for part in shown:
                assert part in text, name
        await choose(dashboard, pilot, verb_named("diff").label)
        await submit(dashboard, pilot, summary="yes")
        assert "CHANGED" in await page_of(dashboard, pilot)

    drive(seen, story)


def test_workflows_are_created_edited_task_by_task_and_deleted(own: Path) -> None:
    def tasks(name: str) -> dict[str, tuple[str, ...]]:
        form = ask(own, lambda app: app.workflows.edits.form_of(name))[0]
        return {task["name"]: tuple(task.get("upstream", ())) for task in form["tasks"]}

    def task(name: str, key: str) -> object:
        form = ask(own, lambda app: app.workflows.edits.form_of("late"))[0]
        return next(one for one in form["tasks"] if one["name"] == name).get(key)

    def names() -> set[str]:
        return {line.row.name for line in ask(own, lambda app: app.workflows.looks.lines())}

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "workflows")
        await pilot.press("c")
        await submit(dashboard, pilot, definition='name = "late"\n' + LATE, disabled="yes")
        await until(pilot, lambda: "late" in names())

        await go_to(dashboard, pilot, "late")
        await pilot.press("M")
        form = await fill(dashboard, pilot)
        text = form.given.text("definition")
        assert "region" in text
        edited = text.replace('name = "one"', 'name = "first"')
        await submit(dashboard, pilot, definition=edited, reason="another name")
        await until(pilot, lambda: set(tasks("late")) == {"first"})

        await choose(dashboard, pilot, "add a task")
        command = await submit(dashboard, pilot, name="second", command="echo 'a b'", retries="2")
        assert command == "mtctl workflow add-task late second --command 'echo '\"'\"'a b'\"'\"'' --retries 2"
        await until(pilot, lambda: "second" in tasks("late"))
        await choose(dashboard, pilot, "let one task wait")
        await submit(dashboard, pilot, first="first", then="second")
        await until(pilot, lambda: tasks("late")["second"] == ("first",))
        await choose(dashboard, pilot, "change a task")
        await submit(dashboard, pilot, task="second", timeout="10m")
        await until(pilot, lambda: task("second", "timeout") is not None)
        await choose(dashboard, pilot, "remove a task")
        await submit(dashboard, pilot, task="second")
        await until(pilot, lambda: set(tasks("late")) == {"first"})

        await choose(dashboard, pilot, "run now")
        command = await submit(dashboard, pilot, param="region=us", key="k1", priority="-3")
        assert command == "mtctl workflow run late --param region=us --key k1 --priority=-3 --detach"
        await until(pilot, lambda: "pending" in states(own).values())

        await pilot.press("X")
        await until(pilot, lambda: isinstance(dashboard.screen, Question))
        await pilot.press("o")
        assert await submit(dashboard, pilot, cancel="yes") == "mtctl workflow delete late --cancel --yes"
        await until(pilot, lambda: "late" not in names())

    drive(own, story)


def test_workflows_run_and_are_switched_off_and_on(own: Path) -> None:
    def state(name: str) -> str:
        return ask(own, lambda app: app.workflows.looks.detail(name).row.state.value)

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "workflows")
        await go_to(dashboard, pilot, "months")
        await pilot.press("D")
        await confirm(dashboard, pilot)
        await until(pilot, lambda: state("months") == "disabled")
        await choose(dashboard, pilot, "enable")
        assert await submit(dashboard, pilot, catchup="none") == "mtctl workflow enable months --catchup none"
        await until(pilot, lambda: state("months") == "enabled")
        await go_to(dashboard, pilot, "nightly")
        await pilot.press("r")
        await until(pilot, lambda: "pending" in states(own).values())
        await pilot.press("M")  # it stands in a file
        await until(pilot, lambda: "error[workflow_from_file]" in text_of(dashboard))

    drive(own, story)


def test_what_is_asked_about_a_workflow_is_shown_as_pages(seen: Path) -> None:
    pages = {
        "validate_workflow": ("Checked nightly", "nightly: valid"),
        "workflow_history": ("What came of the fires of nightly", "failed"),
        "graph": ("Tasks of nightly", "after"),
    }

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "workflows")
        await go_to(dashboard, pilot, "nightly")
        for name, shown in pages.items():
            verb = verb_named(name)
            await choose(dashboard, pilot, verb.label)
            if verb.fields:
                await submit(dashboard, pilot)
            text = await page_of(dashboard, pilot)
            for part in shown:
                assert part in text, name

    drive(seen, story, read_only=True)


def test_trouble_with_one_of_several_is_told_with_what_became_of_the_others(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "queues")
        ask(own, _second_queue)
        await go_to(dashboard, pilot, "second")
        await pilot.press("g", "space", "space", "X")
        assert "2 × queue" in await confirm(dashboard, pilot)
        await until(pilot, lambda: "second is deleted" in text_of(dashboard))
        assert "default: queue default cannot be deleted" in " ".join(text_of(dashboard).split())

    drive(own, story)


def _second_queue(app: object) -> None:
    from mtctl.services.queues import QueueArgs

    app.operator.queues.create("second", QueueArgs(slots=1))  # type: ignore[attr-defined]


def test_who_may_only_look_finds_no_verb_that_changes_anything(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "months")
        await pilot.press("r", "F", "c", "M", "X", "U", "P", "V", "E", "D")
        await pilot.pause(0.2)
        assert dashboard.screen is dashboard.screen_stack[0]
        assert "Refresh" not in text_of(dashboard).splitlines()[-1]
        assert "read-only" in text_of(dashboard)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(dashboard.screen, Menu))
        menu = dashboard.screen
        assert isinstance(menu, Menu)
        assert {verb.name for verb, _ in menu._choices} == {verb.name for verb in verbs_for("table") if verb.looks}

    drive(own, story, read_only=True)
    assert "refresh months" not in states(own)


def test_the_command_is_copied(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "bad")
        await pilot.press("y")
        await until(pilot, lambda: dashboard.clipboard == "mtctl refresh bad --detach")

    drive(seen, story)
