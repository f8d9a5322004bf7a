"""How many examples a property is tried with: fewer in the suite, many in the campaign."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow]
"""What fails no property: a machine that is busy with other things. Nor does a deadline."""

settings.register_profile("suite", max_examples=40, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("campaign", max_examples=300, deadline=None, suppress_health_check=_SLOW)
settings.load_profile("suite")
