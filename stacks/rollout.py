"""The roll-out that fits what runs already: the ledger knows what a site asks for, not what it asked for before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from infra.plan import Plan
from infra.plan.ledger import Rollout
from infra.plan.naming import VLLM

from .cluster import Cluster


def fitted(plan: Plan, cluster: Cluster) -> Plan:
    """The plan, with its replicas recreated where a new one cannot come while the old ones hold their GPUs.

    Replicas of another size do not fit into each other's places: where one of two GPUs becomes two of one, the old one
    may not go before a new one is ready, and none can come before it went. The next `up` declares the usual roll-out
    again, which changes no pod.
    """
    path = f"/apis/apps/v1/namespaces/{plan.site.cluster.namespace}/deployments/{VLLM}"
    running = cluster.get(path)
    held = _gpus_of_a_replica(running, plan.site.gpus.resource) if running else None
    if not running or held is None or held == plan.ledger.per_replica:
        return plan
    replicas = int(running["spec"].get("replicas", 1))
    wanted = replicas if plan.scaling else plan.ledger.max_replicas
    kept = max(0, min(replicas, wanted - plan.ledger.rollout.unavailable))
    if kept * held + plan.ledger.per_replica <= plan.ledger.quota:
        return plan
    recreated = Rollout(strategy="Recreate", surge=0, unavailable=1)
    return replace(plan, ledger=replace(plan.ledger, rollout=recreated))


def _gpus_of_a_replica(deployment: dict[str, Any], resource: str) -> int | None:
    """None where the replicas hold none of the resource: other GPUs are not in each other's way."""
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        if container["name"] == VLLM:
            count = (container.get("resources", {}).get("limits") or {}).get(resource)
            return int(count) if count else None
    return None
