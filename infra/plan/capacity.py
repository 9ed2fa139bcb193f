"""What a replica holds: its KV pool, how many conversations fit into it, and what each setting buys.

`maxLen` buys no memory: the pool is what the weights leave of the memory vLLM takes. It only says how long one
conversation may get, and a start fails where the pool does not hold one that long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .memory import GIB, GRAPHS_DEDUCTED_SINCE, Batch, Reserve, cuda_total_gib, estimated_reserve, pool_tokens
from .model_shape import ModelShape

BLOCK_TOKENS = 16
UTILIZATION_STEP = 0.02
MOST_UTILIZATION = 0.95
"""Above it the driver's own memory and fragmentation make a start fail."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The settings of one replica that memory depends on; GiB are of one GPU."""

    memory_gib: float
    product: str | None
    utilization: float
    gpus: int
    max_len: int
    max_num_seqs: int
    max_num_batched_tokens: int
    kv_cache_dtype: str
    version: tuple[int, int, int]
    weights_gib: float | None = None
    reserve_gib: float | None = None


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Of one replica. GiB are of one GPU, tokens and conversations of all its GPUs.

    `kv_tokens` is the pool as vLLM prints it; `longest_conversations` how many of `max_len` tokens it holds at once;
    `largest_max_len` the longest conversation with which the engine would start, 0 where the weights do not fit.
    """

    total_gib: float
    taken_gib: float
    weights_gib: float
    reserve: Reserve
    pool_gib: float
    kv_tokens: int
    longest_conversations: float
    largest_max_len: int


@dataclass(frozen=True)
class Purchase:
    """A setting changed alone, and what it makes of the pool."""

    setting: str
    value: str
    capacity: Capacity


def capacity_plan(shape: ModelShape | None, engine: Engine) -> Capacity | None:
    """The memory of a replica, or None where the model's shape or the size of its weights is not known."""
    if shape is None:
        return None
    weights = engine.weights_gib if engine.weights_gib is not None else (shape.weights_bytes or 0) / GIB
    if not weights:
        return None
    total = cuda_total_gib(engine.memory_gib, engine.product)
    reserve = _reserve(shape, engine)
    taken = total * engine.utilization
    pool = taken - weights / engine.gpus - reserve.total_gib
    tokens = pool_tokens(pool, shape.kv_bytes_per_token(engine.kv_cache_dtype, engine.gpus), BLOCK_TOKENS)
    needed = _request_bytes(shape, engine, engine.max_len)
    return Capacity(
        total_gib=total,
        taken_gib=taken,
        weights_gib=weights / engine.gpus,
        reserve=reserve,
        pool_gib=pool,
        kv_tokens=tokens,
        longest_conversations=max(0.0, pool) * GIB / needed,
        largest_max_len=_largest_max_len(shape, engine, pool),
    )


def purchases(shape: ModelShape, engine: Engine) -> Iterator[Purchase]:
    """What the settings of the site file that memory depends on would buy, each changed alone."""
    changes: list[tuple[str, str, Engine]] = [
        ("model.maxLen", str(engine.max_len // 2), replace(engine, max_len=engine.max_len // 2)),
        ("vllm.maxNumSeqs", str(engine.max_num_seqs // 2), replace(engine, max_num_seqs=engine.max_num_seqs // 2)),
    ]
    more = round(engine.utilization + UTILIZATION_STEP, 4)
    if more <= MOST_UTILIZATION:
        changes.append(("vllm.gpuMemoryUtilization", f"{more:g}", replace(engine, utilization=more)))
    if not engine.kv_cache_dtype.startswith("fp8"):
        changes.append(("vllm.kvCacheDtype", "fp8", replace(engine, kv_cache_dtype="fp8")))
    for setting, value, changed in changes:
        capacity = capacity_plan(shape, changed) if changed.max_num_seqs and changed.max_len else None
        if capacity:
            yield Purchase(setting, value, capacity)


def _reserve(shape: ModelShape, engine: Engine) -> Reserve:
    if engine.reserve_gib is not None:
        return Reserve(runtime_gib=engine.reserve_gib, activation_gib=0.0, graphs_gib=0.0)
    batch = Batch(
        vocabulary=shape.vocabulary,
        widest=shape.widest,
        hidden=shape.hidden,
        max_num_seqs=engine.max_num_seqs,
        max_num_batched_tokens=engine.max_num_batched_tokens,
        gpus=engine.gpus,
    )
    return estimated_reserve(batch, graphs_deducted=engine.version >= GRAPHS_DEDUCTED_SINCE)


def _request_bytes(shape: ModelShape, engine: Engine, tokens: int) -> int:
    whole_blocks = -(-tokens // BLOCK_TOKENS) * BLOCK_TOKENS
    step = engine.max_num_batched_tokens
    return shape.request_bytes(whole_blocks, engine.kv_cache_dtype, engine.gpus, step)


def _largest_max_len(shape: ModelShape, engine: Engine, pool_gib: float) -> int:
    """The longest request whose bytes the pool holds; they only grow with the length, so it is found by halving."""
    pool, low, high = pool_gib * GIB, 0, 2**24
    while high - low > BLOCK_TOKENS:
        middle = (low + high) // 2 // BLOCK_TOKENS * BLOCK_TOKENS
        if middle == low:
            break
        low, high = (middle, high) if _request_bytes(shape, engine, middle) <= pool else (low, middle)
    return low
