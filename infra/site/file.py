"""From a stack file, or from what the engine read of it, to a Site or to all its faults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from . import explain
from .faults import Fault, SiteRefused
from .model import Site
from .rules import broken
from .stack_yaml import load

PROJECT = "f3iai-inference"
KEY = "site"
CONFIG_KEY = f"{PROJECT}:{KEY}"
PROJECT_ROOT = Path(__file__).resolve().parents[2]


def stack_files() -> list[Path]:
    """The stack files of the project folder, by name."""
    return sorted(_project_folder().glob("Pulumi.*.yaml"))


def _project_folder() -> Path:
    return Path.cwd() if (Path.cwd() / "Pulumi.yaml").exists() else PROJECT_ROOT


def locate(site: str) -> Path:
    """The stack file of a stack name, or of a path to a stack file anywhere."""
    if "/" in site or site.endswith((".yaml", ".yml")):
        return Path(site)
    return _project_folder() / f"Pulumi.{site}.yaml"


def site_name(path: Path) -> str:
    """`prod` of `Pulumi.prod.yaml`; of another file its name without the ending."""
    return path.stem.removeprefix("Pulumi.")


def read(path: Path) -> Site:
    """The site of a stack file.

    Raises:
        SiteRefused: with all faults of the file, or the one that keeps it from being read.
    """
    return validate(_site_value(path), shown(path))


def shown(path: Path) -> str:
    """How a stack file is named to its operator: the project's own by name, another by its path."""
    return path.name if path.parent == _project_folder() else str(path)


def validate(value: object, file: str) -> Site:
    """The site of the value under `f3iai-inference:site`; `file` is what faults name."""
    if value is None:
        raise SiteRefused(file, [Fault(f"config.{CONFIG_KEY}", "is missing", "write the site under it, see README.md")])
    if not isinstance(value, Mapping):
        raise SiteRefused(file, [Fault(f"config.{CONFIG_KEY}", f"{value!r} is not a section of keys", "see README.md")])
    try:
        site = Site.model_validate(value)
    except ValidationError as error:
        raise SiteRefused(file, explain.faults(Site, error)) from None
    if faults := broken(site):
        raise SiteRefused(file, faults)
    return site


def _site_value(path: Path) -> object:
    def refused(problem: str, remedy: str) -> SiteRefused:
        return SiteRefused(shown(path), [Fault("", problem, remedy)])

    try:
        content: Any = load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(site_name(file) for file in stack_files())
        raise refused("there is no such file", f"the sites here are: {known}") from None
    except IsADirectoryError:
        raise refused("is a folder", "name a stack file") from None
    except PermissionError:
        raise refused("cannot be read", "mend its permissions") from None
    except UnicodeDecodeError as error:
        raise refused(f"is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        where = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise refused(f"is not YAML{where}: {error.problem}", "mend that line") from None
    except yaml.YAMLError as error:
        raise refused(f"is not YAML: {' '.join(str(error).split())}", "mend it") from None
    except RecursionError:
        raise refused("is nested too deeply", "write the site as site sections only") from None
    config: Any = content.get("config") if isinstance(content, dict) else None
    return config.get(CONFIG_KEY) if isinstance(config, dict) else None
