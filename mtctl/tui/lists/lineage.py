"""Floor 4. Lineage and freshness: every table below what it reads, how late it is, whose fault that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.lateness import lag_text
from mtctl.core.listing import Filter, Listed
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line, Page
from mtctl.tui.lists.ages import age
from mtctl.tui.lists.tables import freshness
from mtctl.tui.lists.whole import WholeList

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtctl.app import App
    from mtctl.core.model import Instant
    from mtctl.services.lineage import SourceLeaf, Standing, Standings
    from mtctl.tui.drawn.lines import Asked
    from mtctl.tui.lists.whole import Entry

HEADS = (
    ColumnHead(key="table", title="TABLE", width=0),
    ColumnHead(key="state", title="STATE", width=9),
    ColumnHead(key="lag", title="FRESH", width=12, right=True),
    ColumnHead(key="own", title="OWN LAG", width=8, right=True, rank=2),
    ColumnHead(key="inherited", title="INHERITED", width=9, right=True, rank=3),
    ColumnHead(key="cause", title="CAUSE", width=26, rank=1),
    ColumnHead(key="reads", title="READS", width=36, rank=4),
)

_NONE: Mapping[str, SourceLeaf] = {}


def _entries(app: App) -> Iterable[Entry]:
    found = app.board.lineage.standings()
    path = path_text(found.worst, found)
    for place, one in enumerate(found.tables.values()):
        told = f"{one.cause}\n{path}" if one.cause and path else one.cause or path
        shown = Line(
            kind="table",
            key=one.name,
            cells=cells(one, one.stem, found.at, worst=one.name in found.worst),
            facts={"trouble": told, "state": one.state, "instances": f"table:{one.name}"},
        )
        text = f"{one.name} {one.state} {one.comment} {one.cause}"
        listed = Listed(text=text, state=one.state, tags=one.tags, table=one.name)
        order = {
            "table": place,
            "state": one.state,
            "lag": (one.lag.total, found.at - one.success_at if one.success_at is not None else 0),
            "own": one.lag.own,
            "inherited": one.lag.inherited,
            "cause": one.cause or None,
            "reads": ", ".join(one.upstream) or None,
        }
        yield shown, listed, order


def cells(one: Standing, stem: str, now: Instant, *, worst: bool) -> tuple[Cell, ...]:
    """Return the cells of a table's line; one on the worst path stands out."""
    return (
        Cell(stem + one.name, parts=((stem, "muted"), (one.name, "late" if worst else ""))),
        Cell(one.state, state=one.state),
        freshness(one, now),
        Cell(lag_text(one.lag.own), "failed" if one.lag.own else ""),
        Cell(lag_text(one.lag.inherited), "muted"),
        Cell(one.cause, "failed" if one.cause.startswith("own failure") else ""),
        Cell(", ".join(one.upstream), "muted"),
    )


def path_text(path: Sequence[str], found: Standings, sources: Mapping[str, SourceLeaf] = _NONE) -> str:
    """Return the worst path in words, each step with its lag, or how long ago it was refreshed; empty for none."""
    if not path:
        return ""
    return "worst path: " + " → ".join(_step(name, found, sources) for name in path)


def _step(name: str, found: Standings, sources: Mapping[str, SourceLeaf]) -> str:
    one, leaf = found.tables.get(name), sources.get(name)
    if one is None:
        return f"{leaf.text} {_brief(leaf.changed_at, found.at)}".rstrip() if leaf is not None else name
    if one.lag.total:
        return f"{name} {lag_text(one.lag.total)} late"
    return f"{name} {_brief(one.success_at, found.at)}".rstrip()


def _brief(instant: Instant | None, now: Instant) -> str:
    return age(instant, now).removesuffix(" ago")


class LineageList(WholeList):
    """The tables as a tree; in any other order, or narrowed, there is none and the names stand alone."""

    def page(self, app: App, asked: Asked, mark: int) -> Page:
        """Read a part of the list."""
        page = super().page(app, asked, mark)
        if asked.order in {"", "table"} and not asked.descending and asked.wanted == Filter():
            return page
        lines = tuple(_bare(line) for line in page.lines)
        return Page(total=page.total, offset=page.offset, lines=lines)


def _bare(line: Line) -> Line:
    first = line.cells[0]
    cell = Cell(line.key, parts=first.parts[1:])
    return Line(kind=line.kind, key=line.key, cells=(cell, *line.cells[1:]), facts=line.facts)


def lineage() -> LineageList:
    """Return the list."""
    return LineageList("lineage", HEADS, _entries)
