"""The GPU ledger: what a site's replicas and their rollout take of its GPUs."""

from __future__ import annotations

from dataclasses import dataclass

PAGE_MAX_GPUS_PER_CONTAINER = 2


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """All numbers but the replicas are GPUs. `rollout_*` is how a rollout replaces pods within the quota."""

    available: int
    quota: int
    per_replica: int
    min_replicas: int
    max_replicas: int
    rollout_surge: int
    rollout_unavailable: int

    @property
    def at_minimum(self) -> int:
        return self.min_replicas * self.per_replica

    @property
    def at_maximum(self) -> int:
        return self.max_replicas * self.per_replica

    @property
    def during_rollout(self) -> int:
        return (self.max_replicas + self.rollout_surge) * self.per_replica

    @property
    def limit_per_container(self) -> int:
        """LimitRange maximum: the specification's 2, more where a replica needs more."""
        return max(PAGE_MAX_GPUS_PER_CONTAINER, self.per_replica)

    @property
    def balanced(self) -> bool:
        return self.during_rollout <= self.quota <= self.available and self.per_replica <= self.limit_per_container

    @property
    def rollout_waves(self) -> int:
        """How often, at the most replicas, a rollout waits for pods to start, one after the other."""
        at_once = self.rollout_surge + self.rollout_unavailable
        return -(-self.max_replicas // at_once)


def gpu_ledger(*, available: int, quota: int, per_replica: int, min_replicas: int, max_replicas: int) -> Ledger:
    """A surge pod where the quota has room for one; otherwise an old pod gives its GPUs to the new one.

    Surging without room does not fail, it waits for ever: the new pod never starts and the old one is never
    stopped.
    """
    surge = 1 if (max_replicas + 1) * per_replica <= quota else 0
    return Ledger(
        available=available,
        quota=quota,
        per_replica=per_replica,
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        rollout_surge=surge,
        rollout_unavailable=1 - surge,
    )
