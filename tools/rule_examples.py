"""Each rule of a site on both sides of its edge: what still passes, and the next thing that does not.

Changes of the site `prod`, by dotted key; `LEFT_OUT` takes a key out of the file. The tests judge both sides, and the
page of the rules shows what the refused side is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.site import CONFIG_KEY, locate

LEFT_OUT = object()
Changes = Mapping[str, Any]

_ONE_REPLICA: Changes = {"scaling": {"mode": "fixed", "minReplicas": 1}}
_LARGE_MODEL: Changes = {"model.name": "Qwen/Qwen2.5-32B-Instruct", **_ONE_REPLICA}


@dataclass(frozen=True)
class Edge:
    """Changes of prod that a rule accepts, and changes that it refuses."""

    passes: Changes
    refused: Changes


EDGES: Mapping[str, Edge] = {
    "quota_within_gpus": Edge({"gpus.quota": 4}, {"gpus.quota": 5}),
    "replicas_within_quota": Edge({"scaling.maxReplicas": 4}, {"scaling.maxReplicas": 5}),
    "replicas_ordered": Edge({"scaling.minReplicas": 4}, {"scaling.minReplicas": 4, "scaling.maxReplicas": 3}),
    "scaling_has_metrics": Edge(
        {"scaling": {"mode": "fixed", "minReplicas": 4}, "monitoring": LEFT_OUT}, {"monitoring": LEFT_OUT}
    ),
    "images_from_registry": Edge(
        {"compass.image": "harbor.vitro.lan/ffp/team/compass-api:v1.2.0"},
        {"compass.image": "harbor.vitro.lan/ffp-dev/compass-api:v1.2.0"},
    ),
    "vllm_version_known": Edge(
        {"vllm.image": "harbor.vitro.lan/ffp/vllm-openai:v0.18.0"},
        {"vllm.image": "harbor.vitro.lan/ffp/vllm-openai:v0.17.1"},
    ),
    "version_as_tagged": Edge({"vllm.version": "0.33.0"}, {"vllm.version": "0.32.0"}),
    "answer_within_conversation": Edge({"compass.maxTokens": 32_767}, {"compass.maxTokens": 32_768}),
    "batch_holds_every_sequence": Edge({"vllm.maxNumBatchedTokens": 256}, {"vllm.maxNumBatchedTokens": 255}),
    "hub_knows_the_name": Edge(
        {"model.source": {"hub": True}},
        {"model.source": {"hub": True}, "model.name": "Qwen/Qwen2.5-7B-Instruct/main"},
    ),
    "card_has_its_size": Edge({"gpus.product": "NVIDIA-H100-80GB-HBM3"}, {"gpus.product": "NVIDIA-L4"}),
    "slice_is_what_its_name_says": Edge(
        {"gpus.resource": "nvidia.com/mig-3g.40gb", "gpus.memoryGiB": 40},
        {"gpus.resource": "nvidia.com/mig-3g.40gb", "gpus.memoryGiB": 41},
    ),
    "batch_holds_longest_prompt": Edge(
        {"vllm.extraArgs": ["--no-enable-chunked-prefill"], "vllm.maxNumBatchedTokens": 32_768},
        {"vllm.extraArgs": ["--no-enable-chunked-prefill"], "vllm.maxNumBatchedTokens": 32_767},
    ),
    "clocks_in_order": Edge({"model.loadSeconds": 28_146}, {"model.loadSeconds": 28_147}),
    "drain_within_patience": Edge(
        {"vllm.drainSeconds": 254, "cluster.nodeDrainSeconds": 300},
        {"vllm.drainSeconds": 255, "cluster.nodeDrainSeconds": 300},
    ),
    "tool_calls_parsed": Edge({"model.toolParser": "hermes"}, {"model.toolParser": "mistral"}),
    "arguments_known": Edge(
        {"vllm.extraArgs": ["--max-num-queued-reqs=64"], "vllm.image": "harbor.vitro.lan/ffp/vllm-openai:v0.29.0"},
        {"vllm.extraArgs": ["--max-num-queued-reqs=64"], "vllm.image": "harbor.vitro.lan/ffp/vllm-openai:v0.28.0"},
    ),
    "heads_shared_evenly": Edge({"vllm.gpusPerReplica": 4, **_ONE_REPLICA}, {"vllm.gpusPerReplica": 3, **_ONE_REPLICA}),
    "length_within_positions": Edge({"model.maxLen": 32_768}, {"model.maxLen": 32_769}),
    "weights_fit": Edge({"gpus.memoryGiB": 24, **_ONE_REPLICA}, {"gpus.memoryGiB": 16, **_ONE_REPLICA}),
    "conversation_fits": Edge({**_LARGE_MODEL, "model.maxLen": 24_576}, {**_LARGE_MODEL, "model.maxLen": 32_768}),
    "running_alert_can_fire": Edge(
        {"vllm.maxNumSeqs": 64, "monitoring.alerts": {"requestsRunning": 63}},
        {"vllm.maxNumSeqs": 64, "monitoring.alerts": {"requestsRunning": 64}},
    ),
}
"""By the name of the rule. `rollout_within_quota` has none: the planner never surges beyond the quota."""


@cache
def _prod() -> dict[str, Any]:
    return yaml.load(locate("prod").read_text(encoding="utf-8"), yaml.CSafeLoader)


def changed(changes: Changes) -> dict[str, Any]:
    """The document of prod's stack file with the changes made."""
    document = deepcopy(_prod())
    for dotted, value in changes.items():
        *sections, key = dotted.split(".")
        section = document["config"][CONFIG_KEY]
        for name in sections:
            section = section.setdefault(name, {})
        if value is LEFT_OUT:
            section.pop(key, None)
        else:
            section[key] = deepcopy(value)
    return document


def write(changes: Changes, path: Path) -> Path:
    """A stack file of prod with the changes made."""
    path.write_text(yaml.dump(changed(changes), Dumper=yaml.CSafeDumper, sort_keys=False), encoding="utf-8")
    return path
