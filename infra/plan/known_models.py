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
    return {name.lower(): {"name": name, **row} for name, row in json.loads(path.read_text("utf-8"))["models"].items()}


def known_config(model: str) -> Mapping[str, Any] | None:
    """The config of a well-known model or of a quantized twin of one, or None: an unknown model is not guessed."""
    name = model.lower()
    if found := _configs().get(name):
        return found
    ending = re.search(rf"-({'|'.join(QUANTIZED)})$", name)
    base = _configs().get(name[: ending.start()]) if ending else None
    return {**base, "quantization_config": QUANTIZED[ending[1]]} if ending and base else None


LONGEST_NAME = 300
"""Of a model in a log; taking the endings off a longer one would take minutes."""
_OTHER = {"quant_method": "of a publisher's own"}
_QUANTIZED_WORDS = "awq|gptq|int4|int8|w4a16|w8a8|w8a16|fp8|nvfp4|fp4|mxfp4|bnb|4bit|8bit|gguf|quantized|autoround"
_SAME_SHAPE_WORDS = "instruct|chat|it|hf|base|dynamic|marlin|g128|gs128|sym|block|thinking|unsloth"
_ENDING = re.compile(rf"[-_.](?:({_QUANTIZED_WORDS})|{_SAME_SHAPE_WORDS})$")


def _quantized_as(method: str) -> Mapping[str, Any]:
    """The `quantization_config` of a method that vLLM names in its log."""
    name = method.lower().removesuffix("_marlin")
    if name in ("awq", "fp8", "nvfp4"):
        return QUANTIZED[name]
    return _OTHER


def _family(model: str) -> tuple[str, bool]:
    """A name without publisher and endings, and whether one of these says that the weights are quantized."""
    name, quantized = model.lower().rsplit("/", 1)[-1].removeprefix("meta-"), False
    while ending := _ENDING.search(name):
        name, quantized = name[: ending.start()], quantized or bool(ending[1])
    return name, quantized


@cache
def _families() -> Mapping[str, Mapping[str, Any]]:
    return {_family(name)[0]: row for name, row in reversed(list(_configs().items()))}


@cache
def family_config(model: str) -> Mapping[str, Any] | None:
    """The config of a model that a log names as it likes: by another publisher, fine-tuned for chat or quantized.

    Good for layers, heads and vocabulary; of weights that are quantized in a way not known here it says nothing.
    """
    if len(model) > LONGEST_NAME:
        return None
    if config := known_config(model):
        return config
    name, quantized = _family(model)
    found = _families().get(name)
    if found is None or not quantized:
        return found
    twin = known_config(f"{found['name']}-{model.lower().rsplit('-', 1)[-1]}")
    return twin or {**found, "quantization_config": _OTHER}


def name_of(told: object) -> str:
    """A name that a log tells, empty where it is too long for one."""
    name = str(told or "")
    return name if len(name) <= LONGEST_NAME else ""


def told_shape(model: str, quantization: object) -> ModelShape | None:
    """The shape of a model that a log names, quantized as the log says where the name does not say it."""
    config = family_config(model)
    if config and quantization and not config.get("quantization_config"):
        config = {**config, "quantization_config": _quantized_as(str(quantization))}
    return shape_from_config(config) if config else None


@cache
def known_shape(model: str) -> ModelShape | None:
    config = known_config(model)
    return shape_from_config(config) if config else None
