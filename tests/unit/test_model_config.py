"""What a `config.json` of anyone's says: of a model that is not shipped, half of one, or of none."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra import plan as planning
from infra.cli.check import planned
from infra.plan.capacity import capacity_plan
from infra.plan.known_models import known_config
from infra.plan.model_shape import ModelShape, NotAModel, shape_from_config
from tests.unit.test_bad_site_files import changed as in_site
from tests.unit.test_bad_site_files import refusal

NASTY = [None, True, False, "x", 1.5, -1, 0, 3, 2**31, 10**400, 10**30, [], {}, [[]], [{}], ["x"], math.nan, math.inf]
GROUPS = {"a": {"weights": {"num_bits": 4, "type": "int", "group_size": 32}}}
PLAIN: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "vocab_size": 32000,
    "max_position_embeddings": 32768,
}
FULL = {
    **PLAIN,
    "model_type": "qwen2",
    "head_dim": 128,
    "tie_word_embeddings": False,
    "sliding_window": 4096,
    "use_sliding_window": True,
    "max_window_layers": 8,
    "sliding_window_pattern": None,
    "layer_types": None,
    "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768},
    "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128},
}
GEMMA = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "text_config": {
        "hidden_size": 3840,
        "intermediate_size": 15360,
        "model_type": "gemma3_text",
        "num_hidden_layers": 48,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "sliding_window": 1024,
    },
    "vision_config": {"hidden_size": 1152},
}
MUTATED = {
    "all keys": FULL,
    "grouped": {**FULL, "quantization_config": {"quant_method": "compressed-tensors", "config_groups": GROUPS}},
    "parts": GEMMA,
    **{
        name: dict(known_config(name) or {})
        for name in ("deepseek-ai/DeepSeek-V3", "Qwen/Qwen3-Next-80B-A3B-Instruct", "openai/gpt-oss-20b")
    },
}


def changed(value: Any, path: tuple[str, ...], new: object) -> Any:
    return {**value, path[0]: changed(value[path[0]], path[1:], new)} if path else new


def paths(value: object) -> list[tuple[str, ...]]:
    inner = value.items() if isinstance(value, dict) else ()
    return [path for key, below in inner for path in ((key,), *((key, *rest) for rest in paths(below)))]


def shape_or_refusal(config: dict[str, Any]) -> ModelShape | str:
    try:
        return shape_from_config(config)
    except NotAModel as error:
        return str(error)


@pytest.mark.parametrize("name", MUTATED)
def test_any_value_of_any_key_is_counted_or_refused(name: str) -> None:
    counted = planned("prod").engine
    for path in paths(MUTATED[name]):
        for value in NASTY:
            shape = shape_or_refusal(changed(MUTATED[name], path, value))
            if isinstance(shape, str):
                assert len(shape) < 150, path
                continue
            assert min(shape.full_layers, shape.window_layers) >= 0
            for engine in (counted, replace(counted, weights_gib=10.0)):
                capacity_plan(shape, engine)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        *(({"architectures": value}, "architectures") for value in (True, 5, 1.5, [[]], [{}])),
        ({"intermediate_size": None}, "intermediate_size is missing"),
        ({"n_routed_experts": "x"}, "n_routed_experts is 'x', no count"),
        ({"n_routed_experts": {}}, "n_routed_experts"),
        ({"num_hidden_layers": 10**400}, "num_hidden_layers is 1000"),
        ({"num_attention_heads": 10**30}, "num_attention_heads"),
        ({"num_attention_heads": 8192}, "hidden_size is 4096, fewer than num_attention_heads (8192)"),
        ({"quantization_config": {"quant_method": "awq", "bits": 10**400}}, "bits is 1000"),
        ({"quantization_config": {"quant_method": "awq", "bits": 17}}, "bits is 17, no count from 1 to 16"),
        ({"layer_types": ["sliding_attention"] * 64, "sliding_window": 9}, "layer_types has 64 entries for 32 layers"),
        ({"layer_types": ["linear_attention"] * 32}, "all 32 layers are linear"),
        ({"vocab_size": None, "num_attention_heads": None}, "num_attention_heads and vocab_size are missing"),
        ({"rope_scaling": {"type": "yarn", "factor": "4"}}, "the factor of its rotary scaling is '4'"),
    ],
)
def test_what_is_no_model_is_refused_by_its_key(change: dict[str, Any], said: str) -> None:
    with pytest.raises(NotAModel) as refused:
        shape_from_config({**PLAIN, **change})
    assert said in str(refused.value)


def layers(**change: object) -> tuple[int, int]:
    shape = shape_from_config({**PLAIN, **change})
    return shape.full_layers, shape.window_layers


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        ({"model_type": "gemma3_text", "num_hidden_layers": 26}, (4, 22)),
        ({"model_type": "gemma3", "num_hidden_layers": 48}, (8, 40)),
        ({"model_type": "gemma3_text", "sliding_window_pattern": 2}, (16, 16)),
        ({"model_type": "gemma3_text", "layer_types": ["sliding_attention"] * 30 + ["full_attention"] * 2}, (2, 30)),
        ({"model_type": "qwen2", "use_sliding_window": True, "max_window_layers": 28}, (28, 4)),
        ({"model_type": "qwen2", "use_sliding_window": True, "max_window_layers": 70}, (32, 0)),
        ({"model_type": "qwen2", "use_sliding_window": True}, (32, 0)),
        ({"model_type": "qwen2", "use_sliding_window": False, "max_window_layers": 28}, (32, 0)),
        ({"model_type": "qwen2", "max_window_layers": 28}, (32, 0)),
        ({"model_type": "mistral"}, (0, 32)),
        ({"model_type": "mistral", "sliding_window": None}, (32, 0)),
        ({"model_type": "own"}, (32, 0)),
        ({}, (32, 0)),
    ],
)
def test_windowed_layers(change: dict[str, Any], counted: tuple[int, int]) -> None:
    assert layers(**{"sliding_window": 1024, **change}) == counted


@pytest.mark.parametrize(
    ("change", "positions"),
    [
        ({"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}}, 131072),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4}}, 131072),
        ({"rope_scaling": {"rope_type": "linear", "factor": 2.5}}, 81920),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 2}}, 65536),
        ({"rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 4096}}, 32768),
        ({"rope_scaling": {"type": "linear", "factor": 0.5}}, 32768),
        ({"rope_scaling": {"type": "llama3", "factor": 8}}, 32768),
        ({"rope_scaling": {"type": "yarn"}}, 32768),
        ({"model_type": "gemma3_text", "rope_scaling": {"type": "linear", "factor": 8}}, 32768),
        ({"rope_scaling": {"type": "yarn", "factor": 4}, "max_position_embeddings": None}, None),
    ],
)
def test_rotary_scaling_stretches_the_positions(change: dict[str, Any], positions: int | None) -> None:
    assert shape_from_config({**PLAIN, **change}).max_position == positions


def refused_in_a_site(config: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    (tmp_path / "config.json").write_text(json.dumps(config))
    return refusal(in_site(tmp_path, {"model.config": "config.json"}), capsys)[0]


def test_a_published_config_with_keys_left_out_says_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused_in_a_site(GEMMA, tmp_path, capsys)
    assert "config.json: num_attention_heads and vocab_size are missing" in line
    assert "or a copy of it completed" in line
    completed = {**GEMMA["text_config"], "num_attention_heads": 16, "vocab_size": 262208}
    shape = shape_from_config({**GEMMA, "text_config": completed})
    assert (shape.full_layers, shape.window_layers, shape.weights_bytes) == (8, 40, None)


@pytest.mark.parametrize("error", [KeyError("x"), TypeError(), OverflowError(), ZeroDivisionError()])
def test_no_config_ends_in_a_traceback(
    error: Exception, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> None:
        raise error

    monkeypatch.setattr(planning, "shape_from_config", fails)
    assert type(error).__name__ in refused_in_a_site(PLAIN, tmp_path, capsys)
