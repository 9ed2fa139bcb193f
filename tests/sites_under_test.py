"""Every site the tests look at: the project's own, and some that use the keys those leave alone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from infra.cli.check import planned
from infra.cli.rendering import Manifest, by_name, render
from infra.plan import Plan
from infra.site import stack_files

EXTRA = sorted((Path(__file__).parent / "sites").glob("Pulumi.*.yaml"))
SITES = [str(path) for path in [*stack_files(), *EXTRA]]
OWN_SITES = [str(path) for path in stack_files()]


def site_id(path: str) -> str:
    return Path(path).stem.removeprefix("Pulumi.")


def path_of(name: str) -> str:
    return next(path for path in SITES if site_id(path) == name)


@cache
def plan(site: str) -> Plan:
    return planned(site)


@cache
def _manifests(site: str) -> dict[tuple[str, str], Manifest]:
    return by_name(render(plan(site)))


class Rendered:
    """One site as it goes over the wire; rendered once, not to be changed."""

    def __init__(self, site: str) -> None:
        self.plan = plan(site)
        self.site = self.plan.site
        self.all = _manifests(site)
        self.namespace = self.site.cluster.namespace

    def get(self, kind: str, name: str) -> Any:
        return self.all[(kind, name)]

    def has(self, kind: str, name: str) -> bool:
        return (kind, name) in self.all

    def of_kind(self, kind: str) -> list[Any]:
        return [manifest for (found, _), manifest in self.all.items() if found == kind]

    @property
    def engine_pod(self) -> Any:
        return self.get("Deployment", "vllm")["spec"]["template"]["spec"]

    @property
    def engine(self) -> Any:
        return self.engine_pod["containers"][0]

    @property
    def compass_pod(self) -> Any:
        return self.get("Deployment", "compass-api")["spec"]["template"]["spec"]

    @property
    def compass(self) -> Any:
        return self.compass_pod["containers"][0]

    @staticmethod
    def env(container: Any) -> dict[str, str | None]:
        return {entry["name"]: entry.get("value") for entry in container["env"]}
