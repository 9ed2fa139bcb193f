"""The monitoring section: the site's Prometheus, and what to alert on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .section import Section
from .types import BelowOne, Count, DnsLabel, LabelKey, LabelValue, PositiveFloat, Url


class Prometheus(Section):
    """The site's Prometheus."""

    namespace: DnsLabel = "monitoring"
    pod_labels: dict[LabelKey, LabelValue] = Field(default={"app.kubernetes.io/name": "prometheus"}, min_length=1)
    """Labels of its pods, which the network policy admits."""
    url: Url | None = None
    """Where KEDA asks it; the Prometheus Operator's own Service where left out."""


class Alerts(Section):
    """Alert thresholds."""

    requests_waiting: Count = 10
    requests_running: Count | None = None
    """Left out: 50, or what vllm.maxNumSeqs leaves where that is less."""
    generation_tokens_per_second: PositiveFloat = 20
    kv_cache_usage: BelowOne = 0.95
    """Fraction of the KV pool in use; it never reaches more than 1."""


class Monitoring(Section):
    """What the site's Prometheus Operator and Grafana need."""

    prometheus: Prometheus = Field(default_factory=Prometheus)
    labels: dict[LabelKey, LabelValue] = {"release": "kube-prometheus-stack"}
    """Labels by which the site's Prometheus selects monitors and rules."""
    scrape_interval_seconds: Annotated[int, Field(ge=5, le=120)] = 30
    alerts: Alerts = Field(default_factory=Alerts)
