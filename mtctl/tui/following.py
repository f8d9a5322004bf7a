"""Floor 4. Following the store: looking whether somebody has written, reading what is seen, saying what is wrong.

A look costs less than a tenth of a millisecond, a redraw one window of lines and the numbers at the top. Nothing is
read on the event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError
from mtctl.core.listing import Filter
from mtctl.tui.bars import Standing
from mtctl.tui.drawn.lines import Asked
from mtctl.tui.lists.whole import WholeList

if TYPE_CHECKING:
    from mtctl.app import App as Project
    from mtctl.tui.drawn.grid import Grid
    from mtctl.tui.drawn.lines import Line, Page
    from mtctl.tui.listed_app import ListedApp

POLL_SECONDS = 0.25
"""How often somebody looks whether the store has changed: less than a tenth of a millisecond of work."""

PATIENCE_SECONDS = 2.0
"""How long a look may take before somebody is told that it waits."""

AWAY_SECONDS = 2.0
"""How often while nobody looks at the terminal."""

HEALTH_SECONDS = 5.0
"""How often the healths of tables are counted while another list is seen: they are read from all of them."""

BEAT_SECONDS = 15.0
"""How often what is seen is read anew while nobody writes: ages and what is due go on."""

_CHUNK = 1000
_BEATS = 1 << 20


class Follower:
    """Keeps a dashboard true to its store."""

    def __init__(self, dashboard: ListedApp) -> None:
        """Begin with nothing read."""
        self.mark = 0
        self.paused = False
        self.away = False
        self.lasting: MtctlError | None = None
        self.wanted: dict[str, Filter] = {}
        self._dashboard = dashboard
        self._written = 0
        self._beat = 0
        self._read_at = float("-inf")
        self._skipped = 0
        self._looking = False
        self._looking_since = 0.0
        self._said = ""
        self._healths: dict[str, int] = {}
        self._counted_at = float("-inf")

    async def look(self) -> None:
        """Read anew what is seen when somebody has written, and now and then without that."""
        self._skipped += 1
        now = asyncio.get_running_loop().time()
        if self._looking and now - self._looking_since > PATIENCE_SECONDS:
            self._dashboard.say_top("! the state file is locked by another process: waiting for it")
        if self._looking or self.paused or (self.away and self._skipped * POLL_SECONDS < AWAY_SECONDS):
            return
        self._skipped = 0
        self._looking, self._looking_since = True, now
        try:
            mark = await self._dashboard.desk.mark()
            waited = asyncio.get_running_loop().time() - now > PATIENCE_SECONDS
            troubled, self._said, self.lasting = self._said, "", None
            due = not self.away and now - self._read_at >= BEAT_SECONDS
            if mark != self._written or troubled or waited or due:
                self._written, self._read_at = mark, now
                # Lists keep what they have read by the mark, so a beat has to be a mark of its own.
                self._beat = (self._beat + due) % _BEATS
                self.mark = mark * _BEATS + self._beat
                await self._dashboard.reload()
        except MtctlError as error:
            self.trouble(error)
        finally:
            self._looking = False

    async def reload(self, grid: Grid) -> None:
        """Read a list, and the numbers at the top."""
        offset, limit = grid.window()
        await self.read(grid, offset, limit, fresh=True)
        await self._count(str(grid.name))

    async def read(self, grid: Grid, offset: int, limit: int, *, fresh: bool) -> None:
        """Read a window of a list and put it in place; trouble is said and the lines stay."""
        asked = self._asked(grid, offset, limit)
        try:
            page = await self._page(grid, asked)
        except MtctlError as error:
            self.trouble(error)
            return
        self._said, self.lasting = "", None
        if grid.is_attached and asked == self._asked(grid, offset, limit):  # else somebody has typed on meanwhile
            grid.put(page, fresh=fresh)

    async def whole(self, grid: Grid, most: int) -> tuple[Line, ...]:
        """Return the lines of a list, not those of its window only but at most so many; errors of the project."""
        lines: list[Line] = []
        total = most
        while len(lines) < min(total, most):
            page = await self._page(grid, self._asked(grid, len(lines), min(_CHUNK, most - len(lines))))
            total = page.total
            lines += page.lines
            if not page.lines:
                break
        return tuple(lines)

    async def _page(self, grid: Grid, asked: Asked) -> Page:
        listing, mark = self._dashboard.listings[str(grid.name)], self.mark
        return await self._dashboard.desk.reads.do(lambda project: listing.page(project, asked, mark))

    def _asked(self, grid: Grid, offset: int, limit: int) -> Asked:
        return Asked(
            wanted=self.wanted.get(str(grid.name), Filter()),
            order=grid.order,
            descending=grid.descending,
            offset=offset,
            limit=limit,
        )

    def trouble(self, error: MtctlError) -> None:
        """Say what is wrong and go on: the next look may find it mended."""
        self._said = str(error)
        self.lasting = error
        self._dashboard.say_top(f"! {error.what}" + (f" – {error.fix}" if error.fix else ""))

    async def _count(self, seen: str) -> None:
        now, mark = asyncio.get_running_loop().time(), self.mark
        whole = seen == "tables" or now - self._counted_at > HEALTH_SECONDS
        self._counted_at = now if whole else self._counted_at
        tables = self._dashboard.listings["tables"]

        def read(project: Project) -> Standing:
            if whole and isinstance(tables, WholeList):
                self._healths = tables.states(project, mark)
            return Standing(
                name=project.project.name, counts=project.board.counts(), healths=self._healths, paused=self.paused
            )

        try:
            standing = await self._dashboard.desk.reads.do(read)
        except MtctlError as error:
            self.trouble(error)
            return
        self._dashboard.show_standing(standing)
