"""Floor 3. What the verbs on instances and tasks answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.errors import MtctlError
    from mtctl.core.states import InstanceState


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbReport:
    """What one verb did to one instance.

    `changed` is False where it was so already; `text` says in one line what is true now. `tasks` are the names of the
    tasks that changed state. `running` counts the tasks that still run: a request is on its way to them.
    """

    instance: str
    title: str
    verb: str
    state: InstanceState
    changed: bool
    text: str
    tasks: tuple[str, ...] = ()
    running: int = 0
    note: str = ""
    problem: MtctlError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitReport:
    """How waiting for one instance ended: `reached` says whether it came to the state that was waited for."""

    instance: str
    title: str
    state: InstanceState
    reached: bool
    timed_out: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """The captured output of one attempt of a command; `path` may be gone again."""

    task: str
    attempt: str
    number: int
    path: str
    ended: bool
