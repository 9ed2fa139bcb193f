"""A site's whole life on a real control plane, by the commands a user types; the tests judge what was seen."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.plan import Plan
from infra.site import CONFIG_KEY
from tests.sites_under_test import plan as plan_of_site
from tests.sites_under_test import site_id
from tools.controlplane import ControlPlane
from tools.engine import Outcome, Project
from tools.sites import prepare

SPEED = 120
"""Simulated seconds per real second: the one factor by which load and grace are shortened."""
CHANGED_LENGTH = 16_384
KINDS = (
    "all,configmaps,secrets,networkpolicies,resourcequotas,limitranges,horizontalpodautoscalers,"
    "poddisruptionbudgets,servicemonitors,prometheusrules,scaledobjects,persistentvolumeclaims,serviceaccounts"
)


@dataclass
class Snapshot:
    """What the cluster says at one moment."""

    objects: dict[tuple[str, str], Any]
    pods: list[Any]

    def pods_of(self, app: str) -> list[Any]:
        return [pod for pod in self.pods if pod["metadata"].get("labels", {}).get("app") == app]

    def get(self, kind: str, name: str) -> Any:
        return self.objects[(kind, name)]


@dataclass
class Life:
    """All that was seen of one site, in the order in which it happened."""

    plan: Plan
    cluster: ControlPlane
    project: Project
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def namespace(self) -> str:
        return self.plan.site.cluster.namespace

    def pulumi(self, step: str, command: str, *arguments: str) -> Outcome:
        self.outcomes[step] = self.project.run(command, "-s", self.name, *arguments, check=False)
        return self.outcomes[step]

    def look(self, moment: str) -> Snapshot:
        items = self.cluster.items(KINDS, "-n", self.namespace)
        objects = {(item["kind"], item["metadata"]["name"]): item for item in items}
        pods = [item for item in items if item["kind"] == "Pod"]
        self.snapshots[moment] = Snapshot(objects, pods)
        return self.snapshots[moment]

    def scale(self, replicas: int) -> None:
        self.cluster.kubectl("-n", self.namespace, "scale", "deployment/vllm", f"--replicas={replicas}")

    def wait_for_pods(self, count: int, seconds: float = 60) -> None:
        """Wait until `count` engine pods are ready and none is left over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pods = self.cluster.items("pods", "-n", self.namespace, "-l", "app=vllm")
            if len(pods) == count and all(is_ready(pod) for pod in pods):
                return
            time.sleep(0.2)
        raise AssertionError(f"{count} ready engine pods did not come within {seconds:g} s")

    def rolled_out(self) -> None:
        """The first of the commands that the stack's output `next` names.

        The provider's own wait judges an update by what its first list of objects says; where that is older than the
        update, or a Recreate has not made its ReplicaSet yet, it ends while the old pods still run.
        """
        self.cluster.kubectl("-n", self.namespace, "rollout", "status", "deployment/vllm", "--timeout=120s")

    def gpus_used(self) -> int:
        quota = self.cluster.get("resourcequota", "gpu-quota", "-n", self.namespace)
        return int(quota["status"]["used"][f"requests.{self.plan.site.gpus.resource}"])


def is_ready(pod: Any) -> bool:
    conditions = {entry["type"]: entry["status"] for entry in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


class MostGpus:
    """Watches the quota while a block runs, and keeps the most GPUs that were in use at once."""

    def __init__(self, life: Life) -> None:
        self._life, self._stop, self.most = life, threading.Event(), 0
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> MostGpus:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            self.most = max(self.most, self._life.gpus_used())


def live(path: str, folder: Path, cluster: ControlPlane) -> Life:
    """Preview, up, up again, refresh, scale, change, destroy."""
    site = plan_of_site(path)
    project = Project(folder, {site_id(path): Path(path)}, cluster.kubeconfig)
    life = Life(site, cluster, project)
    prepare(cluster, site)
    project.init(site.name)
    _deploy(life)
    if site.scaling:
        _autoscaled(life)
    _crowded(life)
    _changed(life)
    life.pulumi("destroy", "destroy", "--yes")
    life.facts["resources after destroy"] = project.resources(site.name)
    life.facts["namespace after destroy"] = cluster.kubectl("get", "namespace", life.namespace, check=False)
    life.look("after destroy")
    life.facts["nodes after destroy"] = cluster.items("nodes")
    return life


def _deploy(life: Life) -> None:
    life.pulumi("preview", "preview")
    life.look("after preview")
    life.pulumi("up", "up", "--yes")
    life.look("after up")
    life.facts["outputs"] = life.project.outputs(life.name)
    life.facts["nodes"] = life.cluster.items("nodes", "--show-managed-fields")
    life.facts["namespace"] = life.cluster.get("namespace", life.namespace)
    life.pulumi("second up", "up", "--yes", "--expect-no-changes")
    life.pulumi("refresh", "refresh", "--yes", "--expect-no-changes")


def _autoscaled(life: Life) -> None:
    """What an autoscaler does, done by hand: the field it writes is the same."""
    most = life.plan.ledger.max_replicas
    life.scale(most)
    life.wait_for_pods(most)
    life.look("scaled to the maximum")
    life.pulumi("up while scaled", "up", "--yes", "--expect-no-changes")
    life.pulumi("drift while scaled", "preview", "--refresh", "--expect-no-changes")
    life.look("after up while scaled")


def _crowded(life: Life) -> None:
    """More than the quota allows, by an autoscaler gone wrong and by another team."""
    ledger = life.plan.ledger
    replicas = life.look("before the crowd").get("Deployment", "vllm")["spec"]["replicas"]
    over = ledger.quota // ledger.per_replica + 2
    life.scale(over)
    life.wait_for_pods(ledger.quota // ledger.per_replica)
    life.facts["over the quota"] = life.cluster.items("events", "-n", life.namespace)
    life.look("over the quota")
    life.facts["another team"] = life.cluster.kubectl(
        "run", "other-team", "-n", life.namespace, "--image=other:1", f"--overrides={_pod(life)}", check=False
    )
    life.scale(replicas)
    life.wait_for_pods(replicas)


def _pod(life: Life) -> str:
    resource, free = life.plan.site.gpus.resource, life.plan.ledger.quota - life.gpus_used()
    return (
        '{"spec": {"securityContext": {"runAsNonRoot": true, "runAsUser": 1, "seccompProfile": {"type": '
        '"RuntimeDefault"}}, "containers": [{"name": "other", "image": "other:1", "securityContext": '
        '{"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}, '
        f'"resources": {{"limits": {{"{resource}": "{free + 1}"}}}}}}]}}}}'
    )


def _changed(life: Life) -> None:
    """One setting, changed in the site file."""
    life.facts["uid before"] = life.cluster.get("deployment", "vllm", "-n", life.namespace)["metadata"]["uid"]
    life.project.run("config", "set", "--path", f"{CONFIG_KEY}.model.maxLen", str(CHANGED_LENGTH), "-s", life.name)
    with MostGpus(life) as watched:
        life.pulumi("change", "up", "--yes")
        life.rolled_out()
    life.facts["most GPUs during the change"] = watched.most
    life.look("after the change")
