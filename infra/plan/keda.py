"""The same scaling as a KEDA ScaledObject."""

from __future__ import annotations

from typing import Any

from .metrics import SERIES_OF_HPA_METRIC
from .naming import VLLM
from .scaling import SCALE_DOWN, SCALE_UP, Pace, Scaling, Target

ANNOTATIONS = {"validations.keda.sh/hpa-ownership": "false"}
"""A site that changes from mode pods-metric has the old HPA until the ScaledObject is there, and KEDA's webhook would
refuse a second one. The two have different names, so removing one never takes the other along."""
POLLING_SECONDS = 15
FAILURES_BEFORE_FALLBACK = 4


def prometheus_url(namespace: str) -> str:
    """The Service the Prometheus Operator makes beside every Prometheus."""
    return f"http://prometheus-operated.{namespace}.svc:9090"


def scaled_object(namespace: str, scaling: Scaling, server_address: str) -> dict[str, Any]:
    """Spec of the ScaledObject.

    A lost target must not read as an idle one: null values are errors, and after a minute of them the replicas
    stay as they are.
    """
    return {
        "scaleTargetRef": {"name": VLLM},
        "pollingInterval": POLLING_SECONDS,
        "minReplicaCount": scaling.min_replicas,
        "maxReplicaCount": scaling.max_replicas,
        "fallback": {
            "failureThreshold": FAILURES_BEFORE_FALLBACK,
            "replicas": scaling.min_replicas,
            "behavior": "currentReplicas",
        },
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                "behavior": {
                    "scaleUp": _rules(SCALE_UP),
                    "scaleDown": _rules(SCALE_DOWN),
                },
            }
        },
        "triggers": [_trigger(namespace, target, server_address) for target in scaling.targets],
    }


def _trigger(namespace: str, target: Target, server_address: str) -> dict[str, Any]:
    series = SERIES_OF_HPA_METRIC[target.metric]
    return {
        "type": "prometheus",
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": server_address,
            "query": f'sum({series}{{namespace="{namespace}"}})',
            "threshold": str(target.per_replica),
            "ignoreNullValues": "false",
        },
    }


def _rules(pace: Pace) -> dict[str, Any]:
    policy = {"type": "Pods", "value": pace.pods, "periodSeconds": pace.period_seconds}
    return {"stabilizationWindowSeconds": pace.stabilization_seconds, "policies": [policy]}
