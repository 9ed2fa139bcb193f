"""The specification's alert thresholds, written so that they fire when meant and stay silent when idle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.site.monitoring import Alerts

from .metrics import (
    GENERATION_TOKENS,
    KV_CACHE_USAGE,
    PREEMPTIONS,
    PROMPT_TOKENS,
    REQUESTS_RUNNING,
    REQUESTS_WAITING,
)
from .naming import VLLM
from .startup import Startup

RATE_WINDOW = "5m"
PAGE_RUNNING = 50
_BY = "by (namespace, pod, model_name)"
"""The aggregation drops the `engine` label: a data-parallel replica exports one series per engine, and a
threshold is meant per replica."""

WAITING = "namespace_pod_model:vllm_requests_waiting:sum"
RUNNING = "namespace_pod_model:vllm_requests_running:sum"
KV_USAGE = "namespace_pod_model:vllm_kv_cache_usage:max"
GENERATION = "namespace_pod_model:vllm_generation_tokens:rate5m"
PROMPT = "namespace_pod_model:vllm_prompt_tokens:rate5m"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert; `minutes` is how long its condition must hold."""

    name: str
    expr: str
    minutes: int
    severity: str
    summary: str
    description: str

    def to_rule(self) -> dict[str, Any]:
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": f"{self.minutes}m",
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary, "description": self.description},
        }


def _recordings(namespace: str) -> list[dict[str, str]]:
    chosen = f'{{namespace="{namespace}"}}'
    expressions = {
        WAITING: f"sum {_BY} ({REQUESTS_WAITING}{chosen})",
        RUNNING: f"sum {_BY} ({REQUESTS_RUNNING}{chosen})",
        KV_USAGE: f"max {_BY} ({KV_CACHE_USAGE}{chosen})",
        GENERATION: f"sum {_BY} (rate({GENERATION_TOKENS}{chosen}[{RATE_WINDOW}]))",
        PROMPT: f"sum {_BY} (rate({PROMPT_TOKENS}{chosen}[{RATE_WINDOW}]))",
    }
    return [{"record": name, "expr": expr} for name, expr in expressions.items()]


def running_limit(thresholds: Alerts, max_num_seqs: int) -> int:
    """Running requests of a replica above which it is reported: the specification's, fewer where a batch is small."""
    stated = thresholds.requests_running
    return min(PAGE_RUNNING, max_num_seqs - 1) if stated is None else stated


def alerts(namespace: str, thresholds: Alerts, max_num_seqs: int, startup: Startup) -> list[Alert]:
    """The alerts of a site. `VllmDown` waits longer than a start may take, as a loading pod is scraped and down."""
    running = running_limit(thresholds, max_num_seqs)
    up = f'up{{namespace="{namespace}",job="{VLLM}"}}'
    preemptions = f'sum {_BY} (rate({PREEMPTIONS}{{namespace="{namespace}"}}[10m])) > 0'
    busy = f"min_over_time({RUNNING}[{RATE_WINDOW}]) > 0"
    tokens, usage = thresholds.generation_tokens_per_second, thresholds.kv_cache_usage
    return [
        Alert(
            name="VllmQueueBacklog",
            expr=f"{WAITING} > {thresholds.requests_waiting}",
            minutes=5,
            severity="warning",
            summary="Requests queue at a vLLM replica",
            description=f"More than {thresholds.requests_waiting} requests wait: the site lacks replicas.",
        ),
        Alert(
            name="VllmRequestsRunningHigh",
            expr=f"{RUNNING} > {running}",
            minutes=10,
            severity="info",
            summary="A vLLM replica works on many requests at once",
            description=f"More than {running} requests run, so each gets its tokens slower.",
        ),
        Alert(
            name="VllmGenerationSlow",
            expr=f"{GENERATION} < {tokens:g} and {busy}",
            minutes=5,
            severity="warning",
            summary="A busy vLLM replica generates few tokens",
            description=f"Fewer than {tokens:g} tokens/s come out while requests run.",
        ),
        Alert(
            name="VllmEngineStalled",
            expr=f"{GENERATION} == 0 and {busy}",
            minutes=2,
            severity="critical",
            summary="A vLLM replica has requests and generates nothing",
            description="A hung engine still answers /health with 200: delete the pod.",
        ),
        Alert(
            name="VllmKvCacheSaturated",
            expr=f"{KV_USAGE} > {usage:g}",
            minutes=5,
            severity="warning",
            summary="The KV cache of a vLLM replica is nearly full",
            description=f"More than {usage:.0%} of the pool is in use: requests will queue or be preempted.",
        ),
        Alert(
            name="VllmPreemptions",
            expr=preemptions,
            minutes=10,
            severity="warning",
            summary="vLLM preempts running requests",
            description="KV blocks run out and requests are computed again: lower maxNumSeqs or add replicas.",
        ),
        Alert(
            name="VllmDown",
            expr=f"absent({up}) or sum by (namespace, job) ({up}) == 0",
            minutes=startup.progress_deadline_seconds // 60 + 5,
            severity="critical",
            summary="No vLLM replica answers",
            description="Compass has no engine. Look at the pods' events and the engine's log.",
        ),
    ]


def rule_groups(namespace: str, thresholds: Alerts, max_num_seqs: int, startup: Startup) -> list[dict[str, Any]]:
    """Groups of a PrometheusRule. A group runs in order, so the recordings stand before the alerts on them."""
    rules = [
        *_recordings(namespace),
        *(alert.to_rule() for alert in alerts(namespace, thresholds, max_num_seqs, startup)),
    ]
    return [{"name": VLLM, "rules": rules}]
