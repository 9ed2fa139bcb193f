"""Components as the engine is told of them: types, parents, outputs, provider, options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks

from infra.plan import Plan
from stacks import compose
from stacks.ownership import paths_of
from tests.sites_under_test import SITES, plan, site_id

PREFIX = "f3iai:inference:"
CLUSTER = "id-of-the-cluster"


@dataclass
class Told(Mocks):
    """What the engine is told of every resource."""

    plan: Plan
    resources: dict[str, MockResourceArgs] = field(default_factory=dict)
    options: dict[str, pulumi.ResourceOptions] = field(default_factory=dict)
    components: list[Any] = field(default_factory=list)
    registered: dict[str, Any] = field(default_factory=dict)

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        key = f"{args.typ}::{args.name}"
        assert key not in self.resources, f"{key} is declared twice"
        self.resources[key] = args
        return f"{args.name}-id", args.inputs

    def call(self, args: MockCallArgs) -> dict[Any, Any]:
        raise AssertionError(f"a site needs no provider function, {args.token} was called")

    def transformation(self, args: pulumi.ResourceTransformationArgs) -> None:
        self.options[f"{args.type_}::{args.name}"] = args.opts
        if args.type_.startswith(PREFIX):
            self.components.append(args.resource)

    @property
    def outputs(self) -> Callable[[pulumi.ComponentResource, Any], None]:
        return lambda component, outputs: self.registered.update({component._name: outputs})


@pytest.fixture(params=SITES, ids=site_id, scope="module")
def told(request: pytest.FixtureRequest) -> Told:
    site = plan(request.param)
    record = Told(site)
    set_mocks(record, project="f3iai-inference", stack=site.name, preview=False)
    pulumi.runtime.register_stack_transformation(record.transformation)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi.ComponentResource, "register_outputs", record.outputs)
        pulumi.runtime.test(lambda: compose(site, CLUSTER))()
    return record


def test_every_component_has_the_type_of_its_class(told: Told) -> None:
    assert len(told.components) >= 4
    for component in told.components:
        assert component._type == f"{PREFIX}{type(component).__name__}"


def test_every_object_is_the_child_of_a_component(told: Told) -> None:
    objects = [key for key in told.resources if key.startswith("kubernetes:")]
    assert objects
    for key in objects:
        parent = told.options[key].parent
        assert parent is not None
        assert parent._type.startswith(PREFIX), f"{key} stands alone in the tree"


def test_every_component_registers_its_outputs(told: Told) -> None:
    assert sorted(told.registered) == sorted(component._name for component in told.components)
    assert all(told.registered.values()), "registered, but nothing in it"


def test_every_object_goes_to_the_sites_cluster_and_no_other(told: Told) -> None:
    (provider,) = (r for key, r in told.resources.items() if key.startswith("pulumi:providers:"))
    assert provider.inputs["context"] == told.plan.site.cluster.context, "the ambient context is never used"
    assert provider.inputs["namespace"] == told.plan.site.cluster.namespace
    assert provider.inputs["clusterIdentifier"] == CLUSTER, "another cluster is another site; a renamed context is not"
    for key, resource in told.resources.items():
        if key.startswith("kubernetes:"):
            assert f"::{told.plan.name}::" in resource.provider, f"{key} uses the default provider"


def test_names_and_namespaces_are_written_out(told: Told) -> None:
    for key, resource in told.resources.items():
        if not key.startswith("kubernetes:"):
            continue
        metadata = resource.inputs["metadata"]
        assert metadata["name"], f"{key} would get a random name"
        if resource.inputs["kind"] not in ("Namespace", "Node"):
            assert metadata["namespace"] == told.plan.site.cluster.namespace


def test_pulumi_leaves_replicas_to_the_autoscaler_and_outwaits_the_load(told: Told) -> None:
    options = told.options["kubernetes:apps/v1:Deployment::vllm"]
    ignored = options.ignore_changes or []
    assert ("spec.replicas" in ignored) is told.plan.site.autoscaled
    timeouts = options.custom_timeouts
    assert timeouts
    deadline = told.plan.startup.progress_deadline_seconds
    assert int(str(timeouts.create).removesuffix("s")) > deadline, "a failed rollout must be reported as one"
    rollout = told.plan.ledger.rollout
    waves = -(-told.plan.ledger.max_replicas // (rollout.surge + rollout.unavailable))
    assert int(str(timeouts.update).removesuffix("s")) > waves * deadline


def annotations_of(told: Told) -> dict[str, dict[str, str]]:
    resources = {key: resource for key, resource in told.resources.items() if key.startswith("kubernetes:")}
    return {key: resource.inputs["metadata"]["annotations"] for key, resource in resources.items()}


def test_what_a_killed_up_left_behind_belongs_to_the_next_one(told: Told) -> None:
    managers = {written["pulumi.com/patchFieldManager"] for written in annotations_of(told).values()}
    assert managers == {f"f3iai-inference-{told.plan.name}"}, "with a random manager the next up conflicts with itself"


def test_what_the_site_declares_is_the_sites_and_labels_of_nodes_are_not(told: Told) -> None:
    for key, written in annotations_of(told).items():
        assert (written.get("pulumi.com/patchForce") == "true") is not key.startswith("kubernetes:core/v1:NodePatch")


def test_compass_changes_only_after_the_engine(told: Told) -> None:
    after = told.options[f"{PREFIX}CompassApi::compass-api"].depends_on
    assert any(type(component).__name__ == "VllmServer" for component in after), (
        "it would ask for a model not there yet"
    )


def test_the_engine_starts_behind_its_policies(told: Told) -> None:
    after = told.options[f"{PREFIX}VllmServer::vllm"].depends_on
    assert any(type(component).__name__ == "VllmIsolation" for component in after), "it would be open while it starts"


def test_the_look_for_objects_of_others_covers_all_that_is_declared(told: Told) -> None:
    declared = [r.inputs for key, r in told.resources.items() if key.startswith("kubernetes:")]
    names = sorted(one["metadata"]["name"] for one in declared if one["kind"] not in ("Namespace", "Node"))
    looked_at = [path.split("/") for path in paths_of(told.plan)]
    assert sorted(words[-1] for words in looked_at) == names
    versions = {(one["kind"].lower(), one["metadata"]["name"], one["apiVersion"]) for one in declared}
    for words in looked_at:
        kind = words[-2].removesuffix("s").replace("policie", "policy")
        assert (kind, words[-1], "/".join(words[2:-4])) in versions
        assert words[-3] == told.plan.site.cluster.namespace


def test_deletion_waits_for_pods_and_for_nothing_else(told: Told) -> None:
    for key, written in annotations_of(told).items():
        waits = key.split("::")[0] in ("kubernetes:apps/v1:Deployment", "kubernetes:core/v1:Namespace")
        assert ("pulumi.com/deletionPropagationPolicy" in written) is not waits, key
