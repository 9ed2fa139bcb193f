"""From a stack file, or from what the engine read of it, to a Site or to all its faults."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from . import explain
from .faults import Fault, SiteRefused
from .model import Site
from .stack_yaml import holds_no_number, load

PROJECT = "f3iai-inference"
KEY = "site"
CONFIG_KEY = f"{PROJECT}:{KEY}"
PROJECT_ROOT = Path(__file__).resolve().parents[2]


def stack_files() -> list[Path]:
    """The stack files of the project folder, by name."""
    return sorted(_project_folder().glob("Pulumi.*.yaml"))


def _project_folder() -> Path:
    """The current folder where it is a checkout of this project, and not of another one of Pulumi's."""
    try:
        here = _text(Path.cwd() / "Pulumi.yaml")
    except (OSError, UnicodeDecodeError):
        return PROJECT_ROOT
    return Path.cwd() if f"name: {PROJECT}\n" in here else PROJECT_ROOT


def _text(path: Path, encoding: str = "utf-8") -> str:
    """What a file holds. A pipe or a device is refused, because reading one may never end."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(None, "it is no file")
    return path.read_text(encoding=encoding)


def locate(site: str) -> Path:
    """The stack file of a stack name, or of a path to a stack file anywhere."""
    if "/" in site or site.endswith((".yaml", ".yml")):
        return Path(site)
    return _project_folder() / f"Pulumi.{site}.yaml"


def site_name(path: Path) -> str:
    """`prod` of `Pulumi.prod.yaml`; of another file its name without the ending."""
    return path.stem.removeprefix("Pulumi.")


def read(path: Path) -> Site:
    """The site of a stack file, its values judged and not yet what follows from them.

    Raises:
        SiteRefused: with all faults of the file, or the one that keeps it from being read.
    """
    return validate(written_site(path), site_file(path).shown)


@dataclass(frozen=True)
class SiteFile:
    """A stack file: the stack's name, how the file is named to its operator, and where its relative paths begin."""

    name: str
    shown: str
    folder: Path


def site_file(path: Path) -> SiteFile:
    """The project's own files are shown by name, others by their path."""
    shown = path.name if path.parent == _project_folder() else str(path)
    return SiteFile(site_name(path), shown, path.parent)


def validate(value: object, file: str) -> Site:
    """The site of the value under `f3iai-inference:site`; `file` is what faults name."""
    if value is None:
        raise SiteRefused(file, [Fault(f"config.{CONFIG_KEY}", "is missing", "write the site under it, see README.md")])
    if not isinstance(value, Mapping):
        problem = f"{explain.written(value)} is not a section of keys"
        raise SiteRefused(file, [Fault(f"config.{CONFIG_KEY}", problem, "see README.md")])
    try:
        return Site.model_validate(value)
    except ValidationError as error:
        raise SiteRefused(file, explain.faults(Site, error)) from None


def model_config(site: Site, file: SiteFile) -> Mapping[str, Any] | None:
    """The `config.json` that a site names, or None where it names none.

    Raises:
        SiteRefused: it cannot be read, or is no object of JSON.
    """
    if site.model.config is None:
        return None
    path = file.folder / site.model.config

    def refused(problem: str) -> SiteRefused:
        remedy = f"name the model's config.json, its path relative to {file.shown}"
        return SiteRefused(file.shown, [Fault("model.config", f"{site.model.config!r} {problem}", remedy)])

    try:
        content = json.loads(_text(path, "utf-8-sig"))
    except OSError as error:
        raise refused(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise refused("is not JSON") from None
    if not isinstance(content, dict):
        raise refused("is no object of JSON")
    return content


def written_site(path: Path) -> object:
    """What stands under the site's key in a stack file, not judged yet; None where nothing does."""

    def refused(problem: str, remedy: str) -> SiteRefused:
        return SiteRefused(site_file(path).shown, [Fault("", problem, remedy)])

    try:
        content: Any = load(_text(path))
    except FileNotFoundError:
        known = ", ".join(site_name(file) for file in stack_files())
        raise refused("there is no such file", f"the sites here are: {known}") from None
    except OSError as error:
        raise refused(f"cannot be read: {error.strerror}", "name a stack file") from None
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
    site = config.get(CONFIG_KEY) if isinstance(config, dict) else None
    if holds_no_number(content, beside=site):
        raise refused("holds .inf or .nan outside the site, which is no number that JSON has", "write a number")
    return site
