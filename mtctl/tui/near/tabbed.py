"""Floor 4. A detail screen with tabs, of which only the one that is seen is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from mtctl.tui.drawn.code import highlighted
from mtctl.tui.near.details import Detail
from mtctl.tui.near.results import ResultPane
from mtctl.tui.verbs import verbs_for

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from rich.text import Text
    from textual.app import ComposeResult
    from textual.worker import Worker

    from mtctl.tui.drawn.lines import Line


class Tabbed(Detail):
    """One thing with tabs named `TABS`; `tab` is the one that is seen, its pane is `#pane-<name>`."""

    TABS: ClassVar[tuple[str, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "tab(-1)", "Tab before", show=False, id="tab.previous"),
        Binding("right_square_bracket", "tab(1)", "Next tab", show=False, id="tab.next"),
    ]

    def __init__(self, subject: Line, tab: str = "") -> None:
        """Show the thing of a line, at a tab."""
        super().__init__(subject)
        self.tab = tab if tab in self.TABS else self.TABS[0]
        self._texts: dict[str, object] = {}

    async def begin(self) -> None:
        """Read, and let the tab that is seen have the focus: a hidden one that gets it would come up."""
        await self.reload()
        self.open_tab(self.chosen_tab)

    @property
    def chosen_tab(self) -> str:
        """The tab that is up, or will be once it has been told: somebody may choose another during the first read."""
        return self.query_one(TabbedContent).active.removeprefix("pane-") or self.tab

    def text_pane(self, name: str, title: str = "") -> ComposeResult:
        """Lay out a tab of plain text, `#text-<name>`."""
        with TabPane(title or name.capitalize(), id=f"pane-{name}"), VerticalScroll(can_focus=True):
            yield Static(id=f"text-{name}", markup=False)

    def show_text(self, name: str, text: str | Text, language: str = "") -> None:
        """Put text into a tab, as code where it has a language; what is there already is left as it is."""
        shown = (text, language, self.app.theme, self.dashboard.options)
        if self._texts.get(name) == shown:
            return
        self._texts[name] = shown
        if language and isinstance(text, str):
            text = highlighted(text, language, self.dashboard.colour)
        self.fill(f"#text-{name}", text)

    @property
    def chosen(self) -> tuple[Line, ...]:
        """What verbs act on: lines that there are verbs for, else the thing itself."""
        found = super().chosen
        return found if verbs_for(found[0].kind) else (self.subject,)

    def tell(self) -> None:
        """Show the command of the rows where they are seen, else that of the first verb."""
        pane = next(iter(self.query(f"#pane-{self.tab} ResultPane").results(ResultPane)), None)
        within = pane is not None and self.focused is not None and pane in self.focused.ancestors
        if pane is not None and within and pane.command:
            self.say(pane.command)
        else:
            super().tell()

    def on_tabbed_content_tab_activated(self, event: TabbedContent.TabActivated) -> None:
        """Read what is seen now."""
        event.stop()
        name = str(event.pane.id).removeprefix("pane-")
        if name != self.tab:
            self.tab = name
            self.tab_shown()

    def tab_shown(self) -> None:
        """Do what is due when another tab has come up: read it."""
        self.soon(self.reload)

    def soon(self, act: Callable[[], Coroutine[None, None, None]]) -> None:
        """Read something for the tab that is seen; what is read for one that is not seen any more is let go."""
        _: Worker[None] = self.run_worker(act, group="tab", exclusive=True)

    def open_tab(self, name: str) -> None:
        """Bring a tab up and let what is in it have the focus."""
        self.query_one(TabbedContent).active = f"pane-{name}"
        for widget in self.query_one(f"#pane-{name}").query("*"):
            if widget.focusable:
                widget.focus()
                return

    def action_tab(self, step: int) -> None:
        """Bring the tab beside it up."""
        names = self.TABS
        self.open_tab(names[(names.index(self.tab) + step) % len(names)])
