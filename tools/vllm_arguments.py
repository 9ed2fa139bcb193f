"""Write the table of `vllm serve` arguments: `python -m tools.vllm_arguments SDIST.tar.gz...`.

A maintainer runs it over the source distributions of the releases that sites may use and of some before them,
from which only the names and the last release of arguments that are gone are kept. The table is written anew each
time, so all of them are given. Releases the table does not know are judged by the newest before them.
"""

from __future__ import annotations

import json
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from infra.site.rules import MIN_VLLM_VERSION

from .vllm_sources import Keywords, Sources
from .vllm_types import BOUNDS

TABLE = Path(__file__).resolve().parents[1] / "infra" / "plan" / "vllm_arguments.json"
KINDS = {
    "int": "int",
    "size": "size",
    "auto size": "size",
    "float": "float",
    "loads": "json",
    "config": "object",
    "str": "text",
    "folded": "text",
}

Version = tuple[int, ...]
Facts = dict[str, Any]


def version_of(archive: Path) -> Version:
    match = re.fullmatch(r"vllm-(\d+(?:\.\d+)*)\.tar\.gz", archive.name)
    if match is None:
        raise SystemExit(f"{archive.name}: is not named vllm-VERSION.tar.gz")
    return tuple(map(int, match[1].split(".")))


def facts(options: list[str], keywords: Keywords) -> Facts:
    """What the table says of an argument in one release; text without any more to it is the default."""
    found: Facts = {}
    if others := sorted(options[1:]):
        found["aliases"] = others
    action, kind = keywords.get("action"), str(keywords.get("type", "str"))
    if action == "BooleanOptionalAction":
        return {"kind": "switch", **found}
    if action in ("store_true", "store_false"):
        return {"kind": "flag", **found}
    optional, kind = kind.startswith("optional "), kind.removeprefix("optional ")
    known = KINDS.get(kind)
    found |= {"kind": known} if known not in (None, "text") else {}
    found |= {"none": True} if optional and known not in (None, "text") else {}
    found |= {"auto": True} if kind == "auto size" else {}
    choices = keywords.get("choices")
    if known in ("text", "int") and choices and all(isinstance(choice, str | int) for choice in choices):
        found |= {"kind": "choice", "choices": list(map(str, choices))} | ({"none": True} if optional else {})
        found |= {"folded": True} if kind == "folded" else {}
    if known in ("int", "size", "float"):
        found |= {bound: keywords[bound] for bound in BOUNDS if bound in keywords}
    if keywords.get("nargs") is not None:
        found["words"] = keywords["nargs"]
    if action == "append":
        found["repeats"] = True
    return found


def release(archive: Path) -> tuple[dict[str, Facts], bool]:
    """Every long argument of a release, under its first name."""
    sources = Sources(archive)
    found: dict[str, Facts] = {}
    for options, keywords in sources.arguments():
        options = sorted((o.replace("_", "-") for o in options), key=lambda option: not option.startswith("--"))
        if options[0].startswith("--"):
            found[options[0]] = facts(options, keywords)
    return found, sources.paired


def spells(flag: str, releases: dict[Version, dict[str, Facts]]) -> list[Facts]:
    """The stretches of releases in which an argument meant one thing, the oldest first."""
    stretches: list[Facts] = []
    supported = [version for version in releases if version >= MIN_VLLM_VERSION]
    for version, known in releases.items():
        stretch = known.get(flag)
        if stretch is not None and version < supported[0]:
            stretch = releases[supported[0]].get(flag, {})
        stretches.append({"version": version, "facts": stretch})
    rows: list[Facts] = []
    for what, group in groupby(stretches, key=lambda each: each["facts"]):
        versions = [each["version"] for each in group]
        if what is not None:
            until = {} if versions[-1] == max(releases) else {"until": _text(versions[-1])}
            rows.append({"since": _text(versions[0]), **until, **what})
    return rows


def _text(version: Version) -> str:
    return ".".join(map(str, version))


def main(archives: list[str]) -> int:
    if not archives:
        raise SystemExit("usage: python -m tools.vllm_arguments SDIST.tar.gz...")
    releases: dict[Version, dict[str, Facts]] = {}
    paired: list[Version] = []
    for archive in sorted(map(Path, archives), key=version_of):
        releases[version_of(archive)], inverse = release(archive)
        paired += [version_of(archive)] if inverse else []
        print(f"{_text(version_of(archive))}: {len(releases[version_of(archive)])} arguments", flush=True)
    flags = sorted({flag for known in releases.values() for flag in known})
    rows = [f"  {json.dumps(flag)}: {json.dumps(spells(flag, releases))}" for flag in flags]
    head = {"inspected": [_text(version) for version in releases], "paired_since": _text(paired[0]) if paired else None}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    TABLE.write_text("\n".join(["{", *lines, ' "arguments": {', ",\n".join(rows), " }", "}", ""]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
