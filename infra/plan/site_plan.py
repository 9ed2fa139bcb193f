"""A site and all that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

from infra.site import Site

from .capacity import Capacity, Engine, capacity_plan
from .drain import Drain, drain_plan
from .ledger import Ledger, gpu_ledger
from .model_shape import ModelShape
from .scaling import Scaling, scaling_plan
from .serving import Serving, serving_plan
from .startup import Startup, startup_plan
from .tool_calls import ToolCalls, tool_calls


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What follows from a site.

    `scaling` is None where the number of replicas is fixed; `shape` and `capacity` where the model is not known.
    """

    name: str
    site: Site
    ledger: Ledger
    drain: Drain
    startup: Startup
    tool_calls: ToolCalls
    serving: Serving
    shape: ModelShape | None
    engine: Engine
    capacity: Capacity | None
    scaling: Scaling | None


def draft(site: Site, name: str, shape: ModelShape | None) -> Plan:
    """The plan of a site whose rules are still to be judged."""
    ledger = gpu_ledger(
        available=site.gpus.available,
        quota=site.gpu_quota,
        per_replica=site.vllm.gpus_per_replica,
        min_replicas=site.scaling.min_replicas,
        max_replicas=site.max_replicas,
    )
    drain = drain_plan(site.vllm.drain_seconds)
    startup = startup_plan(
        load_seconds=site.model.load_seconds,
        image_pull_seconds=site.vllm.image_pull_seconds,
        drain=drain,
        ledger=ledger,
    )
    engine = engine_of(site)
    capacity = capacity_plan(shape, engine)
    scaling = scaling_plan(
        min_replicas=ledger.min_replicas,
        max_replicas=ledger.max_replicas,
        queue_target=site.scaling.queue_target,
        running=site.scaling.running_metric,
        max_num_seqs=site.vllm.max_num_seqs,
        capacity=capacity,
    )
    calls = tool_calls(site.model.name, site.model.tool_parser)
    return Plan(
        name=name,
        site=site,
        ledger=ledger,
        drain=drain,
        startup=startup,
        tool_calls=calls,
        serving=serving_plan(site, calls.parser, startup, drain),
        shape=shape,
        engine=engine,
        capacity=capacity,
        scaling=scaling if site.autoscaled else None,
    )


def engine_of(site: Site) -> Engine:
    """The settings that memory depends on."""
    vllm = site.vllm
    return Engine(
        memory_gib=site.gpus.memory_gib,
        product=site.gpus.product,
        utilization=vllm.gpu_memory_utilization,
        gpus=vllm.gpus_per_replica,
        max_len=site.model.max_len,
        max_num_seqs=vllm.max_num_seqs,
        max_num_batched_tokens=vllm.max_num_batched_tokens,
        kv_cache_dtype=vllm.kv_cache_dtype,
        version=site.vllm_version or (0, 0, 0),
        weights_gib=site.model.weights_gib,
        reserve_gib=vllm.reserve_gib,
    )
