"""Floor 4. The keys that mean the same everywhere in the dashboard, and those of the verbs.

Every one has an id, by which the configuration may give it other keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

from mtctl.tui.keymap import LIST, UNBOUND
from mtctl.tui.verbs import MENU, VERBS

if TYPE_CHECKING:
    from mtctl.tui.verbs import Verb


def _is_shown(verb: Verb) -> bool:
    """Whether a verb has a place in the line of keys: there is room for a few."""
    return bool(verb.key) and not verb.rare


BINDINGS: list[BindingType] = [
    *(
        Binding(verb.key or UNBOUND, f"verb('{verb.name}')", verb.label, id=f"verb.{verb.name}", show=_is_shown(verb))
        for verb in (MENU, *VERBS)
    ),
    *(
        Binding(str(number), f"list({number})", f"List {number}", show=False, id=f"{LIST}{number}")
        for number in range(1, 10)
    ),
    Binding("b", "range", "Refresh a range", id="range"),
    Binding("slash", "filter", "Filter", id="filter"),
    Binding("I", "instances", "Its instances", show=False, id="instances"),
    Binding("i", "near('lineage')", "Lineage", show=False, id="lineage"),
    Binding("L", "near('logs')", "Logs", show=False, id="logs"),
    Binding("S", "near('sql')", "SQL", show=False, id="sql"),
    Binding("Q", "near('query')", "Query", show=False, id="query"),
    Binding("escape", "back", "Take the filter or the marks away", show=False, id="back"),
    Binding("n", "failed(1)", "Next line with a failure", show=False, id="failed.next"),
    Binding("N", "failed(-1)", "The failure before", show=False, id="failed.before"),
    Binding("p", "pause", "Pause and go on", show=False, id="pause"),
    Binding("y", "copy", "Copy the command line", show=False, id="copy"),
    Binding("e", "export", "Export what is seen", show=False, id="export"),
    Binding("z", "zone", "UTC or local time", show=False, id="zone"),
    Binding("d", "density", "With words or signs alone", show=False, id="density"),
    Binding("H", "columns", "Hide and show columns", show=False, id="columns"),
    Binding("T", "theme", "Theme", show=False, id="theme"),
    Binding("colon,ctrl+p", "command_palette", "All commands", show=False, id="palette"),
    Binding("question_mark", "keys", "Keys", key_display="?", id="keys"),
    Binding("q", "quit", "Quit", id="quit"),
]
