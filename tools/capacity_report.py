"""`python -m tools.capacity_report CASES`: how well the KV pool is predicted, written into docs/capacity.md.

Every log is predicted by what is shipped, and by what is fitted anew without the logs of its source.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from matplotlib import pyplot

from infra.cli.capacity import Unreadable, read_start
from infra.plan.memory import FITTED, GIB, MEASURED_VOCABULARY, Constants, measured_reserve, pool_tokens
from infra.plan.start_log import Measured, Start, estimated_activation_gib, predicted_kv_tokens

PAGE = Path(__file__).parent.parent / "docs" / "capacity.md"
FIGURES = re.compile(r"(<!-- figures: .*? -->\n).*?(<!-- end of figures -->)", re.DOTALL)
LEFT_OUT = "without its whole source"
SHORT_LEN = 4096
"""Up to it the trial step of old releases is no longer than the sampler's peak is large."""


@dataclass(frozen=True)
class Log:
    """One start-up log, and what really came of it."""

    case: dict[str, Any]
    start: Start | None
    real_tokens: int | None

    @property
    def name(self) -> str:
        return str(self.case["id"])

    @property
    def source(self) -> str:
        """What logs of one run or data set have in common."""
        text = str(self.case.get("source"))
        return text.split()[0] if "@" in text or text.startswith("http") else text.split(" (")[0]

    @property
    def failed(self) -> bool:
        return str(self.case.get("outcome")).startswith("fail")


def read_logs(path: Path) -> list[Log]:
    logs: list[Log] = []
    for case in json.loads(path.read_text(encoding="utf-8")):
        try:
            start = read_start(case)
        except Unreadable:
            start = None
        logs.append(Log(case, start, case["kv_cache_tokens"] or case["eval"]["true_kv_tokens"]))
    return logs


def fit(logs: Sequence[Log]) -> tuple[Constants, Measured]:
    """The constants of infra/plan/memory.py and the measurements of cards.json, from these logs alone."""
    starts = [(log, log.start) for log in logs if log.start and log.start.shape and log.case["kv_cache_gib"]]
    v1 = [(log, start) for log, start in starts if not start.v0]
    sampled = [
        start.activation_gib * GIB / start.batch(start.shape.vocabulary, 0, 0).logits
        for log, start in starts
        if start.activation_gib and start.sorts and start.version and start.shape
        if not start.v0 or log.case["max_model_len"] <= SHORT_LEN
    ]
    sampler = Constants(sorted_bytes_per_logit=math.ceil(max(sampled)))

    def beside_the_peak(log: Log, start: Start) -> float:
        peak = start.activation_gib or estimated_activation_gib(start, sampler) or 0.0
        return _reserve_gib(log, start) - peak

    runtime = _up(_tenth([beside_the_peak(log, start) for log, start in v1 if start.gpus == 1]), 0.05)
    shared = [beside_the_peak(log, start) - runtime for log, start in v1 if start.gpus > 1]
    graphs = [log.case["cudagraph_gib"] for log, _ in v1 if log.case["cudagraph_gib"]]
    most_shared, most_graphs = _up(max([0.0, *shared]), 0.05), _up(max(graphs), 0.1)
    constants = replace(sampler, runtime_gib=runtime, collectives_gib=most_shared, graphs_gib=most_graphs)
    measured: dict[tuple[str, str], float] = {}
    for log, start in v1:
        vocabulary = start.shape.vocabulary if start.shape else 0
        alike = abs(vocabulary - MEASURED_VOCABULARY) <= 0.01 * MEASURED_VOCABULARY
        if start.card and start.version and start.defaults and start.gpus == 1 and alike:
            key = (start.card.name, f"{start.version[0]}.{start.version[1]}")
            measured[key] = max(measured.get(key, 0.0), _up(_reserve_gib(log, start), 0.01))
    return constants, measured


def _reserve_gib(log: Log, start: Start) -> float:
    return start.room_gib - log.case["kv_cache_gib"] - (start.graphs_gib or 0.0)


def _up(value: float, step: float) -> float:
    return round(math.ceil(round(value / step, 6)) * step, 2)


def _tenth(values: Sequence[float]) -> float:
    """What nine in ten do not exceed."""
    return quantiles(values, n=10, method="inclusive")[-1]


def naive_tokens(start: Start | None) -> int | None:
    return pool_tokens(start.room_gib, start.bytes_per_token, start.block_tokens) if start else None


def error(log: Log, tokens: int | None) -> float | None:
    """Of the pool of a start that went well."""
    if tokens is None or log.failed or not log.real_tokens:
        return None
    return tokens / log.real_tokens - 1


def summary(logs: Sequence[Log], tokens: Sequence[int | None]) -> list[str]:
    errors = [found for log, each in zip(logs, tokens, strict=True) if (found := error(log, each)) is not None]
    sizes = [abs(each) for each in errors]
    failed = [(log, each or 0) for log, each in zip(logs, tokens, strict=True) if log.failed]
    wrong = [log.name for log, each in failed if each >= log.case["max_model_len"]]
    answered, over = sum(each is not None for each in tokens), sum(each > 0.05 for each in errors)
    figures = (f"{answered} of {len(logs)}", str(len(errors)), f"{median(sizes):.1%}", f"{_tenth(sizes):.1%}")
    return [*figures, f"{over} of {len(errors)}", ", ".join(wrong) or "none"]


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m tools.capacity_report CASES", file=sys.stderr)
        return 2
    logs = read_logs(Path(arguments[0]))
    if fit(logs) != (FITTED, dict(measured_reserve())):
        print(f"shipped constants are not the fit to these logs, which is {fit(logs)}", file=sys.stderr)

    def predicted(others: Callable[[Log, Log], bool]) -> list[int | None]:
        fits = [fit([other for other in logs if others(log, other)]) for log in logs]
        pairs = zip((log.start for log in logs), fits, strict=True)
        return [start and predicted_kv_tokens(start, constants=one, measured=two) for start, (one, two) in pairs]

    shipped, unseen = predicted(lambda _, __: True), predicted(lambda log, other: other.source != log.source)
    hidden = [None if log.start and log.start.activation_gib else each for log, each in zip(logs, unseen, strict=True)]
    rows = {
        "as shipped, fitted to all logs": shipped,
        "without the log itself": predicted(lambda log, other: other.name != log.name),
        LEFT_OUT: unseen,
        "the same, where no peak is printed": hidden,
        "naive: memory taken less weights": [naive_tokens(log.start) for log in logs],
    }
    figures = [
        "| prediction | answered | compared | median error | 90th percentile | over by > 5 % | fits, but failed |",
        "|--|--|--|--|--|--|--|",
        *(f"| {name} | {' | '.join(summary(logs, tokens))} |" for name, tokens in rows.items()),
        "",
        "![predicted against real tokens](capacity.svg)",
        "",
        f"| log | model | card | release | real | as shipped | error | {LEFT_OUT} | error |",
        "|--|--|--|--|--|--|--|--|--|",
        *(_row(log, one, two) for log, one, two in zip(logs, shipped, unseen, strict=True)),
        "",
    ]
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(FIGURES.sub(lambda found: found[1] + "\n".join(figures) + found[2], page), encoding="utf-8")
    plot(PAGE.with_suffix(".svg"), logs, {"as shipped": shipped, LEFT_OUT: unseen})
    return 0


def plot(path: Path, logs: Sequence[Log], ways: Mapping[str, Sequence[int | None]]) -> None:
    """Draw one point per log that started and way of prediction, with a band of 15 % on either side."""
    pyplot.rcParams["svg.hashsalt"] = path.name
    (figure, axes), ends = pyplot.subplots(figsize=(7.5, 7)), [3e3, 2e6]
    axes.fill_between(ends, [0.85 * x for x in ends], [1.15 * x for x in ends], color="0.9", label="within 15 %")
    axes.plot(ends, ends, color="0.5", linewidth=0.8)
    for (way, tokens), look in zip(ways.items(), ("o", "x"), strict=True):
        known = [(log, each) for log, each in zip(logs, tokens, strict=True) if error(log, each) is not None]
        points = sorted((log.real_tokens or 0, each or 0, log.name) for log, each in known)
        axes.plot([real for real, _, _ in points], [each for _, each, _ in points], look, label=way, fillstyle="none")
        for place, (real, each, name) in enumerate(points if look == "o" else ()):
            style = {"rotation": 90, "fontsize": 7, "ha": "center", "va": "bottom" if place % 2 else "top"}
            axes.annotate(name, (real, each), (0, 12 if place % 2 else -14), textcoords="offset points", **style)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="tokens printed", ylabel="tokens predicted")
    axes.legend(loc="upper left")
    figure.savefig(path, bbox_inches="tight", metadata=dict.fromkeys(("Creator", "Date")))


def _row(log: Log, shipped: int | None, unseen: int | None) -> str:
    def cell(tokens: int | None) -> str:
        found = error(log, tokens)
        return f"{'null' if tokens is None else f'{tokens:,}'} | {'' if found is None else f'{found:+.1%}'}"

    real = "failed" if log.failed else f"{log.real_tokens:,}" if log.real_tokens else ""
    release = re.match(r"[\d.x]+", str(log.case["vllm_version"]))
    named = [log.name, str(log.case["model"]).split("/")[-1], str(log.case["gpu"]), release[0] if release else "", real]
    return f"| {' | '.join(named)} | {cell(shipped)} | {cell(unseen)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
