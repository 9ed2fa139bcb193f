"""Objects of a site's names that are there already and belong to another.

The provider takes over what exists, so that an `up` which was cut off can go on. Without this look it would take over
anything, and `pulumi destroy` would delete it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from infra.plan import Plan
from infra.plan.naming import (
    ADAPTER_RULES,
    COMPASS,
    COMPASS_EGRESS_POLICY,
    DASHBOARD,
    EGRESS_POLICY,
    GPU_LIMITS,
    GPU_QUOTA,
    INGRESS_POLICY,
    PROMETHEUS_POLICY,
    VLLM,
)
from infra.site import Fault

from .cluster import Cluster
from .handling import field_manager

AT_ONCE = 8

_ALWAYS = (
    ("v1", "services", VLLM),
    ("v1", "resourcequotas", GPU_QUOTA),
    ("v1", "limitranges", GPU_LIMITS),
    ("apps/v1", "deployments", VLLM),
    ("apps/v1", "deployments", COMPASS),
    ("policy/v1", "poddisruptionbudgets", VLLM),
    ("networking.k8s.io/v1", "networkpolicies", INGRESS_POLICY),
    ("networking.k8s.io/v1", "networkpolicies", EGRESS_POLICY),
    ("networking.k8s.io/v1", "networkpolicies", COMPASS_EGRESS_POLICY),
)
_MONITORING = (
    ("v1", "configmaps", DASHBOARD),
    ("networking.k8s.io/v1", "networkpolicies", PROMETHEUS_POLICY),
    ("monitoring.coreos.com/v1", "servicemonitors", VLLM),
    ("monitoring.coreos.com/v1", "prometheusrules", VLLM),
)
_SCALING = {
    "pods-metric": (
        ("v1", "configmaps", ADAPTER_RULES),
        ("autoscaling/v2", "horizontalpodautoscalers", VLLM),
    ),
    "keda": (("keda.sh/v1alpha1", "scaledobjects", VLLM),),
    "fixed": (),
}


def paths_of(plan: Plan) -> list[str]:
    """API paths of all that a site declares in its namespace."""
    namespace = plan.site.cluster.namespace
    objects = [*_ALWAYS, *(_MONITORING if plan.site.monitoring else ()), *_SCALING[plan.site.scaling_mode]]
    return [
        f"/{'api' if version == 'v1' else 'apis'}/{version}/namespaces/{namespace}/{kind}/{name}"
        for version, kind, name in objects
    ]


def taken(cluster: Cluster, plan: Plan) -> Iterator[Fault]:
    """A fault for every object that another made. One that an earlier `up` of this site made is the site's."""
    paths = paths_of(plan)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for path, found in zip(paths, pool.map(cluster.get, paths), strict=True):
            if found and field_manager(plan.name) not in managers(found):
                kind, name = path.split("/")[-2:]
                problem = f"the namespace {plan.site.cluster.namespace!r} has {kind}/{name} already, not of this site"
                yield Fault("cluster.namespace", problem, f"delete {kind}/{name}, or write another namespace")


def managers(found: dict[str, Any]) -> set[str]:
    """Who wrote fields of an object, by the names the API server keeps."""
    return {str(entry.get("manager")) for entry in found.get("metadata", {}).get("managedFields") or []}
