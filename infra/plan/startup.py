"""One start-up budget. Four clocks watch a start; each must outlast the one before it.

The engine's own time-out comes first because its log says why; the startup probe kills without a word; the
Deployment's deadline is only a condition; and Pulumi's timeout ends the `up`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from .drain import Drain
from .ledger import Ledger
from .probes import Probe

LOAD_MARGIN = 1.5
"""A load half as long again as the slowest one seen is still no fault: cold page cache, cold compile cache."""
ENGINE_REPORT_SECONDS = 60
"""The engine's clock starts after its imports, and it needs time to say why it gave up."""
STARTUP_PERIOD_SECONDS = 10
STARTUP_TIMEOUT_SECONDS = 10
SCHEDULING_SECONDS = 60
"""From a free GPU to a container that starts: scheduler, volumes, sandbox."""
CLOCK_MARGIN_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Startup:
    """Seconds, in the order in which the clocks run out."""

    load_seconds: int
    engine_ready_seconds: int
    probe: Probe
    progress_deadline_seconds: int
    create_timeout_seconds: int
    update_timeout_seconds: int


def startup_plan(*, load_seconds: int, image_pull_seconds: int, drain: Drain, ledger: Ledger) -> Startup:
    """The clocks that follow from the slowest load, the image pull and how pods are replaced."""
    engine_ready = ceil(load_seconds * LOAD_MARGIN)
    failures = ceil((engine_ready + ENGINE_REPORT_SECONDS) / STARTUP_PERIOD_SECONDS) + 1
    probe = Probe(
        period_seconds=STARTUP_PERIOD_SECONDS,
        failure_threshold=failures,
        timeout_seconds=STARTUP_TIMEOUT_SECONDS,
    )
    pod_start = SCHEDULING_SECONDS + image_pull_seconds + probe.latest_kill_seconds
    progress_deadline = drain.grace_seconds + pod_start + CLOCK_MARGIN_SECONDS
    return Startup(
        load_seconds=load_seconds,
        engine_ready_seconds=engine_ready,
        probe=probe,
        progress_deadline_seconds=progress_deadline,
        create_timeout_seconds=progress_deadline + CLOCK_MARGIN_SECONDS,
        update_timeout_seconds=ledger.rollout_waves * progress_deadline + CLOCK_MARGIN_SECONDS,
    )
