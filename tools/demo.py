"""`make demo`: `pulumi up` of prod on a simulated cluster, shown as a user would look at it, and cleaned up."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from infra.cli.check import planned
from infra.plan import Plan
from infra.site import locate

from .controlplane import ControlPlane, ControlPlaneError
from .engine import EngineError, Project
from .processes import ProcessError
from .sites import prepare

SITE = "prod"
OF_THE_PINNED_PROVIDER = ("pulumi-resource-kubernetes from $PATH", "resource plugin kubernetes is expected")
"""What the engine says at every step of a provider that is older than the SDK; the README says so once."""
SPEED = 30
"""Simulated seconds per real second: a load of five minutes takes ten seconds."""


def _say(text: str) -> None:
    print(f"\n\033[1m== {text}\033[0m" if sys.stdout.isatty() else f"\n== {text}", flush=True)


def _pulumi(project: Project, *arguments: str) -> None:
    """Run a command and let its output through as it comes."""
    print(f"$ pulumi {' '.join(arguments)}", flush=True)
    process = project.start(*arguments)
    assert process.stdout
    for line in process.stdout:
        if line.strip() and not line.startswith("@") and not any(words in line for words in OF_THE_PINNED_PROVIDER):
            print(f"  {line}", end="", flush=True)
    if process.wait():
        raise EngineError(f"pulumi {arguments[0]} failed")


def _kubectl(cluster: ControlPlane, *arguments: str) -> None:
    print(f"$ kubectl {' '.join(arguments)}")
    print("".join(f"  {line}\n" for line in cluster.kubectl(*arguments).splitlines()), flush=True)


def _show(cluster: ControlPlane, plan: Plan) -> None:
    namespace = plan.site.cluster.namespace
    _say("Pods: vLLM on the GPU nodes, Compass on the others")
    _kubectl(cluster, "get", "nodes", "-L", plan.site.gpus.node_label)
    _kubectl(cluster, "get", "pods", "-n", namespace, "-o", "wide")
    _say("GPUs in use, as the quota counts them")
    _kubectl(cluster, "get", "resourcequota", "-n", namespace)
    _kubectl(cluster, "get", "hpa,networkpolicy,poddisruptionbudget", "-n", namespace)
    most = plan.ledger.max_replicas
    _say(f"What the autoscaler may do at most: {most} replicas, {plan.ledger.at_maximum} GPUs, and not one more")
    _kubectl(cluster, "scale", "deployment/vllm", f"--replicas={most}", "-n", namespace)
    wait = ("rollout", "status", "deployment/vllm", "-n", namespace, "--timeout=120s")
    cluster.kubectl(*wait)
    _kubectl(cluster, "get", "resourcequota", "-n", namespace)


def _real_cluster() -> str:
    return f"""
  1. In Pulumi.{SITE}.yaml write your cluster: cluster.context (a context of your kubeconfig), gpus, images.
  2. .venv/bin/python -m infra check      says what would not run, before anything is declared
  3. pulumi preview -s {SITE}               with your own Pulumi, or: make preview SITE={SITE}
  4. pulumi up -s {SITE}
  The README tells what the cluster must have.
"""


def demo() -> None:
    plan = planned(SITE)
    loads = {"vllm": plan.site.model.load_seconds}
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        _say(f"A control plane with simulated GPU nodes ({SPEED} simulated seconds to the second)")
        with ControlPlane([plan.site.cluster.context], load_seconds=loads, speed=SPEED) as cluster:
            prepare(cluster, plan)
            project = Project(Path(folder), {SITE: locate(SITE)}, cluster.kubeconfig)
            project.init(SITE)
            _say(f"The site {SITE}, as its file says it")
            subprocess.run([sys.executable, "-m", "infra", "plan", SITE], check=True)
            _say("pulumi up")
            _pulumi(project, "up", "-s", SITE, "--yes", "--skip-preview")
            _show(cluster, plan)
            _say("pulumi destroy")
            _pulumi(project, "destroy", "-s", SITE, "--yes", "--skip-preview")
    _say("On a real cluster")
    print(_real_cluster())


def main() -> int:
    started = time.monotonic()
    try:
        demo()
    except (ControlPlaneError, EngineError, ProcessError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted, everything it started is stopped", file=sys.stderr)
        return 130
    print(f"demo: done in {time.monotonic() - started:.0f} s, everything it started is stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
