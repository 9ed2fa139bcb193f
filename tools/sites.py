"""What a site's cluster has before the first `pulumi up`: nodes with GPUs, and what others own."""

from __future__ import annotations

from typing import Any

from infra.plan import Plan

from . import simulation
from .controlplane import ControlPlane

Manifest = dict[str, Any]


def nodes(plan: Plan, *, gpus_per_node: int, cpu_nodes: int = 2) -> list[Manifest]:
    """GPU nodes that carry the site's GPUs, and CPU nodes."""
    gpus = plan.site.gpus
    names = [f"gpu-node-{number:02}" for number in range(1, -(-gpus.available // gpus_per_node) + 1)]
    return [
        *(
            simulation.gpu_node(
                name,
                gpus_per_node,
                resource=gpus.resource,
                label=None if name in gpus.label_nodes else gpus.node_label,
                taint=gpus.taint,
            )
            for name in names
        ),
        *(simulation.cpu_node(f"cpu-node-{number:02}") for number in range(1, cpu_nodes + 1)),
    ]


def prerequisites(plan: Plan) -> list[Manifest]:
    """The namespace where the site does not make it, and in it a bound claim with the weights and Secrets."""
    if plan.site.creates_namespace:
        return []
    cluster, claim, api_key = plan.site.cluster, plan.site.model.source.claim, plan.site.vllm.api_key_secret
    found: list[Manifest] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.namespace}}]
    if claim:
        found.extend(_bound_claim(cluster.namespace, claim))
    if cluster.image_pull_secret:
        pull = {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": '{"auths": {}}'}}
        found.append(_secret(cluster.namespace, cluster.image_pull_secret, pull))
    if api_key:
        found.append(_secret(cluster.namespace, api_key.name, {"stringData": {api_key.key: "simulated"}}))
    return found


def _secret(namespace: str, name: str, content: Manifest) -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, **content}


def _bound_claim(namespace: str, claim: str) -> list[Manifest]:
    volume = f"{namespace}-{claim}"
    size = {"storage": "100Gi"}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                "accessModes": ["ReadOnlyMany"],
                "capacity": size,
                "hostPath": {"path": "/simulated"},
                "claimRef": {"namespace": namespace, "name": claim},
                "storageClassName": "",
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim, "namespace": namespace},
            "spec": {
                "accessModes": ["ReadOnlyMany"],
                "resources": {"requests": size},
                "volumeName": volume,
                "storageClassName": "",
            },
        },
    ]


def prepare(cluster: ControlPlane, plan: Plan) -> None:
    """Make a simulated cluster what the site expects to find."""
    cluster.add_nodes(nodes(plan, gpus_per_node=2 * plan.site.vllm.gpus_per_replica))
    if manifests := prerequisites(plan):
        cluster.apply(manifests)
