"""How a pod leaves: endpoints first, then running answers, then the process."""

from __future__ import annotations

from dataclasses import dataclass

ENDPOINT_REMOVAL_SECONDS = 15
"""Proxies learn of a removed endpoint asynchronously; until then requests still arrive."""
ENGINE_EXIT_SECONDS = 30
"""From the last answer to the end of the process: engine teardown and GPU release."""


@dataclass(frozen=True, kw_only=True)
class Drain:
    """pre_stop_seconds + drain_seconds < grace_seconds, or the kubelet cuts answers off."""

    pre_stop_seconds: int
    drain_seconds: int
    grace_seconds: int


def drain_plan(drain_seconds: int) -> Drain:
    """The termination grace period that lets a running answer take `drain_seconds`."""
    grace = ENDPOINT_REMOVAL_SECONDS + drain_seconds + ENGINE_EXIT_SECONDS
    return Drain(pre_stop_seconds=ENDPOINT_REMOVAL_SECONDS, drain_seconds=drain_seconds, grace_seconds=grace)
