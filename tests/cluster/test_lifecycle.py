"""What the cluster says after each command, not what was sent to it."""

from __future__ import annotations

import re
from typing import Any

from tests.cluster.lifecycle import CHANGED_LENGTH, Life, is_ready
from tests.sites_under_test import Rendered, path_of
from tools.sites import prerequisites

OWN_BY_KUBERNETES = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
OF_CONTROLLERS = {"Pod", "ReplicaSet", "EndpointSlice", "Endpoints", "ControllerRevision"}


def summary(text: str) -> dict[str, int]:
    """Counts of the engine's own closing lines."""
    pairs = re.findall(r"(\d+) (created|updated|unchanged|deleted|replaced|to create)", text)
    return {word: int(count) for count, word in pairs}


def nodes_by_name(life: Life) -> dict[str, Any]:
    return {node["metadata"]["name"]: node for node in life.facts["nodes"]}


def is_gpu_node(life: Life, name: str) -> bool:
    return life.plan.site.gpus.resource in nodes_by_name(life)[name]["status"]["allocatable"]


def referred_to(life: Life) -> set[tuple[str, str]]:
    """What was in the namespace before the site and stays after it."""
    given = [item for item in prerequisites(life.plan) if "namespace" in item["metadata"]]
    return {(item["kind"], item["metadata"]["name"]) for item in given}


def test_every_command_succeeds(life: Life) -> None:
    failed = {step: outcome.text for step, outcome in life.outcomes.items() if outcome.code}
    assert not failed, "\n".join(failed.values())


def test_no_command_shows_a_traceback(life: Life) -> None:
    assert not [step for step, outcome in life.outcomes.items() if "Traceback" in outcome.text]


def test_a_preview_declares_nothing(life: Life) -> None:
    ours = set(life.snapshots["after preview"].objects) - OWN_BY_KUBERNETES
    assert ours == referred_to(life), "a preview must not touch the cluster"
    assert life.snapshots["after up"].objects.keys() > ours, "the twin: up does declare"


def test_the_cluster_holds_what_render_shows(life: Life) -> None:
    rendered = Rendered(path_of(life.name))
    seen = life.snapshots["after up"].objects
    for key, manifest in rendered.all.items():
        if key[0] in ("Namespace", "Node"):
            continue
        assert key in seen, f"{key} is not in the cluster"
        assert contains(seen[key], manifest) == [], f"{key} differs from what render shows"


def contains(live: Any, sent: Any, path: str = "") -> list[str]:
    """Where a live object lacks what was sent; the API server may add to it."""
    if isinstance(sent, dict):
        if not isinstance(live, dict):
            return [path]
        return [
            fault
            for key, value in sent.items()
            for fault in ([] if value == [] and key not in live else contains(live.get(key), value, f"{path}.{key}"))
        ]
    if isinstance(sent, list):
        if not isinstance(live, list) or len(live) != len(sent):
            return [path]
        return [f for i, (a, b) in enumerate(zip(live, sent, strict=True)) for f in contains(a, b, f"{path}[{i}]")]
    return [] if live == sent else [f"{path}: {live!r} is not {sent!r}"]


def test_the_engine_is_available_after_a_load_that_liveness_alone_would_have_killed(life: Life) -> None:
    deployment = life.snapshots["after up"].get("Deployment", "vllm")
    asked = 1 if life.plan.scaling else life.plan.ledger.max_replicas
    assert deployment["status"]["readyReplicas"] == asked, "where something scales, the first replica is all"
    pods = life.snapshots["after up"].pods_of("vllm")
    assert pods
    for pod in pods:
        assert is_ready(pod)
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 0, "the kubelet killed it while it loaded"


def test_the_engine_is_on_gpu_nodes_only_and_never_beyond_the_quota(life: Life) -> None:
    moments = [moment for moment in life.snapshots if life.snapshots[moment].pods_of("vllm")]
    assert "after up" in moments
    assert "over the quota" in moments
    for moment in moments:
        pods = life.snapshots[moment].pods_of("vllm")
        assert all(is_gpu_node(life, pod["spec"]["nodeName"]) for pod in pods if pod["spec"].get("nodeName"))
        used = life.snapshots[moment].get("ResourceQuota", "gpu-quota")["status"]["used"]
        assert int(used[f"requests.{life.plan.site.gpus.resource}"]) <= life.plan.ledger.quota
        assert len(pods) * life.plan.ledger.per_replica <= life.plan.ledger.quota


def test_compass_is_never_on_a_gpu_node(life: Life) -> None:
    pods = life.snapshots["after up"].pods_of("compass-api")
    assert len(pods) == life.plan.site.compass.replicas
    for pod in pods:
        assert is_ready(pod)
        assert not is_gpu_node(life, pod["spec"]["nodeName"])
        gpus = pod["spec"]["containers"][0]["resources"].get("requests", {}).get(life.plan.site.gpus.resource, "0")
        assert gpus == "0", "the LimitRange's default reaches every container of the namespace"


def test_the_quota_refuses_what_is_beyond_it(life: Life) -> None:
    """The engine's replicas beyond it are never made, and a pod of another team is turned away."""
    messages = [event["message"] for event in life.facts["over the quota"] if event["reason"] == "FailedCreate"]
    assert any("exceeded quota: gpu-quota" in message for message in messages)
    assert "exceeded quota: gpu-quota" in life.facts["another team"]
    counted = life.snapshots["after up"].get("ResourceQuota", "gpu-quota")["status"]["used"]
    assert f"requests.{life.plan.site.gpus.resource}" in counted


def test_the_autoscaler_is_accepted_and_finds_its_deployment(life: Life) -> None:
    objects = life.snapshots["after the change"].objects
    hpas = [item for (kind, _), item in objects.items() if kind == "HorizontalPodAutoscaler"]
    if life.plan.site.scaling_mode != "pods-metric":
        assert not hpas
        assert (("ScaledObject", "vllm") in objects) is (life.plan.site.scaling_mode == "keda")
        return
    (hpa,) = hpas
    able = {entry["type"]: entry for entry in hpa["status"].get("conditions", [])}["AbleToScale"]
    assert able["status"] == "True", able["message"]
    assert hpa["spec"]["maxReplicas"] == life.plan.ledger.max_replicas


def test_a_second_up_changes_nothing_and_a_refresh_finds_no_drift(life: Life) -> None:
    for step in ("second up", "refresh"):
        assert set(summary(life.outcomes[step].text)) == {"unchanged"}, life.outcomes[step].text


def test_pulumi_leaves_the_scaled_count_alone(life: Life) -> None:
    if not life.plan.scaling:
        assert life.snapshots["after up"].get("Deployment", "vllm")["spec"]["replicas"] == life.plan.ledger.max_replicas
        return
    before = life.snapshots["scaled to the maximum"].get("Deployment", "vllm")["spec"]["replicas"]
    after = life.snapshots["after up while scaled"].get("Deployment", "vllm")["spec"]["replicas"]
    assert before == after == life.plan.ledger.max_replicas
    assert len(life.snapshots["scaled to the maximum"].pods_of("vllm")) == life.plan.ledger.max_replicas


def test_one_changed_setting_updates_in_place_within_the_quota(life: Life) -> None:
    changed = life.snapshots["after the change"].get("Deployment", "vllm")
    assert changed["metadata"]["uid"] == life.facts["uid before"], "the Deployment was replaced: an outage"
    counts = summary(life.outcomes["change"].text)
    assert counts["updated"] >= 1
    assert not {"replaced", "deleted", "created"} & set(counts)
    pods = [pod for pod in life.snapshots["after the change"].pods_of("vllm") if is_ready(pod)]
    (pod_args,) = {tuple(pod["spec"]["containers"][0]["args"]) for pod in pods}
    assert f"--max-model-len={CHANGED_LENGTH}" in pod_args
    assert 0 < life.facts["most GPUs during the change"] <= life.plan.ledger.quota


def test_a_rollout_with_a_spare_gpu_has_no_gap(life: Life) -> None:
    strategy = life.snapshots["after up"].get("Deployment", "vllm")["spec"]["strategy"]
    spare = life.plan.ledger.quota - life.plan.ledger.at_maximum
    surge = strategy.get("rollingUpdate", {}).get("maxSurge", 0)
    assert (surge > 0) is (spare >= life.plan.ledger.per_replica)


def test_the_outputs_tell_endpoint_model_gpus_and_what_to_run_next(life: Life) -> None:
    outputs = life.facts["outputs"]
    assert outputs["endpoint"] == f"http://vllm.{life.namespace}.svc.cluster.local:8000/v1"
    assert outputs["model"] == life.plan.site.model.name
    assert outputs["gpus"]["inUseAtMaximum"] == life.plan.ledger.at_maximum
    assert outputs["replicas"]["minimum"] == life.plan.ledger.min_replicas
    assert all(f"--context {life.plan.site.cluster.context}" in line for line in outputs["next"])


def test_listed_nodes_are_labelled_and_no_others(life: Life) -> None:
    for name, node in nodes_by_name(life).items():
        managers = {entry["manager"] for entry in node["metadata"]["managedFields"]}
        assert (f"f3iai-inference-{life.name}" in managers) is (name in life.plan.site.gpus.label_nodes)


def test_a_namespace_of_ours_enforces_the_restricted_pod_standard(life: Life) -> None:
    labels = life.facts["namespace"]["metadata"]["labels"]
    enforced = labels.get("pod-security.kubernetes.io/enforce")
    assert enforced == ("restricted" if life.plan.site.creates_namespace else None)


def test_destroy_leaves_nothing_of_ours_and_all_of_others(life: Life) -> None:
    assert life.facts["resources after destroy"] == []
    left = {key for key in life.snapshots["after destroy"].objects if key[0] not in OF_CONTROLLERS}
    if life.plan.site.creates_namespace:
        assert "not found" in life.facts["namespace after destroy"]
        assert left == set()
    else:
        assert left == OWN_BY_KUBERNETES | referred_to(life), "the claim with the weights and the Secrets are not ours"
    assert not life.snapshots["after destroy"].pods
    labels = {key for node in life.facts["nodes after destroy"] for key in node["metadata"]["labels"]}
    if life.plan.site.gpus.label_nodes:
        bare = [
            n for n in life.facts["nodes after destroy"] if n["metadata"]["name"] in life.plan.site.gpus.label_nodes
        ]
        assert all(life.plan.site.gpus.node_label not in node["metadata"]["labels"] for node in bare)
    assert labels
