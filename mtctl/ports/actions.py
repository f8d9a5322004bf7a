"""Floor 1. What a task may do outside of the lake: run a program, send a request; and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from mtctl.core.states import Outcome

GRACE = 5_000_000
"""How long a program has between SIGTERM and SIGKILL, in microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRequest:
    """A program to run: `argv` exactly, or with `shell` the one text for `/bin/sh -c`.

    Its environment is `env` and, of our own, the variables named in `inherit`; nothing else. `folder` is absolute.
    `timeout` and `grace` are in microseconds, None for ever. `attempt` marks everything that the program starts (it is
    in `env` as MTCTL_ATTEMPT too). What the program prints goes into the new file `log`.
    """

    argv: tuple[str, ...]
    shell: bool
    env: tuple[tuple[str, str], ...]
    inherit: tuple[str, ...]
    folder: str
    timeout: int | None
    log: str
    attempt: str
    grace: int = GRACE
    ok: tuple[int, ...] = (0,)
    transient: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request. A header value may be `env:NAME` or `file:PATH` (absolute): it is looked up when it is sent.

    `ok` are the statuses of success (none: 2xx), `timeout` is for all of it together, in microseconds. The head of the
    answer goes into the new file `log`, with the looked-up values blacked out.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str | None
    ok: tuple[int, ...]
    timeout: int | None
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """How an action ended: success, failed, timed_out or cancelled.

    `code` names the trouble (snake_case; on a success something worth telling, else empty), `message` tells it in one
    line, `transient` says that another try may go better. `log` is the file with the output, None where none was made.
    """

    outcome: Outcome
    code: str = ""
    message: str = ""
    transient: bool = False
    log: str | None = None


class Actions(Protocol):
    """Effects outside of the lake. Both return, whatever happens, soon after `stop` is set."""

    def command(self, request: CommandRequest, stop: Event, on_group: Callable[[int, int], None]) -> ActionResult:
        """Run a program to its end, with all that it started.

        `on_group` is told the process group and when its leader started (clock ticks since boot) as soon as it runs.
        """

    def http(self, request: HttpRequest, stop: Event) -> ActionResult:
        """Send a request and take the answer."""
