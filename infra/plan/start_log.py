"""The pool of an engine as its start-up log describes it: any card, any release, as much as the log tells.

A site knows its settings and nothing of the start; a log tells parts of the result too. What it tells is taken, what
it leaves out is estimated as for a site, and where neither is possible there is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .capacity import BLOCK_TOKENS
from .known_models import QUANTIZED, known_config
from .memory import (
    COLLECTIVES_GIB,
    GIB,
    GRAPHS_DEDUCTED_SINCE,
    GRAPHS_GIB,
    RUNTIME_GIB,
    Card,
    card_of,
    cuda_total_gib,
    estimated_reserve,
    pool_tokens,
)
from .model_shape import ModelShape, shape_from_config

Case = Mapping[str, Any]

LARGE_CARD_GIB = 70
SEQUENCES, LARGE_CARD_SEQUENCES = 256, 1024
STEP_TOKENS, LARGE_CARD_STEP_TOKENS = 2048, 8192
"""vLLM's own defaults, by card."""
_USUAL = {"max_num_seqs": SEQUENCES, "max_num_batched_tokens": STEP_TOKENS}


def predicted_kv_tokens(case: Case, *, measured: bool = True) -> int | None:
    """Tokens of the pool, 0 where there is none, None where the log does not say enough.

    Args:
        case: one log, with the input fields of a start-up log collection; see docs/capacity.md.
        measured: use what other logs of the same card and release showed beside the weights.
    """
    version = _version(case)
    if str(case.get("engine", "")).startswith("V0"):
        return None
    shape = _shape(case)
    total, utilization, weights = _total_gib(case), _number(case, "gpu_memory_utilization"), _weights_gib(case, shape)
    per_token = _bytes_per_token(case, shape)
    if total is None or utilization is None or weights is None or per_token is None:
        return None
    reserve = _reserve_gib(case, version, shape, total, measured=measured)
    if reserve is None:
        return None
    return pool_tokens(total * utilization - weights - reserve, per_token, int(case.get("block_size") or BLOCK_TOKENS))


def _number(case: Case, key: str) -> float | None:
    value = case.get(key)
    if value is None and isinstance(case.get("eval"), Mapping):
        value = case["eval"].get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _version(case: Case) -> tuple[int, int] | None:
    match = re.match(r"v?(\d+)\.(\d+)", str(case.get("vllm_version") or ""))
    return (int(match[1]), int(match[2])) if match else None


def _gpus(case: Case) -> tuple[int, int]:
    """Tensor and pipeline parallel sizes."""
    return int(case.get("tp") or 1), int(_number(case, "pipeline_parallel") or 1)


def _shape(case: Case) -> ModelShape | None:
    model = str(case.get("model") or "")
    config = known_config(model) or known_config(f"Qwen/{model}")
    if config and not config.get("quantization_config") and case.get("quantization"):
        method = str(case["quantization"]).lower().removesuffix("_marlin")
        twin = next((found for name, found in QUANTIZED.items() if method.startswith(name.split("-")[0])), None)
        config = {**config, "quantization_config": twin or {"quant_method": method}}
    return shape_from_config(config) if config else None


def _card(case: Case) -> Card | None:
    return card_of(str(case.get("gpu") or ""), _number(case, "nominal_gpu_gb"))


def _total_gib(case: Case) -> float | None:
    if total := _number(case, "cuda_total_gib"):
        return total
    stated = _number(case, "vram_gib")
    if stated and "nominal" not in str(case.get("vram_source") or "").lower():
        return stated
    if card := _card(case):
        return card.total_gib
    nominal = stated or _number(case, "nominal_gpu_gb")
    return cuda_total_gib(nominal) if nominal else None


def _weights_gib(case: Case, shape: ModelShape | None) -> float | None:
    """Of one GPU; the log prints it per GPU too."""
    if printed := _number(case, "weights_gib"):
        return printed
    tensor, pipeline = _gpus(case)
    return shape.weights_bytes / GIB / (tensor * pipeline) if shape and shape.weights_bytes else None


def _bytes_per_token(case: Case, shape: ModelShape | None) -> float | None:
    tensor, pipeline = _gpus(case)
    dtype = str(case.get("kv_cache_dtype") or "auto")
    if shape and dtype in ("auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2"):
        return shape.kv_bytes_per_token(dtype, tensor) / pipeline
    stated = _number(case, "kv_bytes_per_token")
    return stated / (tensor * pipeline) if stated else None


def _reserve_gib(
    case: Case, version: tuple[int, int] | None, shape: ModelShape | None, total: float, *, measured: bool
) -> float | None:
    tensor, _ = _gpus(case)
    graphs = _graphs_gib(case, version)
    if (activation := _number(case, "activation_gib")) is not None:
        runtime = _number(case, "non_torch_gib")
        if runtime is None:
            runtime = RUNTIME_GIB + (COLLECTIVES_GIB if tensor > 1 else 0.0)
        return activation + runtime + graphs
    defaults = all(_number(case, key) in (None, usual) for key, usual in _USUAL.items())
    if measured and defaults and version and (card := _card(case)):
        seen = card.reserve_gib.get(f"{version[0]}.{version[1]}")
        if seen is not None:
            return seen + graphs
    if shape is None:
        return None
    large = total >= LARGE_CARD_GIB and "A100" not in str(case.get("gpu"))
    estimate = estimated_reserve(
        vocabulary=shape.vocabulary,
        widest=shape.widest,
        max_num_seqs=int(_number(case, "max_num_seqs") or (LARGE_CARD_SEQUENCES if large else SEQUENCES)),
        max_num_batched_tokens=int(
            _number(case, "max_num_batched_tokens") or (LARGE_CARD_STEP_TOKENS if large else STEP_TOKENS)
        ),
        gpus=tensor,
        graphs_deducted=False,
    )
    return estimate.total_gib + graphs


def _graphs_gib(case: Case, version: tuple[int, int] | None) -> float:
    deducted = case.get("cudagraph_deducted")
    if deducted is None:
        deducted = version is not None and version >= GRAPHS_DEDUCTED_SINCE and not case.get("enforce_eager")
    if not deducted:
        return 0.0
    printed = _number(case, "cudagraph_gib")
    return GRAPHS_GIB if printed is None else printed
