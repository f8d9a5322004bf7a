"""Floor 4. Handles: what a program keeps of a workflow or of one refresh, as text or bytes, and finds it again by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from mtctl.core.errors import usage
from mtctl.core.names import printable
from mtctl.embedded.troubles import WorkflowError

IDENTIFIER = "embedded"
"""The name of this kind of scheduler, and what every handle of it begins with."""

GROUP = "default_group"
"""The one group that all workflows are in (Flink's word)."""

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_INSTANCE = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")  # a ULID


@dataclass(frozen=True, slots=True)
class RefreshHandle:
    """A workflow by its name, or one refresh by the id of its instance; its text is `embedded:<id>`."""

    id: str

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise _bad(self.id)

    def __str__(self) -> str:
        return f"{IDENTIFIER}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the handle of a text that `str` gave; `WorkflowError` with code `handle` for any other."""
        prefix, _, handle_id = text.partition(":")
        if prefix != IDENTIFIER:
            raise _bad(text)
        return cls(handle_id)

    @property
    def is_instance(self) -> bool:
        """Whether the id has the form of an instance's."""
        return _INSTANCE.fullmatch(self.id) is not None

    def as_summary_string(self) -> str:
        """Return the four lines that Flink shows of a handle."""
        return f"{{\n  workflowName: {self.id},\n  workflowGroup: {GROUP}\n}}"


class RefreshHandleSerializer:
    """Handles as bytes, to be stored with a catalog entry."""

    def serialize(self, handle: RefreshHandle) -> bytes:
        """Return the bytes of a handle: its text in ASCII."""
        return str(handle).encode("ascii")

    def deserialize(self, data: bytes) -> RefreshHandle:
        """Return the handle of bytes that `serialize` gave; `WorkflowError` with code `handle` for any other."""
        return RefreshHandle.parse(data.decode("utf-8", "backslashreplace"))


def _bad(text: str) -> WorkflowError:
    what = f"'{printable(text[:80])}' is not a refresh handle"
    return WorkflowError(what, usage("handle", what, fix=f"a handle is written {IDENTIFIER}:<id>"))
