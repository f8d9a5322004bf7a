from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.containers import Vertical
from textual.widgets import Input, TextArea
from tui.tui_kit import drive, text_of
from tui.verb_kit import ask, choose, fill, form_of, go_to, page_of, show_list, submit, until

from mtctl.tui.asked.fields import Choice, Ticked
from mtctl.tui.asked.menu import Menu
from mtctl.tui.asked.questions import Page, Question
from mtctl.tui.verbs import VERBS, verb_named
from mtctl.tui.verbs.provider import VerbCommands

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.tui.app import Dashboard
    from mtctl.tui.asked.forms import Form


def _problem(form: Form) -> str:
    return str(form.query_one("#problem").render())


def test_what_is_refused_is_said_and_what_was_typed_stays(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "workflows")
        await pilot.press("c")
        form = await fill(dashboard, pilot, definition="tasks = [", disabled="yes")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "error[toml_syntax]" in _problem(form))
        assert dashboard.screen is form
        assert form.given.values == {"definition": "tasks = [", "disabled": "yes"}
        await fill(dashboard, pilot, definition='name = "nightly"\n[[tasks]]\ncommand = ["true"]\nname = "x"')
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "error[workflow_exists]" in _problem(form))
        await fill(dashboard, pilot, definition="")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "error[value_missing]" in _problem(form))
        await pilot.press("escape")
        await pilot.pause()
        assert dashboard.screen is form, "what was typed is not lost by one key"
        await pilot.press("escape")
        await until(pilot, lambda: dashboard.screen is not form)

    drive(seen, story)


def test_the_command_follows_what_is_typed_and_letters_are_no_verbs(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "daily")
        await choose(dashboard, pilot, "refresh")
        form = await form_of(dashboard, pilot)
        assert isinstance(form.focused, Input)
        await pilot.press("down", *"xXr2013", "enter", *"2014")
        await pilot.pause()
        assert dashboard.screen is form
        assert form.command == "mtctl refresh daily --from xXr2013 --to 2014 --detach"
        assert f"$ {form.command}" in text_of(dashboard)
        await pilot.press("enter", "enter")
        assert isinstance(form.focused, Ticked)
        await pilot.press("space")
        await pilot.pause()
        assert "--force" in form.command
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "error[" in _problem(form))
        assert form.query_one("#field-from", Input).value == "xXr2013"

    drive(seen, story)


def test_one_end_of_a_range_and_two_ways_at_once_are_refused(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "daily")
        await choose(dashboard, pilot, "refresh")
        form = await fill(dashboard, pilot, **{"from": "2013-01-01"})
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "error[range_half]" in _problem(form))
        await fill(dashboard, pilot, to="2013-01-02", full="yes")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "--from and --full exclude each other" in _problem(form))
        await fill(dashboard, pilot, full="", batch="0")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "error[number]" in _problem(form))
        await fill(dashboard, pilot, batch="", partition="x")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "--from and --partition exclude each other" in _problem(form))

    drive(seen, story)


def test_a_choice_is_changed_by_arrows_letters_and_clicks(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "workflows")
        await go_to(dashboard, pilot, "months")
        await choose(dashboard, pilot, "enable")
        form = await form_of(dashboard, pilot)
        field = form.query_one("#field-catchup", Choice)
        assert form.focused is field
        assert "< (as it is) >" in text_of(dashboard)
        found = []
        for key in ("right", "right", "left", "n", "space", "a"):
            await pilot.press(key)
            found.append(field.value)
        assert found == ["all", "latest", "all", "none", "", "all"]
        await pilot.click(field)
        assert field.value == "latest"
        await pilot.pause()
        assert form.command == "mtctl workflow enable months --catchup latest"

    drive(seen, story)


def test_a_verb_that_asks_offers_its_options(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await show_list(dashboard, pilot, "workflows")
        await go_to(dashboard, pilot, "months")
        await pilot.press("D")
        await until(pilot, lambda: isinstance(dashboard.screen, Question))
        await pilot.pause()
        await pilot.press("o")
        form = await fill(dashboard, pilot, reason="source is down")
        assert form.command == "mtctl workflow disable months --reason 'source is down'"
        assert "1 × workflow (months)?" in text_of(dashboard)
        assert form.has_class("asks")
        await pilot.click("#leave")
        await until(pilot, lambda: dashboard.screen is not form)

    drive(seen, story)


def test_an_empty_list_still_lets_create(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        for name, verb in (
            ("tables", "create_table"),
            ("workflows", "create_workflow"),
            ("queues", "create_queue"),
        ):
            await show_list(dashboard, pilot, name)
            await pilot.press("slash", *"zzz", "enter")
            await until(pilot, lambda: dashboard.grid.total == 0)
            await pilot.press("c")
            form = await form_of(dashboard, pilot)
            assert form._verb is verb_named(verb)
            await pilot.press("escape")
            await until(pilot, lambda found=form: dashboard.screen is not found)  # type: ignore[misc]
            await pilot.press("escape")

    drive(seen, story)


def test_the_menu_narrows_to_what_is_typed_and_shows_commands(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "daily")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(dashboard.screen, Menu))
        await pilot.pause()
        assert "$ mtctl refresh daily --detach" in text_of(dashboard)
        assert "P  First rows of its query …" in text_of(dashboard)
        await pilot.press(*"table", "space", *"undrop")
        await until(pilot, lambda: "$ mtctl table undrop NAME" in text_of(dashboard))
        await pilot.press(*"zz")
        await until(pilot, lambda: "no such action" in text_of(dashboard))
        await pilot.press("enter", "escape")
        await until(pilot, lambda: not isinstance(dashboard.screen, Menu))

    drive(seen, story)


def test_the_palette_offers_the_verbs_of_the_line(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "daily")
        provider = VerbCommands(dashboard.screen)
        found = {str(hit.match_display): hit async for hit in provider.search("preview")}
        assert "mtctl table preview daily" in {hit.help.partition(" --")[0] for hit in found.values() if hit.help}
        assert len([hit async for hit in provider.discover()]) > 15
        hit = next(hit for hit in found.values() if hit.help and "preview" in hit.help)
        hit.command()
        await fill(dashboard, pilot, limit="2")
        await submit(dashboard, pilot)
        text = await page_of(dashboard, pilot)
        assert text.count("2013-01-") == 2

    drive(seen, story)


def test_a_quick_question_to_the_engine_is_there_at_once_and_can_be_left(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "daily")
        await pilot.press("P")
        await until(pilot, lambda: isinstance(dashboard.screen, Page))
        await pilot.press("escape")
        await until(pilot, lambda: dashboard.screen is dashboard.screen_stack[0])
        await pilot.press("P")
        assert "First rows of daily" in await page_of(dashboard, pilot)

    drive(seen, story)


def test_a_definition_that_changed_meanwhile_is_not_written_over(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        def edited(text: str) -> None:
            tasks = [{"name": text, "command": ["true"]}]
            form = {"name": "mine", "tasks": tasks}

            def act(app: object) -> None:
                edits = app.workflows.edits  # type: ignore[attr-defined]
                if text == "one":
                    edits.create(form, label="test", actor="tester")
                else:
                    edits.edit("mine", form, label="test", actor="tester")

            ask(own, act)

        edited("one")
        await show_list(dashboard, pilot, "workflows")
        await go_to(dashboard, pilot, "mine")
        await pilot.press("M")
        form = await form_of(dashboard, pilot)
        edited("two")
        await fill(dashboard, pilot, definition='[[tasks]]\nname = "three"\ncommand = ["true"]')
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "error[workflow_changed]" in _problem(form))
        tasks = ask(own, lambda app: app.workflows.edits.form_of("mine"))[0]["tasks"]
        assert [task["name"] for task in tasks] == ["two"]

    drive(own, story)


@pytest.mark.parametrize("plain", [False, True])
def test_forms_fit_every_terminal_and_keep_to_plain_characters(seen: Path, *, plain: bool) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await go_to(dashboard, pilot, "daily")
        for size in ((60, 20), (80, 24), (200, 60)):
            await pilot.resize_terminal(*size)
            for name in ("refresh", "create_table", "schedule_set"):
                verb = verb_named(name)
                dashboard.perform(verb, () if verb.free else dashboard.chosen, form=True)
                form = await form_of(dashboard, pilot)
                await until(pilot, lambda: "Do it" in text_of(dashboard))
                left, top, width, height = form.query_one(Vertical).region
                shown = [line[left : left + width] for line in text_of(dashboard).splitlines()[top : top + height]]
                assert len(shown) <= size[1]
                assert any("$ mtctl" in line for line in shown)
                assert any("Leave" in line for line in shown)
                assert not plain or "".join(shown).isascii(), shown
                await pilot.press("escape")
                await until(pilot, lambda found=form: dashboard.screen is not found)  # type: ignore[misc]

    drive(seen, story, plain=plain)


def test_a_long_text_has_the_focus_and_every_label_reads_as_one(seen: Path) -> None:
    for verb in VERBS:
        for field in verb.fields:
            assert field.label[0].isupper() or field.label.startswith("and "), field.label
            assert len(field.label) <= 22, "it is cut in a terminal of 60 columns"

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        dashboard.perform(verb_named("create_table"), (), form=True)
        form = await form_of(dashboard, pilot)
        area = form.query_one(TextArea)
        assert form.focused is area
        await pilot.press(*"xyz")
        assert area.text.startswith("xyz")

    drive(seen, story)
