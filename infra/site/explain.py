"""pydantic's errors in the operator's words: the key, the fault with its value, and what to write instead."""

from __future__ import annotations

import difflib
import json
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from .faults import Fault
from .section import Section

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a section of keys",
    "model_type": "a section of keys",
    "model_attributes_type": "a section of keys",
}
_LONGEST = 80
_MOST_SHOWN = 5
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def faults(model: type[Section], error: ValidationError) -> list[Fault]:
    """Every error of a validation as a fault, in the order of the file's keys."""
    return [_fault(model, details) for details in error.errors(include_url=False)]


def dotted(path: tuple[int | str, ...]) -> str:
    """`('gpus', 'labelNodes', 0)` as an operator writes it: `gpus.labelNodes[0]`.

    A key that would not be seen, or would break the line, stands in quotes.
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            seen, short = part and part.isprintable() and part == part.strip(), _cut(part)
            key = short if seen else json.dumps(short)
            text += f".{key}" if text else key
    return text


def _fault(model: type[Section], details: ErrorDetails) -> Fault:
    path = details["loc"]
    key, kind, context = dotted(path), details["type"], details.get("ctx", {})
    if kind == "invalid":
        return Fault(key, context["problem"], context["remedy"])
    if kind == "missing":
        return Fault(key, "is missing", f"write it{_example(model, path)}")
    if kind == "extra_forbidden":
        return Fault(key, "is not a key of this file", _near_key(model, path))
    if kind == "too_short":
        return Fault(key, "is empty", f"write at least {context['min_length']} item")
    value = written(details["input"])
    if kind in _KINDS:
        quoted = ", in quotes" if kind == "string_type" else ""
        return Fault(key, f"{value} is not {_KINDS[kind]}", f"write {_KINDS[kind]}{quoted}{_example(model, path)}")
    if kind == "literal_error":
        return Fault(key, f"{value} is not one of its values", f"write {context['expected'].replace('True', 'true')}")
    for bound, words in _BOUNDS.items():
        if bound in context:
            return Fault(key, f"{value} is out of range", f"write {words} {context[bound]:g}")
    return Fault(key, f"{value}: {details['msg']}", f"see `python -m infra schema`{_example(model, path)}")


def written(value: Any) -> str:
    """A value as it stands in the file, where Python would say None, True and dict.

    A few aliases can stand for more text than any memory holds, so of a large value its size is told.
    """
    if isinstance(value, str):
        return repr(value) if len(value) <= _LONGEST else f"{value[:_LONGEST]!r}..."
    if isinstance(value, dict | list) and not _is_small(value):
        count, kind = len(value), ("section", "key") if isinstance(value, dict) else ("list", "item")
        return f"a {kind[0]} of {count} {kind[1]}{'' if count == 1 else 's'}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _cut(repr(value))
    return _cut(json.dumps(value, default=str))


def _is_small(value: dict[Any, Any] | list[Any]) -> bool:
    inside = list(value.values()) if isinstance(value, dict) else value
    return len(inside) <= _MOST_SHOWN and not any(isinstance(each, dict | list) for each in inside)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def section_of(annotation: Any) -> type[Section] | None:
    """The section that a key holds, or None where it holds a value."""
    return next(_sections(annotation), None)


def _sections(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from _sections(member)


def _section_at(model: type[Section], path: tuple[int | str, ...]) -> type[Section] | None:
    section: type[Section] | None = model
    for part in path:
        field = next((f for f in section.model_fields.values() if f.alias == part), None) if section else None
        section = section_of(field.annotation) if field else None
    return section


def _example(model: type[Section], path: tuple[int | str, ...]) -> str:
    section = _section_at(model, path[:-1])
    field = next((f for f in section.model_fields.values() if f.alias == path[-1]), None) if section else None
    if field is None:
        return ""
    if field.examples:
        return f", e.g. {path[-1]}: {field.examples[0]}"
    if isinstance(field.default, str | int | float) and not isinstance(field.default, bool):
        return f", e.g. {path[-1]}: {field.default}"
    return ""


def _near_key(model: type[Section], path: tuple[int | str, ...]) -> str:
    section = _section_at(model, path[:-1])
    known = [str(field.alias) for field in section.model_fields.values()] if section else []
    lowered: Mapping[str, str] = {name.lower(): name for name in known}
    near = difflib.get_close_matches(str(path[-1])[:_LONGEST].lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean {lowered[near[0]]!r}?" if near else f"the keys here are {', '.join(known)}"
