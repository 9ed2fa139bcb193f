"""Simulated nodes and their kubelets: when a pod is ready, and when a probe kills it.

KWOK picks at random among the stages that match a pod, so the conditions of the stages exclude each other. All
times are simulated seconds, divided by one speed.
"""

from __future__ import annotations

from typing import Any

from .pod_states import COMPLETED, CRASHED, NODE_READY, ONE_RESTART_MORE, RUNNING, pod_status

Manifest = dict[str, Any]

FAKE_NODE = "kwok.x-k8s.io/node=fake"
GPU = "nvidia.com/gpu"

_NOT_DELETED = {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"}
_READY = '.status.conditions[]? | select(.type == "Ready") | .status'
_STARTED = '.status.conditions[]? | select(.type == "Initialized") | .status'
_IS_JOB = 'any(.metadata.ownerReferences[]?; .kind == "Job")'

_KILL_SECONDS = """
def kill_seconds:
  (.startupProbe // .livenessProbe) as $probe
  | if $probe == null then infinite
    else ($probe.initialDelaySeconds // 0) + (($probe.failureThreshold // 3) - 1) * ($probe.periodSeconds // 10)
    end;
"""
"""Of a container: the earliest moment its guarding probe can kill it. A startup probe holds the others back."""


def _node(name: str, labels: dict[str, str], taints: list[Manifest], extra: dict[str, str]) -> Manifest:
    resources = {"cpu": "64", "memory": "512Gi", "ephemeral-storage": "200Gi", "pods": "110", **extra}
    annotation, value = FAKE_NODE.split("=")
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {annotation: value},
            "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **labels},
        },
        "spec": {"taints": taints},
        "status": {"capacity": resources, "allocatable": resources},
    }


def gpu_node(
    name: str, gpus: int, *, resource: str = GPU, label: str | None = "nvidia.com/gpu.present", taint: str | None = GPU
) -> Manifest:
    """A node with GPUs, labelled and tainted as the specification says; without a label nobody has labelled it."""
    taints = [{"key": taint, "value": "present", "effect": "NoSchedule"}] if taint else []
    labels = {label: "true", "node-role.kubernetes.io/gpu": "true"} if label else {}
    return _node(name, labels, taints, {resource: str(gpus)})


def cpu_node(name: str) -> Manifest:
    return _node(name, {}, [], {})


def _stage(name: str, kind: str, conditions: list[Manifest], delay: str | None, step: Manifest) -> Manifest:
    spec: Manifest = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": conditions},
        "next": step,
    }
    if delay:
        spec["delay"] = {"durationMilliseconds": 0, "durationFrom": {"expressionFrom": delay}}
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}


def _is(key: str, value: str) -> Manifest:
    return {"key": key, "operator": "In", "values": [value]}


def _is_not(key: str, value: str) -> Manifest:
    return {"key": key, "operator": "NotIn", "values": [value]}


def _real_time(seconds: str, speed: float) -> str:
    """A jq expression of simulated seconds as a duration of real milliseconds."""
    return f'(({seconds}) * 1000 / {speed} | floor | tostring) + "ms"'


def stages(load_seconds: dict[str, int], speed: float) -> list[Manifest]:
    """The life of nodes and pods, as KWOK stages.

    Args:
        load_seconds: simulated seconds from a container's start until it answers, by the pod's `app` label; 0
            where an app is not named.
        speed: simulated seconds per real second.
    """
    loads = "{" + ", ".join(f'"{app}": {seconds}' for app, seconds in load_seconds.items()) + "}"
    load = f'({loads}[.metadata.labels.app // ""] // 0)'
    delay = "([.spec.containers[].readinessProbe.initialDelaySeconds // 0] | max)"
    kill = f"{_KILL_SECONDS} ([.spec.containers[] | kill_seconds] | min)"
    survives = f"{_KILL_SECONDS} {load} as $load | [.spec.containers[] | kill_seconds > $load] | all"
    running = [_NOT_DELETED, _is(_STARTED, "True"), _is_not(_READY, "True"), _is(".status.phase", "Running")]
    grace = ".metadata.deletionGracePeriodSeconds // 30"
    return [
        _stage("node-ready", "Node", [_is_not(_READY, "True")], None, {"statusTemplate": NODE_READY}),
        _stage(
            "pod-start",
            "Pod",
            [_NOT_DELETED, _is(".status.phase", "Pending"), _is_not(_STARTED, "True")],
            None,
            {"statusTemplate": pod_status(ready=False, state=RUNNING, restarts="0")},
        ),
        _stage(
            "pod-ready",
            "Pod",
            [*running, _is(survives, "true"), _is(_IS_JOB, "false")],
            _real_time(f"[{load}, {delay}] | max", speed),
            {"statusTemplate": pod_status(ready=True, state=RUNNING, restarts="0")},
        ),
        _stage(
            "pod-killed-by-probe",
            "Pod",
            [*running, _is(survives, "false")],
            _real_time(kill, speed),
            {"statusTemplate": pod_status(ready=False, state=CRASHED, restarts=ONE_RESTART_MORE)},
        ),
        _stage(
            "pod-complete",
            "Pod",
            [*running, _is(survives, "true"), _is(_IS_JOB, "true")],
            _real_time(load, speed),
            {"statusTemplate": pod_status(ready=False, state=COMPLETED, restarts="0", phase="Succeeded")},
        ),
        _stage(
            "pod-delete",
            "Pod",
            [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}],
            _real_time(grace, speed),
            {"finalizers": {"empty": True}, "delete": True},
        ),
    ]
