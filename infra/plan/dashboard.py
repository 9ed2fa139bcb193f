"""The Grafana dashboard, as JSON: an air-gapped Grafana cannot import one by its number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from .metrics import (
    E2E_LATENCY,
    GENERATION_TOKENS,
    HTTP_REQUESTS,
    KV_CACHE_USAGE,
    PROMPT_TOKENS,
    REQUEST_SUCCESS,
    REQUESTS_RUNNING,
    REQUESTS_WAITING,
    TIME_TO_FIRST_TOKEN,
)
from .naming import VLLM

_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 2


@dataclass(frozen=True)
class Panel:
    """A time series panel: its queries by legend."""

    title: str
    unit: str
    queries: dict[str, str]


def _quantiles(histogram: str, chosen: str) -> dict[str, str]:
    rate = f"sum by (le) (rate({histogram}_bucket{chosen}[$__rate_interval]))"
    return {f"p{percent}": f"histogram_quantile({percent / 100:g}, {rate})" for percent in (50, 95, 99)}


def panels(namespace: str) -> list[Panel]:
    """The specification's five subjects, latency split from rate, time to first token and replicas beside them."""
    chosen = f'{{namespace="{namespace}"}}'
    job = f'{{namespace="{namespace}",job="{VLLM}"}}'

    def rate(counter: str, by: str, within: str = chosen) -> str:
        return f"sum{by} (rate({counter}{within}[$__rate_interval]))"

    return [
        Panel("Request rate", "reqps", {"{{finished_reason}}": rate(REQUEST_SUCCESS, " by (finished_reason)")}),
        Panel("Request latency", "s", _quantiles(E2E_LATENCY, chosen)),
        Panel("Time to first token", "s", _quantiles(TIME_TO_FIRST_TOKEN, chosen)),
        Panel(
            "Token throughput",
            "short",
            {"prompt tokens/s": rate(PROMPT_TOKENS, ""), "generation tokens/s": rate(GENERATION_TOKENS, "")},
        ),
        Panel("KV cache usage", "percentunit", {"{{pod}}": f"max by (pod) ({KV_CACHE_USAGE}{chosen})"}),
        Panel(
            "Queue depth",
            "short",
            {"waiting": f"sum({REQUESTS_WAITING}{chosen})", "running": f"sum({REQUESTS_RUNNING}{chosen})"},
        ),
        Panel("Errors by status", "reqps", {"{{status}}": rate(HTTP_REQUESTS, " by (status)", job)}),
        Panel("Replicas that answer", "short", {"replicas": f"sum(up{job})"}),
    ]


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, _COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _DATASOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": expr, "legendFormat": legend, "datasource": _DATASOURCE}
            for index, (legend, expr) in enumerate(panel.queries.items())
        ],
    }


def dashboard_file(namespace: str) -> str:
    """Grafana's sidecar writes the files of all namespaces into one folder, so each needs a name of its own."""
    return f"vllm-{namespace}.json"


def dashboard(namespace: str) -> str:
    """The dashboard's JSON, the same text for the same site.

    Its uid, of the 40 characters that Grafana allows, is the namespace's own for the same reason as its file.
    """
    document = {
        "uid": sha1(f"f3iai-vllm-{namespace}".encode(), usedforsecurity=False).hexdigest(),
        "title": f"vLLM inference ({namespace})",
        "tags": ["f3iai", "vllm"],
        "schemaVersion": 41,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels(namespace))],
    }
    return json.dumps(document, indent=1, sort_keys=True)
