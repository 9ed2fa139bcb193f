"""When replicas come and go: the specification's numbers, for an HPA or for KEDA."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from .capacity import Capacity
from .metrics import QUEUE_METRIC, RUNNING_METRIC

BUSY_FRACTION = 0.8
"""A replica at four fifths of what it holds is busy: the next one takes minutes to load."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """At most `pods` more or fewer per period, after the metric has said so for the stabilization window."""

    stabilization_seconds: int
    period_seconds: int
    pods: int = 1


SCALE_UP = Pace(stabilization_seconds=120, period_seconds=300)
SCALE_DOWN = Pace(stabilization_seconds=600, period_seconds=600)
"""The specification's numbers. Down is slow on purpose: what is removed takes minutes to load again."""


@dataclass(frozen=True)
class Target:
    """A metric as the HPA names it, and its value per replica."""

    metric: str
    per_replica: int


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Bounds and targets. The largest proposal of the targets wins."""

    min_replicas: int
    max_replicas: int
    targets: tuple[Target, ...]


def running_target(max_num_seqs: int, capacity: Capacity | None) -> int:
    """Running requests per replica above which it counts as busy.

    A queue is no sign of idleness: a busy replica with full batches has none, and would be removed. What a
    replica surely holds is its longest conversations; without a capacity plan, its batch.
    """
    held = max_num_seqs if capacity is None else min(max_num_seqs, capacity.longest_conversations)
    return max(1, floor(BUSY_FRACTION * held))


def scaling_plan(
    *,
    min_replicas: int,
    max_replicas: int,
    queue_target: int,
    running: bool,
    max_num_seqs: int,
    capacity: Capacity | None,
) -> Scaling:
    """The two targets: waiting requests, and where `running` is set running ones."""
    targets = [Target(QUEUE_METRIC, queue_target)]
    if running:
        targets.append(Target(RUNNING_METRIC, running_target(max_num_seqs, capacity)))
    return Scaling(min_replicas=min_replicas, max_replicas=max_replicas, targets=tuple(targets))
