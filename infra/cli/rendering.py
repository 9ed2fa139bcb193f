"""The manifests of a site exactly as the engine would send them, without an engine or a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import pulumi
import yaml
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks

from infra.plan import Plan
from infra.site import PROJECT, Fault, SiteRefused
from stacks import compose

from .check import planned

Manifest = dict[str, Any]
HEADER = "# Rendered from a site file: change that, not this.\n"


class _Recorder(Mocks):
    """Keeps what the SDK serialises for the engine: names in camelCase, nothing that is None."""

    def __init__(self) -> None:
        self.manifests: list[Manifest] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if args.custom and not args.typ.startswith("pulumi:"):
            self.manifests.append(_plain(args.inputs))
        return f"{args.name}-id", args.inputs

    def call(self, args: MockCallArgs) -> NoReturn:
        raise NotImplementedError(f"a site needs no provider function, {args.token} was called")


def _plain(value: Any) -> Any:
    """The engine's protocol has one kind of number and no order of keys; a manifest has integers and an order."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def render(plan: Plan) -> list[Manifest]:
    """All manifests of a site, in an order in which they can be applied."""
    recorder = _Recorder()
    set_mocks(recorder, project=PROJECT, stack=plan.name, preview=False)

    pulumi.runtime.test(lambda: compose(plan, plan.site.cluster.context))()
    return sorted((_ordered(manifest) for manifest in recorder.manifests), key=_position)


def _position(manifest: Manifest) -> tuple[bool, str, str]:
    """What others stand in first, then by kind and name: the same text at every run."""
    return manifest["kind"] not in ("Namespace", "Node"), manifest["kind"], manifest["metadata"]["name"]


def _ordered(manifest: Manifest) -> Manifest:
    """As manifests are written: what it is first, then its keys by name."""
    head = ("apiVersion", "kind", "metadata")
    return {**{key: manifest[key] for key in head}, **manifest}


def by_name(manifests: Iterable[Manifest]) -> dict[tuple[str, str], Manifest]:
    """The manifests by kind and name."""
    found: dict[tuple[str, str], Manifest] = {}
    for manifest in manifests:
        key = (manifest["kind"], manifest["metadata"]["name"])
        if key in found:
            raise ValueError(f"{key} is declared twice")
        found[key] = manifest
    return found


def write(site: str, folder: Path | None) -> int:
    """Print the manifests of a site as one YAML stream, or write each to a file of its own."""
    manifests = by_name(render(planned(site)))
    if folder is None:
        print(as_yaml(manifests.values()), end="")
        return 0
    files = {f"{kind.lower()}-{name}.yaml": as_yaml([manifest]) for (kind, name), manifest in manifests.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in _of_earlier_renders(folder):
            old.unlink()
        for name, text in files.items():
            (folder / name).write_text(f"{HEADER}{text}", encoding="utf-8")
    except OSError as error:
        raise SiteRefused(str(folder), [Fault("--out", error.strerror or str(error), "name a folder")]) from None
    print(f"{len(manifests)} manifests in {folder}")
    return 0


def _of_earlier_renders(folder: Path) -> list[Path]:
    """What an object that the site no longer has would leave behind; files without our first line stay."""
    return [path for path in folder.glob("*.yaml") if path.read_bytes().startswith(HEADER.encode())]


_NO_TEXT_TO_KUBECTL = re.compile(r"[yYnN]|[-+]?\.?[0-9][0-9._]*([eE][-+]?[0-9]+)?|[-+]?0[xob][0-9a-fA-F_]+")
"""A label `n` would be false and a name `1e3` a number: PyYAML leaves the quotes off, kubectl reads other words so."""


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, so that a reviewer can read rules and a dashboard."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    quoted = "'" if _NO_TEXT_TO_KUBECTL.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else quoted)


_Dumper.add_representer(str, _text)


def as_yaml(manifests: Iterable[Manifest]) -> str:
    return str(yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, width=110))
