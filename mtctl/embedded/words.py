"""Floor 4. Flink's messages for what goes wrong with a workflow."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError, conflict, not_found, usage
from mtctl.embedded.handles import GROUP
from mtctl.embedded.troubles import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtctl.embedded.handles import RefreshHandle
    from mtctl.embedded.options import TableName


@contextmanager
def known(verb: str, handle: RefreshHandle) -> Iterator[None]:
    """Say of a workflow that is not there what Flink says of it."""
    try:
        yield
    except MtctlError as error:
        if error.code != "workflow_unknown":
            raise
        what = f"Failed to {verb} a non-existent quartz schedule job: {GROUP}.{handle.id}."
        raise not_found(error.code, what, fix=error.fix) from error


def failed(what: str, handle: RefreshHandle) -> str:
    """Return what could not be done to a workflow, with the four lines of its handle."""
    return f"Failed to {what} {handle.as_summary_string()}."


def taken(name: TableName, handle: RefreshHandle) -> MtctlError:
    """Return the error of a table that has a workflow already."""
    return conflict(
        "workflow_exists",
        f"Materialized table {name.full} quartz schedule job already exist, job info: {GROUP}.{handle.id}.",
        fix="delete it first, or modify it",
    )


def unsupported(verb: str, request: object) -> WorkflowError:
    """Return the error of a request of a class that is not known."""
    what = f"Unsupported {verb} refresh workflow type {type(request).__name__}."
    return WorkflowError(what, usage("workflow_request", what, fix="use the classes of mtctl.embedded"))
