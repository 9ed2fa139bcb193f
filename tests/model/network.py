"""Who reaches whom, from NetworkPolicies: each direction is open until a policy selects the pod, then additive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Pod:
    namespace: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outside:
    """An address that is no pod's."""

    address: str = "203.0.113.10"


Peer = Pod | Outside


def reaches(policies: Iterable[dict[str, Any]], source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
    known = list(policies)
    return _open(known, "Egress", source, target, port, protocol) and _open(
        known, "Ingress", target, source, port, protocol
    )


def _open(policies: list[dict[str, Any]], direction: str, pod: Peer, other: Peer, port: int, protocol: str) -> bool:
    if isinstance(pod, Outside):
        return True
    selecting = [policy["spec"] for policy in policies if _selects(policy, direction, pod)]
    if not selecting:
        return True
    side = direction.lower()
    return any(
        _peer_admitted(rule, side, other, pod.namespace) and _port_admitted(rule, port, protocol)
        for spec in selecting
        for rule in spec.get(side) or []
    )


def _selects(policy: dict[str, Any], direction: str, pod: Pod) -> bool:
    same_namespace = policy["metadata"]["namespace"] == pod.namespace
    return same_namespace and direction in policy["spec"]["policyTypes"] and _has(pod, policy["spec"]["podSelector"])


def _has(pod: Pod, selector: dict[str, Any]) -> bool:
    return selector.get("matchLabels", {}).items() <= pod.labels.items()


def _peer_admitted(rule: dict[str, Any], side: str, other: Peer, own_namespace: str) -> bool:
    peers = rule.get("from" if side == "ingress" else "to")
    return not peers or any(_is_peer(peer, other, own_namespace) for peer in peers)


def _is_peer(peer: dict[str, Any], other: Peer, own_namespace: str) -> bool:
    if isinstance(other, Outside) or "ipBlock" in peer:
        return isinstance(other, Outside) and peer.get("ipBlock", {}).get("cidr") == f"{other.address}/32"
    elsewhere = peer.get("namespaceSelector")
    if elsewhere is None:
        in_namespace = other.namespace == own_namespace
    else:
        in_namespace = elsewhere.get("matchLabels", {}).get(NAMESPACE_NAME) in (None, other.namespace)
    return in_namespace and _has(other, peer.get("podSelector", {}))


def _port_admitted(rule: dict[str, Any], port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    return not ports or any(entry["port"] == port and entry.get("protocol", "TCP") == protocol for entry in ports)
