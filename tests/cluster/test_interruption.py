"""An `up` that is cut off, at several moments, and the next `up`."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.plan.naming import VLLM
from tests.sites_under_test import Rendered, path_of, plan
from tools.controlplane import ControlPlane
from tools.engine import Project
from tools.sites import prepare

Cut = Callable[["subprocess.Popen[str]"], None]


def control_c(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGINT)


def power_off(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster() -> Iterator[ControlPlane]:
    site = plan(path_of("minimal"))
    with ControlPlane([site.site.cluster.context], load_seconds={VLLM: 300}, speed=60) as running:
        prepare(running, site)
        yield running


def exists(cluster: ControlPlane, kind: str, name: str) -> bool:
    return "NotFound" not in cluster.kubectl("get", kind, name, "-n", "f3iai", check=False)


def mend(project: Project) -> None:
    """What the README says after a crash: no attribute file that was cut off half way, and the stack freed."""
    for attributes in project.state.rglob("stacks/**/minimal.json*.attrs"):
        if not attributes.stat().st_size:
            attributes.unlink()
    project.run("cancel", "--yes", "minimal")


@pytest.mark.parametrize("cut", [control_c, power_off])
@pytest.mark.parametrize(
    ("kind", "name"), [("namespace", "f3iai"), ("networkpolicy", "vllm-ingress"), ("deployment", VLLM)]
)
def test_an_interrupted_up_followed_by_another_ends_in_the_right_state(
    cluster: ControlPlane, tmp_path: Path, cut: Cut, kind: str, name: str
) -> None:
    project = Project(tmp_path, {"minimal": Path(path_of("minimal"))}, cluster.kubeconfig)
    project.init("minimal")
    with project.start("up", "-s", "minimal", "--yes", "--skip-preview") as process:
        deadline = time.monotonic() + 60
        while not exists(cluster, kind, name):
            assert time.monotonic() < deadline, f"{kind} {name} did not come"
            assert process.poll() is None, "the up was over before it could be cut off"
        cut(process)
        process.communicate(timeout=90)
    assert process.returncode != 0, "the up was not interrupted"
    if cut is power_off:
        mend(project)
    project.run("up", "-s", "minimal", "--yes")
    for manifest in Rendered(path_of("minimal")).all.values():
        assert exists(cluster, manifest["kind"], manifest["metadata"]["name"])
    deployment = cluster.get("deployment", VLLM, "-n", "f3iai")
    assert deployment["status"]["readyReplicas"] == 1
    project.run("up", "-s", "minimal", "--yes", "--expect-no-changes")
    project.run("destroy", "-s", "minimal", "--yes")
    assert not exists(cluster, "namespace", "f3iai"), "something was lost from the state"
