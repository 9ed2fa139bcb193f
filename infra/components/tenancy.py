"""The namespace as a tenant of the cluster's GPUs."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import (
    LimitRange,
    LimitRangeItemArgs,
    LimitRangeSpecArgs,
    Namespace,
    NodePatch,
    ResourceQuota,
    ResourceQuotaSpecArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs, ObjectMetaPatchArgs

from infra.plan import Plan
from infra.plan.naming import GPU_LIMITS, GPU_QUOTA, GPU_ROLE_LABEL, SITE_ANNOTATION

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@dataclass(frozen=True, kw_only=True)
class GpuTenancyArgs:
    plan: Plan


class GpuTenancy(pulumi.ComponentResource):
    """What the namespace may take of the GPUs.

    The LimitRange needs its default of 0: without it the API server copies the maximum into the default, and
    every container of the namespace asks for GPUs.
    """

    def __init__(self, name: str, args: GpuTenancyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("f3iai:inference:GpuTenancy", name, None, opts)
        site, ledger = args.plan.site, args.plan.ledger
        namespace, resource = site.cluster.namespace, site.gpus.resource
        child = pulumi.ResourceOptions(parent=self)
        if site.creates_namespace:
            child.depends_on = [self._namespace(args.plan)]
        ResourceQuota(
            GPU_QUOTA,
            metadata=ObjectMetaArgs(name=GPU_QUOTA, namespace=namespace),
            spec=ResourceQuotaSpecArgs(
                hard={f"{kind}.{resource}": str(ledger.quota) for kind in ("requests", "limits")}
            ),
            opts=child,
        )
        LimitRange(
            GPU_LIMITS,
            metadata=ObjectMetaArgs(name=GPU_LIMITS, namespace=namespace),
            spec=LimitRangeSpecArgs(
                limits=[
                    LimitRangeItemArgs(
                        type="Container",
                        max={resource: str(ledger.limit_per_container)},
                        default={resource: "0"},
                    )
                ]
            ),
            opts=child,
        )
        self.register_outputs({"quota": ledger.quota})

    def _namespace(self, plan: Plan) -> Namespace:
        """Of this site; its deletion waits for the pods in it, so it gets the engine's default time."""
        name = plan.site.cluster.namespace
        metadata = ObjectMetaArgs(name=name, labels=RESTRICTED, annotations={SITE_ANNOTATION: plan.name})
        return Namespace(name, metadata=metadata, opts=pulumi.ResourceOptions(parent=self))


@dataclass(frozen=True, kw_only=True)
class GpuNodeLabelsArgs:
    nodes: tuple[str, ...]
    node_label: str


class GpuNodeLabels(pulumi.ComponentResource):
    """Labels of GPU nodes that nobody else labels.

    A patch owns its two labels alone. Where the GPU Operator runs it owns the first one and would revert it.
    """

    def __init__(self, name: str, args: GpuNodeLabelsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("f3iai:inference:GpuNodeLabels", name, None, opts)
        for node in args.nodes:
            labels = {args.node_label: "true", GPU_ROLE_LABEL: "true"}
            metadata = ObjectMetaPatchArgs(name=node, labels=labels)
            NodePatch(node, metadata=metadata, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({"nodes": list(args.nodes)})
