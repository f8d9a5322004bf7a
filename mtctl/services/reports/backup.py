"""Floor 3. What `state backup` and `state restore` answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.ports.backup import Copy
    from mtctl.services.reports.checking import RepairReport


@frozen
class RestoreReport:
    """What was restored: the copy, where the former file lies now, and what of the lake did not fit to it."""

    copy: Copy
    former: str | None
    repair: RepairReport
