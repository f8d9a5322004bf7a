"""Floor 3. What is asked of the lake and done to it, each service built from the same ports at its first use."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mtctl.config import Project
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import Engine
    from mtctl.ports.files import Lake
    from mtctl.ports.store import Store
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.upkeep import Upkeep


class LakePorts(NamedTuple):
    """What the services are built from.

    `engine` and `lake` are asked for at the first use, `pin` keeps a snapshot for as long as this process reads it,
    `sweep` ends what dead holders left, `dispatching` makes this process a holder with a dispatcher, `stop` ends
    waiting.
    """

    project: Project
    store: Store
    clock: Clock
    engine: Callable[[], Engine]
    lake: Callable[[], Lake]
    pin: Callable[[int], None]
    sweep: Callable[[], int]
    dispatching: Callable[[str, Callable[[TaskEvent], None]], AbstractContextManager[Dispatcher]]
    stop: threading.Event


class LakeVerbs:
    """Proof, cleaning and all else that concerns the files behind the tables."""

    def __init__(self, ports: LakePorts) -> None:
        """Keep the ports."""
        self._ports = ports

    @cached_property
    def upkeep(self) -> Upkeep:
        """Verify and gc."""
        from mtctl.services.upkeep import Upkeep  # noqa: PLC0415 - built at its first use

        ports = self._ports
        return Upkeep(ports.store, ports.engine, ports.lake(), ports.clock)
