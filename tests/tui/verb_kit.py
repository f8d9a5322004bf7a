"""Verbs chosen from the menu, forms filled in, and the store asked what came of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from textual.widgets import Input
from tui.tui_kit import PATIENCE

from mtctl.app import open_app
from mtctl.tui.asked.fields import Plain
from mtctl.tui.asked.forms import Form
from mtctl.tui.asked.menu import Menu
from mtctl.tui.asked.questions import Page, Question

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.pilot import Pilot
    from textual.widgets import TextArea

    from mtctl.app import App
    from mtctl.tui.app import Dashboard

T = TypeVar("T")

LOOK_SECONDS = 0.06
"""How often a test looks: each look may open the project anew."""


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait until something holds; the clock here is that of the event loop."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while not holds():
        assert loop.time() < end, "it never came to be"
        await pilot.pause(LOOK_SECONDS)


def ask(root: Path, question: Callable[[App], T]) -> T:
    """Ask the project of a test, as another process would."""
    with open_app(root, lambda _: None) as app:
        return question(app)


def states(root: Path) -> dict[str, str]:
    """Return the state of the newest instance of each title."""
    rows = ask(root, lambda app: app.instances(limit=50, state=None, table=None))
    return {row.title: row.state.value for row in reversed(rows)}


async def show_list(dashboard: Dashboard, pilot: Pilot[None], name: str) -> None:
    """Go to a list by its number."""
    await pilot.press(str(list(dashboard.listings).index(name) + 1))
    await until(pilot, lambda: dashboard.listing.name == name)


async def go_to(dashboard: Dashboard, pilot: Pilot[None], key: str) -> None:
    """Put the cursor on a line of the list that is seen, once it is there."""

    def place() -> int | None:
        return next((at for at, line in dashboard.grid._lines.items() if line.key == key), None)

    await until(pilot, lambda: place() is not None)
    dashboard.grid.cursor = place() or 0
    await until(pilot, lambda: dashboard.grid.current is not None and dashboard.grid.current.key == key)
    await pilot.pause()


async def choose(dashboard: Dashboard, pilot: Pilot[None], label: str) -> None:
    """Choose a verb from the menu by its label."""
    await pilot.press("a")
    await until(pilot, lambda: isinstance(dashboard.screen, Menu))
    menu = dashboard.screen
    assert isinstance(menu, Menu)
    await until(pilot, lambda: bool(menu.query(Input)))
    menu.query_one(Input).value = label
    await pilot.pause()
    await pilot.press("enter")
    await until(pilot, lambda: dashboard.screen is not menu)


async def form_of(dashboard: Dashboard, pilot: Pilot[None]) -> Form:
    """Return the form once it is there."""
    await until(pilot, lambda: isinstance(dashboard.screen, Form) and dashboard.screen.is_mounted)
    found = dashboard.screen
    assert isinstance(found, Form)
    await pilot.pause()
    return found


async def fill(dashboard: Dashboard, pilot: Pilot[None], **values: str) -> Form:
    """Fill in the form that is seen."""
    form = await form_of(dashboard, pilot)
    for name, value in values.items():
        widget = form.query_one(f"#field-{name.replace('_', '-')}")
        if isinstance(widget, Plain):
            widget.value = value
        elif hasattr(widget, "text"):
            area: TextArea = widget  # type: ignore[assignment]
            area.text = value
        else:
            assert isinstance(widget, Input)
            widget.value = value
    await pilot.pause()
    return form


async def submit(dashboard: Dashboard, pilot: Pilot[None], **values: str) -> str:
    """Fill in the form, do it, and return the command that it showed; it must be gone then."""
    form = await fill(dashboard, pilot, **values)
    command = form.command
    await pilot.press("ctrl+s")
    await until(pilot, lambda: dashboard.screen is not form or "error[" in str(form.query_one("#problem").render()))
    assert dashboard.screen is not form, form.query_one("#problem").render()
    return command


async def confirm(dashboard: Dashboard, pilot: Pilot[None]) -> str:
    """Say yes to the question, and return what it asked."""
    await until(pilot, lambda: isinstance(dashboard.screen, Question) and dashboard.screen.is_mounted)
    question = dashboard.screen
    assert isinstance(question, Question)
    await pilot.pause()
    await pilot.press("y")
    await until(pilot, lambda: dashboard.screen is not question)
    return question._what


async def page_of(dashboard: Dashboard, pilot: Pilot[None]) -> str:
    """Return the text of the page once it has come, and close it."""
    await until(pilot, lambda: isinstance(dashboard.screen, Page) and bool(dashboard.screen.query("#page-text")))
    page = dashboard.screen
    assert isinstance(page, Page)
    await until(pilot, lambda: page._stop is None)
    text = f"{page.query_one('#title').render()}\n{page.query_one('#page-text').render()}"
    await pilot.press("escape")
    await until(pilot, lambda: dashboard.screen is not page)
    return text
