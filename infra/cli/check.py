"""`python -m infra check`: every fault of every site, at once."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.plan import Plan, plan_of
from infra.site import Fault, SiteRefused, locate, site_file, stack_files, written_site


def planned(site: str) -> Plan:
    """The plan of a stack name or stack file.

    Raises:
        SiteRefused: with the faults of the file.
    """
    return _planned(locate(site))


def _planned(path: Path) -> Plan:
    return plan_of(written_site(path), site_file(path))


def check(sites: Sequence[str], *, as_json: bool) -> int:
    """0 where all sites (those of the project, where none is named) could run, else 2."""
    paths = [locate(site) for site in sites] or stack_files()
    refused: list[SiteRefused] = []
    for path in paths:
        try:
            _planned(path)
        except SiteRefused as refusal:
            refused.append(refusal)
    if not paths:
        nothing = Fault("", "the project has no stack file", "write Pulumi.<site>.yaml, see README.md")
        refused.append(SiteRefused("Pulumi.*.yaml", [nothing]))
    if as_json:
        faults = [fault.as_data(refusal.file) for refusal in refused for fault in refusal.faults]
        print(json.dumps({"checked": [str(path) for path in paths], "faults": faults}, indent=2))
    else:
        for refusal in refused:
            print(refusal, file=sys.stderr)
        if not refused:
            print(f"{len(paths)} {'site' if len(paths) == 1 else 'sites'} checked, no fault")
    return 2 if refused else 0
