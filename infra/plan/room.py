"""What would make room in a GPU's memory: one change of the site that lets it start, found by planning it anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from infra.site import Fault

from .capacity import MOST_UTILIZATION, Capacity, capacity_plan
from .site_plan import Plan

USUAL_SEQUENCES = 256
"""vLLM's own default of most cards."""


def starts(capacity: Capacity | None) -> bool:
    return capacity is not None and capacity.longest_conversations >= 1


def holds(plan: Plan, **changes: Any) -> bool:
    """Whether the engine would start with some settings changed; true where the model is not known."""
    return plan.shape is None or starts(capacity_plan(plan.shape, replace(plan.engine, **changes)))


def divides(plan: Plan, gpus: int) -> bool:
    """Whether so many GPUs share the model's heads evenly; KV heads may be repeated where there are fewer."""
    shape = plan.shape
    if shape is None:
        return True
    shared = shape.kv_heads % gpus == 0 or gpus % shape.kv_heads == 0
    return shape.heads % gpus == 0 and shared


def room(plan: Plan, problem: str) -> Fault:
    """The fault at the key whose change alone would help, with the value that does."""
    for key, remedy, changes in _changes(plan):
        if holds(plan, **changes):
            return Fault(key, problem, remedy)
    return Fault("vllm.gpusPerReplica", problem, "serve a smaller or quantized model, or use larger GPUs")


def _changes(plan: Plan) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Settings that are out of the ordinary first, then what costs GPUs."""
    engine, ledger = plan.engine, plan.ledger
    if engine.reserve_gib is not None:
        yield "vllm.reserveGiB", "leave it out, or measure it anew", {"reserve_gib": None}
    if engine.max_num_seqs > USUAL_SEQUENCES:
        yield "vllm.maxNumSeqs", f"write {USUAL_SEQUENCES}", {"max_num_seqs": USUAL_SEQUENCES}
    if engine.utilization < MOST_UTILIZATION:
        remedy = f"write {MOST_UTILIZATION:g}"
        yield "vllm.gpuMemoryUtilization", remedy, {"utilization": MOST_UTILIZATION}
    for gpus in range(ledger.per_replica + 1, ledger.quota + 1):
        if divides(plan, gpus):
            fewer = (
                f", and at most {ledger.quota // gpus} replicas" if gpus * ledger.max_replicas > ledger.quota else ""
            )
            yield "vllm.gpusPerReplica", f"write {gpus}{fewer}", {"gpus": gpus}


def memory_keys(plan: Plan) -> str:
    """What a memory plan follows from: the fault may lie with any of these, and only the site knows which."""
    model, vllm = plan.site.model, plan.site.vllm
    weights = "model.name" if model.weights_gib is None else "model.weightsGiB"
    beside = "vllm.maxNumSeqs, vllm.maxNumBatchedTokens" if vllm.reserve_gib is None else "vllm.reserveGiB"
    return f"from gpus.memoryGiB, vllm.gpuMemoryUtilization, {weights}, {beside}"
