"""Floor 4. The text of `help operating`."""

from __future__ import annotations

OPERATING_LINES = (
    "What holds it up?   mtctl why TABLE|WORKFLOW|ID    the one cause, the chain to it, and what to do",
    "Does it move?       mtctl health                   exit 0 it does, 1 it does not, 9 state or clock",
    "",
    "Verbs on instances are safe to say twice: what is so already stays so, with exit 0. Each is written down as an",
    "event with your user name and --reason; `mtctl instance watch ID` tells them all.",
    "",
    "cancel    stops it. `cancelled`: nothing was published; exit 4 says that all of it is published already, exit 6",
    "          that something still runs (the request stands)",
    "suspend   holds what has not begun; what runs runs on",
    "resume    lets it go on",
    "retry     runs again what failed or was cancelled, with the same intervals and variables, tomorrow too",
    "rerun     runs a task and all below it again, fresh or not; without --task everything",
    "skip      leaves a task out; it counts as done, and what was cancelled because it failed goes on",
    "mark      says how a task is: success and skipped leave it out with that reason; nobody can mark one failed",
    "wait      until it has ended, or --for a state; exit 6 when --timeout is over",
    "",
    "retry and rerun leave the work to a daemon (`mtctl up`) or a tick; --wait does it in this process.",
    "",
    "A queue has slots: so many of its tasks run at once, whoever runs them. `mtctl queue pause` lets nothing begin.",
    "Priorities go from -20 to 19, the smaller number first; a step is worth a minute of waiting, so nothing starves.",
)
