"""Floor 4. Output to read: it follows what comes, wraps or scrolls sideways, and finds words.

Only the lines that are seen are drawn. The keys mean something here only: `f` follow, `w` wrap, `/` search, `n` and
`N` the next match and the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input, Static

from mtctl.tui.near.log_text import LogText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from mtctl.tui.near.log_text import Piece


class LogView(ScrollView, can_focus=True):
    """The lines; `subject` says whose they are."""

    DEFAULT_CSS = """
    LogView { background: $surface; color: $text; height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", id="log.follow"),
        Binding("w", "wrap", "Wrap", id="log.wrap"),
        Binding("slash", "search", "Search", id="log.search"),
        Binding("n", "match(1)", "Next match", show=False, id="log.next"),
        Binding("N", "match(-1)", "Match before", show=False, id="log.previous"),
        Binding("j", "scroll_down", "Down", show=False, id="log.down"),
        Binding("k", "scroll_up", "Up", show=False, id="log.up"),
        Binding("g", "scroll_home", "First line", show=False, id="log.first"),
        Binding("G", "scroll_end", "Last line", show=False, id="log.last"),
    ]

    class Searched(Message):
        """Somebody wants to search."""

    class Changed(Message):
        """What is to be said of it is different."""

    def __init__(self) -> None:
        """Begin empty, following."""
        super().__init__()
        self.text = LogText()
        self.subject = ""
        self.following = True
        self.wrapping = True
        self.term = ""
        self.match: int | None = None
        self._rows: list[tuple[int, str]] = []

    @property
    def matches(self) -> list[int]:
        """The numbers of the lines in which the searched word stands."""
        term = self.term.casefold()
        return [at for at, line in enumerate(self.text.lines) if term in line.casefold()] if term else []

    def clear(self, subject: str) -> None:
        """Begin anew, with the output of something else."""
        self.subject, self.text, self.match = subject, LogText(), None
        self._lay()

    def take(self, pieces: Sequence[Piece]) -> None:
        """Add what has come."""
        news = [self.text.take(piece) for piece in pieces]
        if any(news):
            self._lay()

    def put(self, lines: Sequence[str]) -> None:
        """Show these lines instead."""
        if self.text.lines != list(lines):
            self.text = LogText()
            self.text.lines = list(lines)
            self._lay()

    def find(self, term: str) -> None:
        """Search a word and go to its last place."""
        self.term, self.match = term, None
        self.action_match(-1)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        width, base = self.size.width, self.rich_style
        at = int(self.scroll_offset.y) + y
        if at >= len(self._rows):
            return Strip.blank(width, base)
        line, text = self._rows[at]
        style = base + Style(bold=True) if line in self.text.headings else base
        if line == self.match:
            style += Style(bold=True, underline=True)
        left = int(self.scroll_offset.x)
        strip = Strip(self._segments(text, style))
        return strip.crop_extend(left, left + width, base)

    def _segments(self, text: str, style: Style) -> list[Segment]:
        """Return a row in pieces: what is searched stands out."""
        term = self.term.casefold()
        folded = text.casefold()
        if not term or len(folded) != len(text):
            return [Segment(text, style)]
        segments, at = [], 0
        while (found := folded.find(term, at)) >= 0:
            segments.append(Segment(text[at:found], style))
            segments.append(Segment(text[found : found + len(term)], style + Style(reverse=True)))
            at = found + len(term)
        return [*segments, Segment(text[at:], style)]

    def _lay(self) -> None:
        """Break the lines into rows."""
        width = max(20, self.size.width)
        self._rows = []
        for at, line in enumerate(self.text.lines):
            if not self.wrapping or (line.isascii() and len(line) <= width) or cell_len(line) <= width:
                self._rows.append((at, line))
            else:
                self._rows += [(at, part) for part in chop_cells(line, width)]
        longest = width if self.wrapping else max((cell_len(line) for line in self.text.lines), default=width)
        self.virtual_size = Size(longest, len(self._rows))
        if self.following:
            self.scroll_end(animate=False, force=True)
        self.refresh()
        self.post_message(self.Changed())

    def on_resize(self) -> None:
        """Break the lines anew."""
        self._lay()

    def action_follow(self) -> None:
        """Follow what comes, or stay."""
        self.following = not self.following
        if self.following:
            self.scroll_end(animate=False, force=True)
        self.post_message(self.Changed())

    def action_wrap(self) -> None:
        """Wrap long lines, or scroll sideways."""
        self.wrapping = not self.wrapping
        self.scroll_to(x=0, animate=False)
        self._lay()

    def action_search(self) -> None:
        """Ask for a word."""
        self.post_message(self.Searched())

    def action_match(self, step: int) -> None:
        """Go to the next line with the word, or to the one before; round at the ends. Following ends."""
        found = self.matches
        if found:
            here = self.match
            if here is None:
                self.match = found[-1] if step < 0 else found[0]
            elif step > 0:
                self.match = next((at for at in found if at > here), found[0])
            else:
                self.match = next((at for at in reversed(found) if at < here), found[-1])
            self.following = False
            row = next(at for at, (line, _) in enumerate(self._rows) if line == self.match)
            self.scroll_to(y=max(0, row - self.size.height // 2), animate=False, force=True)
            self.refresh()
        self.post_message(self.Changed())


class SearchField(Input):
    """The field for a word; escape leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False, id="log.search_leave")]

    class Left(Message):
        """Somebody does not want to search after all."""

    def action_leave(self) -> None:
        """Leave it."""
        self.post_message(self.Left())


class LogPane(Vertical):
    """The lines, what is said of them, and the field for the search."""

    DEFAULT_CSS = """
    LogPane { height: 1fr; }
    LogPane .log-said { height: 1; color: $text-muted; padding: 0 1; }
    LogPane SearchField { display: none; height: 1; border: none; background: $boost; padding: 0 1; }
    LogPane SearchField.shown { display: block; }
    """

    def __init__(self) -> None:
        """Begin empty; `view` holds the lines."""
        super().__init__()
        self.view = LogView()
        self._said = Static(classes="log-said", markup=False)

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield self._said
        yield self.view
        yield SearchField(placeholder="search", compact=True)

    def on_mount(self) -> None:
        """Say how it stands."""
        self._say()

    def on_log_view_changed(self, event: LogView.Changed) -> None:
        """Say how it stands now."""
        event.stop()
        self._say()

    def on_log_view_searched(self, event: LogView.Searched) -> None:
        """Open the field."""
        event.stop()
        field = self.query_one(SearchField)
        field.add_class("shown")
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Wait for the whole word."""
        event.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Search."""
        event.stop()
        self.view.find(event.value)
        self._close()

    def on_search_field_left(self, event: SearchField.Left) -> None:
        """Search nothing any more."""
        event.stop()
        self.query_one(SearchField).value = ""
        self.view.find("")
        self._close()

    def _close(self) -> None:
        self.query_one(SearchField).remove_class("shown")
        self.view.focus()

    def _say(self) -> None:
        view = self.view
        parts = ["following" if view.following else "not following", "wrapped" if view.wrapping else "not wrapped"]
        if view.term:
            found = view.matches
            place = f"{found.index(view.match) + 1} of {len(found)}" if view.match in found else f"{len(found)} matches"
            parts.append(f"/{view.term}  {place}")
        keys = "f follow  w wrap  / search  n N matches"
        self._said.update(f"{'  '.join(parts)}    {keys}")
