"""Arguments of `vllm serve` that a site cannot give, and what became of those that vLLM dropped."""

from __future__ import annotations

SET_BY_THE_SITE = {
    "--model": "model.source",
    "--served-model-name": "model.name",
    "--max-model-len": "model.maxLen",
    "--tensor-parallel-size": "vllm.gpusPerReplica",
    "--gpu-memory-utilization": "vllm.gpuMemoryUtilization",
    "--max-num-seqs": "vllm.maxNumSeqs",
    "--max-num-batched-tokens": "vllm.maxNumBatchedTokens",
    "--kv-cache-dtype": "vllm.kvCacheDtype",
    "--shutdown-timeout": "vllm.drainSeconds",
    "--tool-call-parser": "model.toolParser",
    "--enable-auto-tool-choice": "model.toolParser",
    "--api-key": "vllm.apiKeySecret",
}
SET_BY_THE_PROGRAM = ("--host", "--port", "--disable-access-log-for-endpoints", "--disable-fastapi-docs")

_ONE_POD = "the GPU ledger counts tensor parallelism within one pod only"
_PLAIN_HTTP = "the probes, the Service and Compass speak HTTP to port 8000 of the pod"
_GPUS = "leave it out, and set vllm.gpusPerReplica"
_OUT = "leave it out"
_POOL = "the plan takes the size of the KV pool from the memory of a GPU"
_UNCOUNTED = "the plan does not count its memory"
_NO_CHAT = "Compass needs /v1/chat/completions"
_UTILIZATION = "leave it out, and set vllm.gpuMemoryUtilization"

REFUSED = {
    "--pipeline-parallel-size": (_ONE_POD, _GPUS),
    "--prefill-context-parallel-size": (_ONE_POD, _GPUS),
    "--nnodes": (_ONE_POD, _GPUS),
    "--node-rank": (_ONE_POD, _GPUS),
    "--master-addr": (_ONE_POD, _GPUS),
    "--master-port": (_ONE_POD, _GPUS),
    "--enable-elastic-ep": (_ONE_POD, _GPUS),
    "--elastic-ep-max-dp-size": (_ONE_POD, _GPUS),
    "--headless": ("a replica without an API server is never ready", _OUT),
    "--root-path": ("the probes and Compass ask for paths below /", _OUT),
    "--uds": (_PLAIN_HTTP, _OUT),
    "--grpc": (_PLAIN_HTTP, _OUT),
    "--enable-ssl-refresh": (_PLAIN_HTTP, _OUT),
    "--tokens-only": (_NO_CHAT, _OUT),
    "--skip-tokenizer-init": (_NO_CHAT, _OUT),
    "--kv-cache-memory-bytes": (_POOL, _UTILIZATION),
    "--num-gpu-blocks-override": (_POOL, _UTILIZATION),
    "--block-size": ("the plan counts the KV pool in the blocks vLLM chooses", _OUT),
    "--cpu-offload-gb": ("the plan counts all weights in the memory of the GPUs", _GPUS),
    "--enable-lora": (_UNCOUNTED, _OUT),
    "--lora-modules": (_UNCOUNTED, _OUT),
    "--disable-log-stats": ("the metrics for autoscaling and alerts would stop", _OUT),
    "--config": ("such a file could set anything the plan depends on", "write its arguments here, one word per item"),
    "--hf-token": ("a token in plain text would stand in the manifest", "leave it out, and serve a claim or an image"),
    "--help": ("vLLM would print its help and exit", _OUT),
}
REFUSED_BEGINNINGS = {
    "--data-parallel": (_ONE_POD, "leave it out, and set scaling.maxReplicas"),
    "--dp-supervisor": (_ONE_POD, "leave it out, and set scaling.maxReplicas"),
    "--ssl-": (_PLAIN_HTTP, _OUT),
    "--speculative-": (_UNCOUNTED, _OUT),
    "--spec-": (_UNCOUNTED, _OUT),
}
_FOUR_BYTES = ("the plan counts two bytes for a weight and a KV value", "leave it out, or write --dtype=bfloat16")
REFUSED_VALUES = {
    ("--dtype", "float"): _FOUR_BYTES,
    ("--dtype", "float32"): _FOUR_BYTES,
    ("--runner", "pooling"): (_NO_CHAT, _OUT),
    ("--runner", "draft"): (_NO_CHAT, _OUT),
    ("--convert", "embed"): (_NO_CHAT, _OUT),
    ("--convert", "classify"): (_NO_CHAT, _OUT),
}


def reservation(flag: str) -> tuple[str, str] | None:
    """Why a site cannot give an argument and what to do instead, or None where it can."""
    if flag in SET_BY_THE_SITE:
        return f"{flag} follows from {SET_BY_THE_SITE[flag]}", "set that key instead"
    if flag in SET_BY_THE_PROGRAM:
        return f"{flag} is a contract of this stack", _OUT
    beginning = next((each for each in REFUSED_BEGINNINGS if flag.startswith(each)), "")
    found = REFUSED.get(flag) or REFUSED_BEGINNINGS.get(beginning)
    return (f"{flag} cannot be given, {found[0]}", found[1]) if found else None


def refused_value(flag: str, value: str) -> tuple[str, str] | None:
    """Why a site cannot give one value of an argument it may give, or None where it can."""
    found = REFUSED_VALUES.get((flag, value))
    return (f"{value!r} cannot be given, {found[0]}", found[1]) if found else None


SUCCESSORS = {
    # 0.10.1: off unless asked for.
    "--disable-log-requests": "leave it out: requests are logged with --enable-log-requests only",
    # 0.11.0: the fields of StructuredOutputsConfig that the old names were handed to.
    "--guided-decoding-backend": "write --structured-outputs-config.backend=NAME",
    "--guided-decoding-disable-any-whitespace": "write --structured-outputs-config.disable_any_whitespace=true",
    "--guided-decoding-disable-additional-properties": (
        "write --structured-outputs-config.disable_additional_properties=true"
    ),
    # 0.11.0, ModelConfig: both were merged into the overrides.
    "--rope-scaling": """write --hf-overrides={"rope_parameters": {...}}""",
    "--rope-theta": """write --hf-overrides={"rope_parameters": {"rope_theta": ...}}""",
    # 0.12.0, ModelConfig: what a task meant.
    "--task": "leave it out: a model that generates needs none",
    "--override-pooler-config": "write --pooler-config",
    # 0.10.2: EPLBConfig took the fields.
    "--num-redundant-experts": "write --eplb-config.num_redundant_experts=NUMBER",
    "--eplb-window-size": "write --eplb-config.window_size=NUMBER",
    "--eplb-step-interval": "write --eplb-config.step_interval=NUMBER",
    "--eplb-log-balancedness": "write --eplb-config.log_balancedness=true",
    # 0.12.0, create_engine_config.
    "--disable-mm-preprocessor-cache": "write --mm-processor-cache-gb=0",
    "--enable-multimodal-encoder-data-parallel": "write --mm-encoder-tp-mode=data",
    "--cuda-graph-sizes": "write --cudagraph-capture-sizes",
    # V1 captures by batch size, preempts by recomputation and schedules one step at a time.
    "--max-seq-len-to-capture": "leave it out, or write --max-cudagraph-capture-size=NUMBER of requests",
    "--swap-space": "leave it out: a preempted request is computed again",
    "--preemption-mode": "leave it out: a preempted request is computed again",
    "--num-scheduler-steps": "leave it out, or write --async-scheduling",
    "--multi-step-stream-outputs": "leave it out, or write --stream-interval=NUMBER of tokens",
    # 0.8.5: SpeculativeConfig took it, and a site cannot give that.
    "--num-speculative-tokens": "leave it out: the plan does not count the memory of speculation",
    # Names that changed, both in the release that dropped the old one.
    "--worker-use-ray": "write --distributed-executor-backend=ray",
    "--enable-reasoning": "leave it out: --reasoning-parser is enough",
    "--expand-tools-even-if-tool-choice-none": "leave it out: that is what happens by default",
    "--use-gpu-for-pooling-score": "write --enable-flash-late-interaction",
    "--enable-mamba-fine-grained-prefix-cache": "write --enable-mamba-shared-prefix-checkpoint",
    "--logits-processor-pattern": "write --logits-processors=CLASS",
    "--calculate-kv-scales": "leave it out: scales come from the weights, or are 1",
}
"""What to write for an argument that is gone, by the sources of the release named above each group."""
