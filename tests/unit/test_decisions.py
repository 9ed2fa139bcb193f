"""One test or more per decision D1 to D18, on what follows from the manifests. Undo one and its test fails."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from infra.plan.capacity import capacity_plan
from infra.plan.scaling import running_target
from tests.model.kubelet import earliest_kill_seconds, latest_kill_seconds, survives_load
from tests.model.network import Outside, Pod, reaches
from tests.model.scheduler import Node, may_run, prefers
from tests.sites_under_test import Rendered, path_of

PROD, AIRGAP, MINIMAL = (Rendered(path_of(name)) for name in ("prod", "airgap", "minimal"))
SPREAD, CONNECTED = Rendered(path_of("spread")), Rendered(path_of("connected"))


def rules_of(site: Rendered) -> dict[str, dict[str, str]]:
    groups = site.get("PrometheusRule", "vllm")["spec"]["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def expressions_of(site: Rendered) -> list[str]:
    groups = site.get("PrometheusRule", "vllm")["spec"]["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def dashboard_of(site: Rendered) -> str:
    return site.get("ConfigMap", "vllm-dashboard")["data"][f"vllm-{site.namespace}.json"]


def engine(site: Rendered) -> Pod:
    return Pod(site.namespace, site.get("Deployment", "vllm")["spec"]["template"]["metadata"]["labels"])


def compass(site: Rendered) -> Pod:
    return Pod(site.namespace, site.get("Deployment", "compass-api")["spec"]["template"]["metadata"]["labels"])


def test_d01_the_service_is_named_vllm_and_injects_nothing_into_the_engine(rendered: Rendered) -> None:
    assert rendered.has("Service", "vllm"), "Compass depends on the DNS name"
    assert rendered.engine_pod["enableServiceLinks"] is False, "VLLM_PORT=tcp://... makes vLLM exit"


def test_d02_a_load_as_slow_as_the_slowest_seen_is_never_killed(rendered: Rendered) -> None:
    load = rendered.site.model.load_seconds
    assert survives_load(rendered.engine, load), "the kubelet would kill the engine while it loads"
    without_startup = {key: value for key, value in rendered.engine.items() if key != "startupProbe"}
    if load >= 300:
        assert not survives_load(without_startup, load), "the page's liveness probe alone kills a 300 s load"


def test_d02_a_dead_engine_is_restarted_within_the_time_the_page_allows(rendered: Rendered) -> None:
    liveness, readiness = rendered.engine["livenessProbe"], rendered.engine["readinessProbe"]
    assert earliest_kill_seconds(liveness) == 240, "the page's 120/30/5: the fifth failure comes at 240 s"
    assert latest_kill_seconds(liveness) == 280
    assert earliest_kill_seconds(readiness) == 80, "the page's 60/10/3"
    assert latest_kill_seconds(readiness) == 95
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert rendered.engine[probe]["httpGet"] == {"path": "/health", "port": 8000}


def test_d03_the_clocks_of_a_start_run_out_in_the_order_that_explains_most(rendered: Rendered) -> None:
    deployment = rendered.get("Deployment", "vllm")["spec"]
    load = rendered.site.model.load_seconds
    engine_gives_up = int(rendered.env(rendered.engine)["VLLM_ENGINE_READY_TIMEOUT_S"] or 0)
    probe = rendered.engine["startupProbe"]
    deadline = deployment["progressDeadlineSeconds"]
    pull = rendered.site.vllm.image_pull_seconds
    startup = rendered.plan.startup
    assert load < engine_gives_up < earliest_kill_seconds(probe), "the engine must say why before it is killed"
    assert latest_kill_seconds(probe) + pull < deadline, "the deadline counts the image pull too"
    grace = rendered.engine_pod["terminationGracePeriodSeconds"]
    assert grace + pull + latest_kill_seconds(probe) < deadline, "a successor waits for its predecessor's GPU"
    assert deadline < startup.create_timeout_seconds <= startup.update_timeout_seconds


def test_d04_replicas_and_surge_never_need_more_gpus_than_the_quota(rendered: Rendered) -> None:
    deployment, quota = rendered.get("Deployment", "vllm")["spec"], rendered.get("ResourceQuota", "gpu-quota")
    resource = rendered.site.gpus.resource
    hard = int(quota["spec"]["hard"][f"requests.{resource}"])
    if rendered.has("HorizontalPodAutoscaler", "vllm"):
        replicas = rendered.get("HorizontalPodAutoscaler", "vllm")["spec"]["maxReplicas"]
    elif rendered.has("ScaledObject", "vllm"):
        replicas = rendered.get("ScaledObject", "vllm")["spec"]["maxReplicaCount"]
    else:
        replicas = deployment["replicas"]
    per_replica = int(rendered.engine["resources"]["requests"][resource])
    surge, unavailable = replaced_at_once(deployment["strategy"])
    assert (replicas + surge) * per_replica <= hard <= rendered.site.gpus.available
    assert surge + unavailable > 0, "a rollout that may do neither never ends"
    assert surge > 0 or hard < (replicas + 1) * per_replica, "a spare GPU is there to close the gap"


def replaced_at_once(strategy: Any) -> tuple[int, int]:
    """Pods that come before and that go before, in a rollout; all go at once where pods are recreated."""
    if strategy["type"] == "Recreate":
        assert "rollingUpdate" not in strategy, "the API server refuses both"
        return 0, 1
    return strategy["rollingUpdate"]["maxSurge"], strategy["rollingUpdate"]["maxUnavailable"]


def test_d04_prod_scales_to_four_gpus_and_airgap_keeps_the_pages_two() -> None:
    assert PROD.get("HorizontalPodAutoscaler", "vllm")["spec"]["maxReplicas"] == 4
    assert PROD.get("ResourceQuota", "gpu-quota")["spec"]["hard"]["requests.nvidia.com/gpu"] == "4"
    assert AIRGAP.get("ResourceQuota", "gpu-quota")["spec"]["hard"]["requests.nvidia.com/gpu"] == "2"
    assert AIRGAP.get("Deployment", "vllm")["spec"]["replicas"] == 2


def test_d05_the_quota_keeps_both_lines_and_requests_are_what_counts(rendered: Rendered) -> None:
    resource, quota = rendered.site.gpus.resource, str(rendered.plan.ledger.quota)
    hard = rendered.get("ResourceQuota", "gpu-quota")["spec"]["hard"]
    assert hard == {f"requests.{resource}": quota, f"limits.{resource}": quota}


def test_d06_a_container_that_asks_for_nothing_gets_no_gpu(rendered: Rendered) -> None:
    (limit,) = rendered.get("LimitRange", "gpu-limits")["spec"]["limits"]
    resource = rendered.site.gpus.resource
    assert limit["type"] == "Container"
    assert limit["default"] == {resource: "0"}, "without it every container would be given the maximum"
    assert int(limit["max"][resource]) == max(2, int(rendered.engine["resources"]["limits"][resource]))


def test_d07_vllm_ingress_is_exactly_the_pages(rendered: Rendered) -> None:
    policy = rendered.get("NetworkPolicy", "vllm-ingress")
    assert policy["metadata"]["namespace"] == rendered.namespace
    assert policy["spec"] == {
        "podSelector": {"matchLabels": {"app": "vllm"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [{"podSelector": {"matchLabels": {"app": "compass-api"}}}],
                "ports": [{"protocol": "TCP", "port": 8000}],
            }
        ],
    }


def test_d07_the_sites_prometheus_reaches_the_engine_and_its_look_alikes_do_not(rendered: Rendered) -> None:
    policies = rendered.of_kind("NetworkPolicy")
    monitoring = rendered.site.monitoring
    namespace = monitoring.prometheus.namespace if monitoring else "monitoring"
    labels = monitoring.prometheus.pod_labels if monitoring else {"app.kubernetes.io/name": "prometheus"}
    prometheus = Pod(namespace, labels)
    assert reaches(policies, prometheus, engine(rendered), 8000) is (monitoring is not None)
    assert not reaches(policies, Pod("elsewhere", labels), engine(rendered), 8000), "right labels, wrong namespace"
    assert not reaches(policies, Pod(namespace, {"app": "x"}), engine(rendered), 8000), "right namespace, wrong labels"
    assert not reaches(policies, prometheus, engine(rendered), 22)


def test_d08_an_engine_with_local_weights_reaches_nobody_and_knows_it_is_offline(rendered: Rendered) -> None:
    policies, source = rendered.of_kind("NetworkPolicy"), engine(rendered)
    connected = bool(rendered.site.model.source.hub)
    env = rendered.env(rendered.engine)
    assert reaches(policies, source, Outside(), 443) is connected
    assert reaches(policies, source, Pod("kube-system", {"k8s-app": "kube-dns"}), 53, "UDP") is connected
    assert not reaches(policies, source, compass(rendered), 8080)
    assert not reaches(policies, source, Outside(), 80)
    offline = {name: env.get(name) for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    assert offline == dict.fromkeys(offline, None if connected else "1")
    assert env["VLLM_NO_USAGE_STATS"] == "1"


def test_d08_the_default_is_offline_so_that_the_twin_is_no_exception() -> None:
    assert not PROD.site.model.source.hub
    assert CONNECTED.site.model.source.hub


def test_d09_the_hpa_is_the_pages_and_its_metric_is_served() -> None:
    spec = PROD.get("HorizontalPodAutoscaler", "vllm")["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "vllm"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 4)
    assert spec["metrics"][0] == {
        "type": "Pods",
        "pods": {
            "metric": {"name": "vllm_num_requests_waiting"},
            "target": {"type": "AverageValue", "averageValue": "5"},
        },
    }
    assert spec["behavior"] == {
        "scaleUp": {
            "stabilizationWindowSeconds": 120,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 300}],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": 600,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 600}],
        },
    }
    rules = yaml.safe_load(PROD.get("ConfigMap", "vllm-adapter-rules")["data"]["config.yaml"])["rules"]
    served = {
        rule["name"]["as"]: rule
        for rule in rules
        if re.match(rule["name"]["matches"], rule["seriesQuery"].split("{")[0])
    }
    for metric in spec["metrics"]:
        name = metric["pods"]["metric"]["name"]
        assert name in served, f"nothing serves {name}: the HPA would be silent"
        assert served[name]["seriesQuery"].split("{")[0] == name.replace("vllm_", "vllm:", 1)
        assert set(served[name]["resources"]["overrides"]) == {"namespace", "pod"}


def test_d09_keda_gets_the_same_numbers_and_no_second_hpa() -> None:
    spec, hpa = SPREAD.get("ScaledObject", "vllm")["spec"], PROD.get("HorizontalPodAutoscaler", "vllm")["spec"]
    assert not SPREAD.has("HorizontalPodAutoscaler", "vllm"), "KEDA makes its own"
    assert spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == hpa["behavior"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 3)
    queue = spec["triggers"][0]["metadata"]
    assert queue["query"] == 'sum(vllm:num_requests_waiting{namespace="inference"})', "one element, or KEDA fails"
    assert queue["ignoreNullValues"] == "false", "a lost target is no idle one"


def test_d09_replicas_are_left_to_whatever_scales(rendered: Rendered) -> None:
    scaled = rendered.has("HorizontalPodAutoscaler", "vllm") or rendered.has("ScaledObject", "vllm")
    assert ("replicas" in rendered.get("Deployment", "vllm")["spec"]) is not scaled
    assert scaled is rendered.site.autoscaled


def test_d10_a_busy_replica_with_an_empty_queue_is_kept() -> None:
    targets = {
        metric["pods"]["metric"]["name"]: int(metric["pods"]["target"]["averageValue"])
        for metric in PROD.get("HorizontalPodAutoscaler", "vllm")["spec"]["metrics"]
    }
    replicas, waiting, running = 2, 0, 2 * targets["vllm_num_requests_running"]
    proposals = {
        "vllm_num_requests_waiting": -(-waiting // targets["vllm_num_requests_waiting"]),
        "vllm_num_requests_running": -(-running // targets["vllm_num_requests_running"]),
    }
    assert proposals["vllm_num_requests_waiting"] == 0, "the queue alone would remove both"
    assert max(proposals.values()) == replicas


def test_d10_the_running_target_follows_from_the_capacity_and_can_be_switched_off() -> None:
    assert PROD.plan.capacity
    held = PROD.plan.capacity.longest_conversations
    assert 1 <= running_target(256, PROD.plan.capacity) < held
    assert running_target(8, PROD.plan.capacity) == 6, "a small batch holds less than the pool"
    assert running_target(256, None) == 204, "with an unknown pool the batch is what is known"
    (only,) = CONNECTED.get("HorizontalPodAutoscaler", "vllm")["spec"]["metrics"]
    assert only["pods"]["metric"]["name"] == "vllm_num_requests_waiting"


GONE = ("avg_generation_throughput_toks_per_s", "avg_prompt_throughput_toks_per_s", "gpu_cache_usage_perc")


@pytest.mark.parametrize("site", [PROD, AIRGAP, SPREAD, CONNECTED], ids=lambda site: site.plan.name)
def test_d11_no_rule_asks_for_a_metric_that_is_gone(site: Rendered) -> None:
    text = json.dumps(expressions_of(site)) + dashboard_of(site)
    assert not [name for name in GONE if name in text]
    for kept in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc", "num_preemptions_total"):
        assert f"vllm:{kept}" in text, f"the page asks for {kept}"
    for replaced in ("vllm:generation_tokens_total", "vllm:prompt_tokens_total"):
        assert f"rate({replaced}" in text, "the throughput averages are rates of counters now"


def test_d11_the_thresholds_are_the_pages_in_the_metrics_own_units() -> None:
    rules = {name: rule["expr"] for name, rule in rules_of(PROD).items()}
    assert rules["VllmQueueBacklog"].endswith("> 10")
    assert rules["VllmRequestsRunningHigh"].endswith("> 50")
    assert rules["VllmKvCacheSaturated"].endswith("> 0.95"), "the gauge is a fraction"
    assert "< 20 and min_over_time(" in rules["VllmGenerationSlow"], "alone it fires on every idle pod"
    assert rules_of(SPREAD)["VllmQueueBacklog"]["expr"].endswith("> 20"), "a site's own threshold"


def test_d11_a_loading_engine_is_not_reported_as_down(rendered: Rendered) -> None:
    if not rendered.site.monitoring:
        assert not rendered.has("PrometheusRule", "vllm")
        return
    minutes = int(rules_of(rendered)["VllmDown"]["for"].removesuffix("m"))
    assert minutes * 60 > latest_kill_seconds(rendered.engine["startupProbe"]) + rendered.site.vllm.image_pull_seconds


@pytest.mark.parametrize("site", [PROD, AIRGAP, SPREAD, CONNECTED], ids=lambda site: site.plan.name)
def test_d12_the_dashboard_comes_as_json_with_the_pages_five_subjects(site: Rendered) -> None:
    config_map = site.get("ConfigMap", "vllm-dashboard")
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1", "the sidecar finds it by this label"
    panels = {panel["title"]: panel for panel in json.loads(dashboard_of(site))["panels"]}
    subjects = (
        "Request rate",
        "Request latency",
        "Token throughput",
        "KV cache usage",
        "Queue depth",
        "Errors by status",
    )
    assert set(subjects) <= set(panels)
    assert {target["legendFormat"] for target in panels["Request latency"]["targets"]} == {"p50", "p95", "p99"}
    assert all(f'namespace="{site.namespace}"' in t["expr"] for panel in panels.values() for t in panel["targets"])


def test_d12_dashboards_of_two_namespaces_stand_beside_each_other_in_one_grafana() -> None:
    both = [json.loads(dashboard_of(site)) for site in (PROD, SPREAD)]
    for key in ("uid", "title"):
        assert both[0][key] != both[1][key], "the second would replace the first"
    assert all(len(one["uid"]) <= 40 for one in both), "Grafana refuses longer ones"


def test_d13_tool_calls_work_with_the_models_own_parser(rendered: Rendered) -> None:
    expected = "llama3_json" if "Llama-3" in rendered.site.model.name else "hermes"
    assert "--enable-auto-tool-choice" in rendered.engine["args"]
    assert f"--tool-call-parser={expected}" in rendered.engine["args"]


def test_d14_the_compass_deployment_is_whole_and_carries_the_label_the_policy_admits(rendered: Rendered) -> None:
    spec = rendered.get("Deployment", "compass-api")["spec"]
    assert spec["selector"]["matchLabels"] == {"app": "compass-api"}
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    assert reaches(rendered.of_kind("NetworkPolicy"), compass(rendered), engine(rendered), 8000)


def test_d14_compass_is_wired_to_this_engine_and_no_other(rendered: Rendered) -> None:
    env = rendered.env(rendered.compass)
    service = rendered.get("Service", "vllm")["metadata"]
    assert env["LLM_ENDPOINT"] == f"http://{service['name']}.{service['namespace']}.svc.cluster.local:8000/v1"
    assert f"--served-model-name={env['LLM_MODEL']}" in rendered.engine["args"]
    assert env["LLM_MAX_TOKENS"] == str(rendered.site.compass.max_tokens)
    assert env["LLM_TEMPERATURE"] == str(rendered.site.compass.temperature)


def test_d15_a_shorter_conversation_frees_no_memory_but_lets_more_of_them_fit() -> None:
    def plan(max_len: int, utilization: float = 0.9) -> tuple[int, float]:
        engine = replace(PROD.plan.engine, max_len=max_len, utilization=utilization)
        capacity = capacity_plan(PROD.plan.shape, engine)
        assert capacity
        return capacity.kv_tokens, capacity.longest_conversations

    assert plan(16_384)[0] == plan(32_768)[0], "the pool does not depend on maxLen"
    assert plan(16_384)[1] == 2 * plan(32_768)[1]
    assert plan(32_768, 0.8)[0] < plan(32_768, 0.9)[0], "gpuMemoryUtilization is what buys memory"


def test_d16_the_engine_is_not_root_and_writes_only_to_mounts_of_limited_size(rendered: Rendered) -> None:
    pod, container = rendered.engine_pod, rendered.engine
    security = container["securityContext"]
    assert pod["securityContext"]["runAsUser"] > 0
    assert security["runAsNonRoot"]
    assert security["readOnlyRootFilesystem"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    limited = {volume["name"] for volume in pod["volumes"] if volume.get("emptyDir", {}).get("sizeLimit")}
    writable = {m["mountPath"] for m in container["volumeMounts"] if m["name"] in limited and not m.get("readOnly")}
    assert {"/tmp", "/dev/shm"} <= writable
    paths = {name: value for name, value in rendered.env(container).items() if value and value.startswith("/")}
    for name in ("HOME", "HF_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "VLLM_CACHE_ROOT", "TRITON_CACHE_DIR"):
        assert any(f"{paths[name]}/".startswith(f"{mount}/") for mount in writable), f"{name} is not writable"
    (shared_memory,) = (volume for volume in pod["volumes"] if volume["name"] == "shm")
    assert shared_memory["emptyDir"]["medium"] == "Memory"


def test_d16_weights_cannot_be_changed_by_the_engine(rendered: Rendered) -> None:
    mounts = {mount["mountPath"]: mount for mount in rendered.engine["volumeMounts"]}
    model = rendered.engine["args"][0]
    if rendered.site.model.source.hub:
        assert model == rendered.site.model.name
        return
    assert mounts["/models"]["readOnly"] is True
    assert model.startswith("/models"), "a served name is no path: a local path keeps the hub out of it"


def test_d16_a_running_answer_ends_before_the_kubelet_ends_the_pod(rendered: Rendered) -> None:
    pre_stop = int(rendered.engine["lifecycle"]["preStop"]["exec"]["command"][1])
    (timeout,) = (a for a in rendered.engine["args"] if a.startswith("--shutdown-timeout="))
    drain = int(timeout.split("=")[1])
    assert pre_stop >= 10, "endpoints are removed asynchronously"
    assert drain == rendered.site.vllm.drain_seconds
    assert pre_stop + drain < rendered.engine_pod["terminationGracePeriodSeconds"]


def test_d16_the_disruption_budget_never_blocks_a_drain_for_ever(rendered: Rendered) -> None:
    spec = rendered.get("PodDisruptionBudget", "vllm")["spec"]
    assert spec["maxUnavailable"] == 1, "a minimum would block the drain of a single replica"
    assert "minAvailable" not in spec
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    labels = rendered.get("Deployment", "vllm")["spec"]["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()


def test_d17_only_listed_nodes_are_labelled_and_by_default_none() -> None:
    for site in (PROD, AIRGAP, MINIMAL, CONNECTED):
        assert not site.of_kind("Node")
    (node,) = SPREAD.of_kind("Node")
    assert node["metadata"]["name"] == "gpu-node-01"
    assert node["metadata"]["labels"] == {"example.net/accelerated": "true", "node-role.kubernetes.io/gpu": "true"}


def nodes_of(site: Rendered) -> tuple[Node, Node]:
    taints = (site.site.gpus.taint,) if site.site.gpus.taint else ()
    return Node({site.site.gpus.node_label: "true"}, taints), Node()


def test_d18_the_engine_runs_on_gpu_nodes_only(rendered: Rendered) -> None:
    gpu_node, cpu_node = nodes_of(rendered)
    assert may_run(rendered.engine_pod, gpu_node)
    assert not may_run(rendered.engine_pod, cpu_node)
    assert not may_run(rendered.engine_pod, Node(gpu_node.labels, (*gpu_node.taints, "someone-elses"))), (
        "a toleration of everything would land on nodes in maintenance"
    )


def test_d18_compass_keeps_off_gpu_nodes_where_there_are_others(rendered: Rendered) -> None:
    gpu_node, cpu_node = nodes_of(rendered)
    assert may_run(rendered.compass_pod, cpu_node)
    if rendered.site.compass.gpu_nodes == "avoid":
        assert not may_run(rendered.compass_pod, Node(gpu_node.labels)), "not even where GPU nodes carry no taint"
        assert not rendered.compass_pod.get("tolerations"), "not even where a GPU node has lost its label"
    else:
        assert may_run(rendered.compass_pod, gpu_node), "the site has no other nodes"
        assert prefers(rendered.compass_pod, cpu_node) > prefers(rendered.compass_pod, gpu_node)


def test_d18_tool_servers_get_calls_from_compass_and_never_from_the_engine(rendered: Rendered) -> None:
    policies = rendered.of_kind("NetworkPolicy")
    for server in rendered.site.compass.mcp_servers or ["ffo-mcp"]:
        tool = Pod(rendered.namespace, {"app": server})
        assert reaches(policies, compass(rendered), tool, 3000) is (server in rendered.site.compass.mcp_servers)
        assert not reaches(policies, engine(rendered), tool, 3000)
        assert not reaches(policies, tool, engine(rendered), 8000)
