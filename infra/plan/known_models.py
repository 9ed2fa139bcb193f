"""Models whose `config.json` is shipped, so that a site need not name a file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .model_shape import ModelShape, shape_from_config

QUANTIZED = {
    "awq": {"quant_method": "awq", "bits": 4, "group_size": 128},
    "gptq-int4": {"quant_method": "gptq", "bits": 4, "group_size": 128},
    "gptq-int8": {"quant_method": "gptq", "bits": 8, "group_size": 128},
    "fp8": {"quant_method": "fp8"},
    "nvfp4": {"quant_method": "nvfp4"},
}
"""Endings under which publishers ship a quantized twin of a model, and what its config then says."""


@cache
def _configs() -> Mapping[str, Mapping[str, Any]]:
    path = Path(__file__).with_name("models.json")
    return {name.lower(): row for name, row in json.loads(path.read_text(encoding="utf-8"))["models"].items()}


def known_config(model: str) -> Mapping[str, Any] | None:
    """The config of a well-known model or of a quantized twin of one, or None: an unknown model is not guessed."""
    name = model.lower()
    if found := _configs().get(name):
        return found
    ending = re.search(rf"-({'|'.join(QUANTIZED)})$", name)
    base = _configs().get(name[: ending.start()]) if ending else None
    return {**base, "quantization_config": QUANTIZED[ending[1]]} if ending and base else None


@cache
def known_shape(model: str) -> ModelShape | None:
    config = known_config(model)
    return shape_from_config(config) if config else None
