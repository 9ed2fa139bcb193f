"""The `vllm serve` line, its environment and its writable folders."""

from __future__ import annotations

from dataclasses import dataclass

from infra.site import Site

from .drain import Drain
from .naming import HEALTH_PATH, HTTP_PORT, METRICS_PATH
from .startup import Startup

HOME = "/home/vllm"
MODELS = "/models"
USER_ID = 2000
GROUP_ID = 0
"""The image's own user; vLLM's images support no user outside group 0."""

GIB = 2**30
HOME_GIB = 20
"""Compile caches of torch, Triton and vLLM, with room for those of a larger model."""
HUB_HOME_GIB = 400
"""The same and the downloaded weights."""
TMP_GIB = 8
"""ZeroMQ sockets, the executor's file store, multiprocess metrics."""
SHARED_MEMORY_GIB = 2
"""/dev/shm per GPU: NCCL and the engine's processes exchange tensors there."""

_CACHES = {
    "HF_HOME": ".cache/huggingface",
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
    "VLLM_CACHE_ROOT": ".cache/vllm",
    "VLLM_CONFIG_ROOT": ".config/vllm",
    "TRITON_CACHE_DIR": ".triton",
    "TORCHINDUCTOR_CACHE_DIR": ".cache/torchinductor",
    "NUMBA_CACHE_DIR": ".cache/numba",
    "FLASHINFER_WORKSPACE_BASE": "",
    "OUTLINES_CACHE_DIR": ".cache/outlines",
}
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
"""Without them hub calls go on even where the weights are local (vllm#3719)."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A container of the engine. Sizes are GiB."""

    command: tuple[str, ...]
    args: tuple[str, ...]
    env: dict[str, str]
    home_gib: int
    tmp_gib: int
    shared_memory_gib: int

    @property
    def line(self) -> str:
        return " ".join([*self.command, *self.args])


def model_path(site: Site) -> str:
    """What `vllm serve` loads: a folder, or the hub's name."""
    source = site.model.source
    if source.hub:
        return site.model.name
    return f"{MODELS}/{source.path}" if source.path else MODELS


def serving_plan(site: Site, parser: str, startup: Startup, drain: Drain) -> Serving:
    """The engine of a site. The served name is the one Compass asks for, whatever the weights' path is."""
    vllm, hub = site.vllm, bool(site.model.source.hub)
    flags = {
        "--served-model-name": site.model.name,
        "--port": HTTP_PORT,
        "--tensor-parallel-size": vllm.gpus_per_replica,
        "--max-model-len": site.model.max_len,
        "--gpu-memory-utilization": vllm.gpu_memory_utilization,
        "--max-num-seqs": vllm.max_num_seqs,
        "--max-num-batched-tokens": vllm.max_num_batched_tokens,
        "--kv-cache-dtype": vllm.kv_cache_dtype,
        "--tool-call-parser": parser,
        "--shutdown-timeout": drain.drain_seconds,
        "--disable-access-log-for-endpoints": f"{HEALTH_PATH},{METRICS_PATH}",
    }
    switches = ("--enable-auto-tool-choice", "--disable-fastapi-docs")
    env = {"HOME": HOME, **{name: f"{HOME}/{path}".rstrip("/") for name, path in _CACHES.items()}}
    env |= {} if hub else OFFLINE
    env |= {"VLLM_NO_USAGE_STATS": "1", "VLLM_ENGINE_READY_TIMEOUT_S": str(startup.engine_ready_seconds)}
    return Serving(
        command=("vllm", "serve"),
        args=(
            model_path(site),
            *(f"{flag}={value}" for flag, value in flags.items()),
            *switches,
            *vllm.extra_args,
        ),
        env=env,
        home_gib=HUB_HOME_GIB if hub else HOME_GIB,
        tmp_gib=TMP_GIB,
        shared_memory_gib=SHARED_MEMORY_GIB * vllm.gpus_per_replica,
    )
