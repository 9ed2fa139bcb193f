"""Changes of a site that is running: how it scales, what it serves, which cluster it is on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.plan.naming import VLLM
from infra.site import CONFIG_KEY
from tests.sites_under_test import path_of, plan
from tools.controlplane import ControlPlane
from tools.engine import Project
from tools.sites import prepare

SPEED = 120


def set_keys(project: Project, site: str, changes: dict[str, Any]) -> None:
    document = yaml.safe_load(project.stack_file(site).read_text())
    for dotted, value in changes.items():
        *sections, last = dotted.split(".")
        section = document["config"][CONFIG_KEY]
        for name in sections:
            section = section.setdefault(name, {})
        section[last] = value
    project.stack_file(site).write_text(yaml.safe_dump(document))


class Running:
    """A site that is up, and can be changed as its operator would."""

    def __init__(self, cluster: ControlPlane, project: Project, name: str, namespace: str) -> None:
        self.cluster, self.project, self.name, self.namespace = cluster, project, name, namespace

    def up(self, changes: dict[str, Any]) -> str:
        set_keys(self.project, self.name, changes)
        return self.project.run("up", "-s", self.name, "--yes").text

    def replicas(self) -> int:
        return int(self.cluster.get("deployment", VLLM, "-n", self.namespace)["spec"]["replicas"])

    def scale_as_the_autoscaler(self, replicas: int) -> None:
        """The controller writes the scale subresource under its own name."""
        self.cluster.kubectl(
            *("patch", "deployment", VLLM, "-n", self.namespace, "--subresource=scale", "--type=merge"),
            *("--field-manager=kube-controller-manager", "-p", f'{{"spec":{{"replicas":{replicas}}}}}'),
        )

    def rolled_out(self, replicas: int) -> None:
        self.cluster.kubectl("-n", self.namespace, "rollout", "status", f"deployment/{VLLM}", "--timeout=120s")
        status = self.cluster.get("deployment", VLLM, "-n", self.namespace)["status"]
        assert (status["readyReplicas"], status["updatedReplicas"]) == (replicas, replicas)

    def strategy(self) -> str:
        return str(self.cluster.get("deployment", VLLM, "-n", self.namespace)["spec"]["strategy"]["type"])

    def names(self, kind: str) -> list[str]:
        return [item["metadata"]["name"] for item in self.cluster.items(kind, "-n", self.namespace)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = Path(path_of("prod"))
    with ControlPlane(["gpu-prod"], load_seconds={VLLM: 60}, speed=SPEED) as cluster:
        prepare(cluster, plan(str(path)))
        project = Project(Path(tmp_path_factory.mktemp("changes")), {"prod": path}, cluster.kubeconfig)
        project.init("prod")
        site = Running(cluster, project, "prod", "f3iai")
        site.up({"scaling": {"mode": "fixed", "minReplicas": 2}})
        yield site
        project.run("destroy", "-s", "prod", "--yes")


def test_a_site_changes_how_it_scales_and_back(running: Running) -> None:
    assert running.replicas() == 2
    assert running.names("hpa") == []

    running.up({"scaling": {"mode": "pods-metric", "maxReplicas": 4}})
    assert running.names("hpa") == ["vllm"]
    assert running.replicas() == 2, "what runs is left running"
    running.scale_as_the_autoscaler(3)

    running.up({"scaling": {"mode": "keda", "maxReplicas": 4}})
    assert running.names("scaledobjects") == ["vllm"]
    assert running.names("hpa") == [], "two autoscalers for one Deployment undo each other"
    assert running.replicas() == 3

    running.up({"scaling": {"mode": "pods-metric", "maxReplicas": 4}})
    assert (running.names("hpa"), running.names("scaledobjects")) == (["vllm"], [])
    assert running.replicas() == 3
    running.scale_as_the_autoscaler(4)

    running.up({"scaling": {"mode": "fixed", "minReplicas": 1}})
    assert running.names("hpa") == []
    assert running.replicas() == 1, "now the site file has the say"
    running.project.run("up", "-s", "prod", "--yes", "--expect-no-changes")


def test_replicas_of_another_size_come_although_the_old_ones_held_every_gpu(running: Running) -> None:
    """Rolled one by one, none could come before an old one went, and none may go before a new one came."""
    running.up({"scaling": {"mode": "fixed", "minReplicas": 2}, "vllm.gpusPerReplica": 2})
    running.rolled_out(2)
    running.up({"scaling": {"mode": "fixed", "minReplicas": 4}, "vllm.gpusPerReplica": 1})
    running.rolled_out(4)
    used = running.cluster.get("resourcequota", "gpu-quota", "-n", "f3iai")["status"]["used"]
    assert used["requests.nvidia.com/gpu"] == "4"
    running.up({"scaling": {"mode": "fixed", "minReplicas": 1}})
    assert running.strategy() == "RollingUpdate", "once only: the usual roll-out is the site's again"


def test_what_someone_edited_by_hand_is_the_sites_again(running: Running) -> None:
    running.cluster.kubectl(
        *("patch", "resourcequota", "gpu-quota", "-n", "f3iai", "--field-manager=kubectl-edit"),
        *("-p", '{"spec":{"hard":{"requests.nvidia.com/gpu":"9"}}}'),
    )
    running.project.run("refresh", "-s", "prod", "--yes")
    running.up({})
    quota = running.cluster.get("resourcequota", "gpu-quota", "-n", "f3iai")
    assert quota["spec"]["hard"]["requests.nvidia.com/gpu"] == "4"


def test_monitoring_can_be_left_out_of_a_running_site(running: Running) -> None:
    document = yaml.safe_load(running.project.stack_file("prod").read_text())
    del document["config"][CONFIG_KEY]["monitoring"]
    running.project.stack_file("prod").write_text(yaml.safe_dump(document))
    running.project.run("up", "-s", "prod", "--yes")
    assert running.names("servicemonitors") == running.names("prometheusrules") == []
    assert "vllm-prometheus" not in running.names("networkpolicies"), "nobody is admitted who has nothing to scrape"


def merged(path: Path, *clusters: ControlPlane) -> Path:
    configs = [yaml.safe_load(cluster.kubeconfig.read_text()) for cluster in clusters]
    by_name = {
        key: {entry["name"]: entry for config in configs for entry in config[key]} for key in ("clusters", "contexts")
    }
    path.write_text(yaml.safe_dump({**configs[0], **{key: list(found.values()) for key, found in by_name.items()}}))
    return path


def test_a_site_moves_to_another_cluster_and_a_renamed_context_moves_nothing(tmp_path: Path) -> None:
    path = Path(path_of("minimal"))
    loads = {VLLM: 60}
    contexts = ["gpu-minimal", "gpu-renamed"]
    with (
        ControlPlane(contexts, load_seconds=loads, speed=SPEED) as old,
        ControlPlane(["gpu-new"], load_seconds=loads, speed=SPEED) as new,
    ):
        for cluster in (old, new):
            prepare(cluster, plan(str(path)))
        project = Project(tmp_path, {"minimal": path}, old.kubeconfig)
        project.environment["KUBECONFIG"] = str(merged(tmp_path / "kubeconfig", old, new))
        project.init("minimal")
        project.run("up", "-s", "minimal", "--yes")
        uid = old.get("deployment", VLLM, "-n", "f3iai")["metadata"]["uid"]

        set_keys(project, "minimal", {"cluster.context": "gpu-renamed"})
        project.run("up", "-s", "minimal", "--yes")
        assert old.get("deployment", VLLM, "-n", "f3iai")["metadata"]["uid"] == uid, "it is the same cluster"

        set_keys(project, "minimal", {"cluster.context": "gpu-new"})
        project.run("up", "-s", "minimal", "--yes")
        assert new.get("deployment", VLLM, "-n", "f3iai")["status"]["readyReplicas"] == 1
        assert "not found" in old.kubectl("get", "namespace", "f3iai", check=False), "two sites of one name"
        project.run("destroy", "-s", "minimal", "--yes")
