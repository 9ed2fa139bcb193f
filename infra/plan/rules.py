"""Rules on what follows from a site. Each says in its docstring why a plan that breaks it could not run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from infra.site import Fault

from .alerts import running_limit
from .memory import card_of
from .room import divides, holds, memory_keys, room, starts
from .site_plan import Plan

PlanRule = Callable[[Plan], Iterator[Fault]]

PULUMI_LONGEST_SECONDS = 48 * 3600
"""Two days: a timeout beyond it only hides a rollout that stands still."""


def rollout_within_quota(plan: Plan) -> Iterator[Fault]:
    """A rollout must never wait for a GPU that cannot come."""
    ledger = plan.ledger
    if ledger.rollout.surge and ledger.during_rollout > ledger.quota:
        problem = f"a rollout would need {ledger.during_rollout} GPUs, the quota is {ledger.quota}"
        yield Fault("gpus.quota", problem, f"write at least {ledger.during_rollout}")


def clocks_in_order(plan: Plan) -> Iterator[Fault]:
    """Each clock of a start must outlast the one before it, or the wrong one ends the start without a word."""
    startup = plan.startup
    clocks = [
        ("the slowest load", startup.load_seconds),
        ("the engine's own time-out", startup.engine_ready_seconds),
        ("the startup probe", startup.probe.earliest_kill_seconds),
        ("the progress deadline", startup.progress_deadline_seconds),
        ("Pulumi's timeout", startup.create_timeout_seconds),
    ]
    for (sooner, first), (later, second) in pairwise(clocks):
        if first >= second:
            problem = f"{sooner} ({first} s) does not end before {later} ({second} s)"
            yield Fault("model.loadSeconds", problem, "write the slowest load the site has seen")
    if startup.update_timeout_seconds > PULUMI_LONGEST_SECONDS:
        by = "by vllm.imagePullSeconds, vllm.drainSeconds and scaling.maxReplicas too"
        problem = (
            f"a rollout could take {startup.update_timeout_seconds} s ({by}), more than {PULUMI_LONGEST_SECONDS} s"
        )
        yield Fault("model.loadSeconds", problem, "make the load faster, or leave a GPU to spare for the rollout")


def drain_within_patience(plan: Plan) -> Iterator[Fault]:
    """A pod that outlives a node drain's patience is killed with its answers, or keeps the node from being drained."""
    drain, patience = plan.drain, plan.site.cluster.node_drain_seconds
    if drain.pre_stop_seconds + drain.drain_seconds >= drain.grace_seconds:
        problem = (
            f"{drain.pre_stop_seconds} + {drain.drain_seconds} s reach the grace period of {drain.grace_seconds} s"
        )
        yield Fault("vllm.drainSeconds", problem, "write less")
    if drain.grace_seconds >= patience:
        most = plan.site.vllm.drain_seconds - (drain.grace_seconds - patience) - 1
        problem = f"a pod takes up to {drain.grace_seconds} s to go, cluster.nodeDrainSeconds is {patience} s"
        remedy = f"write at most {most}" if most >= 0 else "raise cluster.nodeDrainSeconds"
        yield Fault("vllm.drainSeconds", problem, remedy)


def tool_calls_parsed(plan: Plan) -> Iterator[Fault]:
    """Compass lives on tool calls, and vLLM answers a request with tools by HTTP 400 without the family's parser."""
    if plan.tool_calls.fault:
        yield plan.tool_calls.fault


def arguments_known(plan: Plan) -> Iterator[Fault]:
    """VLLM exits at an argument it does not know, and the plan is wrong about one that the site file decides."""
    if plan.site.vllm.extra_args:
        from .arguments import argument_faults

        yield from argument_faults(plan.site.vllm.extra_args, plan.site.vllm_version)


def heads_shared_evenly(plan: Plan) -> Iterator[Fault]:
    """Tensor parallelism gives each GPU the same number of attention heads; vLLM exits where they do not divide."""
    if plan.shape is None or divides(plan, plan.ledger.per_replica):
        return
    gpus, shape = plan.ledger.per_replica, plan.shape
    sharing = [count for count in range(1, plan.ledger.quota + 1) if divides(plan, count)]
    fitting = [str(count) for count in sharing if holds(plan, gpus=count)] or ["1"]
    problem = (
        f"{gpus} GPUs cannot share {shape.heads} attention heads and {shape.kv_heads} KV heads of model.name evenly"
    )
    yield Fault("vllm.gpusPerReplica", problem, f"write {' or '.join(fitting)}")


def batch_holds_longest_prompt(plan: Plan) -> Iterator[Fault]:
    """Without chunked prefill a prompt goes through in one step, and vLLM exits where a step is shorter than one."""
    vllm, longest = plan.site.vllm, plan.site.model.max_len
    unchunked = {"--no-enable-chunked-prefill", "--disable-chunked-prefill"}
    given = next((each for each in vllm.extra_args if each.replace("_", "-") in unchunked), None)
    if given and vllm.max_num_batched_tokens < longest:
        problem = f"with {given} of vllm.extraArgs a step of {vllm.max_num_batched_tokens} tokens takes no prompt of "
        problem += f"model.maxLen ({longest})"
        yield Fault("vllm.maxNumBatchedTokens", problem, f"write at least {longest}")


def length_within_positions(plan: Plan) -> Iterator[Fault]:
    """VLLM refuses a context longer than the model has positions for."""
    longest = plan.shape.max_position if plan.shape else None
    words = " ".join(plan.site.vllm.extra_args).replace("_", "-")
    stretched = "--hf-overrides" in words and any(part in words for part in ("rope", "max-position-embeddings"))
    if longest and plan.site.model.max_len > longest and not stretched:
        model = plan.site.model
        problem = f"{model.max_len} tokens are more than the {longest} positions of model.name ({model.name})"
        yield Fault("model.maxLen", problem, f"write at most {longest}")


def weights_fit(plan: Plan) -> Iterator[Fault]:
    """An engine whose weights leave no memory for a KV cache exits after it has loaded them."""
    capacity, engine = plan.capacity, plan.engine
    if capacity is None:
        yield from _stated_weights_fit(plan)
    elif capacity.pool_gib <= 0:
        problem = (
            f"weights of {capacity.weights_gib:.1f} GiB and {capacity.reserve.total_gib:.1f} GiB beside them do not "
            f"fit the {capacity.taken_gib:.1f} GiB that {engine.utilization:g} of a GPU's {capacity.total_gib:.1f} GiB "
            f"are ({memory_keys(plan)})"
        )
        yield room(plan, problem)


def _stated_weights_fit(plan: Plan) -> Iterator[Fault]:
    """Of a model that is not known, only what the site states of its weights can be judged."""
    engine = plan.engine
    each, taken = (engine.weights_gib or 0) / engine.gpus, engine.memory_gib * engine.utilization
    if each >= taken:
        problem = f"{each:.1f} GiB on each GPU are more than the {taken:.1f} GiB that vLLM takes of gpus.memoryGiB"
        yield Fault("model.weightsGiB", problem, "write the size of the weights, or raise vllm.gpusPerReplica")


def conversation_fits(plan: Plan) -> Iterator[Fault]:
    """VLLM refuses to start where its KV pool does not hold one conversation of the longest length."""
    capacity = plan.capacity
    if capacity is None or capacity.pool_gib <= 0 or starts(capacity):
        return
    problem = (
        f"one conversation of {plan.site.model.max_len} tokens needs more than the KV pool of "
        f"{capacity.pool_gib:.2f} GiB, {capacity.kv_tokens} tokens ({memory_keys(plan)})"
    )
    most = capacity.largest_max_len
    yield Fault("model.maxLen", problem, f"write at most {most}") if most >= 16 else room(plan, problem)


def running_alert_can_fire(plan: Plan) -> Iterator[Fault]:
    """No more requests run at once than a batch holds, so an alert at or above that is silent for ever."""
    monitoring, sequences = plan.site.monitoring, plan.site.vllm.max_num_seqs
    if monitoring and (limit := running_limit(monitoring.alerts, sequences)) >= sequences:
        problem = f"more than {limit} requests never run at once, vllm.maxNumSeqs is {sequences}"
        yield Fault("monitoring.alerts.requestsRunning", problem, f"write less than {sequences}, or leave it out")


def card_has_its_size(plan: Plan) -> Iterator[Fault]:
    """The plan counts on the memory that is written, and a card of another size would refuse to start by it."""
    gpus = plan.site.gpus
    if gpus.product is None or "mig" in gpus.resource or card_of(gpus.product, gpus.memory_gib):
        return
    if card := card_of(gpus.product):
        size = f"{card.nominal_gib:g}"
        problem = f"{gpus.memory_gib:g} are written, a {gpus.product} (gpus.product) has {size}"
        yield Fault("gpus.memoryGiB", problem, f"write {size}, or leave gpus.product out")


RULES: tuple[PlanRule, ...] = (
    rollout_within_quota,
    clocks_in_order,
    drain_within_patience,
    tool_calls_parsed,
    arguments_known,
    heads_shared_evenly,
    batch_holds_longest_prompt,
    length_within_positions,
    weights_fit,
    conversation_fits,
    card_has_its_size,
    running_alert_can_fire,
)


def broken_plan(plan: Plan) -> list[Fault]:
    """The faults of every rule, none hiding another."""
    return [fault for rule in RULES for fault in rule(plan)]
