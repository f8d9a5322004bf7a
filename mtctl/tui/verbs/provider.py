"""Floor 4. The verbs of what is under the cursor, in the palette of all commands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Provider

from mtctl.tui.verbs import VERBS, offered, reached
from mtctl.tui.verbs.doing import under

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from textual.command import Hits

    from mtctl.tui.app import Dashboard
    from mtctl.tui.verbs.verb import Verb


class VerbCommands(Provider):
    """Offers the verbs with their commands; one that is chosen shows its options first."""

    async def discover(self) -> Hits:
        """Offer all while nothing is typed."""
        for verb, command, call in self._found():
            yield DiscoveryHit(verb.label, call, help=command)

    async def search(self, query: str) -> Hits:
        """Offer those that what is typed may mean."""
        matcher = self.matcher(query)
        for verb, command, call in self._found():
            score = max(matcher.match(verb.label), matcher.match(command))
            if score > 0:
                yield Hit(score, matcher.highlight(verb.label), call, help=command)

    def _found(self) -> Iterator[tuple[Verb, str, Callable[[], None]]]:
        dashboard: Dashboard = self.app  # type: ignore[assignment]
        lines, kind = under(dashboard, self.screen)
        for verb in VERBS:
            if offered(verb, lines, kind, read_only=dashboard.options.read_only):
                chosen = () if verb.free else reached(verb, lines)
                yield verb, verb.line(chosen), partial(dashboard.perform, verb, chosen, form=True)
