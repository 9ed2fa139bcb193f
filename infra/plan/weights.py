"""How many bytes a model's weights take, counted from its `config.json`.

The file's size would do as well, but nobody has it at hand where a site is planned; the config is a page of text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Config = Mapping[str, Any]

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

PLAIN_BYTES = 2.0
"""vLLM loads what is not quantized in 16 bit, 32-bit checkpoints too."""
_MXFP4_BYTES = 4 / 8 + 1 / 32
_NVFP4_BYTES = 4 / 8 + 1 / 16
_FP8_BYTES = 1.0


def weight_bytes(config: Config, *, linear_layers: int) -> int | None:
    """Bytes of all weights, or None where the architecture or its quantization is not counted here."""
    architectures = config.get("architectures") or []
    if not COUNTED.intersection(architectures):
        return None
    quantized = _bytes_per_parameter(config.get("quantization_config"))
    if quantized is None:
        return None
    projections, experts = quantized
    layers = config["num_hidden_layers"]
    attention = (layers - linear_layers) * _attention(config)
    if linear_layers:
        attention += linear_layers * _linear_attention(config)
    dense, routed = _feed_forward(config)
    embeddings = config["vocab_size"] * config["hidden_size"] * (1 if config.get("tie_word_embeddings") else 2)
    total = (attention + dense) * projections + routed * experts + embeddings * PLAIN_BYTES
    return round(total)


def parameters(config: Config, *, linear_layers: int = 0) -> int:
    """Parameters of the model, however they are quantized."""
    counted = weight_bytes({**config, "quantization_config": None}, linear_layers=linear_layers)
    return round((counted or 0) / PLAIN_BYTES)


def _attention(config: Config) -> int:
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    if latent := config.get("kv_lora_rank"):
        nope, rope, value = config["qk_nope_head_dim"], config["qk_rope_head_dim"], config["v_head_dim"]
        query_rank = config.get("q_lora_rank")
        queries = heads * (nope + rope)
        query = hidden * query_rank + query_rank * queries if query_rank else hidden * queries
        return query + hidden * (latent + rope) + latent * heads * (nope + value) + heads * value * hidden
    width = config.get("head_dim") or hidden // heads
    kv_heads = config.get("num_key_value_heads") or heads
    gate = heads * width * hidden if "Qwen3NextForCausalLM" in config["architectures"] else 0
    return hidden * (2 * heads + 2 * kv_heads) * width + gate


def _linear_attention(config: Config) -> int:
    hidden = config["hidden_size"]
    keys = config["linear_num_key_heads"] * config["linear_key_head_dim"]
    values = config["linear_num_value_heads"] * config["linear_value_head_dim"]
    gates = 2 * config["linear_num_value_heads"]
    convolution = config["linear_conv_kernel_dim"] * (2 * keys + values)
    return hidden * (2 * keys + 2 * values + gates) + convolution + values * hidden


def _feed_forward(config: Config) -> tuple[int, int]:
    """Parameters outside and inside the routed experts, of all layers."""
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    experts = config.get("n_routed_experts") or config.get("num_experts") or config.get("num_local_experts") or 0
    if not experts:
        return layers * 3 * hidden * config["intermediate_size"], 0
    width = config.get("moe_intermediate_size") or config["intermediate_size"]
    shared = config.get("shared_expert_intermediate_size") or width * (config.get("n_shared_experts") or 0)
    first = config.get("first_k_dense_replace") or 0
    dense = first * 3 * hidden * config["intermediate_size"] if first else 0
    routed_layers = layers - first
    always = routed_layers * (3 * hidden * shared + hidden * experts)
    return dense + always, routed_layers * experts * 3 * hidden * width


def _bytes_per_parameter(quantization: object) -> tuple[float, float] | None:
    """Bytes of a projection's and of an expert's parameter, scales included."""
    if not quantization:
        return PLAIN_BYTES, PLAIN_BYTES
    if not isinstance(quantization, Mapping):
        return None
    method = str(quantization.get("quant_method", "")).lower()
    match method:
        case "awq" | "gptq" | "awq_marlin" | "gptq_marlin":
            return _grouped(quantization.get("bits", 4), quantization.get("group_size", 128))
        case "fp8":
            return _FP8_BYTES, _FP8_BYTES
        case "mxfp4":
            return PLAIN_BYTES, _MXFP4_BYTES
        case "modelopt" | "modelopt_fp4" | "nvfp4":
            four = "FP4" in str(quantization.get("quant_algo", "NVFP4")).upper()
            return (_NVFP4_BYTES, _NVFP4_BYTES) if four else (_FP8_BYTES, _FP8_BYTES)
        case "compressed-tensors":
            return _compressed(quantization)
        case _:
            return None


def _compressed(quantization: Mapping[str, Any]) -> tuple[float, float] | None:
    groups = quantization.get("config_groups")
    first = next(iter(groups.values()), None) if isinstance(groups, Mapping) else None
    weights = first.get("weights") if isinstance(first, Mapping) else None
    if not isinstance(weights, Mapping) or not isinstance(weights.get("num_bits"), int):
        return None
    if weights["num_bits"] == 4 and weights.get("type") == "float":
        return _NVFP4_BYTES, _NVFP4_BYTES
    return _grouped(weights["num_bits"], weights.get("group_size") or -1)


def _grouped(bits: object, group: object) -> tuple[float, float] | None:
    """Whole numbers of `bits`, with a 16-bit scale and a zero point for each group of a row."""
    if not isinstance(bits, int) or not isinstance(group, int):
        return None
    extra = (16 + bits) / 8 / group if group > 0 else 0.0
    each = bits / 8 + extra
    return each, each
