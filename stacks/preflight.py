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
from .handling import is_of_another_site
from .ownership import managers, taken
from .rollout import fitted


def preflight(plan: Plan, file: str) -> tuple[str, Plan]:
    """Look at the cluster the site names: which one it is, and the plan with a roll-out that fits what runs there.

    Raises:
        SiteRefused: the context is missing, its cluster does not answer, the namespace is not as stated or lacks what
            the site refers to, a node to be labelled is not there, an API that the site builds on is not installed,
            or an object of the site's stands there already and is another's.
    """
    try:
        cluster = Cluster(plan.site.cluster.context)
        faults = [
            *_namespace_faults(cluster, plan),
            *_node_faults(cluster, plan),
            *_api_faults(cluster, plan.site),
            *taken(cluster, plan),
        ]
        identity, plan = cluster.identity(), fitted(plan, cluster)
    except Unanswered as unanswered:
        raise SiteRefused(file, [unanswered.fault]) from None
    if faults:
        raise SiteRefused(file, faults)
    return identity, plan


def _namespace_faults(cluster: Cluster, plan: Plan) -> Iterator[Fault]:
    stated = plan.site.cluster
    found = cluster.get(f"/api/v1/namespaces/{stated.namespace}")
    if found is None:
        yield from _absent_namespace(plan.site)
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
        means = "false" if stated.create_namespace is False else f"left out beside {plan.site.needs_namespace_content}"
        problem = f"this site made the namespace {stated.namespace!r}: {means} would delete it with all that is in it"
        yield Fault("cluster.createNamespace", problem, "write true, or see 'Namespaces' in README.md to let go of it")
    else:
        yield from content_faults(cluster, plan)


def _absent_namespace(site: Site) -> Iterator[Fault]:
    """A namespace that this program makes is empty: no claim with weights and no Secret can be in it."""
    stated = site.cluster
    if not site.creates_namespace:
        remedy = f"kubectl --context {stated.context} create namespace {stated.namespace}, or createNamespace: true"
        yield Fault("cluster.namespace", f"the cluster has no namespace {stated.namespace!r}", remedy)
    elif key := site.needs_namespace_content:
        problem = f"the namespace {stated.namespace!r} would be new, and {key} must be in it before"
        yield Fault("cluster.createNamespace", problem, "write false, and make the namespace first, see README.md")


def _node_faults(cluster: Cluster, plan: Plan) -> Iterator[Fault]:
    """A label for a node that is not there would be a new Node object without a machine, and one that another site
    keeps would end this `up` half way.
    """
    context = plan.site.cluster.context
    for position, name in enumerate(plan.site.gpus.label_nodes):
        key, node = f"gpus.labelNodes[{position}]", cluster.get(f"/api/v1/nodes/{name}")
        if node is None:
            remedy = f"write one that kubectl --context {context} get nodes lists; if it left, pulumi refresh first"
            yield Fault(key, f"the cluster has no node {name!r}", remedy)
        elif other := next((each for each in managers(node) if is_of_another_site(each, plan.name)), None):
            yield Fault(key, f"the node {name!r} is labelled by {other} already", "leave it out, the labels are there")


def _api_faults(cluster: Cluster, site: Site) -> Iterator[Fault]:
    needed: list[tuple[str, str, str, str]] = []
    if site.monitoring:
        needed.append(("monitoring", "monitoring.coreos.com/v1", "Prometheus Operator", "leave monitoring out"))
    if site.scaling_mode == "keda":
        needed.append(("scaling.mode", "keda.sh/v1alpha1", "KEDA", "write another mode"))
    for key, api, product, otherwise in needed:
        if cluster.get(f"/apis/{api}") is None:
            yield Fault(key, f"the cluster does not know {api}", f"install {product}, or {otherwise}")
