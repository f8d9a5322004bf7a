"""Floor 4. SQL, TOML and commands in colours, by Pygments through Rich; loaded where somebody looks at code.

The colours are the tones of the dashboard, which are readable on every theme; a style of Pygments' own is not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.text import Text


def highlighted(text: str, language: str, colour: Callable[[str], str]) -> Text:
    """Return code in colours; `colour` gives the colour of a tone."""
    from rich.style import Style  # noqa: PLC0415 - Pygments costs a tenth of a second
    from rich.syntax import ANSISyntaxTheme, Syntax  # noqa: PLC0415 - the same

    token: Any = import_module("pygments.token")  # it has no types
    theme = ANSISyntaxTheme(
        {
            token.Comment: Style(color=colour("muted"), italic=True),
            token.Keyword: Style(color=colour("running"), bold=True),
            token.Operator.Word: Style(color=colour("running"), bold=True),
            token.Name.Builtin: Style(color=colour("pending")),
            token.Name.Function: Style(color=colour("pending")),
            token.String: Style(color=colour("success")),
            token.Number: Style(color=colour("late")),
        }
    )
    found = Syntax(text, language, theme=theme, tab_size=4).highlight(text)
    found.rstrip()
    found.style = ""  # on the ground of the screen, and wrapped as any other text
    return found
