"""Floor 4. How the dashboard is to look at the start: options, else as it was left, else the configuration.

The user's own configuration wins over the project's. What is wrong with either is told before the screen is taken.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.cli.paint import speaks_unicode
from mtctl.config import load_user_ui
from mtctl.core.errors import invalid, usage
from mtctl.core.names import closest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.config import Project
    from mtctl.config_ui import UiConfig
    from mtctl.tui.bars import Options
    from mtctl.tui.kept import Start


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the dashboard is to be, by the options of the command; None where one was not given."""

    first: str | None = None
    read_only: bool = False
    plain: bool = False
    palette: str | None = None
    theme: str | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the dashboard is opened with."""

    options: Options
    keys: Mapping[str, str]
    start: Start


def view_of(project: Project, look: Look, *, keeps: bool) -> View:
    """Return how to open the dashboard of a project; one that does not `keep` its view begins without any.

    Raises usage `theme_unknown`, `binding_unknown`, `key_name_unknown` and `key_clash`, and the errors of both files.
    """
    from platformdirs import user_config_path  # only the dashboard has a configuration of the user

    config = project.ui.under(load_user_ui(user_config_path("mtctl")))
    check_theme(look.theme)
    _check_configured(config)
    from mtctl.tui.bars import Options  # a third of a second
    from mtctl.tui.drawn.palette import Palette
    from mtctl.tui.keymap import keymap
    from mtctl.tui.lists import all_lists

    keys = keymap(config.keys)
    start = _start(project, fresh=look.fresh, keeps=keeps)
    kept = start.kept
    names = [listing.name for listing in all_lists()]
    palettes = [look.palette, kept.palette if kept.palette in set(Palette) else None, config.palette]
    themes = [look.theme, kept.theme if kept.theme in _themes() else None, config.theme]
    options = Options(
        read_only=look.read_only,
        plain=look.plain or _is_plain(config),
        palette=Palette(next((one for one in palettes if one), Palette.DEFAULT)),
        theme=next((one for one in themes if one), None),
        first=look.first or (kept.first if kept.first in names else None) or names[0],
        local=config.time == "local" if kept.local is None else kept.local,
        dense=kept.dense,
        keys=config.keys,
    )
    return View(options=options, keys=keys, start=start)


def check_theme(theme: str | None) -> None:
    """Raise usage `theme_unknown` for a theme that Textual does not have."""
    if theme is not None and theme not in _themes():
        raise usage("theme_unknown", f"there is no theme {theme!r}", fix=_near(theme))


def _check_configured(config: UiConfig) -> None:
    if config.theme is not None and config.theme not in _themes():
        where = f"{config.theme_file}: ui.theme"
        raise invalid("theme_unknown", f"there is no theme {config.theme!r}", where=where, fix=_near(config.theme))


def _near(theme: str) -> str:
    near = closest(theme, _themes())
    return f"did you mean {near!r}?" if near else f"one of {', '.join(_themes())}"


def _themes() -> tuple[str, ...]:
    from textual.theme import BUILTIN_THEMES  # a tenth of a second

    return tuple(BUILTIN_THEMES)


def _is_plain(config: UiConfig) -> bool:
    """Return whether only ASCII is wanted: the variable says so, else the configuration, else the locale."""
    if os.environ.get("MTCTL_ASCII") not in {None, "", "0"}:
        return True
    return not speaks_unicode(os.environ) if config.ascii is None else config.ascii


def _start(project: Project, *, fresh: bool, keeps: bool) -> Start:
    from platformdirs import user_state_path  # only the dashboard keeps anything there

    from mtctl.tui.kept import Keeper, Start  # only the dashboard

    if not keeps:
        return Start()
    keeper = Keeper(user_state_path("mtctl"), project.root)
    if fresh:
        trouble = keeper.forget()
        return Start(keeper=keeper, notice=trouble)
    kept, notice = keeper.load()
    return Start(keeper=keeper, kept=kept, notice=notice)
