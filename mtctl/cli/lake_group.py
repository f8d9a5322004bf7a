"""Floor 4. The group `lake`: its commands stand in several modules."""

from __future__ import annotations

from mtctl.cli.root import group

app = group("Look after the files of the lake.")
