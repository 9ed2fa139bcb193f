"""`python -m infra plan`: what follows from a site."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from infra.plan import Plan
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
        ("KV pool", _capacity(plan)),
        ("Scaling", _scaling(plan)),
        ("", ""),
        ("Serve", plan.serving.line),
    ]
    return "\n".join(f"{name:<20}{value}".rstrip() for name, value in rows)


def _rollout(plan: Plan) -> str:
    ledger = plan.ledger
    if ledger.rollout_surge:
        return "a new pod starts first, no gap"
    gap = plan.drain.grace_seconds + plan.startup.load_seconds
    if ledger.min_replicas == 1:
        return f"no GPU to spare: one pod at a time; with one replica up to {gap} s without an engine"
    return f"no GPU to spare: one pod at a time, one replica fewer for up to {gap} s each"


def _capacity(plan: Plan) -> str:
    if plan.capacity is None:
        return f"unknown: no shape of {plan.site.model.name} is shipped"
    fits = plan.capacity.longest_conversations
    return f"about {plan.capacity.kv_tokens} tokens, {fits:.1f} conversations of {plan.site.model.max_len} at once"


def _scaling(plan: Plan) -> str:
    if plan.scaling is None:
        return "fixed"
    targets = " or ".join(f"{target.metric} above {target.per_replica}" for target in plan.scaling.targets)
    return f"{plan.site.scaling_mode}: one replica more when {targets} per replica"
