"""YAML as Pulumi's engine reads it, so that `check` and `pulumi up` see the same site.

PyYAML follows YAML 1.1, in which `no` is false, `12:30` is 750 and a date is an object; and it takes the last of
two equal keys without a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StackFileLoader(_Loader):
    """YAML as Pulumi's engine reads it: `no`, `on`, `1:30` and dates are text, and a key stands once."""


_TAG = "tag:yaml.org,2002:"
_SCALARS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
}
_StackFileLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.removeprefix(_TAG) in ("null", "merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StackFileLoader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.removeprefix(_TAG) in ("null", "str", "seq", "map")
}
for _kind, (_pattern, _first) in _SCALARS.items():
    _StackFileLoader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(f"^({_pattern})$"), list(_first))


def _mapping(loader: Any, node: yaml.Node) -> dict[Any, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise yaml.constructor.ConstructorError(None, None, "a section of keys is expected", node.start_mark)
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == f"{_TAG}merge":
            continue
        key = loader.construct_object(key_node)
        if not isinstance(key, str):
            written = repr(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "of several parts"
            raise yaml.constructor.ConstructorError(None, None, f"the key {written} is not text", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", key_node.start_mark)
        seen.add(key)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    return int(digits.replace("0o", "0", 1), 8) if re.match(r"[-+]?0o?[0-7]", digits) else int(digits, 0)


def _number(text: str) -> float | int:
    """The engine hands values on as JSON, in which 4.0 is 4."""
    value = float(re.sub(r"^([-+]?)\.(inf|nan)$", r"\1\2", text.lower()))
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _scalar(convert: Callable[[str], Any]) -> Callable[[Any, yaml.ScalarNode], Any]:
    def construct(loader: Any, node: yaml.ScalarNode) -> Any:
        text = str(loader.construct_scalar(node))
        try:
            return convert(text)
        except (ValueError, KeyError):
            problem = f"{text[:20]!r} is no {node.tag.removeprefix(_TAG)}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None

    return construct


_StackFileLoader.add_constructor(f"{_TAG}bool", _scalar(lambda text: {"true": True, "false": False}[text.lower()]))
_StackFileLoader.add_constructor(f"{_TAG}int", _scalar(_integer))
_StackFileLoader.add_constructor(f"{_TAG}float", _scalar(_number))
_StackFileLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load(text: str) -> Any:
    """The document of a stack file. Raises yaml.YAMLError."""
    return yaml.load(text, _StackFileLoader)
