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
from .contents import content_faults
from .ownership import taken


def preflight(plan: Plan, file: str) -> str:
    """Look at the cluster the site names, and say which one it is.

    Raises:
        SiteRefused: the context is missing, its cluster does not answer, the namespace is not as stated or lacks what
            the site refers to, a node to be labelled is not there, an API that the site builds on is not installed,
            or an object of the site's stands there already and is another's.
    """
    try:
        cluster = Cluster(plan.site.cluster.context)
        faults = [
            *_namespace_faults(cluster, plan),
            *_node_faults(cluster, plan.site),
            *_api_faults(cluster, plan.site),
            *taken(cluster, plan),
        ]
        identity = cluster.identity()
    except Unanswered as unanswered:
        raise SiteRefused(file, [unanswered.fault]) from None
    if faults:
        raise SiteRefused(file, faults)
    return identity


def _namespace_faults(cluster: Cluster, plan: Plan) -> Iterator[Fault]:
    stated = plan.site.cluster
    found = cluster.get(f"/api/v1/namespaces/{stated.namespace}")
    if found is None:
        if not plan.site.creates_namespace:
            remedy = f"kubectl --context {stated.context} create namespace {stated.namespace}, or createNamespace: true"
            yield Fault("cluster.namespace", f"the cluster has no namespace {stated.namespace!r}", remedy)
        return
    metadata: dict[str, Any] = found.get("metadata", {})
    owner: str | None = (metadata.get("annotations") or {}).get(SITE_ANNOTATION)
    if metadata.get("deletionTimestamp"):
        problem = f"the namespace {stated.namespace!r} is being deleted"
        yield Fault("cluster.namespace", problem, f"wait until kubectl get namespace {stated.namespace} finds none")
    elif metadata and plan.site.creates_namespace and owner != plan.name:
        whose = f"of the site {owner!r}" if owner else "not of this program"
        problem = f"the namespace {stated.namespace!r} exists already and is {whose}"
        yield Fault("cluster.createNamespace", problem, "write false to use it as it is, or another cluster.namespace")
    elif owner == plan.name and not plan.site.creates_namespace:
        problem = f"this site made the namespace {stated.namespace!r}: false would delete it with all that is in it"
        yield Fault("cluster.createNamespace", problem, "write true, or see 'Namespaces' in README.md to let go of it")
    elif not plan.site.creates_namespace:
        yield from content_faults(cluster, plan)


def _node_faults(cluster: Cluster, site: Site) -> Iterator[Fault]:
    """A label for a node that is not there would be a new Node object without a machine."""
    for position, name in enumerate(site.gpus.label_nodes):
        if cluster.get(f"/api/v1/nodes/{name}") is None:
            remedy = f"write one that kubectl --context {site.cluster.context} get nodes lists"
            yield Fault(f"gpus.labelNodes[{position}]", f"the cluster has no node {name!r}", remedy)


def _api_faults(cluster: Cluster, site: Site) -> Iterator[Fault]:
    needed: list[tuple[str, str, str, str]] = []
    if site.monitoring:
        needed.append(("monitoring", "monitoring.coreos.com/v1", "Prometheus Operator", "leave monitoring out"))
    if site.scaling_mode == "keda":
        needed.append(("scaling.mode", "keda.sh/v1alpha1", "KEDA", "write another mode"))
    for key, api, product, otherwise in needed:
        if cluster.get(f"/apis/{api}") is None:
            yield Fault(key, f"the cluster does not know {api}", f"install {product}, or {otherwise}")
