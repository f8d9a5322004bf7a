"""Floor 3. What every question to the lake is asked with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.config import Project
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import Engine
    from mtctl.ports.files import Lake
    from mtctl.ports.store import Store


class Asking:
    """The ports of whoever asks; engine and lake are opened at their first use."""

    def __init__(
        self,
        project: Project,
        store: Store,
        engine: Callable[[], Engine],
        clock: Clock,
        pin: Callable[[int], None],
        lake: Callable[[], Lake],
    ) -> None:
        """Keep the ports; `pin` keeps a snapshot for as long as this process reads it."""
        self._project = project
        self._store = store
        self._engine = engine
        self._clock = clock
        self._pin = pin
        self._lake = lake
