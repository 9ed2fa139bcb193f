"""The sections of a site file. Defaults are the specification's; a key carries its unit in its name."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .faults import invalid
from .section import Section
from .types import (
    AppLabel,
    Distinct,
    DnsLabel,
    GpuCount,
    GpuMemory,
    GpuResource,
    Image,
    LabelKey,
    LoadSeconds,
    ModelName,
    NonEmpty,
    ObjectName,
    Port,
    Registry,
    RelativePath,
    Replicas,
    Seconds,
    SecretKey,
    Utilization,
    Version,
    WeightsSize,
)


class Cluster(Section):
    """Where the site runs."""

    context: NonEmpty = Field(examples=["gpu-prod"])
    """Context of the kubeconfig; the current context is never used."""
    namespace: DnsLabel = "f3iai"
    """Namespace of the stack."""
    create_namespace: bool | None = None
    """False where the namespace exists already: this program then neither creates nor deletes it. Left out: false
    where the site refers to a claim or a Secret, because those are in the namespace before the first `up`."""
    image_registry: Registry = "harbor.vitro.lan/ffp"
    """Every image must come from here."""
    image_pull_secret: ObjectName | None = None
    """An existing Secret of type kubernetes.io/dockerconfigjson."""
    node_drain_seconds: Annotated[int, Field(ge=60, le=86_400)] = 3600
    """How long a drain of a node waits for its pods before it gives up or kills them."""


class Gpus(Section):
    """The GPUs a site gives to inference."""

    available: GpuCount = Field(examples=[4])
    """GPUs of the site that inference may use."""
    quota: GpuCount | None = None
    """GPUs the ResourceQuota allows; all that are available where left out."""
    memory_gib: GpuMemory = Field(alias="memoryGiB", examples=[80])
    """Memory of one GPU in GiB."""
    product: NonEmpty | None = None
    """The GPU's product name, as in the label nvidia.com/gpu.product; left out, the plan takes the card of that size
    of which CUDA reports the least."""
    resource: GpuResource = "nvidia.com/gpu"
    """Extended resource that the device plugin offers."""
    node_label: LabelKey = "nvidia.com/gpu.present"
    """Label whose value is "true" on GPU nodes."""
    taint: LabelKey | None = "nvidia.com/gpu"
    """Key of the NoSchedule taint of GPU nodes; null where they carry none."""
    label_nodes: Distinct[ObjectName] = []
    """Nodes this program labels itself; none where the GPU Operator does."""


class ModelSource(Section):
    """Where the weights come from: exactly one of `claim`, `image` and `hub`."""

    claim: ObjectName | None = None
    """An existing PersistentVolumeClaim, mounted read-only."""
    image: Image | None = None
    """An image that holds the weights, mounted as an image volume (Kubernetes 1.35 and newer)."""
    path: RelativePath | None = None
    """Folder of the model inside the claim or image; its root where left out."""
    hub: Literal[True] | None = None
    """Download from the model hub at start: needs the internet."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = [name for name in ("claim", "image", "hub") if getattr(self, name) is not None]
        if len(given) != 1:
            problem = f"has {' and '.join(given)}" if given else "names no origin of the weights"
            raise invalid(problem, "write exactly one of claim, image and hub, e.g. {claim: vllm-models}")
        if self.hub and self.path:
            raise invalid("has a path beside hub: true", "leave path out, the hub is asked for model.name")
        return self


class Model(Section):
    """The model the site serves."""

    name: ModelName = "Qwen/Qwen2.5-7B-Instruct"
    """Served model name: what Compass asks for."""
    source: ModelSource = Field(examples=["{claim: vllm-models, path: Qwen2.5-7B-Instruct}"])
    """Where the weights come from: a claim or an image (with the folder in it as path), or {hub: true}."""
    load_seconds: LoadSeconds = 300
    """Slowest load the site has seen, from container start to /health, with cold caches."""
    max_len: Annotated[int, Field(ge=16, le=16_777_216)] = 32_768
    """Longest conversation in tokens, prompt and answer together."""
    config: RelativePath | None = None
    """The model's config.json, relative to the stack file; not needed for a well-known model."""
    weights_gib: WeightsSize | None = Field(default=None, alias="weightsGiB")
    """Size of the weights in GiB; left out, it follows from the config."""
    tool_parser: NonEmpty | None = None
    """vLLM's tool-call parser; left out, it follows from the model's name."""


class SecretRef(Section):
    """A key of an existing Secret of the namespace."""

    name: ObjectName = Field(examples=["vllm-api"])
    key: SecretKey = Field(examples=["key"])


class Vllm(Section):
    """The inference engine."""

    image: Image = Field(examples=["harbor.vitro.lan/ffp/vllm-openai:v0.33.0"])
    version: Version | None = None
    """vLLM's version, where the image's tag does not begin with it."""
    image_pull_seconds: Seconds = 600
    """Slowest pull of the image onto a node."""
    gpus_per_replica: Annotated[int, Field(ge=1, le=64)] = 1
    """Tensor parallel size."""
    gpu_memory_utilization: Utilization = 0.90
    """Part of a GPU's memory the engine takes."""
    max_num_seqs: Annotated[int, Field(ge=1, le=65_536)] = 256
    """Requests in one batch."""
    max_num_batched_tokens: Annotated[int, Field(ge=1, le=1_048_576)] = 2048
    """Tokens in one engine step."""
    kv_cache_dtype: Literal["auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2"] = "auto"
    """Type of the KV cache."""
    reserve_gib: GpuMemory | None = Field(default=None, alias="reserveGiB")
    """Memory of one GPU beside weights and KV cache, from a start-up log of the site; estimated where left out."""
    cpus: Annotated[int, Field(ge=1, le=1024)] = 4
    """CPU cores a replica asks for."""
    memory_gib: Annotated[int, Field(ge=1, le=65_536)] = Field(default=16, alias="memoryGiB")
    """Memory of the node a replica asks for, in GiB."""
    drain_seconds: Annotated[int, Field(ge=0, le=3600)] = 120
    """Time a running answer gets when its pod must go."""
    api_key_secret: SecretRef | None = None
    """Key that vLLM demands and Compass sends."""
    extra_args: list[NonEmpty] = []
    """More arguments of `vllm serve`, one word per item."""


class Scaling(Section):
    """How many replicas there are."""

    mode: Literal["pods-metric", "keda", "fixed"] | None = None
    """Left out: pods-metric where the site has monitoring, fixed where it has none."""
    min_replicas: Replicas = 1
    max_replicas: Replicas | None = None
    """Left out: what the quota allows, at most 4; in mode fixed the same as minReplicas."""
    queue_target: Annotated[int, Field(ge=1, le=100_000)] = 5
    """Waiting requests per replica."""
    running_metric: bool = True
    """Scale on running requests too, so that a busy replica with an empty queue is kept."""


class Compass(Section):
    """The Compass API, sole consumer of the engine."""

    image: Image = Field(examples=["harbor.vitro.lan/ffp/compass-api:v1.2.0"])
    replicas: Replicas = 1
    port: Port | None = None
    """TCP port the API listens on; given, a readiness probe asks it."""
    run_as_user: Annotated[int, Field(ge=1, le=2**31 - 1)] = 65_532
    """Numeric user of the container; root is refused by the restricted pod standard."""
    max_tokens: Annotated[int, Field(ge=1, le=16_777_216)] = 4096
    """Longest answer in tokens."""
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.1
    gpu_nodes: Literal["avoid", "avoid-if-possible"] = "avoid"
    """`avoid-if-possible` where the site has no other nodes."""
    mcp_servers: Distinct[AppLabel] = ["ffo-mcp", "kolla-mcp"]
    """`app` labels of the tool servers Compass calls."""
