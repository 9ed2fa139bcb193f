"""`python -m infra plan`: what follows from a site."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from infra.plan import Plan
from infra.plan.capacity import Capacity, purchases
from infra.plan.model_shape import ModelShape
from infra.plan.naming import llm_endpoint
from infra.plan.probes import LIVENESS

from .check import planned


def show_plan(site: str, *, as_json: bool) -> int:
    plan = planned(site)
    print(json.dumps(as_data(plan), indent=2) if as_json else as_text(plan))
    return 0


def as_data(plan: Plan) -> dict[str, Any]:
    """The plan as plain data: GPUs, seconds, tokens."""
    ledger, startup = plan.ledger, plan.startup
    return {
        "site": plan.name,
        "endpoint": llm_endpoint(plan.site.cluster.namespace),
        "model": plan.site.model.name,
        "gpus": {
            **asdict(ledger),
            "at_minimum": ledger.at_minimum,
            "at_maximum": ledger.at_maximum,
            "during_rollout": ledger.during_rollout,
        },
        "startup": {
            **asdict(startup),
            "earliest_kill_seconds": startup.probe.earliest_kill_seconds,
            "latest_kill_seconds": startup.probe.latest_kill_seconds,
        },
        "drain": asdict(plan.drain),
        "capacity": asdict(plan.capacity) if plan.capacity else None,
        "scaling": {"mode": plan.site.scaling_mode, **(asdict(plan.scaling) if plan.scaling else {})},
        "serve": {"line": plan.serving.line, "env": plan.serving.env},
    }


def as_text(plan: Plan) -> str:
    ledger, startup, drain = plan.ledger, plan.startup, plan.drain
    replicas = f"{ledger.min_replicas}" if not plan.scaling else f"{ledger.min_replicas} to {ledger.max_replicas}"
    rows = [
        ("Site", f"{plan.name} (context {plan.site.cluster.context}, namespace {plan.site.cluster.namespace})"),
        ("Endpoint", llm_endpoint(plan.site.cluster.namespace)),
        ("Model", plan.site.model.name),
        ("", ""),
        ("GPU ledger", f"{replicas} replicas x {ledger.per_replica} GPU"),
        ("  at most", f"{ledger.at_maximum} in use, {ledger.during_rollout} in a rollout"),
        ("  quota", f"{ledger.quota} of {ledger.available} available"),
        ("  rollout", _rollout(plan)),
        ("", ""),
        ("Start-up", f"slowest load seen {startup.load_seconds} s, then in this order"),
        ("  engine gives up", f"{startup.engine_ready_seconds} s"),
        ("  kubelet kills", f"{startup.probe.earliest_kill_seconds} to {startup.probe.latest_kill_seconds} s"),
        ("  deadline", f"{startup.progress_deadline_seconds} s with image pull and a predecessor's drain"),
        ("  pulumi gives up", f"{startup.create_timeout_seconds} s, {startup.update_timeout_seconds} s for a rollout"),
        ("  without the probe", f"killed from {LIVENESS.earliest_kill_seconds} s by the liveness probe"),
        ("", ""),
        ("Drain", f"{drain.pre_stop_seconds} s endpoints + {drain.drain_seconds} s answers < {drain.grace_seconds} s"),
        ("", ""),
        *_memory(plan),
        ("", ""),
        ("Scaling", _scaling(plan)),
        ("", ""),
        ("Serve", plan.serving.line),
    ]
    return "\n".join(f"{name:<28}{value}".rstrip() for name, value in rows)


def _rollout(plan: Plan) -> str:
    rollout = plan.ledger.rollout
    gap = plan.drain.grace_seconds + plan.startup.load_seconds
    if rollout.surge:
        return f"{rollout.surge} new at a time before old ones go: no gap"
    if rollout.strategy == "Recreate":
        return f"no GPU to spare: the one replica is recreated, up to {gap} s without an engine"
    if plan.ledger.min_replicas == 1:
        return f"no GPU to spare: one pod at a time; at one replica up to {gap} s without an engine"
    return f"no GPU to spare: one pod at a time, one replica fewer for up to {gap} s each"


def _memory(plan: Plan) -> list[tuple[str, str]]:
    """The memory of one GPU as a sum, and what each setting would buy."""
    capacity, engine = plan.capacity, plan.engine
    if plan.shape is None:
        return [("Memory of a GPU", "unknown: name the model's config.json in model.config")]
    if capacity is None:
        return [("Memory of a GPU", "unknown: write the size of the weights in model.weightsGiB")]
    reserve = capacity.reserve
    rows = [
        ("Memory of a GPU", f"{capacity.total_gib:.1f} GiB as CUDA reports it, of {engine.memory_gib:g} nominal"),
        ("  vLLM takes", f"{capacity.taken_gib:.1f} GiB ({engine.utilization:g})"),
        ("  weights", f"{capacity.weights_gib:.1f} GiB"),
        ("  activation peak", f"{reserve.activation_gib:.1f} GiB, of a first start"),
        ("  graphs, runtime", f"{reserve.graphs_gib + reserve.runtime_gib:.1f} GiB"),
        ("  KV pool", f"{capacity.pool_gib:.1f} GiB, {capacity.kv_tokens} tokens: {_holds(capacity, engine.max_len)}"),
        ("  margin", _margin(capacity, plan.shape)),
    ]
    bought = [
        (f"  {one.setting}", f"{one.value}: {one.capacity.kv_tokens} tokens, {one.capacity.longest_conversations:.1f}")
        for one in purchases(plan.shape, engine)
    ]
    return [*rows, ("What a change buys", "pool, longest conversations at once"), *bought]


def _margin(capacity: Capacity, shape: ModelShape) -> str:
    """How far maxLen could go: to the end of the pool, or of the model's positions where those end first."""
    if shape.max_position and shape.max_position < capacity.largest_max_len:
        return f"maxLen could be up to the model's {shape.max_position} positions; the pool would hold more"
    return f"maxLen could be up to {capacity.largest_max_len}"


def _holds(capacity: Capacity, max_len: int) -> str:
    return f"{capacity.longest_conversations:.1f} conversations of {max_len} at once"


def _scaling(plan: Plan) -> str:
    if plan.scaling is None:
        return "fixed"
    targets = " or ".join(f"{target.metric} above {target.per_replica}" for target in plan.scaling.targets)
    return f"{plan.site.scaling_mode}: one replica more when {targets} per replica"
