"""The GPU ledger: what a site's replicas and their rollout take of its GPUs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PAGE_MAX_GPUS_PER_CONTAINER = 2


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """How pods are replaced: new ones first where there are GPUs for them, else old ones go first."""

    strategy: Literal["RollingUpdate", "Recreate"]
    surge: int
    unavailable: int


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """All numbers but the replicas are GPUs."""

    available: int
    quota: int
    per_replica: int
    min_replicas: int
    max_replicas: int
    rollout: Rollout

    @property
    def at_minimum(self) -> int:
        return self.min_replicas * self.per_replica

    @property
    def at_maximum(self) -> int:
        return self.max_replicas * self.per_replica

    @property
    def during_rollout(self) -> int:
        return (self.max_replicas + self.rollout.surge) * self.per_replica

    @property
    def limit_per_container(self) -> int:
        """LimitRange maximum: the specification's 2, more where a replica needs more."""
        return max(PAGE_MAX_GPUS_PER_CONTAINER, self.per_replica)

    @property
    def rollout_waves(self) -> int:
        """How often, at the most replicas, a rollout waits for pods to start, one after the other."""
        return -(-self.max_replicas // (self.rollout.surge + self.rollout.unavailable))


def rollout_plan(*, quota: int, per_replica: int, max_replicas: int) -> Rollout:
    """As many new pods at once as the quota has GPUs to spare for; without any, old ones go first.

    Surging without room does not fail, it waits for ever: the new pod never starts and the old one is never stopped.
    A single replica without a spare GPU is recreated, because its successor cannot even be created while the GPUs of
    the old pod count against the quota.
    """
    spare = quota // per_replica - max_replicas
    if spare > 0:
        return Rollout(strategy="RollingUpdate", surge=min(spare, max_replicas), unavailable=0)
    if max_replicas == 1:
        return Rollout(strategy="Recreate", surge=0, unavailable=1)
    return Rollout(strategy="RollingUpdate", surge=0, unavailable=1)


def gpu_ledger(*, available: int, quota: int, per_replica: int, min_replicas: int, max_replicas: int) -> Ledger:
    """The ledger of a site, with the rollout its quota has room for."""
    return Ledger(
        available=available,
        quota=quota,
        per_replica=per_replica,
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        rollout=rollout_plan(quota=quota, per_replica=per_replica, max_replicas=max_replicas),
    )
