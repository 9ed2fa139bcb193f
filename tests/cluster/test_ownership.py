"""Whose a running site is: its namespace, its nodes' labels, and users who may do less than everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.plan.naming import VLLM
from tests.cluster.test_changes import set_keys
from tests.sites_under_test import path_of, plan
from tools.controlplane import ControlPlane
from tools.engine import Project
from tools.sites import prepare

SITE, NAMESPACE = "minimal", "f3iai"
READER = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "cluster-identity"},
    "rules": [{"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]}],
}


class Owned:
    """A site that made its namespace, up and running."""

    def __init__(self, cluster: ControlPlane, project: Project) -> None:
        self.cluster, self.project = cluster, project

    def uid(self) -> str:
        return str(self.cluster.get("deployment", VLLM, "-n", NAMESPACE)["metadata"]["uid"])

    def refused(self, command: str = "preview") -> str:
        """The one line that names the site file, and the twin of all others: nothing else went wrong."""
        outcome = self.project.run(command, "-s", SITE, check=False)
        assert outcome.code != 0
        after = outcome.text[outcome.text.rindex("Diagnostics:") :]
        (line,) = [line.strip() for line in after.splitlines() if line.strip().startswith("Pulumi.")]
        return line

    def user(self, name: str, folder: Path) -> Path:
        """A kubeconfig of a service account that may do anything in the site's namespace, and nothing elsewhere."""
        self.cluster.kubectl("-n", NAMESPACE, "create", "serviceaccount", name)
        account = f"--serviceaccount={NAMESPACE}:{name}"
        self.cluster.kubectl("-n", NAMESPACE, "create", "rolebinding", name, "--clusterrole=cluster-admin", account)
        config: Any = yaml.safe_load(self.cluster.kubeconfig.read_text())
        token = self.cluster.kubectl("-n", NAMESPACE, "create", "token", name).strip()
        config["users"] = [{"name": "admin", "user": {"token": token}}]
        path = folder / "kubeconfig-of-user"
        path.write_text(yaml.safe_dump(config))
        return path


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owned]:
    path = Path(path_of(SITE))
    with ControlPlane(["gpu-minimal"], load_seconds={VLLM: 60}, speed=120) as cluster:
        prepare(cluster, plan(str(path)))
        project = Project(Path(tmp_path_factory.mktemp("owned")), {SITE: path}, cluster.kubeconfig)
        project.init(SITE)
        project.run("up", "-s", SITE, "--yes")
        yield Owned(cluster, project)


def test_a_user_who_cannot_tell_the_cluster_is_refused_and_with_the_right_changes_nothing(
    owned: Owned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = owned.uid()
    monkeypatch.setitem(owned.project.environment, "KUBECONFIG", str(owned.user("ci", tmp_path)))
    line = owned.refused("preview")
    assert "cluster.context: the user of 'gpu-minimal' may not read the namespace kube-system" in line
    owned.cluster.apply([READER])
    account = f"--serviceaccount={NAMESPACE}:ci"
    owned.cluster.kubectl("create", "clusterrolebinding", "ci", "--clusterrole=cluster-identity", account)
    text = owned.project.run("up", "-s", SITE, "--yes").text
    assert "replace" not in text
    assert owned.uid() == before, "another user of the same cluster is no reason to make the site anew"


def test_a_secret_can_be_added_to_a_site_that_made_its_namespace(owned: Owned) -> None:
    set_keys(owned.project, SITE, {"cluster.imagePullSecret": "harbor-pull"})
    line = owned.refused()
    assert "left out beside cluster.imagePullSecret would delete it with all that is in it; write true" in line
    set_keys(owned.project, SITE, {"cluster.createNamespace": True})
    assert "cluster.imagePullSecret: the namespace 'f3iai' has no Secret 'harbor-pull'; create it" in owned.refused()
    owned.cluster.kubectl("-n", NAMESPACE, "create", "secret", "generic", "harbor-pull")
    owned.project.run("up", "-s", SITE, "--yes")


def test_letting_go_of_a_namespace_as_the_readme_says_loses_nothing(owned: Owned) -> None:
    before, kept = owned.uid(), owned.cluster.get("namespace", NAMESPACE)["metadata"]["uid"]
    (urn,) = [each["urn"] for each in owned.project.resources(SITE) if each["type"] == "kubernetes:core/v1:Namespace"]
    owned.project.run("state", "delete", urn, "--target-dependents", "--yes", "-s", SITE)
    owned.cluster.kubectl("annotate", "namespace", NAMESPACE, "f3iai.io/site-")
    set_keys(owned.project, SITE, {"cluster.createNamespace": False})
    owned.project.run("up", "-s", SITE, "--yes")
    assert owned.uid() == before, "what runs is taken up again as it is"
    owned.project.run("up", "-s", SITE, "--yes", "--expect-no-changes")
    owned.project.run("destroy", "-s", SITE, "--yes")
    assert owned.cluster.get("namespace", NAMESPACE)["metadata"]["uid"] == kept
    assert owned.cluster.items("deployments,networkpolicies,resourcequotas", "-n", NAMESPACE) == []
    owned.cluster.get("secret", "harbor-pull", "-n", NAMESPACE)


def test_a_node_that_left_is_forgotten_by_a_refresh_and_comes_back_as_no_ghost(owned: Owned) -> None:
    gone = dict(owned.cluster.get("node", "cpu-node-02"))
    set_keys(owned.project, SITE, {"gpus.labelNodes": ["cpu-node-02"]})
    owned.project.run("up", "-s", SITE, "--yes")
    owned.cluster.kubectl("delete", "node", "cpu-node-02")
    assert "gpus.labelNodes[0]: the cluster has no node 'cpu-node-02'" in owned.refused()
    owned.project.run("refresh", "-s", SITE, "--yes")
    set_keys(owned.project, SITE, {"gpus.labelNodes": []})
    owned.project.run("up", "-s", SITE, "--yes")
    assert "cpu-node-02" not in [node["metadata"]["name"] for node in owned.cluster.items("nodes")]
    assert gone["metadata"]["name"] == "cpu-node-02", "it was there before"


def test_a_node_that_another_site_labels_is_left_to_it(owned: Owned) -> None:
    owned.cluster.kubectl("label", "node", "cpu-node-01", "x=y", "--field-manager=f3iai-inference-other")
    set_keys(owned.project, SITE, {"gpus.labelNodes": ["cpu-node-01"]})
    line = owned.refused()
    assert "gpus.labelNodes[0]: the node 'cpu-node-01' is labelled by f3iai-inference-other already; leave it" in line
