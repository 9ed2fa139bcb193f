"""Bad input at the real engine: one clear line, no traceback, nothing declared."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.plan.naming import SITE_ANNOTATION
from infra.site import CONFIG_KEY, SiteRefused
from stacks.preflight import preflight
from tests.sites_under_test import path_of, plan
from tools.access import AMBIENT, write_kubeconfig
from tools.controlplane import ControlPlane
from tools.engine import Project
from tools.sites import prepare

NAMED = "Pulumi.prod.yaml"


@dataclass
class Bench:
    """One cluster ready for prod, and a project whose site file each test spoils."""

    cluster: ControlPlane
    project: Project
    good: str

    def spoil(self, key: str, value: Any) -> None:
        document = yaml.safe_load(self.good)
        *sections, last = key.split(".")
        section = document["config"][CONFIG_KEY]
        for name in sections:
            section = section[name]
        section[last] = value
        self.project.stack_file("prod").write_text(yaml.safe_dump(document))

    def refused(self, command: str) -> list[str]:
        """The lines of a refused command that name the site file."""
        arguments = ("--yes",) if command == "up" else ()
        outcome = self.project.run(command, "-s", "prod", *arguments, check=False)
        assert outcome.code != 0
        assert "Traceback" not in outcome.text
        declared = list(self.cluster.items("all,netpol,quota,limits", "-n", "f3iai"))
        assert declared == [], "something was declared"
        after = outcome.text[outcome.text.rindex("Diagnostics:") :]
        return [line.strip() for line in after.splitlines() if line.strip().startswith(NAMED)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    path = Path(path_of("prod"))
    with ControlPlane(["gpu-prod"]) as cluster:
        prepare(cluster, plan(str(path)))
        project = Project(Path(tmp_path_factory.mktemp("refusals")), {"prod": path}, cluster.kubeconfig)
        project.init("prod")
        yield Bench(cluster, project, project.stack_file("prod").read_text())


BAD = [
    ("gpus.qouta", 4, "gpus.qouta: is not a key of this file; did you mean 'quota'?"),
    ("gpus.available", "4", "gpus.available: '4' is not a whole number; write"),
    ("vllm.gpuMemoryUtilization", 95, "vllm.gpuMemoryUtilization: 95 is out of range; write at most 0.98"),
    ("gpus.quota", 2, "scaling.maxReplicas: 4 replicas x 1 GPUs = 4, the quota is 2; write at most 2"),
    ("cluster.context", "gpu-prdo", "cluster.context: the kubeconfig ("),
    ("cluster.context", AMBIENT, "does not answer: "),
    ("cluster.createNamespace", True, "the namespace 'f3iai' exists already and is not of this program; write false"),
    ("gpus.labelNodes", ["gpu-nod-01"], "gpus.labelNodes[0]: the cluster has no node 'gpu-nod-01'; write one that"),
    (
        "model.source.claim",
        "vllm-modles",
        "model.source.claim: the namespace 'f3iai' has no PersistentVolumeClaim 'vllm-modles'; create it, or write one",
    ),
    (
        "cluster.imagePullSecret",
        "harbor-push",
        "cluster.imagePullSecret: the namespace 'f3iai' has no Secret 'harbor-push'; create it, or write one that",
    ),
    (
        "vllm.apiKeySecret",
        {"name": "vllm-api", "key": "token"},
        "vllm.apiKeySecret.name: the namespace 'f3iai' has no Secret 'vllm-api'; create it, or write one that",
    ),
    (
        "cluster.namespace",
        "f3iai-b",
        "cluster.namespace: the cluster has no namespace 'f3iai-b'; kubectl --context",
    ),
]


@pytest.mark.parametrize("command", ["preview", "up"])
@pytest.mark.parametrize(("key", "value", "words"), BAD, ids=[f"{key}={value}" for key, value, _ in BAD])
def test_one_line_names_file_key_fault_and_remedy(bench: Bench, key: str, value: Any, words: str, command: str) -> None:
    bench.spoil(key, value)
    (line,) = bench.refused(command)
    assert words in line
    assert "; " in line
    assert "object at 0x" not in line


def test_all_faults_of_the_file_come_at_once(bench: Bench) -> None:
    bench.spoil("vllm", {"image": "vllm:latest", "maxNumSeqs": 0, "gpusPerReplicas": 2})
    assert len(bench.refused("preview")) == 3


def test_a_site_that_is_no_section_is_named(bench: Bench) -> None:
    bench.project.stack_file("prod").write_text(f"config:\n  {CONFIG_KEY}: four GPUs please\n")
    (line,) = bench.refused("preview")
    assert "'four GPUs please' is not a section of keys" in line


def test_a_missing_stack_file_is_named(bench: Bench) -> None:
    bench.project.stack_file("prod").unlink()
    (line,) = bench.refused("preview")
    assert "is missing" in line


def test_a_missing_kubeconfig_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.project.stack_file("prod").write_text(bench.good)
    monkeypatch.setitem(bench.project.environment, "KUBECONFIG", "/nowhere/config")
    (line,) = bench.refused("preview")
    assert "cluster.context: the kubeconfig (/nowhere/config)" in line


def test_a_cluster_without_the_prometheus_operator_is_named(bench: Bench) -> None:
    bench.project.stack_file("prod").write_text(bench.good)
    saved = bench.cluster.get("crd", "servicemonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com")
    bench.cluster.kubectl("delete", "crd", *(item["metadata"]["name"] for item in saved["items"]))
    try:
        (line,) = bench.refused("preview")
    finally:
        for item in saved["items"]:
            for noise in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
                item["metadata"].pop(noise, None)
            item.pop("status", None)
        bench.cluster.kubectl("create", "-f", "-", stdin=yaml.safe_dump_all(saved["items"]))
        bench.cluster.wait_for_definitions()
    assert "monitoring: the cluster does not know monitoring.coreos.com/v1; install Prometheus Operator" in line


@pytest.mark.parametrize(
    "content", ["- a\n", "a: [\n", "\x00\x01", "apiVersion: v1\nclusters: 3\n", "contexts: [3]\n", ""]
)
def test_a_broken_kubeconfig_is_named(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(SiteRefused) as caught:
        preflight(plan(path_of("prod")), NAMED)
    (line,) = caught.value.lines
    assert line.startswith(f"{NAMED}: cluster.context: the kubeconfig ({path}) "), line
    if content == "- a\n":
        monkeypatch.setitem(bench.project.environment, "KUBECONFIG", str(path))
        assert bench.refused("preview") == [line], "the engine shows the same"


def test_a_server_that_is_no_api_server_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>It works</html>")

        def log_message(self, *_: object) -> None:
            """Nothing: a test's output is its own."""

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        for url, words in ((address, "is no Kubernetes API"), ("https://[::1", "cannot be used")):
            path = tmp_path / "kubeconfig"
            write_kubeconfig(path, url, ["gpu-prod"], "gpu-prod")
            monkeypatch.setenv("KUBECONFIG", str(path))
            with pytest.raises(SiteRefused) as caught:
                preflight(plan(path_of("prod")), NAMED)
            (line,) = caught.value.lines
            assert line.startswith(f"{NAMED}: cluster.context: ")
            assert words.lower() in line.lower()
        server.shutdown()


def test_several_kubeconfigs_are_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.project.stack_file("prod").write_text(bench.good)
    several = f"{bench.cluster.kubeconfig}{os.pathsep}/nowhere"
    monkeypatch.setitem(bench.project.environment, "KUBECONFIG", several)
    (line,) = bench.refused("preview")
    assert f"cluster.context: KUBECONFIG names several files ({several})" in line


def test_the_current_context_may_be_missing(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.project.stack_file("prod").write_text(bench.good)
    config = yaml.safe_load(bench.cluster.kubeconfig.read_text())
    del config["current-context"]
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    monkeypatch.setitem(bench.project.environment, "KUBECONFIG", str(path))
    assert bench.project.run("preview", "-s", "prod").code == 0


def test_what_another_made_under_the_same_name_is_not_taken_over(bench: Bench) -> None:
    bench.project.stack_file("prod").write_text(bench.good)
    bench.cluster.kubectl("create", "configmap", "vllm-dashboard", "-n", "f3iai")
    try:
        (line,) = bench.refused("up")
    finally:
        bench.cluster.kubectl("delete", "configmap", "vllm-dashboard", "-n", "f3iai")
    assert "cluster.namespace: the namespace 'f3iai' has configmaps/vllm-dashboard already, not of this site" in line


def test_a_claim_for_one_pod_is_refused_where_there_may_be_more(bench: Bench) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "one-pod", "namespace": "f3iai"},
        "spec": {"accessModes": ["ReadWriteOncePod"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    bench.cluster.apply([claim])
    bench.spoil("model.source.claim", "one-pod")
    try:
        (line,) = bench.refused("preview")
    finally:
        bench.cluster.kubectl("delete", "persistentvolumeclaim", "one-pod", "-n", "f3iai", "--wait=false")
    assert "model.source.claim: the claim 'one-pod' is ReadWriteOncePod, and there may be 4 replicas; make" in line


def test_a_namespace_that_is_there_is_not_taken_over(bench: Bench) -> None:
    document = yaml.safe_load(bench.good)
    site = document["config"][CONFIG_KEY]
    site["model"]["source"] = {"image": "harbor.vitro.lan/ffp/qwen2.5-7b:1.0.0"}
    for key in ("createNamespace", "imagePullSecret"):
        del site["cluster"][key]
    bench.project.stack_file("prod").write_text(yaml.safe_dump(document))
    (line,) = bench.refused("preview")
    assert (
        "cluster.createNamespace: the namespace 'f3iai' exists already and is not of this program; write false" in line
    )


def test_letting_go_of_an_own_namespace_is_refused_before_it_is_deleted(bench: Bench) -> None:
    bench.project.stack_file("prod").write_text(bench.good)
    bench.cluster.kubectl("annotate", "namespace", "f3iai", f"{SITE_ANNOTATION}=prod")
    try:
        (line,) = bench.refused("preview")
    finally:
        bench.cluster.kubectl("annotate", "namespace", "f3iai", f"{SITE_ANNOTATION}-")
    assert "cluster.createNamespace: this site made the namespace 'f3iai': false would delete it" in line


def test_a_namespace_on_its_way_out_is_named(bench: Bench) -> None:
    held = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "leaving"}}
    held_back = {"name": "keeper", "namespace": "leaving", "finalizers": ["f3iai.io/held"]}
    keeper = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": held_back}
    bench.cluster.apply([held, keeper])
    bench.cluster.kubectl("delete", "namespace", "leaving", "--wait=false")
    bench.spoil("cluster.namespace", "leaving")
    try:
        (line,) = bench.refused("preview")
    finally:
        bench.cluster.kubectl("patch", "configmap", "keeper", "-n", "leaving", "-p", '{"metadata":{"finalizers":null}}')
    assert "cluster.namespace: the namespace 'leaving' is being deleted; wait until" in line


def test_the_good_file_is_accepted_by_the_same_bench(bench: Bench) -> None:
    """The positive twin: the refusals above are not the bench's own doing."""
    bench.project.stack_file("prod").write_text(bench.good)
    assert bench.project.run("preview", "-s", "prod").code == 0
