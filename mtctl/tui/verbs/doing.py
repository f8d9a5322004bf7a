"""Floor 4. How a verb is done: what it must ask, where it runs, how its end is told. The dashboard only says which."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.states import InstanceState
from mtctl.core.times import parse_duration
from mtctl.tui.asked.forms import Form
from mtctl.tui.asked.menu import Menu
from mtctl.tui.asked.questions import Page, Question
from mtctl.tui.drawn.grid import Grid
from mtctl.tui.following import PATIENCE_SECONDS
from mtctl.tui.near.details import Detail
from mtctl.tui.verbs import KIND_OF_LIST, MENU, VERBS, offered, reached, verb_named
from mtctl.tui.verbs.verb import Prepared, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.screen import Screen

    from mtctl.app import App
    from mtctl.tui.app import Dashboard
    from mtctl.tui.drawn.lines import Line
    from mtctl.tui.verbs.verb import Given, Verb

S = TypeVar("S", bound="Screen[Any]")

LOOK_SECONDS = 0.5
"""How often somebody looks whether an instance has ended that is waited for."""


def is_offered(dashboard: Dashboard, name: str) -> bool:
    """Return whether a verb (or the menu of verbs) is offered for what is under the cursor."""
    lines, kind = under(dashboard, dashboard.screen)
    verbs = VERBS if name == MENU.name else (verb_named(name),)
    read_only = dashboard.options.read_only
    return any(offered(verb, lines, kind, read_only=read_only) for verb in verbs)


def under(dashboard: Dashboard, screen: Screen[Any]) -> tuple[tuple[Line, ...], str]:
    """Return what verbs act on while a screen is seen, and the kind of its list, empty where it is no list."""
    if isinstance(screen, Detail):
        return screen.chosen, ""
    if screen is not dashboard.screen_stack[0]:
        return (), ""
    return dashboard.grid.chosen, KIND_OF_LIST.get(dashboard.listing.name, "")


def begin(dashboard: Dashboard, name: str) -> None:
    """Do a verb to what is under the cursor, or show all verbs that there are for it."""
    lines, kind = under(dashboard, dashboard.screen)
    if name == MENU.name:
        _show_menu(dashboard, lines, kind)
        return
    verb = verb_named(name)
    if offered(verb, lines, kind, read_only=dashboard.options.read_only):
        dashboard.perform(verb, () if verb.free else reached(verb, lines), doubt=_doubt(dashboard, verb, lines))


async def carry_out(dashboard: Dashboard, verb: Verb, lines: Sequence[Line], *, form: bool, doubt: str = "") -> bool:
    """Ask what is to be asked, do the verb and tell what came of it; return whether it was done.

    Where there is a `doubt` whether these lines are meant, it is asked and told.
    """
    if verb.opens is not None:
        _open(dashboard, verb, lines[0])
        return False
    keys = [line.key for line in lines]
    try:
        prepare = verb.prepare
        ready = Prepared() if prepare is None else await dashboard.desk.reads.do(lambda app: prepare(app, keys))
        given = verb.given(ready)
        what = _what(verb, lines, ready, doubt)
        shows_form = bool(verb.fields) and (form or not verb.quick)
        if not shows_form and (verb.asks or doubt or len(lines) > 1):
            question = Question(what, verb.line(lines, given), more=bool(verb.fields))
            answer = await dashboard.push_screen_wait(_alone(dashboard, question))
            if not answer and not question.wants_options:
                return False
            shows_form = question.wants_options
        if shows_form:
            return await _by_form(dashboard, verb, lines, what, ready)
        do = _query if verb.queries else _act
        _tell(dashboard, await do(dashboard, verb, lines, given), verb.line(lines, given))
    except MtctlError as error:
        text = error.what + (f" – {error.fix}" if error.fix else "")
        dashboard.notify(text, title=f"error[{error.code}]", severity="error", markup=False, timeout=12)
    return True


async def _by_form(dashboard: Dashboard, verb: Verb, lines: Sequence[Line], what: str, ready: Prepared) -> bool:
    command = ""

    async def act(given: Given) -> str | Told:
        nonlocal command
        # Kept here too: while it is done, the line under the cursor says its own command.
        command = dashboard.command = verb.line(lines, given)
        return await _act(dashboard, verb, lines, given)

    form = Form(verb, lines, what, ready, act, dashboard.desk.asks.stop if verb.queries else None)
    outcome = await dashboard.push_screen_wait(_alone(dashboard, form))
    if outcome is None:
        return False
    _tell(dashboard, outcome, command)
    return True


async def _act(dashboard: Dashboard, verb: Verb, lines: Sequence[Line], given: Given) -> str | Told:
    """Do it in the thread that is for it."""
    keys = [line.key for line in lines]
    if verb.waits:
        seconds, state = _waiting(given)
        dashboard.run_worker(_wait(dashboard, keys, seconds, state), exclusive=False)
        return f"you are told when {', '.join(key[-6:] for key in keys)} has come to it"
    act = verb.act
    if act is None:
        raise AssertionError(verb.name)
    if verb.queries:
        return await dashboard.desk.asks.do(lambda app: act(app, keys, given))
    return await _once(dashboard, verb, verb.line(lines, given), lambda app: act(app, keys, given))


async def _once(dashboard: Dashboard, verb: Verb, command: str, act: Callable[[App], str | Told]) -> str | Told:
    """Do it, tell that it takes its time, and do no second one of the same before it has ended."""
    acting, title = dashboard.desk.acting, command.partition("\n")[0]
    if command in acting:
        return "this is being done already: wait for it"
    told = None
    if verb.slow:
        dashboard.notify("this may take a moment", title=title, markup=False)
    else:
        words = "it waits: another process is writing to the state file"
        told = dashboard.set_timer(PATIENCE_SECONDS, lambda: dashboard.notify(words, title=title, markup=False))
    acting.add(command)
    try:
        return await dashboard.desk.acts.do(act)
    finally:
        acting.discard(command)
        if told is not None:
            told.stop()


async def _query(dashboard: Dashboard, verb: Verb, lines: Sequence[Line], given: Given) -> str:
    """Let the engine answer on a page that is there at once; whoever leaves it interrupts the engine."""
    title = f"{verb.label}: {_named(lines)}"
    page = Page(title, "asking; esc interrupts", verb.line(lines, given), dashboard.desk.asks.stop)
    await dashboard.push_screen(_alone(dashboard, page))
    try:
        found = await _act(dashboard, verb, lines, given)
    except MtctlError as error:
        if not page.is_attached:  # who has left knows that it was interrupted
            return "interrupted"
        page.put(f"error[{error.code}]", str(error))
        return ""
    if isinstance(found, Told):
        page.put(found.title, found.text)
    return ""


def _tell(dashboard: Dashboard, outcome: str | Told, command: str) -> None:
    if isinstance(outcome, Told):
        dashboard.push_screen(_alone(dashboard, Page(outcome.title, outcome.text, command)))
    elif outcome:
        dashboard.notify(outcome, title=command.partition("\n")[0], markup=False, timeout=8)


def _open(dashboard: Dashboard, verb: Verb, line: Line) -> None:
    """Show a thing from near, at a part of it where the verb names one."""
    from mtctl.tui.near.instance_screen import InstanceScreen  # noqa: PLC0415 - only here

    dashboard.push_screen(InstanceScreen(line, tab=verb.opens) if verb.opens else InstanceScreen(line))


def _show_menu(dashboard: Dashboard, lines: Sequence[Line], kind: str) -> None:
    read_only = dashboard.options.read_only
    found = [verb for verb in VERBS if offered(verb, lines, kind, read_only=read_only)]
    choices = [(verb, verb.line(() if verb.free else reached(verb, lines))) for verb in found]

    def chosen(verb: Verb | None) -> None:
        if verb is not None:
            dashboard.perform(verb, () if verb.free else reached(verb, lines), form=True)

    title = f"Actions on {_named(lines)}" if lines else "Actions"
    dashboard.push_screen(_alone(dashboard, Menu(title, choices)), chosen)


def _doubt(dashboard: Dashboard, verb: Verb, lines: Sequence[Line]) -> str:
    """Return why one line may not be the one that is meant, empty where it is; what only looks may look at any."""
    if verb.looks or verb.free:
        return ""
    screen = dashboard.screen
    found = screen.focused if isinstance(screen, Detail) else dashboard.grid
    if not isinstance(found, Grid) or not found.chosen:
        return ""
    if found.marked:
        at_cursor = found.current is not None and found.current.key == lines[0].key
        return "" if len(lines) > 1 or at_cursor else "It is marked, and not under the cursor."
    return "It has just come under the cursor: the line before it is gone." if found.has_slid else ""


def _what(verb: Verb, lines: Sequence[Line], ready: Prepared, doubt: str) -> str:
    """Return what is asked: the verb, how many of what, what the project says to it, and the doubt."""
    text = verb.label if verb.free else f"{verb.label}: {len(lines)} × {lines[0].kind} ({_named(lines)})"
    more = "  ".join(part for part in (ready.what, doubt) if part)
    return f"{text}?  {more}".rstrip() if verb.asks or more else text


def _named(lines: Sequence[Line]) -> str:
    return ", ".join(line.key for line in lines[:3]) + (" …" if len(lines) > 3 else "")


def _waiting(given: Given) -> tuple[float | None, InstanceState | None]:
    """Return how long is waited and for which state; usage error `duration`."""
    text, state = given.maybe("timeout"), given.maybe("for")
    seconds = None if text is None else parse_duration(text, field="--timeout", kind=Kind.USAGE, allow_zero=True) / 1e6
    return seconds, InstanceState(state) if state else None


async def _wait(dashboard: Dashboard, keys: list[str], seconds: float | None, state: InstanceState | None) -> None:
    """Look now and then, each time for no longer than a read, until all have ended or the time is over."""
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    while True:
        try:
            found = await dashboard.desk.reads.do(
                lambda app: app.operator.instances.wait(keys, state=state, timeout_seconds=0)
            )
        except MtctlError as error:
            dashboard.notify(error.what, title=f"error[{error.code}]", severity="error", markup=False)
            return
        is_late = end is not None and loop.time() >= end
        if is_late or not any(one.timed_out for one in found):
            break
        await asyncio.sleep(LOOK_SECONDS)
    for one in found:
        is_bad = one.timed_out or not one.reached or one.state == "failed"
        text = f"still {one.state}" if one.timed_out else f"{one.title}: {one.state}"
        title = f"mtctl instance wait {one.instance}"
        dashboard.notify(text, title=title, severity="warning" if is_bad else "information", markup=False, timeout=20)


def _alone(dashboard: Dashboard, screen: S) -> S:
    """Return a screen that nothing told before lies over."""
    dashboard.clear_notifications()
    return screen
