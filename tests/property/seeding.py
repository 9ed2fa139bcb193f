"""One seed for all generated tests of a run, said at its end, so that what was seen once can be seen again."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from random import SystemRandom
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

VARIABLE = "F3IAI_SEED"
SEED = int(os.environ.get(VARIABLE) or SystemRandom().randrange(2**32))


class _Report:
    """Says the seed below the results, whether the run failed or not, and the command that repeats the run.

    Hypothesis also tries constants of the modules that are loaded, so the same examples come from the same selection
    of tests.
    """

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        selection = shlex.join(str(argument) for argument in config.invocation_params.args)
        command = f"{VARIABLE}={SEED} .venv/bin/python -m pytest {selection}".rstrip()
        terminalreporter.section("generated tests")
        terminalreporter.line(f"seed {SEED}; the same examples again: {command}")


def report_seed(config: pytest.Config) -> None:
    """Have the seed said at the end of this run, once."""
    if not config.pluginmanager.has_plugin("generated-tests"):
        config.pluginmanager.register(_Report(), "generated-tests")


def for_all(strategy: SearchStrategy[Any], test: Callable[[Any], None], *, examples: int, reduce: bool = True) -> None:
    """Run a test on so many values of a strategy; the error that leaves is that of the smallest value that fails.

    No example is kept between runs: a run depends on its seed only.
    """
    phases = (Phase.generate, Phase.shrink) if reduce else (Phase.generate,)
    chosen = settings(
        max_examples=examples,
        phases=phases,
        deadline=None,
        database=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    seed(SEED)(chosen(given(strategy)(test)))()
