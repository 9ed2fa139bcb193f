"""The pool of an engine as its start-up log describes it: any card, any release, as much as the log tells.

A site knows its settings and nothing of the start; a log tells parts of the result too. What it tells is taken, what
it leaves out is estimated between a least and a most. The answer keeps the most free, so it errs on the small side;
where the least would give a pool larger by more than TOLERANCE, there is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .memory import (
    FITTED,
    GRAPHS_DEDUCTED_SINCE,
    KERNEL_BYTES_PER_LOGIT,
    KERNEL_SAMPLER_SINCE,
    MEASURED_VOCABULARY,
    Batch,
    Card,
    Constants,
    activation_gib,
    measured_reserve,
    pool_tokens,
)
from .model_shape import ModelShape

Measured = Mapping[tuple[str, str], float]
"""GiB beside weights and graphs by card and release."""

TOLERANCE = 0.15
LARGE_CARD_GIB, HUGE_CARD_GIB = 70, 160
SEQUENCES, LARGE_CARD_SEQUENCES = 256, 1024
STEP_TOKENS, LARGE_CARD_STEP_TOKENS, HUGE_CARD_STEP_TOKENS = 2048, 8192, 16384
"""vLLM's own defaults, by card; A100s have those of small cards."""
LEAST_RUNTIME_GIB = 0.13
LEAST_BYTES_PER_LOGIT = 5.0
"""Of a start that compiles nothing, and of a sampler without any copy: 1.3 of 4 bytes were seen."""
LARGEST_KNOWN_VOCABULARY, LARGEST_KNOWN_LAYER, LARGEST_KNOWN_HIDDEN = 262_144, 65_536, 8_192
SMALLEST_KNOWN_VOCABULARY = 32_000
"""Bounds of a text model that is not known here."""
_MULTIMODAL = re.compile(r"vl\b|vision|omni|audio|image|pixtral|llava|gemma-?3|llama-?4|small-3\.[12]|glm-.*v\b", re.I)


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a log tells, read. GiB are of one GPU; None is what it does not tell."""

    version: tuple[int, int] | None
    v0: bool
    card: Card | None
    shape: ModelShape | None
    model: str
    total_gib: float
    total_unsure_gib: float
    utilization: float
    weights_gib: float
    bytes_per_token: float
    block_tokens: int
    gpus: int
    sequences: int
    step_tokens: int
    defaults: bool
    compiles: bool
    activation_gib: float | None
    runtime_gib: float | None
    graphs_gib: float | None

    @property
    def room_gib(self) -> float:
        """What weights leave of the memory vLLM takes."""
        return self.total_gib * self.utilization - self.weights_gib

    @property
    def sorts(self) -> bool:
        """Whether the sampler sorts; taken for granted where the release is not known."""
        return self.version is None or self.version < KERNEL_SAMPLER_SINCE

    def batch(self, vocabulary: int, widest: int, hidden: int) -> Batch:
        return Batch(
            vocabulary=vocabulary,
            widest=widest,
            hidden=hidden,
            max_num_seqs=self.sequences,
            max_num_batched_tokens=self.step_tokens,
            gpus=self.gpus,
        )


def default_batch(total_gib: float, gpu: str) -> tuple[int, int]:
    """The sequences and step tokens that vLLM's server takes where none are given."""
    if total_gib < LARGE_CARD_GIB or re.search("A100|GB10", gpu, re.IGNORECASE):
        return SEQUENCES, STEP_TOKENS
    return LARGE_CARD_SEQUENCES, HUGE_CARD_STEP_TOKENS if total_gib >= HUGE_CARD_GIB else LARGE_CARD_STEP_TOKENS


def predicted_kv_tokens(start: Start, *, constants: Constants = FITTED, measured: Measured | None = None) -> int | None:
    """Tokens of the pool, 0 where there is none, None where the log does not say enough.

    Args:
        start: one log, read.
        constants: what was fitted; the report fits them anew without the log it predicts.
        measured: what other logs of a card and release showed; the shipped ones where None.
    """
    span = reserve_span(start, constants, measured_reserve() if measured is None else measured)
    if span is None:
        return None
    least, most = span
    best = start.room_gib + start.total_unsure_gib * start.utilization - least
    if best <= 0:
        return 0
    pool = start.room_gib - most
    if (least < most or start.total_unsure_gib) and best - pool > TOLERANCE * best:
        return None
    return pool_tokens(pool, start.bytes_per_token, start.block_tokens)


def reserve_span(start: Start, constants: Constants, measured: Measured) -> tuple[float, float] | None:
    """The least and the most GiB beside the weights, the same twice where a log shows them."""
    graphs = _graphs_gib(start, constants)
    if start.activation_gib is not None:
        if start.v0 and start.runtime_gib is None:
            return None
        runtime = constants.runtime_of(start.gpus) if start.runtime_gib is None else start.runtime_gib
        told = start.activation_gib + runtime + graphs
        return told, told
    if start.v0:
        return None
    estimate = _estimated_span(start, constants)
    seen = _measured_gib(start, measured)
    if seen is None:
        return (estimate[0] + graphs, estimate[1] + graphs) if estimate else None
    if start.shape and start.shape.vocabulary < MEASURED_VOCABULARY and estimate:
        seen = min(seen, estimate[1])
    return seen + graphs, seen + graphs


def estimated_activation_gib(start: Start, constants: Constants) -> float | None:
    """The peak of a first start of a known model."""
    if start.shape is None:
        return None
    batch = start.batch(start.shape.vocabulary, start.shape.widest, start.shape.hidden)
    per_logit = constants.sorted_bytes_per_logit if start.sorts else KERNEL_BYTES_PER_LOGIT
    return activation_gib(batch, per_logit, compiles=start.compiles)


def _estimated_span(start: Start, constants: Constants) -> tuple[float, float] | None:
    most = estimated_activation_gib(start, constants)
    vocabulary = start.shape.vocabulary if start.shape else SMALLEST_KNOWN_VOCABULARY
    if most is None:
        if not start.model or _MULTIMODAL.search(start.model):
            return None
        batch = start.batch(LARGEST_KNOWN_VOCABULARY, LARGEST_KNOWN_LAYER, LARGEST_KNOWN_HIDDEN)
        per_logit = constants.sorted_bytes_per_logit if start.sorts else KERNEL_BYTES_PER_LOGIT
        most = activation_gib(batch, per_logit, compiles=start.compiles)
    sorts_surely = start.sorts and start.version is not None
    per_logit = constants.sorted_bytes_per_logit if sorts_surely else LEAST_BYTES_PER_LOGIT
    least = activation_gib(start.batch(vocabulary, 0, 0), per_logit)
    return least + LEAST_RUNTIME_GIB, most + constants.runtime_of(start.gpus)


def _measured_gib(start: Start, measured: Measured) -> float | None:
    """Measurements are of one GPU under vLLM's defaults, with models of up to MEASURED_VOCABULARY."""
    if not (start.defaults and start.gpus == 1 and start.version and start.card and start.shape):
        return None
    if start.shape.vocabulary > MEASURED_VOCABULARY * 1.01:
        return None
    return measured.get((start.card.name, f"{start.version[0]}.{start.version[1]}"))


def _graphs_gib(start: Start, constants: Constants) -> float:
    if start.graphs_gib is not None:
        return start.graphs_gib
    deducted = start.version is not None and start.version >= GRAPHS_DEDUCTED_SINCE and start.compiles
    return constants.graphs_gib if deducted else 0.0
