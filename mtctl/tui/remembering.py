"""Floor 4. The view of a dashboard: filters and hidden columns of its lists, put back at the start and kept at the end.

What somebody chose by an option or in the configuration is not kept: it would win over a later change of either.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError
from mtctl.core.listing import Filter, parse_filter
from mtctl.tui.drawn.grid import Grid
from mtctl.tui.kept import Kept, ListView, Start

if TYPE_CHECKING:
    from textual.timer import Timer

    from mtctl.tui.listed_app import ListedApp

_REST_SECONDS = 1.0


class Memory:
    """What a dashboard remembers of itself; without a keeper, until it ends."""

    def __init__(self, dashboard: ListedApp, start: Start | None) -> None:
        """Begin with what was kept."""
        self._dashboard = dashboard
        start = start or Start()
        self._keeper = start.keeper
        self._kept = start.kept
        self._notice = start.notice
        self._began = dashboard.options
        self._began_theme = dashboard.options.theme or dashboard.theme
        self._texts: dict[str, str] = {}
        self._resting: Timer | None = None
        self._unsaved: Kept | None = None
        for name, view in self._kept.lists.items():
            if name in dashboard.listings:
                self.narrow(name, view.filter)

    def say(self) -> None:
        """Say what is wrong with the kept view, if anything is."""
        if self._notice:
            self._dashboard.notify(self._notice, severity="warning", markup=False)

    def restored(self, grid: Grid) -> Grid:
        """Return a list sorted as it was left, without the columns that were hidden."""
        view = self._kept.lists.get(str(grid.name))
        if view is not None:
            keys = {head.key for head in grid.heads}
            if view.order in {head.key for head in grid.heads if head.sortable}:
                grid.set_reactive(Grid.order, view.order)
                grid.set_reactive(Grid.descending, view.descending)
            grid.pen.hidden = frozenset(view.hidden) & keys
        return grid

    def text(self, name: str) -> str:
        """Return the filter of a list as it was typed."""
        return self._texts.get(name, "")

    def narrow(self, name: str, text: str) -> bool:
        """Set the filter of a list; return whether that changes what it shows. One that is none changes nothing."""
        try:
            wanted = parse_filter(text)
        except MtctlError:
            return False
        self._texts[name] = text
        before = self._dashboard.follower.wanted.get(name, Filter())
        self._dashboard.follower.wanted[name] = wanted
        self.changed()
        return wanted != before

    def changed(self) -> None:
        """Keep the view once the changes rest."""
        if self._keeper is None or not self._dashboard.is_seen:
            return
        self._unsaved = self._now()  # at the end there are no lists any more that could be asked
        if self._resting is not None:
            self._resting.stop()
        self._resting = self._dashboard.set_timer(_REST_SECONDS, self._save)

    def close(self) -> None:
        """Keep the view now."""
        if self._keeper is not None and self._unsaved is not None:
            self._keeper.save(self._unsaved)

    async def _save(self) -> None:
        kept, self._unsaved = self._unsaved, None
        if self._keeper is None or kept is None:
            return
        trouble = await asyncio.to_thread(self._keeper.save, kept)
        if trouble:
            self._keeper = None  # said once
            self._dashboard.notify(trouble, severity="warning", markup=False)

    def _now(self) -> Kept:
        """Return the view as it is; what nobody chose here stays as it was kept."""
        dashboard, began, kept = self._dashboard, self._began, self._kept
        options = dashboard.options
        return Kept(
            first=dashboard.listing.name,
            dense=options.dense,
            local=options.local if options.local != began.local else kept.local,
            theme=dashboard.theme if dashboard.theme != self._began_theme else kept.theme,
            palette=options.palette.value if options.palette != began.palette else kept.palette,
            lists={name: self._view(name) for name in dashboard.listings},
        )

    def _view(self, name: str) -> ListView:
        grid = self._dashboard.screen_stack[0].query_one(f"#grid-{name}", Grid)
        return ListView(
            order=grid.order,
            descending=grid.descending,
            filter=self.text(name),
            hidden=tuple(sorted(grid.pen.hidden)),
        )
