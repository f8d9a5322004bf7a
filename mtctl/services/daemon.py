"""Floor 3. The daemon: fires what is due, wakes the workers, sweeps after the dead, tells whom it concerns.

It sleeps in short steps and computes from now each time, so that a clock that jumps is noticed at once; between two
steps it asks SQLite only whether anybody has written anything. Loops that stand still end the process: a process that
lives and does nothing is the worst failure there is.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.errors import FULL, Kind, MtctlError
from mtctl.services.jumps import Jumps, jump_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.core.model import Instant
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store
    from mtctl.services.pool import Pool
    from mtctl.services.scheduler import Scheduler

STEP_SECONDS = 0.5
"""How long the daemon sleeps at a time: what another process left to do waits no longer."""

SHORTEST_SECONDS = 0.02
"""How long it sleeps at least, however often its workers poke it."""

SWEEP_SECONDS = 2.0
"""How often it looks for dead holders: a lock of a killed process is free at once."""

LONGEST_SECONDS = 30.0
"""How long it goes without looking at the schedules, whatever they said last."""

AGAIN = 1_000_000
"""How long what is ready and cannot begin (its queue is full or paused) waits for another look, in microseconds."""

QUIET_SECONDS = 300.0
"""After how long without a trouble it is told once more when it comes again."""

GIVE_BACK_SECONDS = 20.0
"""How long a daemon that met with trouble waits for its workers to give back what they run."""

DRAIN_SECONDS = 300.0
"""How long a stopping daemon waits for what runs."""

HANG_SECONDS = 120.0
"""After how long without a step the main loop counts as hung."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonReport:
    """What a daemon did until it stopped."""

    fired: int
    skipped: int
    drained: bool


class Daemon:
    """One process that keeps a project going until it is told to stop."""

    def __init__(  # noqa: PLR0913 - the parts of one loop, all named
        self,
        *,
        store: Store,
        clock: Clock,
        scheduler: Callable[[], Scheduler],
        pool: Pool,
        sweep: Callable[[], int],
        tell: Callable[[], None],
        reload: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        """Keep the parts; `tell` sends notices, `reload` reads the project files anew, `say` writes a line of talk."""
        self._store = store
        self._clock = clock
        self._scheduler = scheduler
        self._pool = pool
        self._sweep = sweep
        self._tell = tell
        self._reload = reload
        self._say = say
        self._stop = threading.Event()
        self._poked = threading.Event()
        self._abort = threading.Event()
        self._reload_asked = threading.Event()
        self._trouble: BaseException | None = None
        self._fired = 0
        self._skipped = 0
        self._stepped_at = clock.boottime()
        self._jumps = Jumps(clock)
        self._holds = False
        self._said, self._said_at = "", 0
        self._trials = 0

    # --- asked from outside, from any thread ----------------------------------------------------------------------

    def stop(self) -> None:
        """Claim nothing more and end when what runs has ended; the second time: give it back and end now."""
        if self._stop.is_set():
            self._abort.set()
        self._stop.set()
        self._poked.set()

    def poke(self) -> None:
        """Look soon whether there is work for idle workers: one of them has ended or begun a task."""
        if self._pool.busy < self._pool.size:
            self._poked.set()

    def reload(self) -> None:
        """Read the project files anew at the next step."""
        self._reload_asked.set()
        self._poked.set()

    def trouble(self, error: BaseException) -> None:
        """Hear of trouble in a worker that it cannot mend: the daemon ends with it."""
        self._trouble = self._trouble or error
        self._stop.set()
        self._poked.set()

    def hangs(self) -> bool:
        """Return whether the main loop has not made a step for too long, or a worker thread is gone."""
        return (self._clock.boottime() - self._stepped_at) / 1e9 > HANG_SECONDS or self._pool.stuck()

    # --- the loop -------------------------------------------------------------------------------------------------

    def run(self) -> DaemonReport:
        """Run until stopped; raises what a worker could not mend, and STATE errors of the state file."""
        try:
            self._loop(_Look(self._clock))
        except Exception:
            self._give_back()
            raise
        return self._end()

    def _loop(self, look: _Look) -> None:
        while not self._stop.is_set():
            self._stepped_at = self._clock.boottime()
            if self._reload_asked.is_set():
                self._reload_asked.clear()
                self._read_anew()
                look.forget()
            self._heed_clock(look)
            try:
                self._step(look)
            except MtctlError as error:
                if error.kind is not Kind.BUSY and error.code not in FULL:
                    raise
                self._say_once(f"{error}: tried again")
                self._trials = min(self._trials + 1, 6)
                look.plan(self._clock.now() + (AGAIN << self._trials >> 1))
            else:
                self._trials = 0
            self._clock.wait(self._stop, SHORTEST_SECONDS)
            self._clock.wait(self._poked, look.seconds_to_sleep())
            self._poked.clear()

    def _step(self, look: _Look) -> None:
        if look.sweeps() and self._sweep():
            look.forget()  # the change mark does not tell of what this connection wrote itself
        mark = self._store.change_mark()
        if mark == look.seen and not look.due():
            return
        look.seen = mark
        next_due = None if self._holds else self._fire()
        with self._store.read() as view:
            # The first in the order of turns may all have to wait: only `next_task` knows whether anything can begin.
            can_begin = view.next_task(None) is not None
            waiting = view.pending_tasks(None, self._pool.size) if can_begin else []
            ready = view.next_ready()
        now = self._clock.now()
        if can_begin:
            self._pool.wake(max(1, sum(task.ready_at <= now for task in waiting)))
        if ready is not None:
            ready = max(ready, now + AGAIN)
        look.plan(next_due, ready)
        self._tell()

    def _fire(self) -> Instant | None:
        """Make what is due; return when the next is."""
        report = self._scheduler().tick()
        for trouble in report.troubles:
            self._say(f"cannot fire {trouble}")
        self._fired += report.made
        self._skipped += report.skipped
        return report.next_due

    def _heed_clock(self, look: _Look) -> None:
        """Look whether the wall clock has jumped: new fires wait after a long jump ahead, then go on."""
        parted, held = self._jumps.look(), self._holds
        self._holds = self._jumps.holds
        if held and not self._holds:
            self._say("new fires go on")
        if parted:
            self._say(jump_words(parted, holds=self._holds))
            self._note_jump(parted)
        if parted or held != self._holds:
            look.forget()

    def _note_jump(self, parted: Instant) -> None:
        try:
            with self._store.write() as tx:
                tx.add_note("clock_jump", actor="", seconds=parted // 1_000_000, holds=self._holds)
        except MtctlError as error:  # a clock that is far behind now: the daemon's leases end soon, and it with them
            self._say(f"the jump is not noted: {error}")

    def _say_once(self, text: str) -> None:
        """Say what is in the way, once for as long as it is: a disk may be full all night."""
        now = self._clock.boottime()
        if text != self._said or (now - self._said_at) / 1e9 > QUIET_SECONDS:
            self._say(text)
        self._said, self._said_at = text, now

    def _read_anew(self) -> None:
        try:
            self._reload()
        except MtctlError as error:
            self._say(f"the project files are not taken over: {error}")
        else:
            self._say("the project files were read anew")

    def _give_back(self) -> None:
        """Let the workers give back what they run: the daemon ends with trouble."""
        self._pool.abort()
        until = self._clock.boottime() + GIVE_BACK_SECONDS * 1e9
        while not self._pool.wait(STEP_SECONDS) and self._clock.boottime() < until:
            self._stepped_at = self._clock.boottime()
            self._pool.abort()  # again: one may just have been between its claim and its work

    def _end(self) -> DaemonReport:
        """Let what runs end, or give it back, then stop."""
        self._pool.drain()
        began = self._clock.boottime()
        busy = self._pool.busy
        if busy:
            self._say(f"stopping: waits for {busy} running task{'s' if busy > 1 else ''}; once more to give them back")
        drained = True
        while not self._pool.wait(STEP_SECONDS):
            self._stepped_at = self._clock.boottime()
            if self._abort.is_set() or (self._clock.boottime() - began) / 1e9 > DRAIN_SECONDS:
                drained = False
                self._pool.abort()
        if self._trouble is not None:
            raise self._trouble
        self._tell()
        return DaemonReport(fired=self._fired, skipped=self._skipped, drained=drained)


class _Look:
    """When to look at what: computed from now at each step, never from one long sleep."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seen = -1
        self._next: Instant | None = None
        self._looked_at = 0
        self._swept_at = 0

    def due(self) -> bool:
        """Return whether something may be due, or nobody has looked for a while."""
        is_old = (self._clock.boottime() - self._looked_at) / 1e9 > LONGEST_SECONDS
        return is_old or (self._next is not None and self._next <= self._clock.now())

    def plan(self, *instants: Instant | None) -> None:
        """Note what comes next."""
        self._next = min((one for one in instants if one is not None), default=None)
        self._looked_at = self._clock.boottime()

    def forget(self) -> None:
        """Look at everything at once."""
        self._looked_at = 0

    def sweeps(self) -> bool:
        """Return whether it is time to look for dead holders."""
        now = self._clock.boottime()
        if (now - self._swept_at) / 1e9 < SWEEP_SECONDS:
            return False
        self._swept_at = now
        return True

    def seconds_to_sleep(self) -> float:
        """Return how long to sleep: a short step, shorter when something is due before."""
        if self._next is None:
            return STEP_SECONDS
        return max(0.01, min(STEP_SECONDS, (self._next - self._clock.now()) / 1e6))
