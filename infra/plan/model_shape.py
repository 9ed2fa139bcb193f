"""What a model's `config.json` says about memory: its layers, its weights and its KV cache.

vLLM builds the model from the same file, so no download and no GPU is needed to know its size. A config that this
module cannot count exactly gives no size instead of a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .weights import weight_bytes

KV_BYTES = {"auto": 2, "bfloat16": 2, "float16": 2, "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1}
EXPERTS_PER_TOKEN = 8
"""Where a config does not say; none of the well-known ones chooses more, but Qwen3-Next's ten small ones."""
_STATE_BYTES = 4
"""Recurrent states are kept in 32 bit."""


class NotAModel(ValueError):
    """A config that says too little to plan with. The text names the missing or wrong key."""


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """Dimensions of a decoder. Attention layers are counted by kind; `window` is in tokens.

    `latent` is the width of a compressed KV entry (MLA), 0 where keys and values are kept per head. `state_bytes` is
    the recurrent state of one request in all linear-attention layers. `weights_bytes` is None where the architecture
    or the quantization is not one this program counts.
    """

    full_layers: int
    window_layers: int
    window: int
    linear_layers: int
    heads: int
    kv_heads: int
    head_dim: int
    latent: int
    state_bytes: int
    vocabulary: int
    hidden: int
    widest: int
    max_position: int | None
    weights_bytes: int | None

    @property
    def attention_layers(self) -> int:
        return self.full_layers + self.window_layers

    def layer_bytes(self, kv_cache_dtype: str, gpus: int) -> int:
        """KV bytes of one token in one layer on one GPU.

        Heads are shared out between the GPUs and repeated where there are fewer heads than GPUs; a compressed entry
        is repeated on each.
        """
        width = self.latent or 2 * max(1, self.kv_heads // gpus) * self.head_dim
        return width * KV_BYTES[kv_cache_dtype]

    def kv_bytes_per_token(self, kv_cache_dtype: str, gpus: int = 1) -> int:
        """Pool bytes per token and GPU, as vLLM counts them when it prints the pool in tokens.

        Layers with a window share the pool with the others in groups of equal size, so the smaller kind is what all
        are rounded to; printed tokens are those of all groups, window or not.
        """
        return self._pooled_layers() * self.layer_bytes(kv_cache_dtype, gpus)

    def _pooled_layers(self) -> int:
        if not self.window_layers or not self.full_layers:
            return self.attention_layers
        group = min(self.window_layers, self.full_layers)
        return group * (-(-self.window_layers // group) + -(-self.full_layers // group))

    def request_bytes(self, tokens: int, kv_cache_dtype: str, gpus: int, step_tokens: int) -> int:
        """Bytes per GPU that one request of `tokens` needs: a window layer keeps its window and one engine step."""
        kept = min(tokens, self.window + step_tokens) if self.window else tokens
        entries = self.full_layers * tokens + self.window_layers * kept
        return entries * self.layer_bytes(kv_cache_dtype, gpus) + self.state_bytes // gpus


def shape_from_config(config: Mapping[str, Any]) -> ModelShape:
    """The shape in a `config.json` of the transformers format, of a text model or of the text part of another.

    Raises:
        NotAModel: a number the KV cache depends on is missing or no number.
    """
    text = {**config, **config["text_config"]} if isinstance(config.get("text_config"), Mapping) else dict(config)
    layers, heads, hidden = (_count(text, key) for key in ("num_hidden_layers", "num_attention_heads", "hidden_size"))
    linear = _linear_layers(text, layers)
    windowed, window = _windowed_layers(text, layers - linear)
    latent = _optional(text, "kv_lora_rank")
    other_parts = any(key in config for key in ("vision_config", "audio_config"))
    return ModelShape(
        full_layers=layers - linear - windowed,
        window_layers=windowed,
        window=window,
        linear_layers=linear,
        heads=heads,
        kv_heads=_optional(text, "num_key_value_heads") or heads,
        head_dim=_optional(text, "head_dim") or hidden // heads,
        latent=latent + _count(text, "qk_rope_head_dim") if latent else 0,
        state_bytes=linear * _state_values(text) * _STATE_BYTES if linear else 0,
        vocabulary=_count(text, "vocab_size"),
        hidden=hidden,
        widest=max(2 * (_optional(text, "intermediate_size") or 0), hidden, _routed_values(text, hidden)),
        max_position=_optional(text, "max_position_embeddings") or None,
        weights_bytes=None if other_parts else weight_bytes(text, linear_layers=linear),
    )


def _count(config: Mapping[str, Any], key: str) -> int:
    value = config.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        problem = "is missing" if value is None else f"is {value!r}, no count"
        raise NotAModel(f"{key} {problem}")
    return value


def _optional(config: Mapping[str, Any], key: str) -> int:
    return _count(config, key) if config.get(key) is not None else 0


def _routed_values(config: Mapping[str, Any], hidden: int) -> int:
    """Values of one token in a layer of experts, of all that are chosen: a pair of projections and the result."""
    width = _optional(config, "moe_intermediate_size")
    if not width and _optional(config, "num_local_experts"):
        width = _optional(config, "intermediate_size")
    return (_optional(config, "num_experts_per_tok") or EXPERTS_PER_TOKEN) * (2 * width + hidden) // 2 if width else 0


def _linear_layers(config: Mapping[str, Any], layers: int) -> int:
    kinds = config.get("layer_types")
    if isinstance(kinds, list):
        return sum("linear" in str(kind) or "mamba" in str(kind) for kind in kinds[:layers])
    interval = _optional(config, "full_attention_interval")
    return layers - layers // interval if interval else 0


def _state_values(config: Mapping[str, Any]) -> int:
    """Values of the recurrent state and the convolution's tail of one layer of gated linear attention."""
    keys, values = _count(config, "linear_num_key_heads"), _count(config, "linear_num_value_heads")
    key_dim, value_dim = _count(config, "linear_key_head_dim"), _count(config, "linear_value_head_dim")
    tail = _count(config, "linear_conv_kernel_dim") - 1
    return values * key_dim * value_dim + tail * (2 * keys * key_dim + values * value_dim)


def _windowed_layers(config: Mapping[str, Any], layers: int) -> tuple[int, int]:
    """How many attention layers see a window only, and how wide it is."""
    window = _optional(config, "sliding_window")
    if not window or config.get("use_sliding_window") is False:
        return 0, 0
    kinds = config.get("layer_types")
    if isinstance(kinds, list):
        windowed = sum("sliding" in str(kind) for kind in kinds)
    elif pattern := _optional(config, "sliding_window_pattern"):
        windowed = layers - layers // pattern
    elif config.get("model_type") in ("gemma2", "gpt_oss"):
        windowed = layers - layers // 2
    else:
        windowed = layers
    return windowed, window if windowed else 0
