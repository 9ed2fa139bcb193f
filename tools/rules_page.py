"""`make docs`: the page of the rules, from the rules themselves and from what they say of a site at fault."""

from __future__ import annotations

import inspect
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from infra.cli.check import planned
from infra.plan import rules as plan_rules
from infra.site import PROJECT_ROOT, SiteRefused
from infra.site import rules as site_rules

from .rule_examples import EDGES, LEFT_OUT, Changes, write

PAGE = PROJECT_ROOT / "docs" / "rules.md"

_HEAD = """# The rules of a site file

Made from the code by `make docs`. Every rule is judged at `check`, at `pulumi preview` and at `pulumi up`, before
anything is declared, and none hides another. Beside these, each key has a type and a range of its own, which the
editor shows (`docs/site.schema.json`).

Under each rule stands a change of `Pulumi.prod.yaml` that it still accepts, the next one that it refuses, and what is
then said.
"""

_TAIL = """
## What cannot be wrong, because it is derived

- The disruption budget is always one pod at a time (`maxUnavailable: 1`), so it never blocks the drain of a node.
- The LimitRange's maximum is the larger of the page's 2 and `vllm.gpusPerReplica`.
- `LLM_MODEL` and `--served-model-name` are both `model.name`.
- preStop + drain is always below the termination grace period, which is computed from them.
- The windows and periods of the autoscaler are the page's, the same for an HPA and for KEDA.
"""


def rules() -> Iterator[Any]:
    """Every rule across the keys of a site, in the order in which it is judged."""
    yield from site_rules.RULES
    yield from plan_rules.RULES


def refusal(changes: Changes) -> list[str]:
    """What `check` says of prod with the changes made."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(changes, Path(folder) / "Pulumi.prod.yaml")
        try:
            planned(str(path))
        except SiteRefused as refused:
            return [fault.line(path.name) for fault in refused.faults]
    return []


def page() -> str:
    return "\n".join([_HEAD, *(_section(rule) for rule in rules()), _TAIL.strip(), ""])


def _section(rule: Any) -> str:
    reason = " ".join((inspect.getdoc(rule) or "").split()).replace("VLLM ", "vLLM ")
    lines = [f"## {rule.__name__.replace('_', ' ')}", "", reason, ""]
    edge = EDGES.get(rule.__name__)
    if edge is None:
        return "\n".join([*lines, "Holds by construction; judged all the same.", ""])
    said = "\n".join(refusal(edge.refused))
    return "\n".join(
        [*lines, f"Accepted: {_shown(edge.passes)}", "", f"Refused: {_shown(edge.refused)}", "", "```", said, "```", ""]
    )


def _shown(changes: Changes) -> str:
    return ", ".join(
        f"`{key}` left out" if value is LEFT_OUT else f"`{key}: {_yaml(value)}`" for key, value in changes.items()
    )


def _yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, default_flow_style=True, width=1000)).removesuffix("...\n").strip()


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
