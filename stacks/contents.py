"""What a site refers to in its namespace and does not make: the claim with the weights, and Secrets.

A pod that refers to something that is not there waits for it without a word, and the `up` waits for the pod until
its whole start-up budget is spent.
"""

from __future__ import annotations

from collections.abc import Iterator

from infra.plan import Plan
from infra.site import Fault

from .cluster import Cluster

ONE_POD_ONLY = "ReadWriteOncePod"


def content_faults(cluster: Cluster, plan: Plan) -> Iterator[Fault]:
    """A fault for every object that a pod of the site would wait for."""
    stated, site = plan.site.cluster, plan.site
    secrets = {
        "cluster.imagePullSecret": stated.image_pull_secret,
        "vllm.apiKeySecret.name": site.vllm.api_key_secret.name if site.vllm.api_key_secret else None,
    }
    if site.model.source.claim:
        yield from _claim_faults(cluster, plan, site.model.source.claim)
    for key, name in secrets.items():
        if name and not cluster.has(f"/api/v1/namespaces/{stated.namespace}/secrets/{name}"):
            yield _absent(key, plan, "Secret", name)


def _claim_faults(cluster: Cluster, plan: Plan, name: str) -> Iterator[Fault]:
    """A claim for one pod keeps every other replica waiting, and the successor in a rollout too."""
    key, most = "model.source.claim", plan.ledger.max_replicas + plan.ledger.rollout.surge
    found = cluster.get(f"/api/v1/namespaces/{plan.site.cluster.namespace}/persistentvolumeclaims/{name}")
    if found is None:
        yield _absent(key, plan, "PersistentVolumeClaim", name)
    elif most > 1 and (found.get("spec") or {}).get("accessModes") == [ONE_POD_ONLY]:
        problem = f"the claim {name!r} is {ONE_POD_ONLY}, and there may be {most} replicas"
        yield Fault(key, problem, "make the claim ReadOnlyMany or ReadWriteMany")


def _absent(key: str, plan: Plan, kind: str, name: str) -> Fault:
    stated = plan.site.cluster
    listed = f"kubectl --context {stated.context} -n {stated.namespace} get {kind.lower()}s"
    remedy = f"create it, or write one that {listed} lists"
    return Fault(key, f"the namespace {stated.namespace!r} has no {kind} {name!r}", remedy)
