"""Floor 4. One table from near: the calendar of its intervals, its definition, its neighbours, its runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from mtctl.core.listing import parse_filter
from mtctl.core.words import count, moment, size
from mtctl.tui.calendar import drawn, troubles
from mtctl.tui.details import Detail
from mtctl.tui.lines import Asked
from mtctl.tui.lists.instances import InstanceList

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from mtctl.app import App as Project
    from mtctl.services.board import CalendarCell
    from mtctl.services.reports.details import TableDetail
    from mtctl.tui.lines import Page

_RUNS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read of a table."""

    detail: TableDetail
    cells: tuple[CalendarCell, ...]
    runs: Page
    neighbours: tuple[tuple[str, str, str], ...]


class TableScreen(Detail):
    """One table."""

    CSS = """
    TableScreen TabbedContent { height: 1fr; }
    TableScreen Grid { height: 1fr; }
    """

    def body(self) -> ComposeResult:
        """Everything in tabs."""
        with TabbedContent(id="tabs-table"):
            for name in ("calendar", "definition", "lineage"):
                with TabPane(name.capitalize(), id=f"pane-{name}"), VerticalScroll(can_focus=True):
                    yield Static(id=f"text-{name}", markup=False)
            with TabPane("Runs", id="pane-runs"):
                yield self.new_grid(InstanceList().heads, "runs")

    def read(self, project: Project, mark: int) -> _Found:
        """Read the table, its intervals, its neighbours and its newest runs."""
        detail = project.show(self.subject.key)
        wanted = parse_filter(f"table:{detail.status.table}")
        asked = Asked(wanted=wanted, order="id", descending=True, offset=0, limit=_RUNS)
        near = project.status([*detail.upstream, *detail.downstream]).tables if _has_neighbours(detail) else ()
        return _Found(
            detail=detail,
            cells=project.board.calendar(detail.status.table),
            runs=InstanceList().page(project, asked, mark),
            neighbours=tuple((one.table, one.health.value, one.why or one.missing) for one in near),
        )

    def show(self, found: _Found) -> None:
        """Put it in place."""
        status = found.detail.status
        state = "running" if status.running else status.health.value
        parts = [
            f"{status.fresh:,} of {status.wanted:,} fresh",
            f"{count(status.rows)} rows, {size(status.bytes)}, {status.files} files",
            f"refreshed {moment(status.last_success_at)}" if status.last_success_at else "never refreshed",
            status.schedule or "",
        ]
        head = Text.assemble(f"‹ {status.table}  ", self.state(state), "  " + "  ".join(part for part in parts if part))
        if status.last_error and state == "failing":
            head.append(f"\n{status.last_error.splitlines()[0]}")
        self.fill("#head", head)
        self.fill("#text-calendar", drawn(found.cells, self).append_text(troubles(found.cells, self)))
        columns = "\n".join(
            f"  {column.name}  {column.type}{'  – ' + column.note if column.note else ''}"
            for column in found.detail.columns
        )
        self.fill("#text-definition", f"{found.detail.ddl.strip()}\n\ncolumns\n{columns}")
        self.fill("#text-lineage", self._lineage(found))
        self.query_one("#grid-runs").put(found.runs, fresh=True)  # type: ignore[attr-defined]

    def _lineage(self, found: _Found) -> Text:
        health = {name: (state, why) for name, state, why in found.neighbours}
        text = Text()
        for title, names in (("reads", found.detail.upstream), ("is read by", found.detail.downstream)):
            text.append(f"{title}\n", style="bold")
            for name in names:
                state, why = health.get(name, ("", ""))
                text.append(f"  {name}  ").append_text(self.state(state) if state else Text("")).append(f"  {why}\n")
            if not names:
                text.append("  no table\n")
        if found.detail.sources:
            text.append("sources\n", style="bold")
            text.append("".join(f"  {source}\n" for source in found.detail.sources))
        return text


def _has_neighbours(detail: TableDetail) -> bool:
    return bool(detail.upstream or detail.downstream)
