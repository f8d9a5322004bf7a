"""Floor 3. This process as a holder of leases: registered, alive, beating, and first of all sweeping after the dead.

Every holder sweeps before it works, so that nothing waits for a daemon. The heartbeat has its own thread and its own
connection; it never stands behind a query or a long transaction of the main thread.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from mtctl.core.errors import FULL, MtctlError
from mtctl.core.ulid import ulid

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from mtctl.ports.clock import Clock
    from mtctl.ports.holders import HolderInfo, Liveness
    from mtctl.ports.store import Store, View

BEAT_SECONDS = 10.0
"""A sixth of the lease: several beats may fail before it runs out."""

TRUST_SECONDS = 40.0
"""Without a successful beat for two thirds of the lease the holder stops its work: it must be dead before the lease."""

LEASELESS = "daemon"
"""The kind that has no leases itself, its workers have them: a suspended machine takes nothing from it."""


class Holder:
    """The own process while it holds leases; a context manager."""

    def __init__(  # noqa: PLR0913 - the parts of one process, all named
        self,
        *,
        store: Store,
        open_store: Callable[[], Store],
        liveness: Liveness,
        clock: Clock,
        kind: str,
        command: str,
        pid_started: int,
        runner_group: Callable[[], int | None],
        on_lost: Callable[[], None],
    ) -> None:
        """Keep the parts.

        `runner_group` tells the process group of a started runner; `on_lost` is called from the heartbeat thread when
        the leases can no longer be trusted.
        """
        self._store = store
        self._open_store = open_store
        self._liveness = liveness
        self._clock = clock
        self._kind = kind
        self._command = command
        self._pid_started = pid_started
        self._runner_group = runner_group
        self._on_lost = on_lost
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.holder_id = 0
        self.ulid = ""
        self.lost = False

    def __enter__(self) -> Self:
        """Register, show as alive, and start beating."""
        self.ulid = ulid(self._clock.now(), os.urandom(10))
        self._liveness.hold(self.ulid)
        try:
            self._register()
        except BaseException:
            self._liveness.release()  # else each attempt would leave a lock behind
            raise
        self._thread = threading.Thread(target=self._beat_until_stopped, name="mtctl-heartbeat", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Stop beating and sign off; what was left open is given up, lest others wait for a lease to run out."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        try:
            with self._store.write() as tx:
                if kind is not None or self.lost:
                    tx.lose(self.holder_id)
                else:
                    tx.end_holder(self.holder_id)
        except MtctlError as error:
            if kind is None or error.code not in FULL:
                raise  # else what has gone wrong before is what is to be told
        finally:
            self._liveness.release()  # whoever could not sign off must at least not look alive

    def new_ulid(self) -> str:
        """Return a fresh ulid for an attempt or an instance."""
        return ulid(self._clock.now(), os.urandom(10))

    def _register(self) -> None:
        with self._store.write() as tx:
            self.holder_id = tx.add_holder(
                ulid=self.ulid, kind=self._kind, pid=os.getpid(), pid_started=self._pid_started, command=self._command
            )
            group = self._runner_group()
            if group is not None:
                tx.set_runner_group(self.holder_id, group)

    def _beat_until_stopped(self) -> None:
        last = self._clock.boottime()
        store: Store | None = None
        try:
            while not self._clock.wait(self._stop, BEAT_SECONDS):
                # The gap counts before the beat: who slept through the lease has lost it, however well it beats now.
                is_trusted = self._kind == LEASELESS or (self._clock.boottime() - last) / 1e9 <= TRUST_SECONDS
                try:
                    store = store or self._open_store()
                    with store.write() as tx:
                        is_trusted = tx.beat(self.holder_id) is not None and is_trusted
                    last = self._clock.boottime()
                except Exception as error:  # noqa: BLE001 - whatever it was, it is a missed beat; trust ends by time
                    if self._kind == LEASELESS and isinstance(error, MtctlError) and error.code in FULL:
                        last = self._clock.boottime()  # it lives, and waits for room
                if not is_trusted or (self._clock.boottime() - last) / 1e9 > TRUST_SECONDS:
                    self.lost = True
                    self._on_lost()
                    return
        finally:
            if store is not None:
                store.close()


def sweep(store: Store, liveness: Liveness) -> int:
    """End the attempts of holders that are dead or whose leases ran out; return how many holders were ended.

    A suspect is judged again inside the transaction that ends it: one that beat in between lives, and one that another
    sweep has ended is left alone. Its runner is killed before anybody can claim the work anew.
    """
    with store.read() as view:
        if not _suspects(view, liveness):
            return 0
    with store.write() as tx:
        found = _suspects(tx, liveness)
        for holder in found:
            liveness.bury(holder)
            tx.lose(holder.holder_id)
    return len(found)


def _suspects(view: View, liveness: Liveness) -> list[HolderInfo]:
    expired = view.expired_holders()
    known = {holder.holder_id for holder in expired}
    return expired + [item for item in view.holders() if item.holder_id not in known and not liveness.is_alive(item)]
