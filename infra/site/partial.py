"""What is left of a site file in which some keys are wrong, so that the rules can judge it too.

An operator mends a file once, so a quota above the GPUs is reported beside a misspelt key elsewhere. What is wrong is
taken out, what is missing stands in by its example, and a rule that then speaks of either has nothing to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from .explain import section_of
from .faults import Fault
from .model import Site
from .section import Section
from .sections import ModelSource


def remainder(value: Mapping[str, Any], faults: Iterable[Fault]) -> Site | None:
    """The site without what is wrong in it, or None where that is no site either."""
    document: dict[str, Any] = deepcopy(dict(value))
    for fault in faults:
        _take_out(document, fault.key.split("[")[0].split("."))
    _fill(Site, document)
    try:
        return Site.model_validate(document)
    except ValidationError:
        return None


def beside(found: Iterable[Fault], wrong: Iterable[Fault]) -> list[Fault]:
    """The faults that speak of no key which is wrong itself."""
    keys = "|".join(re.escape(fault.key.split("[")[0]) for fault in wrong if fault.key)
    named = re.compile(rf"(?<![\w.])(?:{keys})(?!\w)")
    return [fault for fault in found if not keys or not named.search(f"{fault.key} {fault.problem} {fault.remedy}")]


def _take_out(section: dict[str, Any], path: list[str]) -> None:
    for name in path[:-1]:
        inner = section.get(name)
        if not isinstance(inner, dict):
            return
        section = inner
    section.pop(path[-1], None)


def _fill(section: type[Section], value: dict[str, Any]) -> None:
    for field in section.model_fields.values():
        key, inner = str(field.alias), section_of(field.annotation)
        if key not in value and field.is_required():
            value[key] = _example(field)
        if inner and isinstance(value.get(key), dict):
            _fill(inner, value[key])


def _example(field: FieldInfo) -> Any:
    inner = section_of(field.annotation)
    if inner is ModelSource:
        return {"hub": True}
    return {} if inner else (field.examples or [None])[0]
