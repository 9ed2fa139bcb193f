"""Every key of a site file has its consequence on the wire. `prod` keeps the defaults, `spread` sets every key to
something else, so a value that is ignored or written down in the code is seen on one of the two.
"""

from __future__ import annotations

from typing import Any

import pytest

from infra.plan.serving import GROUP_ID, HOME
from tests.sites_under_test import Rendered, path_of

PROD, SPREAD = Rendered(path_of("prod")), Rendered(path_of("spread"))


def alert(site: Rendered, name: str) -> Any:
    rules = site.get("PrometheusRule", "vllm")["spec"]["groups"][0]["rules"]
    return next(rule for rule in rules if rule.get("alert") == name)


ARGUMENTS = [
    ("--tensor-parallel-size", "1", "4"),
    ("--gpu-memory-utilization", "0.9", "0.85"),
    ("--max-model-len", "32768", "131072"),
    ("--max-num-seqs", "256", "128"),
    ("--max-num-batched-tokens", "2048", "4096"),
    ("--kv-cache-dtype", "auto", "fp8"),
    ("--shutdown-timeout", "120", "300"),
    ("--served-model-name", "Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-3.3-70B-Instruct"),
    ("--tool-call-parser", "hermes", "llama3_json"),
    ("--port", "8000", "8000"),
]


@pytest.mark.parametrize(("flag", "in_prod", "in_spread"), ARGUMENTS)
def test_the_engine_is_started_as_the_site_says(flag: str, in_prod: str, in_spread: str) -> None:
    for site, value in ((PROD, in_prod), (SPREAD, in_spread)):
        assert [arg for arg in site.engine["args"] if arg.startswith(f"{flag}=")] == [f"{flag}={value}"]


def test_extra_arguments_come_last() -> None:
    assert SPREAD.engine["args"][-1] == "--enable-chunked-prefill"


def test_the_engine_asks_for_what_the_site_gives_it() -> None:
    assert PROD.engine["resources"]["requests"] == {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"}
    assert SPREAD.engine["resources"]["requests"] == {"cpu": "12", "memory": "96Gi", "nvidia.com/gpu": "4"}
    for site in (PROD, SPREAD):
        gpus = site.engine["resources"]["requests"]["nvidia.com/gpu"]
        assert site.engine["resources"]["limits"] == {"nvidia.com/gpu": gpus}


def test_the_engines_folders_are_on_mounts_with_room(rendered: Rendered) -> None:
    volumes = {volume["name"]: volume for volume in rendered.engine_pod["volumes"]}
    mounts = {mount["mountPath"]: mount for mount in rendered.engine["volumeMounts"] if not mount.get("readOnly")}
    paths = {name: path for name, path in rendered.env(rendered.engine).items() if path and path.startswith("/")}
    assert len(paths) > 8
    for name, path in paths.items():
        assert path == HOME or path.startswith(f"{HOME}/"), f"{name}={path} is on the read-only root"
    room = {path: int(volumes[mounts[path]["name"]]["emptyDir"]["sizeLimit"].removesuffix("Gi")) for path in mounts}
    assert room[HOME] >= 20, "compile caches"
    assert room["/tmp"] >= 1
    assert room["/dev/shm"] >= 2 * rendered.site.vllm.gpus_per_replica, "NCCL's buffers"
    assert volumes["shm"]["emptyDir"]["medium"] == "Memory"


def test_the_engine_may_write_its_mounts_and_holds_no_token(rendered: Rendered) -> None:
    pod = rendered.engine_pod
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"] == GROUP_ID
    for each in (pod, rendered.compass_pod):
        assert each["automountServiceAccountToken"] is False


def test_the_engine_outlives_its_last_answer(rendered: Rendered) -> None:
    sleep = int(rendered.engine["lifecycle"]["preStop"]["exec"]["command"][1])
    spare = rendered.engine_pod["terminationGracePeriodSeconds"] - sleep - rendered.site.vllm.drain_seconds
    assert sleep >= 10, "endpoints are removed asynchronously"
    assert spare >= 10, "the process needs time to end after its last answer"


def test_compass_runs_as_the_site_says() -> None:
    prod, spread = PROD.env(PROD.compass), SPREAD.env(SPREAD.compass)
    assert (prod["LLM_MAX_TOKENS"], prod["LLM_TEMPERATURE"]) == ("4096", "0.1")
    assert (spread["LLM_MAX_TOKENS"], spread["LLM_TEMPERATURE"]) == ("8192", "0.75")
    deployments = [site.get("Deployment", "compass-api")["spec"] for site in (PROD, SPREAD)]
    assert [spec["replicas"] for spec in deployments] == [1, 2]
    assert [site.compass_pod["securityContext"]["runAsUser"] for site in (PROD, SPREAD)] == [65532, 1001]
    assert "ports" not in PROD.compass
    assert SPREAD.compass["ports"][0]["containerPort"] == SPREAD.compass["readinessProbe"]["tcpSocket"]["port"] == 8080


def test_images_are_pulled_with_the_sites_secret() -> None:
    for pod in (SPREAD.engine_pod, SPREAD.compass_pod):
        assert pod["imagePullSecrets"] == [{"name": "mirror"}]
    assert SPREAD.engine["image"].startswith("registry.example.net:5000/llm/vllm@sha256:")
    assert SPREAD.compass["image"] == "registry.example.net:5000/llm/compass:2.0.0"


def test_the_api_key_reaches_both_sides_by_reference_alone() -> None:
    reference = {"secretKeyRef": {"name": "vllm-api", "key": "token"}}
    for container, name in ((SPREAD.engine, "VLLM_API_KEY"), (SPREAD.compass, "LLM_API_KEY")):
        assert [entry["valueFrom"] for entry in container["env"] if entry["name"] == name] == [reference]
    for container in (PROD.engine, PROD.compass):
        assert not [entry for entry in container["env"] if "API_KEY" in entry["name"]]


def test_the_service_is_the_pages(rendered: Rendered) -> None:
    spec = rendered.get("Service", "vllm")["spec"]
    assert spec["type"] == "ClusterIP"
    assert spec["ports"] == [{"name": "http", "port": 8000, "targetPort": 8000, "protocol": "TCP"}]
    assert (
        spec["selector"].items() <= rendered.get("Deployment", "vllm")["spec"]["template"]["metadata"]["labels"].items()
    )


def test_the_monitor_finds_the_service_and_the_sites_prometheus_the_monitor(rendered: Rendered) -> None:
    if not rendered.site.monitoring:
        assert not rendered.has("ServiceMonitor", "vllm")
        return
    monitor, service = rendered.get("ServiceMonitor", "vllm"), rendered.get("Service", "vllm")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert endpoint["path"] == "/metrics"
    for kind in ("ServiceMonitor", "PrometheusRule"):
        assert rendered.site.monitoring.labels.items() <= rendered.get(kind, "vllm")["metadata"]["labels"].items()


def test_monitoring_follows_the_site() -> None:
    intervals = [site.get("ServiceMonitor", "vllm")["spec"]["endpoints"][0]["interval"] for site in (PROD, SPREAD)]
    assert intervals == ["30s", "15s"]
    assert SPREAD.get("ServiceMonitor", "vllm")["metadata"]["labels"]["prometheus"] == "platform"
    for name, in_prod, in_spread in (
        ("VllmQueueBacklog", "> 10", "> 20"),
        ("VllmRequestsRunningHigh", "> 50", "> 90"),
        ("VllmGenerationSlow", "< 20", "< 35"),
        ("VllmKvCacheSaturated", "> 0.95", "> 0.8"),
        ("VllmPreemptions", "> 0", "> 0"),
    ):
        for site, words in ((PROD, in_prod), (SPREAD, in_spread)):
            expression = f"{alert(site, name)['expr']} "
            assert f" {words} " in expression


def test_a_site_that_is_down_is_reported_soon_after_its_start_could_have_ended(rendered: Rendered) -> None:
    if rendered.site.monitoring:
        waits = int(alert(rendered, "VllmDown")["for"].removesuffix("m")) * 60
        deadline = rendered.get("Deployment", "vllm")["spec"]["progressDeadlineSeconds"]
        assert deadline < waits <= deadline + 600


def test_scaling_follows_the_site() -> None:
    hpa = PROD.get("HorizontalPodAutoscaler", "vllm")["spec"]
    assert hpa["metrics"][0]["pods"]["target"]["averageValue"] == "5"
    scaled = SPREAD.get("ScaledObject", "vllm")["spec"]
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == (2, 3)
    assert scaled["triggers"][0]["metadata"]["threshold"] == "8"
    assert scaled["triggers"][0]["metadata"]["serverAddress"] == "http://prometheus.observability.svc:9090"
    assert "name" not in scaled["advanced"]["horizontalPodAutoscalerConfig"], "KEDA's HPA and ours must differ"


def test_weights_come_from_where_the_site_says() -> None:
    by_name = [{v["name"]: v for v in site.engine_pod["volumes"]} for site in (PROD, SPREAD)]
    claims = [volumes["models"]["persistentVolumeClaim"] for volumes in by_name]
    assert claims == [{"claimName": "vllm-models", "readOnly": True}, {"claimName": "weights", "readOnly": True}]
    assert [site.engine["args"][0] for site in (PROD, SPREAD)] == ["/models/Qwen2.5-7B-Instruct", "/models"]
