"""Every site file that is accepted gives manifests that a real API server accepts, whatever stands in the file."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.cli.rendering import Manifest, as_yaml, by_name, render
from infra.components.tenancy import RESTRICTED
from infra.plan import Plan, plan_of
from infra.site import CONFIG_KEY, SiteFile, SiteRefused
from tests.property.documents import site_documents
from tests.property.seeding import for_all, report_seed
from tools.controlplane import ControlPlane, ControlPlaneError

DOCUMENTS = 110
FEWEST_ACCEPTED = 40
APPLIED = ("--server-side", "--validate=strict", "--field-manager=generated-tests")
TENANCY = ("ResourceQuota", "LimitRange")
"""What decides on pods, so it has to be there before them."""
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[ControlPlane]:
    report_seed(request.config)
    with ControlPlane(["generated"]) as running:
        yield running


def accepted(document: Any, folder: Path) -> Plan | None:
    """The plan of a document that is accepted, in a namespace of its own: quotas of two sites would add up."""
    site = deepcopy(document["config"][CONFIG_KEY])
    own = site["cluster"].get("namespace", "f3iai")[:50].rstrip("-")
    site["cluster"]["namespace"] = f"{own}-{next(_NUMBERS)}"
    file = SiteFile("generated", "Pulumi.generated.yaml", folder)
    try:
        return plan_of(site, file)
    except SiteRefused:
        return None


def pods(manifests: Sequence[Manifest]) -> list[Manifest]:
    """One pod of each Deployment: the API server takes a Deployment whose pods it would refuse."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{manifest['metadata']['name']}-pod",
                "namespace": manifest["metadata"]["namespace"],
                "labels": manifest["spec"]["template"]["metadata"]["labels"],
            },
            "spec": manifest["spec"]["template"]["spec"],
        }
        for manifest in manifests
        if manifest["kind"] == "Deployment"
    ]


def apply(cluster: ControlPlane, manifests: Iterable[Manifest], *arguments: str) -> None:
    """In the words of `render`, which are what an operator applies."""
    cluster.kubectl("apply", "-f", "-", *APPLIED, *arguments, stdin=as_yaml(manifests))


def send(cluster: ControlPlane, plans: Sequence[Plan]) -> None:
    """All sites in one dry run, after what decides on their pods is there.

    Raises:
        ControlPlaneError: with the API server's words about all that it refuses.
    """
    sites = [list(by_name(render(plan)).values()) for plan in plans]
    names = [plan.site.cluster.namespace for plan in plans]
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}} for name in names
    ]
    apply(cluster, namespaces)
    apply(cluster, (each for site in sites for each in site if each["kind"] in TENANCY))
    wait_until_pods_are_judged(cluster, names)
    apply(cluster, (each for site in sites for each in (*site, *pods(site))), "--dry-run=server")


def wait_until_pods_are_judged(cluster: ControlPlane, namespaces: Sequence[str]) -> None:
    """Until each namespace has an account for its pods and a quota that was counted."""
    deadline, missing = time.monotonic() + 60, set(namespaces)
    while missing and time.monotonic() < deadline:
        accounts = {item["metadata"]["namespace"] for item in cluster.items("serviceaccounts", "--all-namespaces")}
        quotas = cluster.items("resourcequotas", "--all-namespaces")
        counted = {item["metadata"]["namespace"] for item in quotas if item.get("status", {}).get("hard")}
        missing -= accounts & counted
    assert not missing, f"no account or no counted quota in {sorted(missing)}"


def refused_ones(cluster: ControlPlane, texts: Sequence[str], folder: Path) -> set[str]:
    """Which documents the API server refuses, found by halving."""
    plans = [plan for text in texts if (plan := accepted(json.loads(text), folder))]
    try:
        send(cluster, plans)
    except ControlPlaneError:
        middle = len(texts) // 2
        if not middle:
            return set(texts)
        return refused_ones(cluster, texts[:middle], folder) | refused_ones(cluster, texts[middle:], folder)
    return set()


def test_an_accepted_site_is_accepted_by_a_real_api_server(cluster: ControlPlane, tmp_path: Path) -> None:
    drawn: dict[str, Plan] = {}

    def collect(document: Any) -> None:
        if plan := accepted(document, tmp_path):
            drawn[json.dumps(document)] = plan

    for_all(site_documents(), collect, examples=DOCUMENTS, reduce=False)
    assert len(drawn) >= FEWEST_ACCEPTED
    try:
        send(cluster, list(drawn.values()))
        return
    except ControlPlaneError as error:
        together = error
    good = set(drawn) - refused_ones(cluster, list(drawn), tmp_path)

    def check(document: Any) -> None:
        plan = None if json.dumps(document) in good else accepted(document, tmp_path)
        if plan is None:
            return
        try:
            send(cluster, [plan])
        except ControlPlaneError as error:
            text = yaml.safe_dump(document, sort_keys=False)
            raise AssertionError(
                f"accepted by check and refused by the API server: {error}\nthe file:\n{text}"
            ) from None

    for_all(site_documents(), check, examples=DOCUMENTS)
    raise together
