"""How many examples a property is tried with: fewer in the suite, many in the campaign."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("suite", max_examples=40)
settings.register_profile("campaign", max_examples=300, deadline=None)
settings.load_profile("suite")
