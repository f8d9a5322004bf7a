"""Floor 4. The dashboard: lists by number, a filter, live changes, and the verbs of whatever is under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.widgets import Static

from mtctl.tui.asked.questions import Keys, Question
from mtctl.tui.asked.range_wizard import RangeScreen
from mtctl.tui.bindings import BINDINGS
from mtctl.tui.choosing import choose_columns
from mtctl.tui.commands import ThingCommands, commands_of
from mtctl.tui.exporting import export
from mtctl.tui.keymap import in_force
from mtctl.tui.listed_app import ListedApp, wanted_of
from mtctl.tui.near.details import Detail
from mtctl.tui.nearby import is_near, near
from mtctl.tui.opening import opened
from mtctl.tui.verbs.doing import begin, carry_out, is_offered
from mtctl.tui.verbs.first import first_command
from mtctl.tui.verbs.provider import VerbCommands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from textual.actions import ActionParseResult
    from textual.app import SystemCommand
    from textual.binding import BindingType
    from textual.dom import DOMNode
    from textual.screen import Screen

    from mtctl.app import App as Project
    from mtctl.tui.bars import Options
    from mtctl.tui.drawn.grid import Grid
    from mtctl.tui.drawn.lines import Line
    from mtctl.tui.kept import Start
    from mtctl.tui.verbs import Verb


class Dashboard(ListedApp):
    """One project."""

    TITLE = "mtctl"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = BINDINGS
    COMMANDS = ListedApp.COMMANDS | {VerbCommands, ThingCommands}

    def __init__(
        self,
        open_project: Callable[[], Project],
        options: Options,
        *,
        keys: Mapping[str, str] | None = None,
        start: Start | None = None,
    ) -> None:
        """Show the project that `open_project` opens, once in each thread that needs it.

        `keys` are those of `keymap.keymap`; `start` says how the view was left and who keeps it.
        """
        super().__init__(open_project, options, start)
        self.command = ""
        self._offered: object = None
        if keys:
            self.set_keymap(dict(keys))

    @property
    def chosen(self) -> tuple[Line, ...]:
        """What verbs act on: marked or current lines of what is seen."""
        if isinstance(self.screen, Detail):
            return self.screen.chosen
        return self.grid.chosen if self.screen is self.screen_stack[0] else ()

    # --- what is under the cursor -------------------------------------------------------------------------------

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Say what is wrong with the line, and what comes first to be done as a command."""
        line = event.line
        if not self.is_seen or (line is None and self.grid.total):
            return  # it ends; or the line is being read: the same is offered until it is there
        cause = str(line.facts.get("trouble") or line.facts.get("title") or "") if line is not None else ""
        marked = len(self.grid.marked)
        self.put("#cause", f"{marked} marked" if marked else cause)
        if self.screen is not self.screen_stack[0]:
            return  # something lies above: its own command stands, and this list's is still true
        self._set_command(self._first_command())
        self.offer()

    def offer(self) -> None:
        """Show the keys of what is under the cursor, where that is of another kind than before.

        The footer is built anew for it, which takes longer than all the rest of a key.
        """
        lines = self.chosen
        # A list that is come to has no lines at first, and the footer none of their keys: so its name counts too.
        offered = (id(self.screen), self.grid.name, frozenset(line.kind for line in lines), min(len(lines), 2))
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    def _first_command(self) -> str:
        lines, screen = self.chosen, self.screen
        # The line of a thing that is seen from near tells how it was when that was opened.
        is_current = not (isinstance(screen, Detail) and lines == (screen.subject,))
        return first_command(lines, is_current=is_current, read_only=self.options.read_only)

    def say_command(self) -> None:
        """Show the command of what comes first for what is under the cursor."""
        self._set_command(self._first_command())

    def _set_command(self, command: str) -> None:
        self.command = command
        shown = f"$ {command}" if command else ""
        if isinstance(self.screen, Detail):
            self.screen.query_one("#said", Static).update(shown)
        else:  # a question may lie above the lists
            self.put("#command", shown)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the verbs of the line under the cursor only; none at all where the dashboard may only look."""
        if action == "range":
            return self._began and bool(self.chosen) and self.chosen[0].kind == "table" and not self.options.read_only
        if action == "filter":
            return len(self.screen_stack) == 1
        if action == "near":
            what, line = str(parameters[0]), self.chosen[0] if self.chosen else None
            return self._began and is_near(what, line, read_only=self.options.read_only)
        if action == "instances":
            return self._began and bool(self.chosen) and bool(wanted_of(self.chosen[0]))
        if action != "verb":
            return True
        return self._began and is_offered(self, str(parameters[0]))

    def action_verb(self, name: str) -> None:
        """Do it to the marked lines, or to the one under the cursor; asked first where it takes something away."""
        begin(self, name)

    def action_range(self) -> None:
        """Choose a range of a table to refresh."""
        self.push_screen(RangeScreen(self.chosen[0]))

    def perform(self, verb: Verb, lines: tuple[Line, ...], *, form: bool = False, doubt: str = "") -> None:
        """Ask where that is due, then do it in the acting thread.

        `form` shows the options of the verb first, `doubt` is why it is asked about though it need not be.
        """
        self._set_command(verb.line(lines))
        self.run_worker(self._perform(verb, lines, form=form, doubt=doubt), exclusive=False)

    async def _perform(self, verb: Verb, lines: tuple[Line, ...], *, form: bool, doubt: str) -> None:
        if await carry_out(self, verb, lines, form=form, doubt=doubt):
            self.grid.marked.clear()
            await self.reload()

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """Show a thing from near."""
        found = opened(event.line)
        if found is not None:
            self.push_screen(found)

    def action_near(self, what: str) -> None:
        """Show a part of a thing from near: its lineage, its logs, its SQL; or ask a query."""
        found = near(what, self.chosen[0] if self.chosen else None, read_only=self.options.read_only)
        if found is not None:
            self.push_screen(found)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key is for; say why a query is not asked where the dashboard may only look."""
        done = await super().run_action(action, default_namespace, namespaces)
        if not done and self.options.read_only and action == "near('query')":
            self.notify("a query may read any file: not in a dashboard that is read-only", title="query", markup=False)
        return done

    # --- how it looks -------------------------------------------------------------------------------------------

    async def action_instances(self) -> None:
        """Show the instances of what is under the cursor."""
        if self.chosen:
            await self.show_instances(wanted_of(self.chosen[0]))

    def action_copy(self) -> None:
        """Copy the command line of what was done last, or would be done first."""
        if self.command:
            self.copy_to_clipboard(self.command)
            self.notify(self.command, title="copied", markup=False)

    def action_columns(self) -> None:
        """Choose the columns of a list."""
        choose_columns(self)

    def action_export(self) -> None:
        """Write what is seen to a file."""
        export(self)

    def action_keys(self) -> None:
        """Show all keys that do something here."""
        self.push_screen(Keys(in_force(self, list(self.listings))))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer the lists and how everything looks; verbs come from a provider of their own."""
        _ = screen
        return commands_of(self)

    async def action_quit(self) -> None:
        """Leave; asked first while something that was started from here is still being done."""
        doing = self.desk.acts.doing
        if not doing:
            self.exit()
            return

        def answered(answer: bool | None) -> None:  # noqa: FBT001 - Textual calls it by position
            if answer:
                self.exit()

        what = f"{doing} thing{'s' * (doing > 1)} started here not done yet: leave and interrupt?"
        self.push_screen(Question(what, "mtctl instance list"), answered)

    # --- small parts --------------------------------------------------------------------------------------------

    def _fatal_error(self) -> None:
        """End without a word: Textual would print the values of every variable. Whoever ran this tells the error."""
        self._close_messages_no_wait()

    @property
    def failure(self) -> BaseException | None:
        """What ended the dashboard, None when somebody left it."""
        return self._exception
