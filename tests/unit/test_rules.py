"""Rules across keys: each on both sides of its edge, and each remedy such that it helps."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from infra.cli.check import planned
from infra.plan import rules as plan_rules
from infra.plan.ledger import gpu_ledger
from infra.site import SiteRefused
from infra.site import rules as site_rules
from tests.sites_under_test import path_of, plan
from tools import rules_page
from tools.rule_examples import EDGES, LEFT_OUT, write

BY_CONSTRUCTION = {"rollout_within_quota"}


def test_every_rule_has_an_edge_and_says_why() -> None:
    names = [rule.__name__ for rule in rules_page.rules()]
    assert sorted(names) == sorted([*EDGES, *BY_CONSTRUCTION])
    assert all(rule.__doc__ for rule in rules_page.rules())


@pytest.mark.parametrize("name", EDGES)
def test_a_rule_accepts_what_is_just_within_it_and_refuses_what_is_just_beyond(name: str, tmp_path: Path) -> None:
    edge = EDGES[name]
    planned(str(write(edge.passes, tmp_path / "Pulumi.within.yaml")))
    with pytest.raises(SiteRefused) as caught:
        planned(str(write(edge.refused, tmp_path / "Pulumi.beyond.yaml")))
    (line,) = caught.value.lines
    assert re.search(r"\d|'", line), "the numbers or the value that show it"


@pytest.mark.parametrize("name", EDGES)
def test_without_the_rule_its_fault_goes_unseen(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (site_rules, plan_rules):
        monkeypatch.setattr(module, "RULES", tuple(rule for rule in module.RULES if rule.__name__ != name))
    planned(str(write(EDGES[name].refused, tmp_path / "Pulumi.beyond.yaml")))


@pytest.mark.parametrize("name", EDGES)
def test_a_value_that_the_remedy_names_passes(name: str, tmp_path: Path) -> None:
    with pytest.raises(SiteRefused) as caught:
        planned(str(write(EDGES[name].refused, tmp_path / "Pulumi.beyond.yaml")))
    (fault,) = caught.value.faults
    named = re.match(r"(?:write|use|did you mean) (?:at most |at least |less than )?'?([\w./:-]+)'?", fault.remedy)
    if named is None or name == "scaling_has_metrics":
        return
    value: object = int(named[1]) if named[1].isdigit() else named[1]
    if "less than" in fault.remedy:
        value = int(named[1]) - 1
    if name == "vllm_version_known":
        value = f"harbor.vitro.lan/ffp/vllm-openai:v{named[1]}"
    planned(str(write({**EDGES[name].refused, fault.key: value}, tmp_path / "Pulumi.mended.yaml")))


def test_the_page_of_the_rules_is_the_rules() -> None:
    assert rules_page.PAGE.read_text() == rules_page.page(), "run `make docs`"


@pytest.mark.parametrize(("quota", "per_replica"), list(product(range(1, 9), (1, 2, 4))))
def test_a_rollout_never_waits_for_a_gpu_that_cannot_come(quota: int, per_replica: int) -> None:
    for replicas in range(1, quota // per_replica + 1):
        ledger = gpu_ledger(
            available=quota, quota=quota, per_replica=per_replica, min_replicas=1, max_replicas=replicas
        )
        rollout = ledger.rollout
        assert ledger.during_rollout <= quota
        assert rollout.surge + rollout.unavailable > 0, "it would never begin"
        spare = quota // per_replica - replicas
        assert (rollout.surge > 0) is (spare > 0), "a spare GPU closes the gap"
        assert (rollout.strategy == "Recreate") is (replicas == 1 and spare == 0)
        assert ledger.limit_per_container >= per_replica


def test_a_planner_gone_wrong_is_refused() -> None:
    good = plan(path_of("prod"))
    assert list(plan_rules.rollout_within_quota(good)) == []
    surging = replace(good.ledger, rollout=replace(good.ledger.rollout, surge=1))
    (fault,) = plan_rules.rollout_within_quota(replace(good, ledger=surging))
    assert fault.problem == "a rollout would need 5 GPUs, the quota is 4"


@pytest.mark.parametrize(
    ("swapped", "words"),
    [
        (
            {"engine_ready_seconds": 299},
            "the slowest load (300 s) does not end before the engine's own time-out (299 s)",
        ),
        (
            {"progress_deadline_seconds": 510},
            "the startup probe (510 s) does not end before the progress deadline (510 s)",
        ),
        ({"create_timeout_seconds": 1}, "does not end before Pulumi's timeout (1 s)"),
    ],
)
def test_clocks_out_of_order_are_refused(swapped: dict[str, int], words: str) -> None:
    good = plan(path_of("prod"))
    assert list(plan_rules.clocks_in_order(good)) == []
    faults = list(plan_rules.clocks_in_order(replace(good, startup=replace(good.startup, **swapped))))
    assert any(words in fault.problem for fault in faults)


MENDED: list[tuple[dict[str, object], str, object]] = [
    ({"gpus.memoryGiB": 24, "vllm.maxNumSeqs": 4096, "vllm.maxNumBatchedTokens": 4096}, "vllm.maxNumSeqs", 256),
    ({"vllm.gpuMemoryUtilization": 0.1}, "vllm.gpuMemoryUtilization", 0.95),
    ({"vllm.reserveGiB": 70}, "vllm.reserveGiB", LEFT_OUT),
    ({"gpus.memoryGiB": 16, "scaling": {"mode": "fixed", "minReplicas": 1}}, "vllm.gpusPerReplica", 2),
    (
        {"gpus.resource": "nvidia.com/gpu.shared", "vllm.gpusPerReplica": 2, "scaling.maxReplicas": 2},
        "vllm.gpusPerReplica",
        1,
    ),
    ({"model.name": "acme/x", "model.toolParser": "hermes", "model.weightsGiB": 500}, "model.weightsGiB", 40),
]


@pytest.mark.parametrize(("changes", "key", "value"), MENDED)
def test_the_fault_stands_at_the_key_whose_change_helps(
    changes: dict[str, object], key: str, value: object, tmp_path: Path
) -> None:
    with pytest.raises(SiteRefused) as caught:
        planned(str(write(changes, tmp_path / "Pulumi.tight.yaml")))
    (fault,) = caught.value.faults
    assert fault.key == key
    assert value is LEFT_OUT or key == "model.weightsGiB" or str(value) in fault.remedy
    planned(str(write({**changes, key: value}, tmp_path / "Pulumi.mended.yaml")))
