"""What follows from a site: pure functions on plain values, gathered for one site by `plan_of`."""

from __future__ import annotations

from dataclasses import dataclass

from infra.site import Fault, Site, SiteRefused

from .arguments import argument_faults
from .capacity import Capacity, capacity_plan, shape_of
from .drain import Drain, drain_plan
from .ledger import Ledger, gpu_ledger
from .scaling import Scaling, scaling_plan
from .serving import Serving, serving_plan
from .startup import Startup, startup_plan
from .tool_calls import NoParser, tool_parser


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A site and all that follows from it; `scaling` is None where the number of replicas is fixed."""

    name: str
    site: Site
    ledger: Ledger
    drain: Drain
    startup: Startup
    serving: Serving
    capacity: Capacity | None
    scaling: Scaling | None


def plan_of(site: Site, name: str, file: str) -> Plan:
    """The plan of a site.

    Raises:
        SiteRefused: naming `file`, where what follows could not run.
    """
    faults: list[Fault] = argument_faults(site.vllm.extra_args, site.vllm_version)
    parser = ""
    try:
        parser = tool_parser(site.model.name, site.model.tool_parser)
    except NoParser as error:
        faults.append(error.fault)
    if faults:
        raise SiteRefused(file, faults)
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
    capacity = capacity_plan(
        shape=shape_of(site.model.name),
        gpu_memory_gib=site.gpus.memory_gib,
        gpu_memory_utilization=site.vllm.gpu_memory_utilization,
        gpus_per_replica=site.vllm.gpus_per_replica,
        kv_cache_dtype=site.vllm.kv_cache_dtype,
        max_len=site.model.max_len,
    )
    scaling = scaling_plan(
        min_replicas=ledger.min_replicas,
        max_replicas=ledger.max_replicas,
        queue_target=site.scaling.queue_target,
        running=site.scaling.running_metric,
        max_num_seqs=site.vllm.max_num_seqs,
        capacity=capacity,
    )
    return Plan(
        name=name,
        site=site,
        ledger=ledger,
        drain=drain,
        startup=startup,
        serving=serving_plan(site, parser, startup, drain),
        capacity=capacity,
        scaling=scaling if site.autoscaled else None,
    )


__all__ = ["Plan", "plan_of"]
