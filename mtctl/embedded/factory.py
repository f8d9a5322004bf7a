"""Floor 4. Schedulers made from options, as Flink finds them: by `workflow-scheduler.type`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.core.errors import invalid
from mtctl.core.names import printable
from mtctl.embedded.handles import IDENTIFIER
from mtctl.embedded.options import PREFIX
from mtctl.embedded.scheduler import WorkflowScheduler
from mtctl.embedded.troubles import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TYPE = f"{PREFIX}type"
"""The option that chooses the scheduler."""


class WorkflowSchedulerFactory:
    """Makes embedded schedulers. The names of its options stand without their prefix `workflow-scheduler.`."""

    identifier = IDENTIFIER
    required_options = frozenset({"project"})
    optional_options = frozenset({"queue", "misfire", "retries"})

    def create(self, options: Mapping[str, str]) -> WorkflowScheduler:
        """Return a scheduler, not yet open, for the project in the folder `project`.

        `queue`, `misfire` (all, latest, none) and `retries` hold for the workflows that it creates. `WorkflowError`
        with code `scheduler_option` names what is missing, unknown or wrong, in Flink's words.
        """
        missing = self.required_options - options.keys()
        if missing:
            lines = "\n".join(sorted(missing))
            raise _bad(f"One or more required options are missing.\n\nMissing required options are:\n\n{lines}")
        known = self.required_options | self.optional_options
        unknown = options.keys() - known
        if unknown:
            raise _bad(
                f"Unsupported options found for '{self.identifier}'.\n\nUnsupported options:\n\n{_lines(unknown)}\n\n"
                f"Supported options:\n\n{_lines(known)}"
            )
        defaults: dict[str, Any] = {key: value for key, value in options.items() if key in {"queue", "misfire"}}
        if "retries" in options:
            text = str(options["retries"]).strip()
            if not (text.isascii() and text.isdigit() and len(text) < 5):
                raise _bad(f"Invalid value for option 'retries': '{printable(text[:80])}' is not a number.")
            defaults["retries"] = int(text)
        return WorkflowScheduler(options["project"], defaults=defaults)


def create_workflow_scheduler(
    options: Mapping[str, str], factories: Sequence[WorkflowSchedulerFactory] = (WorkflowSchedulerFactory(),)
) -> WorkflowScheduler | None:
    """Return the scheduler that `workflow-scheduler.type` names, not yet open; None where nothing names one.

    Options without the prefix `workflow-scheduler.` are somebody else's. `WorkflowError` with code `scheduler_type`
    where no factory has that identifier.
    """
    if TYPE not in options:
        return None
    wanted = options[TYPE]
    for factory in factories:
        if factory.identifier == wanted:
            own = {key.removeprefix(PREFIX): value for key, value in options.items() if key.startswith(PREFIX)}
            return factory.create({key: value for key, value in own.items() if key != "type"})
    what = (
        f"Could not find any factory for identifier '{printable(wanted[:80])}'.\n\n"
        f"Available factory identifiers are:\n\n{_lines(factory.identifier for factory in factories)}"
    )
    raise WorkflowError(what, invalid("scheduler_type", what, where=TYPE, fix=f"write '{IDENTIFIER}'"))


def _lines(names: Iterable[str]) -> str:
    return "\n".join(sorted(printable(name[:80]) for name in names))


def _bad(what: str) -> WorkflowError:
    return WorkflowError(what, invalid("scheduler_option", what, where=PREFIX + "*", fix="see the embedding docs"))
