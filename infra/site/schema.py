"""JSON Schema of a stack file, for the editor."""

from __future__ import annotations

from typing import Any

from .explain import section_of
from .file import CONFIG_KEY
from .model import Site
from .remarks import remarks
from .section import Section


def json_schema() -> dict[str, Any]:
    """Schema of a whole `Pulumi.<site>.yaml`; other configuration of the engine is left alone."""
    site = Site.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions = site.pop("$defs", {})
    _describe(Site, site, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "F3Iai inference site",
        "type": "object",
        "required": ["config"],
        "properties": {"config": {"type": "object", "required": [CONFIG_KEY], "properties": {CONFIG_KEY: site}}},
        "$defs": definitions,
    }


def _describe(section: type[Section], schema: dict[str, Any], definitions: dict[str, Any]) -> None:
    for name, field in section.model_fields.items():
        if text := remarks(section).get(name):
            schema["properties"][field.alias]["description"] = text
        if inner := section_of(field.annotation):
            _describe(inner, definitions[inner.__name__], definitions)
