"""Which nodes a pod may run on, from its affinity and tolerations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Node:
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] = ()


def may_run(pod: dict[str, Any], node: Node) -> bool:
    return _tolerated(pod, node) and _required_affinity(pod, node)


def prefers(pod: dict[str, Any], node: Node) -> int:
    """Points that the pod's preferences give a node."""
    affinity = pod.get("affinity", {}).get("nodeAffinity", {})
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution", [])
    return sum(item["weight"] for item in preferred if _term_matches(item["preference"], node))


def _tolerated(pod: dict[str, Any], node: Node) -> bool:
    tolerations = pod.get("tolerations", [])
    return all(any(_tolerates(toleration, taint) for toleration in tolerations) for taint in node.taints)


def _tolerates(toleration: dict[str, Any], taint: str) -> bool:
    same_key = toleration.get("key") in (None, taint)
    return same_key and toleration.get("operator") == "Exists" and toleration.get("effect") in (None, "NoSchedule")


def _required_affinity(pod: dict[str, Any], node: Node) -> bool:
    affinity = pod.get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or any(_term_matches(term, node) for term in required["nodeSelectorTerms"])


def _term_matches(term: dict[str, Any], node: Node) -> bool:
    return all(_matches(expression, node) for expression in term["matchExpressions"])


def _matches(expression: dict[str, Any], node: Node) -> bool:
    value = node.labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case other:
            raise NotImplementedError(other)
