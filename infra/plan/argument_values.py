"""Whether `vllm serve` could take a value for an argument, judged as its parser and config classes do."""

from __future__ import annotations

import difflib
import json
import operator
import re

from .known_arguments import BOUNDS, Argument

_WITHIN = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}
_NOUNS = {
    "int": "a whole number",
    "size": "a whole number",
    "float": "a number",
    "json": "JSON",
    "object": "a JSON object",
    "choice": "one of its values",
}
_SIZE = re.compile(r"\d+(?:\.\d+)?[kmgt]|\d+[KMGT]")
_BARE_SIZE = re.compile(r'("(?:[^"\\]|\\.)*")|\b\d+(?:\.\d+)?[kKmMgGtT]\b')
_POWERS = "kmgt"


def value_fault(argument: Argument, value: str) -> tuple[str, str] | None:
    """What is wrong with a value and what to write instead, or None."""
    if argument.none and value in ("", "None"):
        return None
    wrong = f"{value!r} is not {_NOUNS.get(argument.kind, 'text')}"
    if argument.kind == "choice":
        written = value.lower().replace("-", "_") if argument.folded else value
        return None if written in argument.choices else (wrong, _choice(argument, value))
    if argument.kind in ("json", "object"):
        return None if _is_json(argument, value) else (wrong, f"write {argument.flag}.KEY=VALUE, or JSON in one word")
    if argument.kind not in ("int", "size", "float") or (argument.auto and value.lower() == "auto"):
        return None
    number = _number(argument, value)
    if number is None:
        return wrong, f"write {wanted(argument)}"
    if all(_WITHIN[bound](number, limit) for bound, limit in argument.bounds.items()):
        return None
    return f"{value!r} is out of range", f"write {_range(argument)}"


def wanted(argument: Argument) -> str:
    """What a value of an argument looks like, in words."""
    if argument.kind == "choice":
        return f"one of {', '.join(argument.choices)}"
    noun = _NOUNS.get(argument.kind, "text")
    scaled = ", 1k or 1K for short" if argument.kind == "size" else ""
    limits = f" of {_range(argument)}" if argument.bounds else ""
    return f"{noun}{limits}{scaled}"


def _range(argument: Argument) -> str:
    return " and ".join(f"{BOUNDS[bound]} {limit:g}" for bound, limit in argument.bounds.items())


def _choice(argument: Argument, value: str) -> str:
    lowered = {choice.lower(): choice for choice in argument.choices}
    near = difflib.get_close_matches(value.lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean {lowered[near[0]]}?" if near else f"write {wanted(argument)}"


def _number(argument: Argument, value: str) -> float | None:
    """A number as Python reads it, which is how vLLM does; None where it is none."""
    stripped = value.strip()
    try:
        if argument.kind == "float":
            return float(value)
        if argument.kind == "size" and _SIZE.fullmatch(stripped):
            digits, unit = stripped[:-1], stripped[-1]
            return int(float(digits) * (1000 if unit in _POWERS else 1024) ** (_POWERS.index(unit.lower()) + 1))
        return int(value)
    except ValueError:
        return None


def _is_json(argument: Argument, value: str) -> bool:
    """In the objects of config classes, sizes such as 80g may stand for numbers."""
    sizes = argument.kind == "object"
    try:
        read = json.loads(_BARE_SIZE.sub(lambda found: found[1] or "0", value) if sizes else value)
    except ValueError:
        return False
    return isinstance(read, dict) or not sizes
