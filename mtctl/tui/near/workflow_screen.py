"""Floor 4. One workflow from near: its instances, its tasks as a tree, how long it takes and how often it succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Static, TabbedContent, TabPane

from mtctl.core.listing import Filter
from mtctl.core.words import lasting, moment
from mtctl.core.workflow_graph import tree, what
from mtctl.services.near import STATS_DAYS, TREE
from mtctl.tui.near.runs import Runs
from mtctl.tui.near.tabbed import Tabbed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from textual.app import ComposeResult

    from mtctl.app import App as Project
    from mtctl.core.states import InstanceState, TaskState
    from mtctl.ports.near import RunStats
    from mtctl.services.near import FlowNear
    from mtctl.services.reports.workflows import WorkflowDetail
    from mtctl.tui.drawn.grid import Grid
    from mtctl.tui.drawn.lines import Line, Page

_BARS = "▁▂▃▄▅▆▇█"
_ENDED = frozenset({"success", "failed", "cancelled"})
_GRAVEST = ("failed", "running", "pending", "created", "suspended", "cancelled", "skipped", "success")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read of a workflow: its head, and the tab that is seen."""

    near: FlowNear
    tab: str
    runs: Page | None = None
    states: Mapping[str, Mapping[TaskState, int]] | None = None
    text: str = ""


class WorkflowScreen(Tabbed):
    """One workflow."""

    TABS = ("instances", "tasks", "definition", "fires")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("O", "trigger", "By trigger", id="workflow.trigger"),
    ]
    CSS = """
    WorkflowScreen TabbedContent { height: 1fr; }
    WorkflowScreen Grid { height: 1fr; overflow-x: hidden; }
    WorkflowScreen #triggers { height: 1; color: $text-muted; padding: 0 1; }
    """

    def __init__(self, subject: Line, tab: str = "") -> None:
        """Show the workflow of a line."""
        super().__init__(subject, tab)
        self.runs = Runs(Filter(workflows=(subject.key.lower(),)))
        self._grid = self.runs.new_grid()

    def body(self) -> ComposeResult:
        """Instances first, then the tree of tasks, the definition, the fires."""
        with TabbedContent(id="tabs-workflow", initial=f"pane-{self.tab}"):
            with TabPane("Instances", id="pane-instances"):
                yield Static(self.runs.words(), id="triggers", markup=False)
                yield self._grid
            for name in ("tasks", "definition", "fires"):
                yield from self.text_pane(name)

    def seen(self) -> tuple[tuple[int, int], int]:
        """Return which instances are seen, and when somebody has written last."""
        return self._grid.window(), self.dashboard.mark

    def read(self, project: Project, seen: tuple[tuple[int, int], int]) -> _Found:
        """Read the workflow and what is seen of it."""
        near, tab = project.board.near.workflow(self.subject.key), self.tab
        match tab:
            case "instances":
                return _Found(near=near, tab=tab, runs=self.runs.read(project, self._grid, *seen))
            case "tasks":
                return _Found(near=near, tab=tab, states=project.board.near.newest_states(near.row.workflow_id))
            case "definition":
                from mtctl.services.workflow_text import file_form, toml_text  # noqa: PLC0415 - for this tab only

                return _Found(near=near, tab=tab, text=toml_text(file_form(near.row.definition)))
            case _:
                return _Found(near=near, tab=tab, text=_fires(project.workflows.looks.detail(self.subject.key)))

    def show(self, found: _Found) -> None:
        """Put it in place."""
        self.fill("#head", self._head(found.near))
        if found.tab != self.tab:
            return
        if found.runs is not None:
            self._grid.put(found.runs, fresh=True)
        elif found.states is not None:
            self.show_text("tasks", self._tree(found.near, found.states))
        else:
            self.show_text(found.tab, found.text, "toml" if found.tab == "definition" else "")

    def _head(self, near: FlowNear) -> Text:
        row = near.row
        head = Text.assemble(f"‹ {row.name}  ", self.state(row.state.value), f"  version {row.version}")
        if row.definition.schedule is not None:
            head.append(f"  {row.definition.schedule.text} ({row.definition.zone})")
        if row.next_fire_at is not None and row.state.value == "enabled":
            head.append(f"  next {moment(row.next_fire_at)}")
        counts = {state: number for state, number in row.counts if number}
        head.append(f"\n{health(near.stats, counts)}")
        return head

    def _tree(self, near: FlowNear, states: Mapping[str, Mapping[TaskState, int]]) -> Text:
        """Return the tasks as a tree, each with its state in the newest instance."""
        definition = near.row.definition
        by_name = {task.name: task for task in definition.tasks}
        muted = self.dashboard.colour("muted")
        text = Text("in the newest instance\n" if states else "it has not run yet\n", style=muted)
        for number, branch in enumerate(tree(definition)):
            if number == TREE:
                text.append(f"… {len(definition.tasks) - TREE:,} tasks more: `mtctl workflow graph {near.row.name}`\n")
                break
            text.append(f"{branch.before}{branch.task}  ")
            if branch.is_pointer:
                text.append("↑ see above\n")
                continue
            if branch.task in states:
                text.append_text(self._state_of(states[branch.task])).append("  ")
            text.append(f"{what(by_name[branch.task])}\n", style=muted)
        return text

    def _state_of(self, states: Mapping[TaskState, int]) -> Text:
        """Return the gravest state of a task's batches, with how many of them are in it where it has several."""
        gravest = min(states, key=lambda state: _GRAVEST.index(state.value))
        text, total = self.state(gravest.value), sum(states.values())
        return text.append(f" {states[gravest]} of {total}") if total > 1 else text

    async def on_grid_wanted(self, event: Grid.Wanted) -> None:
        """Read the instances that scrolling came to."""
        event.stop()
        window, mark = (event.offset, event.limit), self.dashboard.mark
        page = await self.asked(lambda project: self.runs.read(project, event.grid, window, mark))
        if page is not None:
            event.grid.put(page, fresh=False)

    async def on_grid_sorted(self, event: Grid.Sorted) -> None:
        """Read in the new order."""
        event.stop()
        self._grid.cursor = 0
        await self.reload()

    async def action_trigger(self) -> None:
        """Show all instances, or those that one kind of trigger asked for."""
        self.runs.next_trigger()
        self.fill("#triggers", self.runs.words())
        self._grid.cursor = 0
        await self.reload()


def health(stats: RunStats, states: Collection[InstanceState] = ()) -> str:
    """Return how the newest instances went: their durations drawn, the median, how many succeeded.

    `states` are those of all instances there are: where none has ended lately, one may be open.
    """
    if not stats.ended and any(state not in _ENDED for state in states):
        return "running now" if any(state in _ENDED for state in states) else "runs for the first time"
    if not stats.ended:
        return f"has not run in {STATS_DAYS} days"
    most = max(stats.recent) or 1.0
    bars = "".join(_BARS[min(7, int(one / most * 7.99))] for one in stats.recent)
    share = f"{stats.succeeded * 100 / stats.ended:.1f}".removesuffix(".0")
    return (
        f"{bars}  p50 {lasting(stats.p50)}  p95 {lasting(stats.p95)}  "
        f"{share} % of {stats.ended:,} succeeded in {STATS_DAYS} days"
    )


def _fires(detail: WorkflowDetail) -> str:
    lines = ["next"] + [f"  {fire.local}" for fire in detail.fires] if detail.fires else ["it fires when told only"]
    lines += [
        f"skipped {moment(one.first_fire_at)} to {moment(one.last_fire_at)}: {one.reason}" for one in detail.skipped
    ]
    lines += ["", "variables of the next fire"] if detail.variables or detail.variables_error else []
    lines += [f"  {name} = {value}" for name, value in detail.variables]
    lines += [f"  {detail.variables_error}"] if detail.variables_error else []
    lines += ["", "versions", *(f"  {number}  {moment(at)}" for number, at in reversed(detail.versions[-20:]))]
    return "\n".join(lines)
