"""Floor 3. What whoever keeps a project going asks and does, each built from the same ports at its first use."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mtctl.config import Project
    from mtctl.ports.clock import Clock
    from mtctl.ports.holders import HolderInfo
    from mtctl.ports.store import Store
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.health import Pulses
    from mtctl.services.instances import Instances
    from mtctl.services.logs import Logs
    from mtctl.services.looks import Looks
    from mtctl.services.notices import Notices
    from mtctl.services.queues import Queues
    from mtctl.services.reports.channels import ChannelLine
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.rewinding import Rewinds
    from mtctl.services.why import Whys


class OperatorPorts(NamedTuple):
    """What the services are built from.

    `sweep` ends what dead holders left, `dispatching` makes this process a holder with a dispatcher, `stop` ends
    waiting, `is_alive` tells whether a holder's process lives, `open_notices` builds the service that tells people.
    """

    project: Project
    store: Store
    clock: Clock
    looks: Looks
    sweep: Callable[[], int]
    dispatching: Callable[[str, Callable[[TaskEvent], None]], AbstractContextManager[Dispatcher]]
    stop: threading.Event
    is_alive: Callable[[HolderInfo], bool]
    open_notices: Callable[[], Notices]


class OperatorVerbs:
    """Instances, queues, why, health, notices."""

    def __init__(self, ports: OperatorPorts) -> None:
        """Keep the ports."""
        self._ports = ports

    @cached_property
    def instances(self) -> Instances:
        """The verbs on instances and their tasks."""
        from mtctl.services.instances import Instances  # noqa: PLC0415 - built at its first use
        from mtctl.services.people import user_name  # noqa: PLC0415 - the same

        ports = self._ports
        return Instances(
            store=ports.store,
            clock=ports.clock,
            actor=user_name(),
            sweep=ports.sweep,
            stop=ports.stop,
            dispatching=ports.dispatching,
        )

    @cached_property
    def logs(self) -> Logs:
        """The captured output of commands."""
        from mtctl.services.logs import Logs  # noqa: PLC0415 - built at its first use

        ports = self._ports
        return Logs(ports.store, ports.clock, ports.project.state_folder / "logs", ports.stop)

    @cached_property
    def queues(self) -> Queues:
        """The queues."""
        from mtctl.services.people import user_name  # noqa: PLC0415 - built at its first use
        from mtctl.services.queues import Queues  # noqa: PLC0415 - the same

        return Queues(self._ports.store, user_name())

    @cached_property
    def whys(self) -> Whys:
        """Why something is not further."""
        from mtctl.services.why import Whys  # noqa: PLC0415 - built at its first use

        ports = self._ports
        return Whys(ports.project, ports.store, ports.clock, ports.looks, ports.is_alive)

    @cached_property
    def pulses(self) -> Pulses:
        """Whether the project makes progress."""
        from mtctl.services.health import Pulses  # noqa: PLC0415 - built at its first use

        return Pulses(self._ports.store, self._ports.clock, self._ports.looks)

    @cached_property
    def rewinds(self) -> Rewinds:
        """What a clock that was ahead has written."""
        from mtctl.services.people import user_name  # noqa: PLC0415 - built at its first use
        from mtctl.services.rewinding import Rewinds  # noqa: PLC0415 - the same

        return Rewinds(self._ports.store, self._ports.clock, user_name())

    @cached_property
    def notices(self) -> Notices:
        """Who is told."""
        return self._ports.open_notices()

    def channels(self) -> tuple[ChannelLine, ...]:
        """Return the channels that the project file names."""
        from mtctl.services.channels import channel_lines  # noqa: PLC0415 - for this question only

        return channel_lines(self._ports.project.notify)
