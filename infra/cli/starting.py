"""`python -m infra init`: a site file to begin with."""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from infra.site import CONFIG_KEY, PROJECT_ROOT, Fault, Site, SiteRefused, locate, section_of, site_name
from infra.site.remarks import remarks
from infra.site.section import Section

STACK_NAME = r"[A-Za-z0-9_.-]{1,100}"
WIDTH = 110
SCHEMA = PROJECT_ROOT / "docs" / "site.schema.json"


def write_site(site: str) -> int:
    """Write the stack file of a new site; a file that is there is left alone.

    Raises:
        SiteRefused: the name is no stack name, or the file cannot be written.
    """
    path = locate(site)
    if not re.fullmatch(STACK_NAME, site_name(path)):
        raise SiteRefused(site, [Fault("", "is no stack name", "use letters, digits, '-', '_' and '.'")])
    schema = os.path.relpath(SCHEMA, path.parent.resolve())
    lines = [f"# yaml-language-server: $schema={schema}", *_HEAD, "config:", f"  {CONFIG_KEY}:", *_section(Site, 4)]
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except FileExistsError:
        raise SiteRefused(str(path), [Fault("", "is there already", "choose another name, or edit it")]) from None
    except OSError as error:
        raise SiteRefused(str(path), [Fault("", f"cannot be written: {error.strerror}", "name another file")]) from None
    print(f"{path} is written: put your values where it says 'yours', then run python -m infra check {site}")
    return 0


_HEAD = (
    "# What has no default stands here with an example: put your own values. Every other key is commented out and",
    "# shows its default; take the '#' away to change it. `python -m infra check` says what would not run.",
)


def _section(section: type[Section], indent: int, *, optional: bool = False) -> Iterator[str]:
    """A section's keys: those without a default as they must be written, the others as comments."""
    for name, field in section.model_fields.items():
        inner, margin = section_of(field.annotation), " " * indent
        optional_key = optional or not field.is_required()
        mark = "# " if optional_key else ""
        yield from _remark(remarks(section).get(name, ""), indent)
        if inner and not field.examples:
            yield f"{margin}{mark}{field.alias}:"
            yield from _section(inner, indent + 2, optional=optional_key)
        else:
            value = field.examples[0] if field.is_required() and field.examples else _written(field.get_default())
            yield f"{margin}{mark}{field.alias}: {value}{'' if optional_key else ' # yours'}"


def _remark(text: str, indent: int) -> Iterator[str]:
    for line in textwrap.wrap(text, WIDTH - indent - 3):
        yield f"{' ' * indent}## {line}"


def _written(value: Any) -> str:
    """A default as YAML writes it on one line."""
    if isinstance(value, dict | list | bool | None):
        return json.dumps(value)
    return str(value)
