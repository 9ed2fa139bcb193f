"""The typed site: everything one site decides, and nothing that follows from it."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from .monitoring import Monitoring
from .section import Section
from .sections import Cluster, Compass, Gpus, Model, Scaling, Vllm
from .types import image_tag

PAGE_MAX_REPLICAS = 4

Version = tuple[int, int, int]


def version_of(text: str) -> Version | None:
    """The version a tag begins with, or None."""
    match = re.match(r"v?(\d{1,5})\.(\d{1,5})\.(\d{1,5})(?![\d.])", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


class Site(Section):
    """One site. The properties resolve the keys whose default depends on other keys."""

    cluster: Cluster
    gpus: Gpus
    model: Model
    vllm: Vllm
    scaling: Scaling = Field(default_factory=Scaling)
    compass: Compass
    monitoring: Monitoring | None = Field(default=None)
    """Left out: no ServiceMonitor, rules or dashboard."""

    @property
    def needs_namespace_content(self) -> str | None:
        """The key of something that must be in the namespace before the first `up`, or None."""
        kept = {
            "model.source.claim": self.model.source.claim,
            "cluster.imagePullSecret": self.cluster.image_pull_secret,
            "vllm.apiKeySecret": self.vllm.api_key_secret,
        }
        return next((key for key, name in kept.items() if name), None)

    @property
    def creates_namespace(self) -> bool:
        stated = self.cluster.create_namespace
        return self.needs_namespace_content is None if stated is None else stated

    @property
    def gpu_quota(self) -> int:
        return self.gpus.quota or self.gpus.available

    @property
    def scaling_mode(self) -> Literal["pods-metric", "keda", "fixed"]:
        return self.scaling.mode or ("pods-metric" if self.monitoring else "fixed")

    @property
    def autoscaled(self) -> bool:
        return self.scaling_mode != "fixed"

    @property
    def max_replicas(self) -> int:
        """Never below the minimum, so that a minimum above the quota is reported as what it is."""
        if self.scaling.max_replicas is not None:
            return self.scaling.max_replicas
        if not self.autoscaled:
            return self.scaling.min_replicas
        within_quota = min(PAGE_MAX_REPLICAS, self.gpu_quota // self.vllm.gpus_per_replica)
        return max(self.scaling.min_replicas, within_quota)

    @property
    def vllm_version(self) -> Version | None:
        """As the site states it, else as the image's tag begins (`v0.33.0`, `0.33.0-cu130`)."""
        return version_of(self.vllm.version or image_tag(self.vllm.image) or "")
