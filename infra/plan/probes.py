"""Probe timing, and when the kubelet kills by it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Probe:
    """An HTTP probe on `/health`; the field names are Kubernetes' own, in seconds."""

    initial_delay_seconds: int = 0
    period_seconds: int
    failure_threshold: int
    timeout_seconds: int

    @property
    def earliest_kill_seconds(self) -> int:
        """The last failure that counts comes this long after the container's start, at the soonest."""
        return self.initial_delay_seconds + (self.failure_threshold - 1) * self.period_seconds

    @property
    def latest_kill_seconds(self) -> int:
        """The same at the latest: the first probe a period late, the last one timing out."""
        return self.initial_delay_seconds + self.failure_threshold * self.period_seconds + self.timeout_seconds


LIVENESS = Probe(initial_delay_seconds=120, period_seconds=30, failure_threshold=5, timeout_seconds=10)
READINESS = Probe(initial_delay_seconds=60, period_seconds=10, failure_threshold=3, timeout_seconds=5)
"""The specification's numbers. They count from the container's start, so after a startup probe that passed later
than 120 s the delay of the liveness probe is over, and death is seen within 120 to 160 s."""
