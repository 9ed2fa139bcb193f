"""How many bytes a model's weights take, counted from its `config.json`.

The file's size would do as well, but nobody has it at hand where a site is planned; the config is a page of text.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any, TypeVar

Config = Mapping[str, Any]
Value = TypeVar("Value", bool, str, list[Any], dict[str, Any])

MOST = 2**31
"""No dimension of a model is larger, and products of a few such numbers still fit a float."""
MOST_BITS = 16

COUNTED = frozenset(
    {
        "DeepseekV2ForCausalLM",
        "DeepseekV3ForCausalLM",
        "Gemma2ForCausalLM",
        "Glm4MoeForCausalLM",
        "GptOssForCausalLM",
        "LlamaForCausalLM",
        "MistralForCausalLM",
        "MixtralForCausalLM",
        "Phi3ForCausalLM",
        "Qwen2ForCausalLM",
        "Qwen3ForCausalLM",
        "Qwen3MoeForCausalLM",
        "Qwen3NextForCausalLM",
    }
)
"""Architectures of gated feed-forward layers whose parameters the sums below give exactly."""

EXPERT_KEYS = ("n_routed_experts", "num_experts", "num_local_experts")

PLAIN_BYTES = 2.0
"""vLLM loads what is not quantized in 16 bit, 32-bit checkpoints too."""
_MXFP4_BYTES = 4 / 8 + 1 / 32
_NVFP4_BYTES = 4 / 8 + 1 / 16
_FP8_BYTES = 1.0


class NotAModel(ValueError):
    """A config that says too little to plan with. The text names the missing or wrong key."""


def count(config: Config, key: str, *, least: int = 1, most: int = MOST) -> int:
    """A whole number within bounds: anyone may have written the file."""
    value = config.get(key)
    if value is None:
        raise NotAModel(f"{key} is missing")
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise NotAModel(f"{key} is {reprlib.repr(value)}, no count from {least} to {most}")
    return value


def optional(config: Config, key: str, *, least: int = 0, most: int = MOST) -> int:
    """A count that may be left out, then 0."""
    return 0 if config.get(key) is None else count(config, key, least=least, most=most)


def typed(config: Config, key: str, kind: type[Value]) -> Value | None:
    """A value of a JSON type, None where it is left out."""
    value = config.get(key)
    if value is not None and not isinstance(value, kind):
        raise NotAModel(f"{key} is {reprlib.repr(value)}, no {kind.__name__}")
    return value


def texts(config: Config, key: str) -> list[str] | None:
    values = typed(config, key, list)
    if values is not None and not all(isinstance(value, str) for value in values):
        raise NotAModel(f"{key} is {reprlib.repr(values)}, no list of text")
    return values


def weight_bytes(config: Config, *, linear_layers: int) -> int | None:
    """Bytes of all weights, or None where the architecture or its quantization is not counted here."""
    architectures = texts(config, "architectures") or []
    quantized = _bytes_per_parameter(typed(config, "quantization_config", dict))
    if not COUNTED.intersection(architectures):
        return None
    if quantized is None:
        return None
    projections, experts = quantized
    layers = count(config, "num_hidden_layers")
    attention = (layers - linear_layers) * _attention(config)
    if linear_layers:
        attention += linear_layers * _linear_attention(config)
    dense, routed = _feed_forward(config)
    embeddings = count(config, "vocab_size") * count(config, "hidden_size")
    embeddings *= 1 if typed(config, "tie_word_embeddings", bool) else 2
    total = (attention + dense) * projections + routed * experts + embeddings * PLAIN_BYTES
    return round(total)


def parameters(config: Config, *, linear_layers: int = 0) -> int:
    """Parameters of the model, however they are quantized."""
    counted = weight_bytes({**config, "quantization_config": None}, linear_layers=linear_layers)
    return round((counted or 0) / PLAIN_BYTES)


def _attention(config: Config) -> int:
    hidden, heads = count(config, "hidden_size"), count(config, "num_attention_heads")
    if latent := optional(config, "kv_lora_rank"):
        nope, rope = count(config, "qk_nope_head_dim"), count(config, "qk_rope_head_dim")
        value, query_rank = count(config, "v_head_dim"), optional(config, "q_lora_rank")
        queries = heads * (nope + rope)
        query = hidden * query_rank + query_rank * queries if query_rank else hidden * queries
        return query + hidden * (latent + rope) + latent * heads * (nope + value) + heads * value * hidden
    width = optional(config, "head_dim", least=1) or hidden // heads
    kv_heads = optional(config, "num_key_value_heads", least=1) or heads
    gate = heads * width * hidden if "Qwen3NextForCausalLM" in (texts(config, "architectures") or []) else 0
    return hidden * (2 * heads + 2 * kv_heads) * width + gate


def _linear_attention(config: Config) -> int:
    hidden, value_heads = count(config, "hidden_size"), count(config, "linear_num_value_heads")
    keys = count(config, "linear_num_key_heads") * count(config, "linear_key_head_dim")
    values = value_heads * count(config, "linear_value_head_dim")
    gates = 2 * value_heads
    convolution = count(config, "linear_conv_kernel_dim") * (2 * keys + values)
    return hidden * (2 * keys + 2 * values + gates) + convolution + values * hidden


def _feed_forward(config: Config) -> tuple[int, int]:
    """Parameters outside and inside the routed experts, of all layers."""
    hidden, layers = count(config, "hidden_size"), count(config, "num_hidden_layers")
    experts = next((many for key in EXPERT_KEYS if (many := optional(config, key))), 0)
    if not experts:
        return layers * 3 * hidden * count(config, "intermediate_size"), 0
    width = optional(config, "moe_intermediate_size") or count(config, "intermediate_size")
    shared = optional(config, "shared_expert_intermediate_size") or width * optional(config, "n_shared_experts")
    first = optional(config, "first_k_dense_replace", most=layers)
    dense = first * 3 * hidden * count(config, "intermediate_size") if first else 0
    routed_layers = layers - first
    always = routed_layers * (3 * hidden * shared + hidden * experts)
    return dense + always, routed_layers * experts * 3 * hidden * width


def _bytes_per_parameter(quantization: Config | None) -> tuple[float, float] | None:
    """Bytes of a projection's and of an expert's parameter, scales included."""
    if not quantization:
        return PLAIN_BYTES, PLAIN_BYTES
    match (typed(quantization, "quant_method", str) or "").lower():
        case "awq" | "gptq" | "awq_marlin" | "gptq_marlin":
            return _grouped(quantization, "bits")
        case "fp8":
            return _FP8_BYTES, _FP8_BYTES
        case "mxfp4":
            return PLAIN_BYTES, _MXFP4_BYTES
        case "modelopt" | "modelopt_fp4" | "nvfp4":
            four = "FP4" in (typed(quantization, "quant_algo", str) or "NVFP4").upper()
            return (_NVFP4_BYTES, _NVFP4_BYTES) if four else (_FP8_BYTES, _FP8_BYTES)
        case "compressed-tensors":
            return _compressed(quantization)
        case _:
            return None


def _compressed(quantization: Config) -> tuple[float, float] | None:
    first = next(iter((typed(quantization, "config_groups", dict) or {}).values()), None)
    weights = typed(first, "weights", dict) if isinstance(first, Mapping) else None
    if not weights or weights.get("num_bits") is None:
        return None
    if count(weights, "num_bits", most=MOST_BITS) == 4 and typed(weights, "type", str) == "float":
        return _NVFP4_BYTES, _NVFP4_BYTES
    return _grouped({"group_size": -1, **weights}, "num_bits")


def _grouped(quantization: Config, key: str) -> tuple[float, float]:
    """Whole numbers of some bits, with a 16-bit scale and a zero point for each group of a row."""
    bits = optional(quantization, key, least=1, most=MOST_BITS) or 4
    group = optional({"group_size": 128, **quantization}, "group_size", least=-1)
    extra = (16 + bits) / 8 / group if group > 0 else 0.0
    each = bits / 8 + extra
    return each, each
