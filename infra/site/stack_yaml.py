"""YAML as Pulumi's engine reads it, so that `check` and `pulumi up` see the same site.

PyYAML follows YAML 1.1, in which `no` is false and `12:30` is 750; and it takes the last of two equal keys without a
word. The engine's reader takes both for text, but a date for a time, which no key of a site is: it is refused here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import yaml

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StackFileLoader(_Loader):
    """YAML as Pulumi's engine reads it: `no`, `on` and `1:30` are text, dates are refused, and a key stands once."""


class _Underscored:
    """A pattern of numbers in which underscores may stand anywhere, as the engine's reader skips them."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def match(self, text: str) -> re.Match[str] | None:
        return self._pattern.fullmatch(text if text.startswith(".") else text.replace("_", ""))


_TAG = "tag:yaml.org,2002:"
_DATE_TAG = "!date"
_DATE = (
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"([Tt][0-9]{1,2}(:[0-9]{1,2}){2}([.,][0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})"
    r"| +[0-9]{1,2}(:[0-9]{1,2}){2}([.,][0-9]+)?)?"
)
_MOST_DIGITS = 100
_SCALARS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(0[bB][01]*|0[oO]?[0-7]*|0[xX][0-9a-fA-F]*|[1-9][0-9]*)", "-+0123456789"),
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
    _StackFileLoader.add_implicit_resolver(f"{_TAG}{_kind}", _Underscored(_pattern), list(_first))
_StackFileLoader.add_implicit_resolver(_DATE_TAG, re.compile(f"^({_DATE})$"), list("0123456789"))


def _mapping(loader: Any, node: yaml.Node) -> dict[Any, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise yaml.constructor.ConstructorError(None, None, "a section of keys is expected", node.start_mark)
    seen: set[Any] = set()
    for key_node, value_node in node.value:
        merge = key_node.tag == f"{_TAG}merge"
        if merge:
            loader.construct_object(value_node, deep=True)
        key = "<<" if merge else loader.construct_object(key_node)
        if not isinstance(key, str):
            written = repr(key_node.value[:80]) if isinstance(key_node, yaml.ScalarNode) else "of several parts"
            raise yaml.constructor.ConstructorError(None, None, f"the key {written} is not text", key_node.start_mark)
        if key in seen:
            problem = f"the key {key[:80]!r} stands twice"
            raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
        seen.add(key)
    loader.flatten_mapping(node)
    # Merged maps may hold the same keys, and each level of merging would multiply them.
    node.value = list({key_node.value: (key_node, value_node) for key_node, value_node in node.value}.values())
    return loader.construct_mapping(node, deep=True)


def _integer(text: str) -> int:
    digits = text.replace("_", "").lower()
    if len(digits) > _MOST_DIGITS:
        raise ValueError(digits[:_MOST_DIGITS])
    return int(digits.replace("0o", "0", 1), 8) if re.match(r"[-+]?0o?[0-7]", digits) else int(digits, 0)


def _number(text: str) -> float | int:
    """The engine hands values on as JSON, in which 4.0 is 4."""
    value = float(re.sub(r"^([-+]?)\.(inf|nan)$", r"\1\2", text.lower().replace("_", "")))
    if math.isinf(value) and not text.lower().endswith("inf"):
        raise ValueError(text[:_MOST_DIGITS])
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


def _date(_: Any, node: yaml.ScalarNode) -> None:
    problem = f"{node.value[:40]!r} is a date to Pulumi; write it in quotes"
    raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


_StackFileLoader.add_constructor(_DATE_TAG, _date)
_StackFileLoader.add_constructor(f"{_TAG}bool", _scalar(lambda text: {"true": True, "false": False}[text.lower()]))
_StackFileLoader.add_constructor(f"{_TAG}int", _scalar(_integer))
_StackFileLoader.add_constructor(f"{_TAG}float", _scalar(_number))
_StackFileLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load(text: str) -> Any:
    """The document of a stack file. Raises yaml.YAMLError."""
    return yaml.load(text, _StackFileLoader)


def holds_no_number(content: Any, beside: Any) -> bool:
    """Whether .inf or .nan stands outside the site, whose own keys refuse them by name."""
    seen, left = {id(beside)}, [content]
    while left:
        value = left.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return True
        if isinstance(value, dict | list) and id(value) not in seen:
            seen.add(id(value))
            left.extend(value.values() if isinstance(value, dict) else value)
    return False
