"""What a GPU holds: the KV pool of one replica, and how many conversations fit into it.

The pool is what the weights leave of the memory vLLM takes; `maxLen` is not part of that sum, it only says how
many of the longest conversations the pool holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

GIB = 2**30
BLOCK_TOKENS = 16
RUNTIME_RESERVE_GIB = 3.0
"""Non-torch memory, peak activation and CUDA graphs of one GPU; published logs give 0.5 to 6.2 GiB, by card and
batch. The plan takes the middle, and says it is an estimate."""
NOMINAL_SHORTFALL_GIB = 0.7
"""CUDA reports 0.6 to 0.75 GiB less than a card's nominal memory."""
BYTES_PER_KV_VALUE = {"auto": 2, "bfloat16": 2, "float16": 2, "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1}


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """Dimensions of a decoder with grouped-query attention, from its `config.json`."""

    layers: int
    kv_heads: int
    head_dim: int
    weights_gib: float

    def kv_bytes_per_token(self, kv_cache_dtype: str) -> int:
        return 2 * self.layers * self.kv_heads * self.head_dim * BYTES_PER_KV_VALUE[kv_cache_dtype]


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Of one replica: tokens in the KV pool, and conversations of `max_len` tokens that fit at once."""

    kv_tokens: int
    longest_conversations: float


@cache
def _shapes() -> dict[str, ModelShape]:
    rows = json.loads((Path(__file__).with_name("models.json")).read_text(encoding="utf-8"))["models"]
    return {name.lower(): ModelShape(**row) for name, row in rows.items()}


def shape_of(model: str) -> ModelShape | None:
    """The shape of a well-known model, or None: an unknown model is not guessed."""
    return _shapes().get(model.lower())


def capacity_plan(
    *,
    shape: ModelShape | None,
    gpu_memory_gib: float,
    gpu_memory_utilization: float,
    gpus_per_replica: int,
    kv_cache_dtype: str,
    max_len: int,
) -> Capacity | None:
    """The KV pool, or None where the model's shape is not known. A pool of 0 means the weights do not fit."""
    if shape is None:
        return None
    taken = (gpu_memory_gib - NOMINAL_SHORTFALL_GIB) * gpu_memory_utilization
    pool_gib = max(0.0, taken - shape.weights_gib / gpus_per_replica - RUNTIME_RESERVE_GIB)
    block_bytes = BLOCK_TOKENS * shape.kv_bytes_per_token(kv_cache_dtype) / gpus_per_replica
    tokens = int(pool_gib * GIB // block_bytes) * BLOCK_TOKENS
    return Capacity(kv_tokens=tokens, longest_conversations=tokens / max_len)
