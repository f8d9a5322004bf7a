"""Floor 4. The one exception that an embedding program meets, and how mtctl's own errors become it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError

if TYPE_CHECKING:
    from collections.abc import Iterator


class WorkflowError(Exception):
    """What a scheduler could not do. The text is Flink's where Flink has one; `error` says why, where and what to do.

    `code` is the stable name of the reason, `error.kind` its sort.
    """

    def __init__(self, text: str, error: MtctlError) -> None:
        """Keep the text and the error that caused it."""
        super().__init__(text)
        self.error = error

    @property
    def code(self) -> str:
        """The stable snake_case name of the reason."""
        return self.error.code


@contextmanager
def failing(text: str = "") -> Iterator[None]:
    """Turn an error of the block into a `WorkflowError` with this text, without one with the error's own."""
    try:
        yield
    except MtctlError as error:
        raise WorkflowError(text or error.what, error) from error
