"""Every name, label and port of the stack, written once: the specification's contracts."""

from __future__ import annotations

VLLM = "vllm"
COMPASS = "compass-api"
HTTP_PORT = 8000
HTTP_PORT_NAME = "http"
METRICS_PATH = "/metrics"
HEALTH_PATH = "/health"
API_PREFIX = "/v1"

GPU_QUOTA = "gpu-quota"
GPU_LIMITS = "gpu-limits"
INGRESS_POLICY = "vllm-ingress"
PROMETHEUS_POLICY = "vllm-prometheus"
EGRESS_POLICY = "vllm-egress"
COMPASS_EGRESS_POLICY = "compass-api-egress"
DASHBOARD = "vllm-dashboard"
ADAPTER_RULES = "vllm-adapter-rules"

GPU_ROLE_LABEL = "node-role.kubernetes.io/gpu"
NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
SITE_ANNOTATION = "f3iai.io/site"


def selector(app: str) -> dict[str, str]:
    """What selects an app's pods. It never changes: a Deployment's selector is immutable."""
    return {"app": app}


def labels(app: str) -> dict[str, str]:
    """Labels of an app's objects and pods: the selector and the recommended ones."""
    return {**selector(app), "app.kubernetes.io/name": app, "app.kubernetes.io/part-of": "f3iai-inference"}


def host(app: str, namespace: str) -> str:
    """In-cluster DNS name of an app's Service."""
    return f"{app}.{namespace}.svc.cluster.local"


def llm_endpoint(namespace: str) -> str:
    """Base URL of the OpenAI API; Compass appends `/chat/completions` and the rest."""
    return f"http://{host(VLLM, namespace)}:{HTTP_PORT}{API_PREFIX}"
