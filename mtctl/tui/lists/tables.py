"""Floor 4. The overview: every table with its last runs, how fresh it is, when it fires next, what troubles it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from mtctl.core.lateness import lag_text
from mtctl.core.listing import Listed
from mtctl.core.words import count, lasting
from mtctl.services.lineage import STRIP
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line
from mtctl.tui.drawn.palette import look_of
from mtctl.tui.lists.ages import age, left
from mtctl.tui.lists.whole import WholeList

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtctl.app import App
    from mtctl.core.model import Instant
    from mtctl.services.lineage import Standing
    from mtctl.tui.lists.whole import Entry

COUNTED = (("pending", "◌"), ("running", "▶"), ("success", "✔"), ("failed", "✘"))
"""The states that are counted in every line, with the signs above their columns."""

_HEADS = (
    ColumnHead(key="table", title="TABLE", width=18),
    ColumnHead(key="state", title="STATE", width=9),
    ColumnHead(key="strip", title="LAST RUNS", width=STRIP, rank=2),
    ColumnHead(key="lag", title="FRESH", width=10, right=True, rank=1),
    ColumnHead(key="cover", title="INTERVALS", width=13, right=True, rank=6),
    ColumnHead(key="seconds", title="TOOK", width=7, right=True, rank=7),
    *(
        ColumnHead(key=state, title=sign, width=width, right=True, rank=rank, filter=f"state:{state}")
        for (state, sign), width, rank in zip(COUNTED, (3, 3, 4, 3), (5, 5, 5, 3), strict=True)
    ),
    ColumnHead(key="next", title="NEXT", width=7, right=True, rank=4),
    ColumnHead(key="trouble", title="TROUBLE", width=0),
)


def _entries(app: App) -> Iterable[Entry]:
    found = app.board.lineage.standings()
    for name in sorted(found.tables):
        yield _entry(found.tables[name], found.at)


def _entry(one: Standing, now: Instant) -> Entry:
    trouble = one.error or one.cause
    counts = counted(one.counts)
    shown = Line(
        kind="table",
        key=one.name,
        cells=(
            Cell(one.name),
            Cell(one.state, state=one.state),
            Cell("", parts=strip_parts(one.strip)),
            freshness(one, now),
            Cell(f"{one.fresh:,}/{one.wanted:,}", "" if one.fresh == one.wanted else "late"),
            Cell(lasting(one.seconds), "muted"),
            *(Cell(count(counts[state]) if counts[state] else "", state) for state, _ in COUNTED),
            Cell(left(one.next_at, now), "muted"),
            Cell(trouble, "failed" if one.error else "late" if trouble else ""),
        ),
        facts={"trouble": _told(one, trouble), "state": one.state, "instances": f"table:{one.name}"},
    )
    text = f"{one.name} {one.state} {one.comment} {trouble}"
    listed = Listed(text=text, state=one.state, tags=one.tags, table=one.name)
    order = {
        "table": one.name,
        "state": one.state,
        "lag": (one.lag.total, now - one.success_at if one.success_at is not None else 0),
        "strip": sum(outcome != "success" for outcome in one.strip),
        "cover": one.fresh / one.wanted if one.wanted else 1.0,
        "seconds": one.seconds,
        "next": one.next_at,
        "trouble": trouble or None,
    }
    return shown, listed, order | counts


def _told(one: Standing, trouble: str) -> str:
    """Return what the line below says: the trouble, and how much of the table is fresh."""
    if not trouble or one.wanted < 2:
        return trouble
    return f"{trouble} – {one.fresh:,} of {one.wanted:,} intervals are fresh"


def freshness(one: Standing, now: Instant) -> Cell:
    """Return how late a table is, or how long ago it was refreshed where it is not late."""
    if one.lag.total > 0:
        return Cell(f"{_short(one.lag.total)} late", "late")
    return Cell(age(one.success_at, now), "muted")


def counted(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers of the four columns; what waits for another task waits, too."""
    found = {state: counts.get(state, 0) for state, _ in COUNTED}
    return found | {"pending": found["pending"] + counts.get("created", 0)}


def strip_parts(outcomes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return outcomes as signs in their colours, oldest first; a dot is enough for what went well."""
    parts = []
    for outcome, group in groupby(outcomes):
        look = look_of(outcome)
        sign = "•" if outcome == "success" else look.glyph
        parts.append((sign * sum(1 for _ in group), look.tone))
    return tuple(parts)


def _short(lag: int) -> str:
    """Return a lag in its greatest unit from a day on: minutes of days help nobody."""
    text = lag_text(lag)
    return f"{text.partition('d')[0]}d" if "d" in text else text


def tables() -> WholeList:
    """Return the list."""
    return WholeList("tables", _HEADS, _entries)
