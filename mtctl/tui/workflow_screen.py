"""Floor 4. One workflow from near: its plan tree, its instances, how long they take and how often they succeed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from mtctl.core.listing import parse_filter
from mtctl.core.words import lasting, moment
from mtctl.tui.details import Detail
from mtctl.tui.lines import Asked
from mtctl.tui.lists.instances import InstanceList

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from mtctl.app import App as Project
    from mtctl.ports.work import InstanceRow
    from mtctl.services.reports.workflows import WorkflowDetail
    from mtctl.tui.lines import Page

_RUNS = 100
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read of a workflow."""

    detail: WorkflowDetail
    graph: str
    runs: Page


class WorkflowScreen(Detail):
    """One workflow."""

    CSS = """
    WorkflowScreen TabbedContent { height: 1fr; }
    WorkflowScreen Grid { height: 1fr; }
    """

    def body(self) -> ComposeResult:
        """Instances first, then the plan tree and the definition."""
        with TabbedContent(id="tabs-workflow"):
            with TabPane("Instances", id="pane-instances"):
                yield self.new_grid(InstanceList().heads, "runs")
            for name in ("tasks", "definition", "fires"):
                with TabPane(name.capitalize(), id=f"pane-{name}"), VerticalScroll(can_focus=True):
                    yield Static(id=f"text-{name}", markup=False)

    async def on_mount(self) -> None:
        """Read, and let the instances have the focus."""
        await super().on_mount()
        self.query_one("#grid-runs").focus()

    def read(self, project: Project, mark: int) -> _Found:
        """Read the workflow, its plan tree and its newest instances."""
        name = self.subject.key
        asked = Asked(wanted=parse_filter(f"workflow:{name}"), order="id", descending=True, offset=0, limit=_RUNS)
        return _Found(
            detail=project.workflows.looks.detail(name),
            graph=project.workflows.looks.graph(name, "text"),
            runs=InstanceList().page(project, asked, mark),
        )

    def show(self, found: _Found) -> None:
        """Put it in place."""
        row = found.detail.row
        facts = f"  version {row.version}  {_health(found.detail)}"
        head = Text.assemble(f"‹ {row.name}  ", self.state(row.state.value), facts)
        if row.next_fire_at is not None and row.state.value == "enabled":
            head.append(f"  next {moment(row.next_fire_at)}")
        self.fill("#head", head)
        self.query_one("#grid-runs").put(found.runs, fresh=True)  # type: ignore[attr-defined]
        self.fill("#text-tasks", found.graph)
        self.fill("#text-definition", found.detail.text)
        fires = [f"{fire.local}" for fire in found.detail.fires]
        skipped = [
            f"skipped {moment(one.first_fire_at)} to {moment(one.last_fire_at)}: {one.reason}"
            for one in found.detail.skipped
        ]
        self.fill("#text-fires", "\n".join([*fires, *skipped]) or "it fires when told only")


def _health(detail: WorkflowDetail) -> str:
    """Return how the newest instances went: their durations drawn, the median, how many succeeded."""
    ended = [row for row in reversed(detail.instances) if row.ended_at is not None and row.started_at is not None]
    if not ended:
        return "has not run yet"
    times = [_seconds(row) for row in ended]
    most = max(times) or 1.0
    bars = "".join(_BARS[min(7, int(one / most * 7.99))] for one in times[-20:])
    good = sum(1 for row in ended if row.state.value == "success")
    median = sorted(times)[len(times) // 2]
    return f"{bars}  half take under {lasting(median)}  {good * 100 // len(ended)} % of {len(ended)} succeeded"


def _seconds(row: InstanceRow) -> float:
    return ((row.ended_at or 0) - (row.started_at or 0)) / 1e6
