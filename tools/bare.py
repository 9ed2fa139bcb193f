"""What the benchmarks compare with: the same engine, provider and SDK with nothing of ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicySpecArgs

from infra.cli.check import planned
from infra.components import VllmIsolation, VllmIsolationArgs

COMPONENTS = 100
POLICIES = 4

BARE_PROGRAM = """
import pulumi
import pulumi_kubernetes as kubernetes

provider = kubernetes.Provider("bare", context="{context}", enable_server_side_apply=True)
kubernetes.core.v1.ConfigMap(
    "bare",
    metadata=kubernetes.meta.v1.ObjectMetaArgs(name="bare", namespace="default"),
    data={{"key": "value"}},
    opts=pulumi.ResourceOptions(provider=provider),
)
"""


class _Silent(Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return f"{args.name}-id", args.inputs

    def call(self, args: MockCallArgs) -> dict[Any, Any]:
        raise NotImplementedError(args.token)


def _seconds(declare: Callable[[], None]) -> float:
    set_mocks(_Silent(), project="bench", stack="bench", preview=False)
    started = time.monotonic()
    pulumi.runtime.test(declare)()
    return time.monotonic() - started


def component_seconds() -> float:
    """Seconds for `COMPONENTS` components of `POLICIES` policies each."""
    site = planned("prod").site

    def declare() -> None:
        for number in range(COMPONENTS):
            VllmIsolation(f"isolation-{number}", VllmIsolationArgs(site=site))

    return _seconds(declare)


def plain_seconds() -> float:
    """Seconds for as many policies of the same size, declared by themselves."""
    peers = {"pod_selector": LabelSelectorArgs(match_labels={"app": "vllm"}), "policy_types": ["Egress"]}

    def declare() -> None:
        for number in range(COMPONENTS * POLICIES):
            metadata = ObjectMetaArgs(name=f"policy-{number}", namespace="f3iai")
            NetworkPolicy(f"policy-{number}", metadata=metadata, spec=NetworkPolicySpecArgs(**peers))

    return _seconds(declare)
