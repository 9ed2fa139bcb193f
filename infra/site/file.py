"""From a stack file, or from what the engine read of it, to a Site or to all its faults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from . import explain
from .faults import Fault, SiteRefused
from .model import Site
from .rules import broken

PROJECT = "f3iai-inference"
KEY = "site"
CONFIG_KEY = f"{PROJECT}:{KEY}"
PROJECT_ROOT = Path(__file__).resolve().parents[2]

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StackFileLoader(_Loader):
    """YAML as Pulumi's engine reads it: `no`, `on`, `1:30` and dates are text, and a key stands once."""


_TAG = "tag:yaml.org,2002:"
_StackFileLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.removeprefix(_TAG) in ("null", "merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StackFileLoader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"^(true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_StackFileLoader.add_implicit_resolver(
    f"{_TAG}int", re.compile(r"^[-+]?(0b[01_]+|0[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$"), list("-+0123456789")
)
_StackFileLoader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"),
    list("-+0123456789."),
)


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is not text", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", key_node.start_mark)
        seen.add(key)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_StackFileLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


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
    if not isinstance(value, Mapping):
        raise SiteRefused(file, [Fault(CONFIG_KEY, f"{value!r} is not a section of keys", "see README.md")])
    try:
        site = Site.model_validate(value)
    except ValidationError as error:
        raise SiteRefused(file, explain.faults(Site, error)) from None
    if faults := broken(site):
        raise SiteRefused(file, faults)
    return site


def _site_value(path: Path) -> object:
    def refused(problem: str, remedy: str, key: str = "") -> SiteRefused:
        return SiteRefused(shown(path), [Fault(key, problem, remedy)])

    try:
        content: Any = yaml.load(path.read_text(encoding="utf-8"), _StackFileLoader)
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
    if not isinstance(config, dict) or CONFIG_KEY not in config:
        raise refused("is missing", "write the site under it, see README.md", f"config.{CONFIG_KEY}")
    return config[CONFIG_KEY]
