"""What one GPU holds beside the weights: the sum that vLLM makes when it starts, made before.

    requested = total * gpu-memory-utilization
    KV pool   = requested - weights - runtime - peak activation - CUDA graphs

vLLM measures the peak by a trial step with a full batch. Its largest part is the sampler's: some ten copies of the
logits of every sequence in 32 bit. The constants are fitted to public start-up logs, see docs/capacity.md; they are
those of a first start, which compiles and so leaves a smaller pool than the next ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

GIB = 2**30

SAMPLER_BYTES_PER_LOGIT = 39.0
"""Peak bytes per sequence of the batch and entry of the vocabulary: 9.3 to 9.8 copies in 32 bit were seen."""
STEP_BYTES_PER_VALUE = 4.0
"""Peak bytes per token of a step and value of the widest layer: two buffers of 16 bit."""
RUNTIME_GIB = 0.35
"""CUDA context, kernels and workspaces: 0.13 to 0.35 GiB were seen."""
COLLECTIVES_GIB = 0.2
"""What NCCL adds on each GPU of a tensor-parallel group."""
GRAPHS_GIB = 0.6
"""CUDA graphs of the default sizes: 0.44 to 0.56 GiB were seen."""
GRAPHS_DEDUCTED_SINCE = (0, 29)
"""Before, graphs came on top of what vLLM had set aside."""
LARGEST_SHORTFALL_GIB = 0.89
LARGEST_SHORTFALL = 0.05
"""CUDA reports less than a card's nominal size; for a size no known card has, up to this much less."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A GPU model. `reserve_gib` is measured, by vLLM release (`0.28`)."""

    name: str
    nominal_gib: float
    total_gib: float
    reserve_gib: Mapping[str, float] = field(default_factory=dict)


@cache
def cards() -> tuple[Card, ...]:
    rows = json.loads(Path(__file__).with_name("cards.json").read_text(encoding="utf-8"))["cards"]
    return tuple(Card(**row) for row in rows)


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+[0-9]+[a-z]*|[0-9]+|[a-z]+", name.lower())


def card_of(product: str, memory_gib: float | None = None) -> Card | None:
    """The card of a product name (`NVIDIA-L40S`, `RTX 4090 24GB`), by its longest known name; None if unknown."""
    words = _words(product)

    def within(card: Card) -> bool:
        known = _words(card.name)
        return any(words[start : start + len(known)] == known for start in range(len(words)))

    found = [card for card in cards() if within(card)]
    if memory_gib is None:
        sizes = {int(size) for size in re.findall(r"(\d+) ?G", product)}
        found = [card for card in found if card.nominal_gib in sizes] or found
        if len({card.nominal_gib for card in found}) > 1:
            return None
    else:
        found = [card for card in found if abs(card.nominal_gib - memory_gib) <= 0.1 * card.nominal_gib]
    return max(found, key=lambda card: len(card.name), default=None)


def cuda_total_gib(memory_gib: float, product: str | None = None) -> float:
    """What CUDA will report of a GPU of a nominal size: of its card, else the least of all cards of that size."""
    card = card_of(product, memory_gib) if product else None
    if card:
        return card.total_gib
    same_size = [card.total_gib for card in cards() if card.nominal_gib == memory_gib]
    return min(same_size, default=memory_gib - min(LARGEST_SHORTFALL_GIB, LARGEST_SHORTFALL * memory_gib))


@dataclass(frozen=True, kw_only=True)
class Reserve:
    """GiB of one GPU that neither weights nor KV cache get."""

    runtime_gib: float
    activation_gib: float
    graphs_gib: float

    @property
    def total_gib(self) -> float:
        return self.runtime_gib + self.activation_gib + self.graphs_gib


def estimated_reserve(
    *,
    vocabulary: int,
    widest: int,
    max_num_seqs: int,
    max_num_batched_tokens: int,
    gpus: int,
    graphs_deducted: bool,
) -> Reserve:
    """The reserve of a first start. `widest` is the values per token of the widest layer, all GPUs together."""
    sampler = SAMPLER_BYTES_PER_LOGIT * max_num_seqs * vocabulary
    step = STEP_BYTES_PER_VALUE * max_num_batched_tokens * widest / gpus
    return Reserve(
        runtime_gib=RUNTIME_GIB + (COLLECTIVES_GIB if gpus > 1 else 0.0),
        activation_gib=max(sampler, step) / GIB,
        graphs_gib=GRAPHS_GIB if graphs_deducted else 0.0,
    )


def pool_tokens(pool_gib: float, bytes_per_token: float, block_tokens: int) -> int:
    """Tokens of a pool as vLLM counts them, in whole blocks. `bytes_per_token` is of one GPU."""
    if pool_gib <= 0:
        return 0
    return int(pool_gib * GIB // (block_tokens * bytes_per_token)) * block_tokens
