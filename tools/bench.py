"""`make bench`: what the program costs beside the bare tools, as ratios in one run, into `docs/benchmarks.md`."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml

from infra.cli.check import planned
from infra.cli.rendering import Manifest, render
from infra.plan import Plan
from infra.site import PROJECT_ROOT, locate

from .bare import BARE_PROGRAM, COMPONENTS, component_seconds, plain_seconds
from .controlplane import ControlPlane
from .engine import PYTHON, Project
from .recipes import KUBERNETES_VERSION, PROVIDER_VERSION, PULUMI_VERSION
from .sites import prepare

SITE = "prod"
SPEED = 60
READY = "--for=jsonpath={.status.readyReplicas}=1"
"""Not the condition Available: a Deployment that may lose its only replica has it with none."""
REPORT = PROJECT_ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of both sides in turn, run by run."""

    what: str
    against: str
    ours: list[float]
    theirs: list[float]
    goal: str

    @property
    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.ours, self.theirs, strict=True)]

    def line(self) -> str:
        ratios = self.ratios
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        numbers = f"{median(self.ours):.3g} s | {median(self.theirs):.3g} s | **{median(ratios):.2f}** ({spread})"
        return f"| {self.what} | {self.against} | {numbers} | {self.goal} |"


def _pairs(ours: Callable[[], float], theirs: Callable[[], float], runs: int) -> tuple[list[float], list[float]]:
    """Both sides in turn, after one run of each that does not count: a machine's speed drifts."""
    measured = [(ours(), theirs()) for _ in range(runs + 1)][1:]
    return [a for a, _ in measured], [b for _, b in measured]


def _process(*command: str) -> float:
    started = time.monotonic()
    subprocess.run([str(PYTHON), *command], cwd=PROJECT_ROOT, check=True, capture_output=True)
    return time.monotonic() - started


IMPORTS = "from pydantic import BaseModel; import yaml"
"""pydantic loads its parts at first use: `import pydantic` alone would load next to nothing."""
ONE_MODEL = f"{IMPORTS}\nclass Model(BaseModel):\n    key: int\nModel.model_validate(yaml.safe_load('key: 1'))"
"""The least that a typed file of any kind costs: pydantic loads most of itself when a first model is made."""
MANY = 100


def _check() -> Row:
    ours, theirs = _pairs(lambda: _process("-m", "infra", "check"), lambda: _process("-c", IMPORTS), runs=15)
    return Row("`python -m infra check` of both sites", f"`{IMPORTS}`", ours, theirs, "under 0.35 s")


def _check_one() -> Row:
    ours, theirs = _pairs(lambda: _process("-m", "infra", "check", SITE), lambda: _process("-c", IMPORTS), runs=15)
    return Row("`python -m infra check` of one site", f"`{IMPORTS}`", ours, theirs, "under 0.35 s, within 1.5 times")


def _check_least() -> Row:
    ours, theirs = _pairs(lambda: _process("-m", "infra", "check", SITE), lambda: _process("-c", ONE_MODEL), runs=15)
    return Row("the same", "a model of one key, validated from YAML", ours, theirs, "stated")


def _check_many() -> Row:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        files = [str(Path(folder) / f"Pulumi.site{number}.yaml") for number in range(MANY)]
        for file in files:
            shutil.copyfile(locate(SITE), file)
        many, one = _pairs(
            lambda: _process("-m", "infra", "check", *files), lambda: _process("-m", "infra", "check", files[0]), runs=7
        )
    return Row(f"`check` of {MANY} sites in one call", "`check` of one", many, one, "within 3 times")


def _preview(project: Project, bare: Project) -> Row:
    ours, theirs = _pairs(
        lambda: project.run("preview", "-s", SITE).seconds, lambda: bare.run("preview", "-s", SITE).seconds, runs=7
    )
    return Row("`pulumi preview` of prod", "`pulumi preview` of one ConfigMap", ours, theirs, "within 1.6 times")


def _up(cluster: ControlPlane, project: Project, plan: Plan, manifests: list[Manifest]) -> Row:
    namespace = plan.site.cluster.namespace
    text = yaml.safe_dump_all(manifests)

    def gone() -> None:
        cluster.kubectl("wait", "--for=delete", "pods", "--all", "-n", namespace, "--timeout=60s")

    def ours() -> float:
        seconds = project.run("up", "-s", SITE, "--yes", "--skip-preview").seconds
        project.run("destroy", "-s", SITE, "--yes", "--skip-preview")
        gone()
        return seconds

    def theirs() -> float:
        started = time.monotonic()
        cluster.kubectl("apply", "-f", "-", stdin=text)
        cluster.kubectl("wait", READY, "deployments", "--all", "-n", namespace, "--timeout=300s")
        seconds = time.monotonic() - started
        cluster.kubectl("delete", "-f", "-", stdin=text)
        gone()
        return seconds

    return Row(
        "`pulumi up` of prod", "`kubectl apply` and `kubectl wait`", *_pairs(ours, theirs, 5), "within 1.5 times"
    )


def _component() -> Row:
    return Row(
        "one more component of four policies",
        "the same four policies without one",
        *_pairs(component_seconds, plain_seconds, runs=7),
        "stated",
    )


def _measure() -> list[Row]:
    plan = planned(SITE)
    rows = [_check(), _check_one(), _check_least(), _check_many(), _component()]
    loads = {"vllm": plan.site.model.load_seconds}
    context = plan.site.cluster.context
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        ControlPlane([context], load_seconds=loads, speed=SPEED) as cluster,
    ):
        prepare(cluster, plan)
        project = Project(Path(folder) / "ours", {SITE: locate(SITE)}, cluster.kubeconfig)
        bare = Project(Path(folder) / "bare", {SITE: locate(SITE)}, cluster.kubeconfig)
        (bare.folder / "__main__.py").write_text(BARE_PROGRAM.format(context=context))
        for each in (project, bare):
            each.init(SITE)
        rows.append(_preview(project, bare))
        rows.append(_up(cluster, project, plan, render(plan)))
    return rows


def _report(rows: list[Row]) -> str:
    lines = "\n".join(row.line() for row in rows)
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    versions = f"Pulumi {PULUMI_VERSION}, Kubernetes provider {PROVIDER_VERSION}, Kubernetes {KUBERNETES_VERSION}"
    load = planned(SITE).site.model.load_seconds // SPEED
    return f"""# Benchmarks

Written by `make bench` on {machine},
{versions}. Whole processes, both sides in turn; medians over
the runs, and the ratio run by run with its smallest and largest value.

| what | against | ours | the other | ratio | goal |
|---|---|---|---|---|---|
{lines}

`pulumi up` and `kubectl wait` both contain the simulated load of the model, {load} s in these runs. `pulumi up`
runs with `--skip-preview`, as `kubectl apply` has none; the preview has a row of its own. The component row is
{COMPONENTS} components in one process with the SDK's mocks, which leaves the SDK's own work and nothing of the
cluster's.
"""


def main() -> int:
    report = _report(_measure())
    REPORT.write_text(report, encoding="utf-8")
    print(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
