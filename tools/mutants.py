"""`make mutants`: undo each decision in a copy of the program and see that a test notices."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .build import TOOLS

ROOT = TOOLS.parent
COPIED = ("infra", "stacks", "tests", "docs", "tools", "__main__.py", "pyproject.toml")


@dataclass(frozen=True)
class Mutant:
    """One decision undone: `old` becomes `new` in one file."""

    decision: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "D1",
        "infra/components/engine_pod.py",
        "        enable_service_links=False,",
        "        enable_service_links=True,",
    ),
    Mutant("D1", "infra/plan/naming.py", 'VLLM = "vllm"', 'VLLM = "vllm-server"'),
    Mutant("D2", "infra/components/engine_pod.py", "        startup_probe=_probe(plan.startup.probe),\n", ""),
    Mutant("D2", "infra/plan/startup.py", "+ ENGINE_REPORT_SECONDS) / STARTUP_PERIOD_SECONDS) + 1", ") / 60)"),
    Mutant("D2", "infra/plan/probes.py", "initial_delay_seconds=120", "initial_delay_seconds=600"),
    Mutant("D3", "infra/plan/startup.py", "LOAD_MARGIN = 1.5", "LOAD_MARGIN = 1.0"),
    Mutant("D3", "infra/plan/startup.py", "SCHEDULING_SECONDS + image_pull_seconds +", "SCHEDULING_SECONDS +"),
    Mutant(
        "D3",
        "infra/plan/startup.py",
        "create_timeout_seconds=progress_deadline + CLOCK",
        "create_timeout_seconds=CLOCK",
    ),
    Mutant("D4", "infra/plan/ledger.py", "spare = quota // per_replica", "spare = 1 + quota // per_replica"),
    Mutant("D4", "infra/site/rules.py", "    elif site.max_replicas > possible:", "    elif False:"),
    Mutant("D5", "infra/components/tenancy.py", '("requests", "limits")', '("limits",)'),
    Mutant("D6", "infra/components/tenancy.py", '                        default={resource: "0"},\n', ""),
    Mutant("D6", "infra/plan/ledger.py", "max(PAGE_MAX_GPUS_PER_CONTAINER, self.per_replica)", "self.per_replica"),
    Mutant(
        "D7",
        "infra/components/isolation.py",
        "pod_selector=LabelSelectorArgs(match_labels=labels),",
        "pod_selector=None,",
    ),
    Mutant("D7", "infra/components/isolation.py", "policies[PROMETHEUS_POLICY] = _from", "_unused = _from"),
    Mutant("D7", "infra/components/isolation.py", "namespace_selector=elsewhere", "namespace_selector=None"),
    Mutant("D8", "infra/components/isolation.py", "hub if site.model.source.hub else []", "hub"),
    Mutant("D8", "infra/plan/serving.py", "env |= {} if hub else OFFLINE", "env |= {}"),
    Mutant("D9", "infra/plan/adapter.py", '"as": metric', '"as": series'),
    Mutant("D9", "infra/plan/scaling.py", "period_seconds=300", "period_seconds=30"),
    Mutant("D9", "infra/components/server.py", "replicas=None if plan.scaling else", "replicas="),
    Mutant("D10", "infra/plan/scaling.py", "    if running:", "    if False:"),
    Mutant("D10", "infra/plan/scaling.py", "BUSY_FRACTION = 0.8", "BUSY_FRACTION = 8"),
    Mutant("D11", "infra/plan/metrics.py", '"vllm:kv_cache_usage_perc"', '"vllm:gpu_cache_usage_perc"'),
    Mutant("D11", "infra/plan/alerts.py", "< {tokens:g} and {busy}", "< {tokens:g}"),
    Mutant("D11", "infra/plan/alerts.py", "{KV_USAGE} > {usage:g}", "{KV_USAGE} > {usage * 100:g}"),
    Mutant("D12", "infra/components/monitoring.py", '"grafana_dashboard": "1", ', ""),
    Mutant("D12", "infra/plan/dashboard.py", 'Panel("Errors by status"', 'Panel("Errors"'),
    Mutant("D13", "infra/plan/serving.py", '("--enable-auto-tool-choice", ', "("),
    Mutant("D13", "infra/plan/tool_calls.py", 'qwen3(?!\\.)", ("hermes",)', 'qwen3(?!\\.)", ("mistral",)'),
    Mutant(
        "D14", "infra/components/compass.py", "labels=labels(COMPASS)), spec=_pod", 'labels={"app": "x"}), spec=_pod'
    ),
    Mutant("D14", "infra/plan/naming.py", 'API_PREFIX = "/v1"', 'API_PREFIX = ""'),
    Mutant(
        "D15",
        "infra/plan/capacity.py",
        "    tokens = pool_tokens(",
        "    pool *= 32768 / engine.max_len\n    tokens = pool_tokens(",
    ),
    Mutant("D16", "infra/components/pods.py", "read_only_root_filesystem=True", "read_only_root_filesystem=False"),
    Mutant("D16", "infra/plan/serving.py", "USER_ID = 2000", "USER_ID = 0"),
    Mutant("D16", "infra/plan/serving.py", '    "TRITON_CACHE_DIR": ".triton",\n', ""),
    Mutant("D16", "infra/components/engine_pod.py", ', "shm": "/dev/shm"', ""),
    Mutant(
        "D16", "infra/plan/drain.py", "ENDPOINT_REMOVAL_SECONDS + drain_seconds + ENGINE_EXIT_SECONDS", "drain_seconds"
    ),
    Mutant("D16", "infra/components/server.py", "        max_unavailable=1,\n", "        min_available=1,\n"),
    Mutant(
        "D17",
        "infra/site/sections.py",
        "label_nodes: Distinct[ObjectName] = []",
        'label_nodes: Distinct[ObjectName] = ["gpu-01"]',
    ),
    Mutant("D17", "infra/components/tenancy.py", ', GPU_ROLE_LABEL: "true"', ""),
    Mutant("D18", "infra/components/placement.py", 'gpus.node_label, "NotIn"', 'gpus.node_label, "In"'),
    Mutant("D18", "infra/components/engine_pod.py", "        affinity=on_gpu_nodes(site.gpus),\n", ""),
    Mutant(
        "D18",
        "infra/components/isolation.py",
        "_egress(COMPASS, [_to_dns(), to_engine, *(to_tools",
        "_egress(VLLM, [*(to_tools",
    ),
)


def _survives(mutant: Mutant) -> bool:
    """Whether every unit test still passes with the decision undone."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder)
        for name in [*COPIED, *(path.name for path in ROOT.glob("Pulumi*.yaml"))]:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, copy / name)
        path = copy / mutant.file
        text = path.read_text()
        if text.count(mutant.old) != 1:
            raise SystemExit(
                f"{mutant.decision}: {mutant.old!r} stands {text.count(mutant.old)} times in {mutant.file}"
            )
        path.write_text(text.replace(mutant.old, mutant.new))
        tests = ["tests/unit/test_decisions.py", "tests/unit/test_bad_site_files.py", "tests/unit/test_components.py"]
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
        words = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        verdict = words[0].split("::")[-1].split(" - ")[0] if words else "NO TEST NOTICED"
        print(f"{mutant.decision:<4} {mutant.file:<34} {verdict}", flush=True)
        return done.returncode == 0


def main() -> int:
    survivors = [mutant for mutant in MUTANTS if _survives(mutant)]
    undone = {mutant.decision for mutant in MUTANTS}
    print(f"{len(MUTANTS) - len(survivors)} of {len(MUTANTS)} mutants of {len(undone)} decisions were noticed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
