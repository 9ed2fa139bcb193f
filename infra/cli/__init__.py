"""`python -m infra`: what a site is, before any engine runs.

Nothing here imports Pulumi but `render`: checking a site takes a fraction of a second and runs in any editor.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.site import SiteRefused

REFUSED = 2
SITE_HELP = "a stack name, or a path to a stack file anywhere"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra", description="Check, plan and render a site.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="say what keeps a site from running; exit 0 or 2")
    check.add_argument("sites", nargs="*", metavar="SITE", help=f"{SITE_HELP}; all sites where none is named")
    check.add_argument("--json", action="store_true", help="the faults as data")

    plan = commands.add_parser("plan", help="show what follows from a site")
    plan.add_argument("site", metavar="SITE", help=SITE_HELP)
    plan.add_argument("--json", action="store_true", help="the plan as data")

    render = commands.add_parser("render", help="print the manifests as they go over the wire")
    render.add_argument("site", metavar="SITE", help=SITE_HELP)
    render.add_argument("--out", metavar="DIR", type=Path, help="write one file per manifest")

    start = commands.add_parser("init", help="write a commented site file to begin with")
    start.add_argument("site", metavar="SITE", help=SITE_HELP)

    capacity = commands.add_parser("capacity", help="predict the KV pool of engines from their start-up logs")
    capacity.add_argument("--cases", metavar="FILE", type=Path, required=True, help="a JSON list of logs")

    commands.add_parser("schema", help="print the JSON Schema of a stack file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success and 2 a refused site, with one line per fault on standard error."""
    options = _parser().parse_args(arguments)
    try:
        code = _run(options)
        sys.stdout.flush()
    except SiteRefused as refused:
        print(refused, file=sys.stderr)
        return REFUSED
    except BrokenPipeError:
        _give_up_output()
        sys.stderr.close()
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"python -m infra: {where}{error.strerror or error}", file=sys.stderr)
        _give_up_output()
        return 1
    return code


def _give_up_output() -> None:
    """Python would try to write the rest at its exit, and complain again."""
    with contextlib.suppress(OSError):
        sys.stdout.close()


def _run(options: argparse.Namespace) -> int:
    match options.command:
        case "check":
            from .check import check

            return check(options.sites, as_json=options.json)
        case "plan":
            from .planning import show_plan

            return show_plan(options.site, as_json=options.json)
        case "render":
            from .rendering import write

            return write(options.site, options.out)
        case "init":
            from .starting import write_site

            return write_site(options.site)
        case "capacity":
            from .capacity import show_capacity

            return show_capacity(options.cases)
        case _:
            import json

            from infra.site import json_schema

            print(json.dumps(json_schema(), indent=2))
            return 0
