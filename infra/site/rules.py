"""Rules across the keys of a site file. Each says in its docstring why the combination could not run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .faults import Fault
from .model import Site, version_of
from .types import image_tag

MIN_VLLM_VERSION = (0, 18, 0)

Rule = Callable[[Site], Iterator[Fault]]


def quota_within_gpus(site: Site) -> Iterator[Fault]:
    """A quota above what the site gives would let pods wait for GPUs that never come."""
    if site.gpu_quota > site.gpus.available:
        problem = f"{site.gpu_quota} GPUs are more than the {site.gpus.available} of gpus.available"
        yield Fault("gpus.quota", problem, f"write at most {site.gpus.available}")


def replicas_within_quota(site: Site) -> Iterator[Fault]:
    """The autoscaler would ask for pods the ResourceQuota refuses, silently and for ever."""
    per_replica = site.vllm.gpus_per_replica
    possible = site.gpu_quota // per_replica
    quota = "gpus.quota" if site.gpus.quota else "gpus.available"
    if possible == 0:
        problem = f"one replica needs {per_replica} GPUs, the quota is {site.gpu_quota}"
        yield Fault("vllm.gpusPerReplica", problem, f"write at most {site.gpu_quota}, or raise {quota}")
    elif site.max_replicas > possible:
        key = "scaling.minReplicas" if site.scaling.max_replicas is None else "scaling.maxReplicas"
        need = site.max_replicas * per_replica
        problem = f"{site.max_replicas} replicas x {per_replica} GPUs = {need}, the quota is {site.gpu_quota}"
        yield Fault(key, problem, f"write at most {possible}, lower vllm.gpusPerReplica, or raise {quota}")


def replicas_ordered(site: Site) -> Iterator[Fault]:
    """An autoscaler with its minimum above its maximum is refused by the API server, after half a rollout."""
    low, high = site.scaling.min_replicas, site.max_replicas
    if low > high:
        yield Fault("scaling.minReplicas", f"{low} is more than scaling.maxReplicas ({high})", f"write at most {high}")
    elif not site.autoscaled and low != high:
        problem = f"scaling.mode fixed has one number of replicas, scaling.minReplicas is {low} and maxReplicas {high}"
        yield Fault("scaling.maxReplicas", problem, f"write {low} or leave it out")


def scaling_has_metrics(site: Site) -> Iterator[Fault]:
    """Without a Prometheus nothing serves the metric, and an autoscaler without a metric is silent."""
    if site.autoscaled and site.monitoring is None:
        problem = f"{site.scaling_mode} scales on a metric, and the site has no monitoring section"
        yield Fault("scaling.mode", problem, "write fixed, or add monitoring")


def images_from_registry(site: Site) -> Iterator[Fault]:
    """An image from elsewhere cannot be pulled in an air gap."""
    registry = site.cluster.image_registry
    images = {"vllm.image": site.vllm.image, "compass.image": site.compass.image}
    if site.model.source.image:
        images["model.source.image"] = site.model.source.image
    for key, image in images.items():
        if not image.startswith(f"{registry}/"):
            own = f"{registry}/{image.rsplit('/', 1)[-1]}"
            yield Fault(key, f"{image!r} does not come from cluster.imageRegistry ({registry})", f"write {own!r}")


def vllm_version_known(site: Site) -> Iterator[Fault]:
    """Flags and metric names follow from the version; before 0.18 vLLM cannot drain."""
    oldest = ".".join(map(str, MIN_VLLM_VERSION))
    version = site.vllm_version
    if version is None:
        problem = "the tag of vllm.image does not begin with vLLM's version"
        yield Fault("vllm.version", problem, "write it, e.g. version: 0.33.0")
    elif version < MIN_VLLM_VERSION:
        key = "vllm.version" if site.vllm.version else "vllm.image"
        have = ".".join(map(str, version))
        yield Fault(key, f"vLLM {have} cannot drain on shutdown", f"use {oldest} or newer")


def version_as_tagged(site: Site) -> Iterator[Fault]:
    """Two versions for one image: the flags of one would be given to the other."""
    tagged, stated = version_of(image_tag(site.vllm.image) or ""), site.vllm.version
    if tagged and stated and tagged != version_of(stated):
        have = ".".join(map(str, tagged))
        yield Fault("vllm.version", f"{stated} is not the {have} of vllm.image", f"write {have}, or leave it out")


def answer_within_conversation(site: Site) -> Iterator[Fault]:
    """Prompt and answer share maxLen: an answer as long as that leaves no room for a prompt."""
    answer, longest = site.compass.max_tokens, site.model.max_len
    if answer >= longest:
        problem = f"{answer} answer tokens leave nothing of model.maxLen ({longest}) for the prompt"
        yield Fault("compass.maxTokens", problem, f"write less than {longest}, e.g. {longest // 2}")


def batch_holds_every_sequence(site: Site) -> Iterator[Fault]:
    """VLLM exits when a batch has fewer tokens than sequences."""
    tokens, sequences = site.vllm.max_num_batched_tokens, site.vllm.max_num_seqs
    if tokens < sequences:
        problem = f"{tokens} tokens are fewer than vllm.maxNumSeqs ({sequences})"
        yield Fault("vllm.maxNumBatchedTokens", problem, f"write at least {sequences}")


def hub_knows_the_name(site: Site) -> Iterator[Fault]:
    """A hub has models by owner and name, and the engine would wait for one that is neither until it gives up."""
    name = site.model.name
    if site.model.source.hub and not re.fullmatch(r"[\w.-]+(/[\w-][\w.-]*)?", name):
        problem = f"{name!r} is no name of a hub (model.source.hub)"
        yield Fault("model.name", problem, "name it as the hub does, e.g. Qwen/Qwen2.5-7B-Instruct")


def slice_is_what_its_name_says(site: Site) -> Iterator[Fault]:
    """A slice of a GPU has the memory in its name, and slices, which may lie on one card, join no tensor parallel."""
    gpus, per_replica = site.gpus, site.vllm.gpus_per_replica
    named = re.search(r"/mig-\d+g\.(\d+)gb", gpus.resource)
    if named and gpus.memory_gib > int(named[1]):
        problem = f"a slice of gpus.resource ({gpus.resource}) has {named[1]} GiB, {gpus.memory_gib:g} are written"
        yield Fault("gpus.memoryGiB", problem, f"write at most {named[1]}")
    if (named or gpus.resource.endswith(".shared")) and per_replica > 1:
        problem = f"{per_replica} slices of gpus.resource ({gpus.resource}) cannot work as one"
        yield Fault("vllm.gpusPerReplica", problem, "write 1")


RULES: tuple[Rule, ...] = (
    quota_within_gpus,
    replicas_within_quota,
    replicas_ordered,
    scaling_has_metrics,
    images_from_registry,
    vllm_version_known,
    version_as_tagged,
    answer_within_conversation,
    batch_holds_every_sequence,
    hub_knows_the_name,
    slice_is_what_its_name_says,
)


def broken(site: Site) -> list[Fault]:
    """The faults of every rule, none hiding another."""
    return [fault for rule in RULES for fault in rule(site)]
