"""The pinned Pulumi engine, with a state, a home and a backend of its own: `python -m tools.engine -- ARGS`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .build import BIN, TOOLS, missing

ROOT = TOOLS.parent
PROGRAM = ("__main__.py", "Pulumi.yaml", "infra", "stacks")
BINARIES = ("pulumi", "pulumi-language-python", "pulumi-resource-kubernetes")
PYTHON = ROOT / ".venv" / "bin" / "python"
OWN_SETTINGS = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


class EngineError(Exception):
    """A Pulumi command failed; carries what it printed."""


@dataclass(frozen=True)
class Outcome:
    """A finished command: its exit code, all it printed, and its seconds."""

    code: int
    text: str
    seconds: float


def environment(state: Path, kubeconfig: Path | None = None) -> dict[str, str]:
    """Settings under which the engine needs nothing of the machine but its binaries."""
    state.mkdir(parents=True, exist_ok=True)
    settings = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(state / "home"),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_PYTHON_CMD": str(PYTHON),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if kubeconfig:
        settings["KUBECONFIG"] = str(kubeconfig)
    return {**os.environ, **settings}


def require() -> None:
    """Refuse to go on without the binaries: a part that is missing must not look like a test that passed."""
    if absent := missing(BINARIES):
        raise EngineError(f"{', '.join(absent)} not built: run `make tools`")
    if not PYTHON.exists():
        raise EngineError(f"{PYTHON.relative_to(ROOT)} is missing: run `make setup`")


class Project:
    """A copy of the program with site files of its own, so that no run touches the checkout."""

    def __init__(self, folder: Path, sites: Mapping[str, Path], kubeconfig: Path) -> None:
        require()
        self.folder = folder / "project"
        self.folder.mkdir(parents=True)
        for name in PROGRAM:
            source, target = ROOT / name, self.folder / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, target)
        for site, path in sites.items():
            shutil.copyfile(path, self.stack_file(site))
        self.state = folder / "state"
        self.environment = environment(self.state, kubeconfig)

    def stack_file(self, site: str) -> Path:
        return self.folder / f"Pulumi.{site}.yaml"

    def edit(self, site: str, old: str, new: str) -> None:
        """Change one setting of a site file as a user would."""
        path = self.stack_file(site)
        text = path.read_text()
        if text.count(old) != 1:
            raise EngineError(f"{path.name}: {old!r} stands {text.count(old)} times")
        path.write_text(text.replace(old, new))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and leave it running; its standard error joins its output."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, check: bool = True) -> Outcome:
        """Run a command to its end.

        Raises:
            EngineError: it failed and `check` is set.
        """
        started = time.monotonic()
        process = self.start(*arguments)
        try:
            text, _ = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
        outcome = Outcome(process.returncode, text, time.monotonic() - started)
        if check and outcome.code:
            raise EngineError(f"pulumi {' '.join(arguments)} failed:\n{text}")
        return outcome

    def init(self, site: str) -> None:
        self.run("stack", "init", site)

    def outputs(self, site: str) -> dict[str, Any]:
        return dict(json.loads(self.run("stack", "output", "--json", "-s", site).text))

    def resources(self, site: str) -> list[dict[str, Any]]:
        """The stack's state: every resource the engine keeps."""
        state = json.loads(self.run("stack", "export", "-s", site).text)
        return list(state["deployment"].get("resources") or [])


def main() -> int:
    """Run the pinned engine in the checkout. A backend and passphrase of the user's own are kept; else the state is in
    `.state`, which nothing here deletes: it is all that is known of what was brought up.
    """
    try:
        require()
    except EngineError as error:
        print(f"tools: {error}", file=sys.stderr)
        return 1
    arguments = [argument for argument in sys.argv[1:] if argument != "--"]
    own = {name: os.environ[name] for name in OWN_SETTINGS if name in os.environ}
    settings = {**environment(ROOT / ".state"), **own}
    return subprocess.run(["pulumi", *arguments], cwd=ROOT, env=settings, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
