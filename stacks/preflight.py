"""What only the cluster knows, asked before anything is declared.

The provider would find the same faults later: once per resource, and some after half an `up`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.plan import Plan
from infra.plan.naming import SITE_ANNOTATION
from infra.site import Fault, Site, SiteRefused

from .cluster import Cluster, Unanswered


def preflight(plan: Plan, file: str) -> None:
    """Look at the cluster the site names.

    Raises:
        SiteRefused: the context is missing, its cluster does not answer, the namespace is not as stated, or an
            API that the site builds on is not installed.
    """
    try:
        cluster = Cluster(plan.site.cluster.context)
        faults = [*_namespace_faults(cluster, plan), *_api_faults(cluster, plan.site)]
    except Unanswered as unanswered:
        faults = [unanswered.fault]
    if faults:
        raise SiteRefused(file, faults)


def _namespace_faults(cluster: Cluster, plan: Plan) -> Iterator[Fault]:
    stated = plan.site.cluster
    found = cluster.get(f"/api/v1/namespaces/{stated.namespace}")
    if found is None:
        if not stated.create_namespace:
            remedy = f"kubectl --context {stated.context} create namespace {stated.namespace}, or createNamespace: true"
            yield Fault("cluster.namespace", f"the cluster has no namespace {stated.namespace!r}", remedy)
        return
    metadata: dict[str, Any] = found.get("metadata", {})
    owner: str | None = (metadata.get("annotations") or {}).get(SITE_ANNOTATION)
    if metadata.get("deletionTimestamp"):
        problem = f"the namespace {stated.namespace!r} is being deleted"
        yield Fault("cluster.namespace", problem, f"wait until kubectl get namespace {stated.namespace} finds none")
    elif metadata and stated.create_namespace and owner != plan.name:
        whose = f"of the site {owner!r}" if owner else "not of this program"
        problem = f"the namespace {stated.namespace!r} exists already and is {whose}"
        yield Fault("cluster.createNamespace", problem, "write false to use it as it is, or another cluster.namespace")
    elif owner == plan.name and not stated.create_namespace:
        problem = f"this site made the namespace {stated.namespace!r}: false would delete it with all that is in it"
        yield Fault("cluster.createNamespace", problem, "write true, or see 'Namespaces' in README.md to let go of it")


def _api_faults(cluster: Cluster, site: Site) -> Iterator[Fault]:
    needed: list[tuple[str, str, str, str]] = []
    if site.monitoring:
        needed.append(("monitoring", "monitoring.coreos.com/v1", "Prometheus Operator", "leave monitoring out"))
    if site.scaling_mode == "keda":
        needed.append(("scaling.mode", "keda.sh/v1alpha1", "KEDA", "write another mode"))
    for key, api, product, otherwise in needed:
        if cluster.get(f"/apis/{api}") is None:
            yield Fault(key, f"the cluster does not know {api}", f"install {product}, or {otherwise}")
