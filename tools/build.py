"""Build the pinned tools of the tests once: `python -m tools.build [NAME ...]`.

Each folder beside this file that holds a `go.mod` is one Go module, because the dependency graphs of the tools
must not mix. A binary is built again only when its recipe or its module's `go.mod` or `go.sum` changes, and
every download is checked against the committed `go.sum`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from .recipes import ALL, Asset, Tool

TOOLS = Path(__file__).resolve().parent
BIN = TOOLS.parent / ".tools" / "bin"
CRDS = TOOLS.parent / ".tools" / "crds"
PROGRESS_EVERY_SECONDS = 15


class BuildError(Exception):
    """A tool could not be built; the message is one line with the remedy."""


def key(tool: Tool) -> str:
    """What the binary depends on; a change of it means a new build."""
    digest = hashlib.sha256(repr(tool).encode())
    assets = (*tool.embeds, *tool.scripts, *tool.definitions)
    for folder in sorted({tool.module, *(asset.recipe for asset in assets)}):
        for path in sorted((TOOLS / folder).iterdir()):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _stamp(tool: Tool) -> Path:
    return BIN / f".{tool.name}.key"


def is_built(tool: Tool) -> bool:
    stamp = _stamp(tool)
    return (BIN / tool.name).is_file() and stamp.exists() and stamp.read_text() == key(tool)


def missing(names: tuple[str, ...] = ()) -> list[str]:
    """The tools (all, or those named) that are not built at their pinned version."""
    return [tool.name for tool in ALL if (not names or tool.name in names) and not is_built(tool)]


def _go(args: list[str], folder: Path) -> str:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false"}
    environment["GOWORK"] = "off"
    done = subprocess.run(["go", *args], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line and not line.startswith("go: downloading")]
        raise BuildError(f"go {args[0]} in tools/{folder.name} failed: {' | '.join(lines[-4:])}")
    return done.stdout


def _asset(asset: Asset) -> Path:
    download = _go(["mod", "download", "-json", asset.module], TOOLS / asset.recipe)
    return Path(json.loads(download)["Dir"]) / asset.path


def _build(tool: Tool) -> None:
    with tempfile.TemporaryDirectory(dir=BIN.parent) as temporary:
        source = Path(temporary) / "source"
        shutil.copytree(TOOLS / tool.module, source)
        for asset in tool.embeds:
            shutil.copyfile(_asset(asset), source / Path(asset.path).name)
        linker = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in tool.variables)])
        binary = Path(temporary) / tool.name
        _go(["build", "-tags", tool.tags, "-ldflags", linker, "-o", str(binary), tool.package], source)
        _stamp(tool).unlink(missing_ok=True)
        os.replace(binary, BIN / tool.name)
        for asset in tool.scripts:
            script = BIN / Path(asset.path).name
            shutil.copyfile(_asset(asset), script)
            script.chmod(0o755)
        _define(tool, source)
        _stamp(tool).write_text(key(tool))


def _define(tool: Tool, source: Path) -> None:
    """Write the custom resource definitions that the tool stands for."""
    CRDS.mkdir(exist_ok=True)
    if tool.definitions_of:
        arguments = ["crd:crdVersions=v1", f"paths={tool.definitions_of}", f"output:crd:dir={CRDS}"]
        done = subprocess.run([BIN / tool.name, *arguments], cwd=source, capture_output=True, text=True)
        if done.returncode:
            raise BuildError(f"{tool.name} wrote no definitions: {done.stderr.strip().splitlines()[-1]}")
    for asset in tool.definitions:
        shutil.copyfile(_asset(asset), CRDS / Path(asset.path).name)


def _build_with_progress(tool: Tool, position: str) -> None:
    started = time.monotonic()
    print(f"{position} {tool.name}: building (up to {tool.cold_minutes:g} min on a cold cache)", flush=True)
    done = threading.Event()

    def report() -> None:
        while not done.wait(PROGRESS_EVERY_SECONDS):
            print(f"{position} {tool.name}: {time.monotonic() - started:.0f} s", flush=True)

    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        _build(tool)
    finally:
        done.set()
        reporter.join()
    print(f"{position} {tool.name}: done in {time.monotonic() - started:.0f} s", flush=True)


def _require_go() -> None:
    needed = re.search(r"^go (\d+)\.(\d+)", (TOOLS / "kubernetes" / "go.mod").read_text(), re.MULTILINE)
    assert needed, "tools/kubernetes/go.mod names a Go version"
    wanted = f"{needed[1]}.{needed[2]}"
    if not shutil.which("go"):
        raise BuildError(f"go is not on PATH: install Go {wanted} or newer")
    have = re.search(r"go(\d+)\.(\d+)", subprocess.run(["go", "version"], capture_output=True, text=True).stdout)
    if have and (int(have[1]), int(have[2])) < (int(needed[1]), int(needed[2])):
        raise BuildError(f"go is {have[1]}.{have[2]}, the pinned Kubernetes needs {wanted}: install a newer Go")


def build(names: tuple[str, ...] = ()) -> None:
    """Build what is missing of the tools named (all by default) into `.tools/bin`."""
    wanted = [tool for tool in ALL if tool.name in missing(names)]
    if not wanted:
        return
    _require_go()
    BIN.mkdir(parents=True, exist_ok=True)
    for number, tool in enumerate(wanted, 1):
        _build_with_progress(tool, f"[{number}/{len(wanted)}]")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.build", description="Build the pinned tools once.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(tool.name for tool in ALL))
    names = tuple(parser.parse_args().names)
    unknown = sorted(set(names) - {tool.name for tool in ALL})
    if unknown:
        parser.error(f"no tool is called {', '.join(unknown)}")
    try:
        build(names)
    except BuildError as error:
        print(f"tools: {error}", file=sys.stderr)
        return 1
    print(f"tools: all built in {BIN.relative_to(Path.cwd()) if BIN.is_relative_to(Path.cwd()) else BIN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
