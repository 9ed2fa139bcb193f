"""JSON Schema of a stack file, for the editor."""

from __future__ import annotations

from typing import Any

from .file import CONFIG_KEY
from .model import Site


def json_schema() -> dict[str, Any]:
    """Schema of a whole `Pulumi.<site>.yaml`; other configuration of the engine is left alone."""
    site = Site.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions = site.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "F3Iai inference site",
        "type": "object",
        "required": ["config"],
        "properties": {"config": {"type": "object", "required": [CONFIG_KEY], "properties": {CONFIG_KEY: site}}},
        "$defs": definitions,
    }
