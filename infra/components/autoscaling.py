"""Replicas by load: an HPA on a Pods metric, or KEDA with the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import yaml
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.autoscaling.v2 import (
    CrossVersionObjectReferenceArgs,
    HorizontalPodAutoscaler,
    HorizontalPodAutoscalerBehaviorArgs,
    HorizontalPodAutoscalerSpecArgs,
    HPAScalingPolicyArgs,
    HPAScalingRulesArgs,
    MetricIdentifierArgs,
    MetricSpecArgs,
    MetricTargetArgs,
    PodsMetricSourceArgs,
)
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra.plan.adapter import adapter_rules
from infra.plan.keda import ANNOTATIONS, scaled_object
from infra.plan.naming import ADAPTER_RULES, VLLM, labels
from infra.plan.scaling import SCALE_DOWN, SCALE_UP, Pace, Scaling, Target


@dataclass(frozen=True, kw_only=True)
class PodsMetricAutoscalerArgs:
    namespace: str
    scaling: Scaling


class PodsMetricAutoscaler(pulumi.ComponentResource):
    """An HPA, and the prometheus-adapter rule without which its metric does not exist."""

    def __init__(self, name: str, args: PodsMetricAutoscalerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("f3iai:inference:PodsMetricAutoscaler", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        ConfigMap(
            ADAPTER_RULES,
            metadata=ObjectMetaArgs(name=ADAPTER_RULES, namespace=args.namespace, labels=labels(VLLM)),
            data={"config.yaml": yaml.safe_dump(adapter_rules(), sort_keys=False)},
            opts=child,
        )
        HorizontalPodAutoscaler(
            VLLM,
            metadata=ObjectMetaArgs(name=VLLM, namespace=args.namespace, labels=labels(VLLM)),
            spec=HorizontalPodAutoscalerSpecArgs(
                scale_target_ref=CrossVersionObjectReferenceArgs(api_version="apps/v1", kind="Deployment", name=VLLM),
                min_replicas=args.scaling.min_replicas,
                max_replicas=args.scaling.max_replicas,
                metrics=[_metric(target) for target in args.scaling.targets],
                behavior=HorizontalPodAutoscalerBehaviorArgs(
                    scale_up=_rules(SCALE_UP),
                    scale_down=_rules(SCALE_DOWN),
                ),
            ),
            opts=child,
        )
        self.register_outputs({"maxReplicas": args.scaling.max_replicas})


def _metric(target: Target) -> MetricSpecArgs:
    return MetricSpecArgs(
        type="Pods",
        pods=PodsMetricSourceArgs(
            metric=MetricIdentifierArgs(name=target.metric),
            target=MetricTargetArgs(type="AverageValue", average_value=str(target.per_replica)),
        ),
    )


def _rules(pace: Pace) -> HPAScalingRulesArgs:
    policy = HPAScalingPolicyArgs(type="Pods", value=pace.pods, period_seconds=pace.period_seconds)
    return HPAScalingRulesArgs(stabilization_window_seconds=pace.stabilization_seconds, policies=[policy])


@dataclass(frozen=True, kw_only=True)
class KedaAutoscalerArgs:
    namespace: str
    scaling: Scaling
    prometheus_url: str


class KedaAutoscaler(pulumi.ComponentResource):
    """A ScaledObject. KEDA makes the HPA itself, so there is no other for the same Deployment."""

    def __init__(self, name: str, args: KedaAutoscalerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("f3iai:inference:KedaAutoscaler", name, None, opts)
        spec: dict[str, Any] = scaled_object(args.namespace, args.scaling, args.prometheus_url)
        CustomResource(
            f"{VLLM}-scaled-object",
            api_version="keda.sh/v1alpha1",
            kind="ScaledObject",
            metadata=ObjectMetaArgs(
                name=VLLM, namespace=args.namespace, labels=labels(VLLM), annotations=dict(ANNOTATIONS)
            ),
            spec=spec,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"maxReplicas": args.scaling.max_replicas})
