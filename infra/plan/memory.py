"""What one GPU holds beside the weights: the sum that vLLM makes when it starts, made before.

    requested = total * gpu-memory-utilization
    KV pool   = requested - weights - runtime - peak activation - CUDA graphs

vLLM measures the peak by a trial step with a full batch. Three things make it: the sampler's copies of the logits in
32 bit, the widest layer of a full step, and on a first start a copy of the embedding that compiling holds. The
constants are fitted to public start-up logs, see docs/capacity.md; they are those of a first start, which leaves a
smaller pool than the next ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

GIB = 2**30

STEP_BYTES_PER_VALUE = 4.0
"""Peak bytes per token of a step and value of the widest layer: two buffers of 16 bit."""
EMBEDDING_BYTES_PER_VALUE = 2.0
"""What a first start holds of the embedding while it compiles: 1.16 and 1.45 GiB, and 1.18 and 1.5 were seen."""
KERNEL_BYTES_PER_LOGIT = 12.0
"""The sampler without a sort: three copies of the logits in 32 bit, as its authors measured it."""
KERNEL_SAMPLER_SINCE = (0, 17)
GRAPHS_DEDUCTED_SINCE = (0, 29)
"""Before, graphs came on top of what vLLM had set aside."""
LARGEST_SHORTFALL_GIB = 0.89
LARGEST_SHORTFALL = 0.05
"""CUDA reports less than a card's nominal size; for a size no known card has, up to this much less."""


MEASURED_VOCABULARY = 151_936
"""That of the models in all measurements of cards.json; a larger one takes more."""


@dataclass(frozen=True, kw_only=True)
class Constants:
    """What `python -m tools.capacity_report` fits to logs; the defaults are its fit to all of them, rounded up.

    `sorted_bytes_per_logit` is the sampler's peak where it sorts: 38.4 to 38.9 were seen. `runtime_gib` is CUDA's
    context, kernels and workspaces; `collectives_gib` what NCCL adds on each GPU of a tensor-parallel group;
    `graphs_gib` the CUDA graphs of the default sizes, 0.44 to 0.56 were seen.
    """

    sorted_bytes_per_logit: float = 39.0
    runtime_gib: float = 0.35
    collectives_gib: float = 0.2
    graphs_gib: float = 0.6

    def runtime_of(self, gpus: int) -> float:
        return self.runtime_gib + (self.collectives_gib if gpus > 1 else 0.0)


FITTED = Constants()


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


@cache
def measured_reserve() -> Mapping[tuple[str, str], float]:
    """GiB beside weights and CUDA graphs by card and release, each the largest a log shows."""
    return {(card.name, release): gib for card in cards() for release, gib in card.reserve_gib.items()}


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


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What the trial step works on: the batch, and the widths of the model that decide its memory.

    `widest` is the values per token of the widest layer and `hidden` those of the embedding, all GPUs together.
    """

    vocabulary: int
    widest: int
    hidden: int
    max_num_seqs: int
    max_num_batched_tokens: int
    gpus: int

    @property
    def logits(self) -> int:
        return self.max_num_seqs * self.vocabulary

    @property
    def step_bytes(self) -> float:
        return STEP_BYTES_PER_VALUE * self.max_num_batched_tokens * self.widest / self.gpus

    @property
    def compiling_bytes(self) -> float:
        return EMBEDDING_BYTES_PER_VALUE * self.vocabulary * self.hidden / self.gpus


def activation_gib(batch: Batch, bytes_per_logit: float, *, compiles: bool = True) -> float:
    """The peak of the trial step: its parts follow each other, so the largest counts."""
    compiling = batch.compiling_bytes if compiles else 0.0
    return max(bytes_per_logit * batch.logits, batch.step_bytes, compiling) / GIB


def estimated_reserve(batch: Batch, *, graphs_deducted: bool) -> Reserve:
    """The reserve of a site's first start, with the larger of vLLM's samplers: a site does not say which it gets."""
    return Reserve(
        runtime_gib=FITTED.runtime_of(batch.gpus),
        activation_gib=activation_gib(batch, FITTED.sorted_bytes_per_logit),
        graphs_gib=FITTED.graphs_gib if graphs_deducted else 0.0,
    )


def pool_tokens(pool_gib: float, bytes_per_token: float, block_tokens: int) -> int:
    """Tokens of a pool as vLLM counts them, in whole blocks. `bytes_per_token` is of one GPU."""
    if pool_gib <= 0:
        return 0
    return int(pool_gib * GIB // (block_tokens * bytes_per_token)) * block_tokens
