"""Where pods may run: GPU nodes for the engine, the others for the rest."""

from __future__ import annotations

from pulumi_kubernetes.core.v1 import (
    AffinityArgs,
    NodeAffinityArgs,
    NodeSelectorArgs,
    NodeSelectorRequirementArgs,
    NodeSelectorTermArgs,
    PreferredSchedulingTermArgs,
    TolerationArgs,
)

from infra.site.sections import Gpus

HIGHEST_PREFERENCE = 100


def _term(node_label: str, operator: str) -> NodeSelectorTermArgs:
    requirement = NodeSelectorRequirementArgs(key=node_label, operator=operator, values=["true"])
    return NodeSelectorTermArgs(match_expressions=[requirement])


def _required(term: NodeSelectorTermArgs) -> AffinityArgs:
    selector = NodeSelectorArgs(node_selector_terms=[term])
    return AffinityArgs(node_affinity=NodeAffinityArgs(required_during_scheduling_ignored_during_execution=selector))


def on_gpu_nodes(gpus: Gpus) -> AffinityArgs:
    return _required(_term(gpus.node_label, "In"))


def off_gpu_nodes(gpus: Gpus, *, required: bool) -> AffinityArgs:
    """`NotIn` also matches nodes without the label, which is what a CPU node looks like."""
    term = _term(gpus.node_label, "NotIn")
    if required:
        return _required(term)
    preferred = PreferredSchedulingTermArgs(weight=HIGHEST_PREFERENCE, preference=term)
    return AffinityArgs(
        node_affinity=NodeAffinityArgs(preferred_during_scheduling_ignored_during_execution=[preferred])
    )


def gpu_tolerations(gpus: Gpus) -> list[TolerationArgs]:
    return [TolerationArgs(key=gpus.taint, operator="Exists", effect="NoSchedule")] if gpus.taint else []
