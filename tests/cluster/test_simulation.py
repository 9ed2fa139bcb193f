"""The simulated kubelet itself: tests that rest on it are worth what it is worth."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml

from infra.plan.naming import VLLM
from tests.sites_under_test import Rendered, path_of
from tools.controlplane import ControlPlane, ControlPlaneError
from tools.sites import prepare

LOAD_SECONDS = 300
SPEED = 120


@pytest.fixture(scope="module")
def cluster() -> Iterator[ControlPlane]:
    rendered = Rendered(path_of("prod"))
    loads = {VLLM: LOAD_SECONDS, "unguarded": LOAD_SECONDS}
    with ControlPlane(["gpu-prod"], load_seconds=loads, speed=SPEED) as running:
        prepare(running, rendered.plan)
        yield running


def engine(name: str, *, startup_probe: bool) -> dict[str, Any]:
    """The engine's Deployment as it is sent, under another name."""
    manifest = deepcopy(Rendered(path_of("prod")).get("Deployment", VLLM))
    manifest["metadata"]["name"] = name
    spec = manifest["spec"]
    spec["selector"]["matchLabels"] = spec["template"]["metadata"]["labels"] = {"app": name}
    if not startup_probe:
        del spec["template"]["spec"]["containers"][0]["startupProbe"]
    return manifest


def test_without_its_startup_probe_the_same_engine_is_killed_again_and_again(cluster: ControlPlane) -> None:
    cluster.apply([engine(VLLM, startup_probe=True), engine("unguarded", startup_probe=False)])
    cluster.kubectl("-n", "f3iai", "rollout", "status", f"deployment/{VLLM}", "--timeout=60s")
    assert cluster.get("deployment", VLLM, "-n", "f3iai")["status"]["readyReplicas"] == 1
    deadline = time.monotonic() + 60
    restarts = 0
    while restarts < 2 and time.monotonic() < deadline:
        pods = cluster.items("pods", "-n", "f3iai", "-l", "app=unguarded")
        states = [state for pod in pods for state in pod["status"].get("containerStatuses", [])]
        assert not any(state["ready"] for state in states)
        restarts = max((state["restartCount"] for state in states), default=0)
        time.sleep(0.5)
    assert restarts >= 2, "the page's liveness probe kills from 240 s, the load takes 300 s"


def test_a_misspelt_field_of_a_monitor_is_refused_by_the_real_schema(cluster: ControlPlane) -> None:
    monitor = deepcopy(Rendered(path_of("prod")).get("ServiceMonitor", VLLM))
    cluster.apply([monitor], "--dry-run=server", "--validate=strict")
    monitor["spec"]["endpoints"][0]["pathh"] = "/metrics"
    with pytest.raises(ControlPlaneError, match="pathh"):
        cluster.apply([monitor], "--dry-run=server", "--validate=strict")


def test_the_ambient_context_leads_nowhere(cluster: ControlPlane) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    assert config["current-context"] not in ("gpu-prod",)
    with pytest.raises(ControlPlaneError, match="refused"):
        cluster.kubectl("get", "nodes", "--context", config["current-context"])
