"""Floor 3. A daemon under supervision: a loop that stands still ends the process, lest it lives and does nothing."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.ports.clock import Clock
    from mtctl.services.daemon import Daemon, DaemonReport

LOOK_SECONDS = 5.0
"""How often the supervisor looks."""

HUNG_EXIT = 70
"""The exit code of a process whose loop hangs: a bug of ours, not of the work."""


def serve(daemon: Daemon, clock: Clock, say: Callable[[str], None]) -> DaemonReport:
    """Run a daemon until it stops; a hung one ends the process at once with exit 70."""
    done = threading.Event()
    thread = threading.Thread(target=_supervise, args=(daemon, clock, done, say), name="mtctl-supervisor", daemon=True)
    thread.start()
    try:
        return daemon.run()
    finally:
        done.set()
        thread.join()


def _supervise(daemon: Daemon, clock: Clock, done: threading.Event, say: Callable[[str], None]) -> None:
    hung_before = False
    while not clock.wait(done, LOOK_SECONDS):
        hangs = daemon.hangs()
        hung, hung_before = hangs and hung_before, hangs
        if hung:  # twice: a machine that was suspended wakes the loop and this thread in any order
            say("the daemon does not move any more: it ends, for its supervisor to start another")
            os._exit(HUNG_EXIT)
