"""Floor 4. The lineage of one table: what it reads above it down to the sources, what reads it below, who is late."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Static

from mtctl.core.lineage import Way
from mtctl.core.words import many
from mtctl.tui.drawn.grid import Grid
from mtctl.tui.drawn.lines import Cell, Line, Page
from mtctl.tui.lists.ages import age
from mtctl.tui.lists.lineage import HEADS, cells, path_text
from mtctl.tui.near.details import Detail

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from mtctl.app import App as Project
    from mtctl.core.lineage import Twig
    from mtctl.services.lineage import Surroundings

_NAMED = 4
_HEADS = tuple(head for head in HEADS if head.key != "reads")


class LineageScreen(Detail):
    """What one table hangs together with. `u` and `d` go to what the line under the cursor reads or is read by."""

    CSS = """
    LineageScreen Grid { height: 1fr; }
    LineageScreen #cause { height: 1; padding: 0 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "along(-1)", "Up", id="lineage.up"),
        Binding("d", "along(1)", "Down", id="lineage.down"),
    ]

    def __init__(self, subject: Line) -> None:
        """Show the surroundings of a table's line."""
        super().__init__(subject)
        self._found: Surroundings | None = None

    def body(self) -> ComposeResult:
        """One list: the graph; below it what troubles the line under the cursor."""
        yield self.new_grid(_HEADS, "lineage-of")
        yield Static(id="cause", markup=False)

    @property
    def _grid(self) -> Grid:
        return self.query_one("#grid-lineage-of", Grid)

    async def on_mount(self) -> None:
        """Read, and stand on the table itself."""
        await super().on_mount()
        self._grid.focus()
        self._stand_on(self.subject.key)

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Say what troubles the line."""
        super().on_grid_moved(event)
        self.fill("#cause", str(event.line.facts.get("trouble", "")) if event.line is not None else "")

    def read(self, project: Project, seen: object) -> Surroundings:
        """Read all that hangs together with the table."""
        _ = seen
        return project.board.lineage.around(self.subject.key, project.project)

    def show(self, found: Surroundings) -> None:
        """Put it in place."""
        self._found = found
        one = found.standings.tables[found.subject]
        reads, readers = _numbers(found)
        head = Text.assemble(f"‹ lineage of {one.name}  ", self.state(one.state))
        head.append(f"  {many(reads, 'table')} above, {many(readers, 'table')} below")
        path = path_text(found.worst, found.standings, found.sources)
        head.append(f"\n{path or 'nothing here is late'}")
        self.fill("#head", head)
        lines = tuple(_line(twig, found) for twig in found.twigs)
        grid = self._grid
        grid.put(Page(total=len(lines), offset=0, lines=lines), fresh=True)

    def action_along(self, step: int) -> None:
        """Go to what the table under the cursor reads (-1), or what reads it (1): the latest of them."""
        here, found = self._grid.current, self._found
        if here is None or found is None:
            return
        near = found.edges.get(here.key, ()) if step < 0 else found.readers(here.key)
        tables = found.standings.tables
        late = sorted(near, key=lambda name: -tables[name].lag.total if name in tables else 1)
        next((name for name in late if self._stand_on(name)), None)

    def _stand_on(self, key: str) -> bool:
        if self._found is None:
            return False
        place = next((at for at, twig in enumerate(self._found.twigs) if twig.name == key), None)
        if place is not None:
            self._grid.cursor = place
        return place is not None


def _line(twig: Twig, found: Surroundings) -> Line:
    if twig.again:
        return _reference(twig)
    if twig.name in found.sources:
        return _source(twig, found)
    one = found.standings.tables[twig.name]
    shown = list(cells(one, twig.stem, found.standings.at, worst=twig.name in found.worst)[: len(_HEADS)])
    if twig.way is Way.HERE:
        shown[0] = Cell(f"[{one.name}]", parts=(("[", "running"), shown[0].parts[1], ("]", "running")))
    facts = {"trouble": one.error or one.cause, "state": one.state, "instances": f"table:{one.name}"}
    return Line(kind="table", key=one.name, cells=tuple(shown), facts=facts)


def _source(twig: Twig, found: Surroundings) -> Line:
    leaf = found.sources[twig.name]
    what = many(leaf.files, "file") if leaf.files else "never read"
    name = "late" if twig.name in found.worst else ""
    changed = age(leaf.changed_at, found.standings.at)
    shown = (
        Cell(twig.stem + leaf.text, parts=((twig.stem, "muted"), (leaf.text, name))),
        Cell("source", "muted"),
        Cell(changed, "muted"),
        Cell(""),
        Cell(""),
        Cell(f"{what}, changed {changed}" if changed else what, "muted"),
    )
    return Line(kind="source", key=twig.name, cells=shown)


def _reference(twig: Twig) -> Line:
    """Return the line that names what is drawn elsewhere."""
    names = ", ".join(one.removeprefix("source ") for one in twig.again[:_NAMED])
    more = f" and {len(twig.again) - _NAMED} more" if len(twig.again) > _NAMED else ""
    where = "↓ see below" if twig.way is Way.ABOVE else "↑ see above"
    text = f"{names}{more} {where}"
    shown = (Cell(twig.stem + text, parts=((twig.stem, "muted"), (text, "muted"))), *(Cell("") for _ in _HEADS[1:]))
    return Line(kind="reference", key=f"again {twig.stem} {names} {twig.way}", cells=shown)


def _numbers(found: Surroundings) -> tuple[int, int]:
    """Return how many tables stand above and below."""
    tables = [twig.way for twig in found.twigs if twig.name in found.standings.tables]
    return tables.count(Way.ABOVE), tables.count(Way.BELOW)
