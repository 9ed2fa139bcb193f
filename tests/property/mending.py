"""A refused site mended as an operator would: by doing what each line says, and leaving out what has no advice."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from infra.plan import plan_of
from infra.site import Fault, SiteFile, SiteRefused

ROUNDS = 6
_FILE = SiteFile("mended", "Pulumi.mended.yaml", Path("nowhere"))
_ADVICE = (
    re.compile(r"e\.g\. \w+: (?P<value>.+)$"),
    re.compile(r", e\.g\. (?P<value>\d+|\{.*\})$"),
    re.compile(r"^write (?:at most|at least) (?P<value>\d+)"),
    re.compile(r"^write '(?P<value>[^']+)'"),
    re.compile(r"^write (?P<value>[a-z0-9_.]+)(?:,| or |$)"),
)

_KEY = re.compile(r"(?<![\w./'-])[a-z]\w+(?:\.[a-z]\w+)+(?![\w./'-])")
"""The path of a key in a fault's text."""


def faults_of(site: Any) -> tuple[Fault, ...]:
    """What keeps a site from running."""
    try:
        plan_of(site, _FILE)
    except SiteRefused as refused:
        return refused.faults
    return ()


def mended(site: dict[str, Any]) -> dict[str, Any]:
    """The site after some rounds of mending; it may still be refused."""
    site = deepcopy(site)
    for _ in range(ROUNDS):
        faults = faults_of(site)
        if not faults:
            break
        for fault in reversed(faults):
            _mend(site, fault)
    return site


def _mend(site: dict[str, Any], fault: Fault) -> None:
    advice = next((match for pattern in _ADVICE if (match := pattern.search(fault.remedy))), None)
    if advice:
        _leave_out(site, fault.key)
        _holder(site, fault.key)[_parts(fault.key)[-1]] = yaml.safe_load(advice["value"])
        return
    for key in (fault.key, *_KEY.findall(fault.problem)):
        _leave_out(site, key)


def _parts(key: str) -> list[str]:
    return re.findall(r"[^.\[\]]+", key)


def _holder(site: dict[str, Any], key: str) -> Any:
    """The section or list that holds a key; sections on the way are made."""
    holder: Any = site
    for part in _parts(key)[:-1]:
        holder = holder.setdefault(part, {}) if isinstance(holder, dict) else {}
    return holder


def _leave_out(site: dict[str, Any], key: str) -> None:
    holder, part = _holder(site, key), _parts(key)[-1]
    if isinstance(holder, dict):
        holder.pop(part, None)
    elif isinstance(holder, list) and part.isdigit() and int(part) < len(holder):
        del holder[int(part)]
