"""Floor 3. A thread of the daemon that tells, so that a channel that hangs never holds up a fire or a claim."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mtctl.ports.clock import Clock
    from mtctl.services.notices import Notices

SHORTEST_SECONDS = 1.0
"""How long the thread rests after a round, however often it is poked."""

LONGEST_SECONDS = 30.0
"""How long it rests when nobody pokes it: what failed is tried again, and fires become late."""

LAST_SECONDS = 5.0
"""How long the last round may go on when the daemon ends."""


class Teller:
    """Rounds of telling in a thread of their own; each opens what it needs, on its own connection."""

    def __init__(
        self, open_notices: Callable[[], AbstractContextManager[Notices]], clock: Clock, say: Callable[[str], None]
    ) -> None:
        """Keep the parts; `open_notices` is called for each round, so that a changed project file counts at once."""
        self._open_notices = open_notices
        self._clock = clock
        self._say = say
        self._said = ""
        self._stop = threading.Event()
        self._poked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mtctl-teller", daemon=True)

    def start(self) -> None:
        """Look once, before the work begins, then go on in the thread."""
        self._round(lambda notices: notices.look())
        self._thread.start()

    def poke(self) -> None:
        """Say that something may have happened; returns at once."""
        self._poked.set()

    def close(self) -> None:
        """Tell what is still to be told, for a few seconds, and end."""
        self._stop.set()
        self._poked.set()
        if self._thread.is_alive():
            self._thread.join()  # a sending is left behind after its time: this ends
        self._round(self._last)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._clock.wait(self._poked, LONGEST_SECONDS)
            self._poked.clear()
            self._round(self._tell)
            self._clock.wait(self._stop, SHORTEST_SECONDS)

    def _tell(self, notices: Notices) -> None:
        notices.look()
        notices.send_due(stop=self._stop)

    def _last(self, notices: Notices) -> None:
        notices.look()
        notices.send_due(seconds=LAST_SECONDS)

    def _round(self, what: Callable[[Notices], object]) -> None:
        try:
            with self._open_notices() as notices:
                what(notices)
        except Exception as error:  # noqa: BLE001 - a thread that dies unseen would leave everybody untold
            text = str(error) if isinstance(error, MtctlError) else f"{type(error).__name__}: {error}"
            if text != self._said:  # the same trouble is not said every half minute
                self._said = text
                self._say(f"notices: {text}")
