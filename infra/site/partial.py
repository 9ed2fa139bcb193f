"""The rules across keys, judged on what is left of a site file in which some keys are wrong.

An operator mends a file once, so a quota above the GPUs is reported beside a misspelt key elsewhere. A rule that needs
a key which is wrong itself has nothing to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from .explain import section_of
from .faults import Fault
from .model import Site
from .rules import RULES
from .section import Section


class _Unknown(Exception):
    """A rule asked for a key that is missing or wrong."""


class _View:
    """A section of the file as a rule sees it: its values and defaults, and its properties computed from them."""

    def __init__(self, section: type[Section], value: Mapping[str, Any], path: str, wrong: frozenset[str]) -> None:
        self._section, self._value, self._path, self._wrong = section, value, path, wrong

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._section, name, None)
        if isinstance(attribute, property) and attribute.fget:
            return attribute.fget(self)
        field = self._section.model_fields[name]
        key = str(field.alias)
        path = f"{self._path}.{key}" if self._path else key
        if any(fault == path or fault.startswith(f"{path}[") for fault in self._wrong):
            raise _Unknown(path)
        if key not in self._value:
            if field.is_required():
                raise _Unknown(path)
            return field.get_default(call_default_factory=True)
        value, section = self._value[key], section_of(field.annotation)
        return _View(section, value, path, self._wrong) if section and isinstance(value, Mapping) else value


def broken_where_known(value: Mapping[str, Any], faults: Iterable[Fault]) -> list[Fault]:
    """The faults of every rule that needs none of the keys at fault."""
    wrong = frozenset(fault.key for fault in faults)
    site = cast("Site", _View(Site, value, "", wrong))
    found: list[Fault] = []
    for rule in RULES:
        try:
            found.extend(rule(site))
        except _Unknown:
            continue
    return found
