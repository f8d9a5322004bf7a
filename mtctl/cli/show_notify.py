"""Floor 4. Channels as answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Grid, Lines, Record
from mtctl.core.words import lasting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.services.notices import ChannelTest
    from mtctl.services.reports.channels import ChannelLine

_FIELDS = ("name", "type", "target", "rules")
_TEST_FIELDS = ("name", "told", "seconds", "error_code")


def channels_answer(lines: Sequence[ChannelLine]) -> Answer:
    """Return the channels and when they are told."""
    records: tuple[Record, ...] = tuple(
        {"kind": "channel", "name": line.name, "type": line.kind, "target": line.target, "rules": list(line.rules)}
        for line in lines
    )
    rows = tuple((line.name, line.kind, line.target, "; ".join(line.rules)) for line in lines)
    grid = Grid(heads=("NAME", "TYPE", "TARGET", "RULES"), rows=rows)
    return Answer(schema="mtctl.notify.list/v1", records=records, fields=_FIELDS, blocks=(grid,))


def test_answer(done: ChannelTest) -> Answer:
    """Return whether a channel took a test message."""
    error = done.error
    record: Record = {
        "kind": "channel",
        "name": done.channel,
        "told": error is None,
        "seconds": round(done.seconds, 3),
        "error_code": None if error is None else error.code,
    }
    text = f"{done.channel} was told" if error is None else f"{done.channel} was not told"
    line = f"{text} ({lasting(done.seconds)})"
    return Answer(schema="mtctl.notify.test/v1", records=(record,), fields=_TEST_FIELDS, blocks=(Lines((line,)),))
