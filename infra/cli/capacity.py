"""`python -m infra capacity`: the KV pool of engines as their start-up logs describe them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from infra.plan.start_log import predicted_kv_tokens
from infra.site import Fault, SiteRefused


def show_capacity(path: Path) -> int:
    """Print `{id: tokens or null}` for the cases of a file."""
    print(json.dumps({str(case["id"]): predicted_kv_tokens(case) for case in _cases(path)}, indent=1))
    return 0


def _cases(path: Path) -> list[dict[str, Any]]:
    def refused(problem: str) -> SiteRefused:
        return SiteRefused(
            str(path), [Fault("", problem, "name a file with a JSON list of cases, see docs/capacity.md")]
        )

    try:
        cases = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise refused(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise refused("is not JSON") from None
    if isinstance(cases, dict):
        cases = cases.get("cases")
    if not isinstance(cases, list) or not all(isinstance(case, dict) and "id" in case for case in cases):
        raise refused("is no list of cases with an id")
    return cases
