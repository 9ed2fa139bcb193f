"""When a kubelet kills a container, from the probes of its manifest."""

from __future__ import annotations

from typing import Any

DEFAULTS = {"initialDelaySeconds": 0, "periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 1}


def earliest_kill_seconds(probe: dict[str, Any]) -> int:
    timing = DEFAULTS | probe
    return timing["initialDelaySeconds"] + (timing["failureThreshold"] - 1) * timing["periodSeconds"]


def latest_kill_seconds(probe: dict[str, Any]) -> int:
    timing = DEFAULTS | probe
    failures = timing["failureThreshold"] * timing["periodSeconds"]
    return timing["initialDelaySeconds"] + failures + timing["timeoutSeconds"]


def survives_load(container: dict[str, Any], load_seconds: int) -> bool:
    """Whether a container that answers only after `load_seconds` is ever left alive to do so.

    While a startup probe has not passed, the other probes do not run.
    """
    guard = container.get("startupProbe") or container.get("livenessProbe")
    return guard is None or earliest_kill_seconds(guard) > load_seconds
