"""The inference engine: its Deployment, the Service that names it and its disruption budget."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps.v1 import (
    Deployment,
    DeploymentSpecArgs,
    DeploymentStrategyArgs,
    RollingUpdateDeploymentArgs,
)
from pulumi_kubernetes.core.v1 import PodTemplateSpecArgs, Service, ServicePortArgs, ServiceSpecArgs
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpecArgs

from infra.plan import Plan
from infra.plan.ledger import Rollout
from infra.plan.naming import HTTP_PORT, HTTP_PORT_NAME, VLLM, labels, llm_endpoint, selector

from .engine_pod import engine_pod


@dataclass(frozen=True, kw_only=True)
class VllmServerArgs:
    plan: Plan


class VllmServer(pulumi.ComponentResource):
    """vLLM behind the in-cluster name `vllm`.

    `endpoint` and `model` are what a consumer needs, so that it cannot be wired to anything else.
    """

    endpoint: str
    model: str

    def __init__(self, name: str, args: VllmServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("f3iai:inference:VllmServer", name, None, opts)
        plan = args.plan
        metadata = ObjectMetaArgs(name=VLLM, namespace=plan.site.cluster.namespace, labels=labels(VLLM))
        self.endpoint = llm_endpoint(plan.site.cluster.namespace)
        self.model = plan.site.model.name
        child = pulumi.ResourceOptions(parent=self)
        Service(VLLM, metadata=_unawaited(metadata), spec=_service(), opts=child)
        PodDisruptionBudget(VLLM, metadata=metadata, spec=_disruption_budget(), opts=child)
        Deployment(VLLM, metadata=metadata, spec=_deployment(plan), opts=self._rollout_options(plan))
        self.register_outputs({"endpoint": self.endpoint, "model": self.model})

    def _rollout_options(self, plan: Plan) -> pulumi.ResourceOptions:
        """An autoscaler owns the replicas it set: Pulumi neither writes nor compares them."""
        startup = plan.startup
        return pulumi.ResourceOptions(
            parent=self,
            ignore_changes=["spec.replicas"] if plan.scaling else None,
            custom_timeouts=pulumi.CustomTimeouts(
                create=f"{startup.create_timeout_seconds}s",
                update=f"{startup.update_timeout_seconds}s",
                delete=f"{plan.drain.grace_seconds + startup.create_timeout_seconds}s",
            ),
        )


def _deployment(plan: Plan) -> DeploymentSpecArgs:
    return DeploymentSpecArgs(
        replicas=None if plan.scaling else plan.ledger.max_replicas,
        progress_deadline_seconds=plan.startup.progress_deadline_seconds,
        strategy=_strategy(plan.ledger.rollout),
        selector=LabelSelectorArgs(match_labels=selector(VLLM)),
        template=PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels(VLLM)), spec=engine_pod(plan)),
    )


def _strategy(rollout: Rollout) -> DeploymentStrategyArgs:
    if rollout.strategy == "Recreate":
        return DeploymentStrategyArgs(type="Recreate")
    rolling = RollingUpdateDeploymentArgs(max_surge=rollout.surge, max_unavailable=rollout.unavailable)
    return DeploymentStrategyArgs(type="RollingUpdate", rolling_update=rolling)


def _unawaited(metadata: ObjectMetaArgs) -> ObjectMetaArgs:
    """The Service has endpoints when the Deployment has ready pods, and those are awaited already: waiting for
    both would time the model's load twice.
    """
    return ObjectMetaArgs(
        name=metadata.name,
        namespace=metadata.namespace,
        labels=metadata.labels,
        annotations={"pulumi.com/skipAwait": "true"},
    )


def _service() -> ServiceSpecArgs:
    port = ServicePortArgs(name=HTTP_PORT_NAME, port=HTTP_PORT, target_port=HTTP_PORT, protocol="TCP")
    return ServiceSpecArgs(type="ClusterIP", ports=[port], selector=selector(VLLM))


def _disruption_budget() -> PodDisruptionBudgetSpecArgs:
    """One pod at a time. A minimum of available pods would block every drain of a single replica for ever, and a
    replica that is not healthy anyway must not block one either.
    """
    return PodDisruptionBudgetSpecArgs(
        max_unavailable=1,
        unhealthy_pod_eviction_policy="AlwaysAllow",
        selector=LabelSelectorArgs(match_labels=selector(VLLM)),
    )
