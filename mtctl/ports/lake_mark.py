"""Floor 1. The mark in a lake's folder: whose it is. Two projects in one lake would remove each other's files."""

from __future__ import annotations

from mtctl.core.values import frozen

FILE = "mtctl-lake.json"
"""The mark's name in the lake's folder."""


@frozen
class LakeMark:
    """The uuid of the project, its state file, and the folder that was marked: a folder that was copied says so."""

    project: str
    state: str
    lake: str
