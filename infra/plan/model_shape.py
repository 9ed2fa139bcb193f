"""What a model's `config.json` says about memory: its layers, its weights and its KV cache.

vLLM builds the model from the same file, so no download and no GPU is needed to know its size. A config that this
module cannot count exactly gives no size instead of a guess.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass

from .weights import MOST, Config, NotAModel, count, optional, texts, typed, weight_bytes

KV_BYTES = {"auto": 2, "bfloat16": 2, "float16": 2, "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1}
EXPERTS_PER_TOKEN = 8
"""Where a config does not say; none of the well-known ones chooses more, but Qwen3-Next's ten small ones."""
_STATE_BYTES = 4
"""Recurrent states are kept in 32 bit."""
_REQUIRED = ("num_hidden_layers", "num_attention_heads", "hidden_size", "vocab_size")
_WINDOW_PATTERNS = {"gemma2": 2, "gpt_oss": 2, "gemma3": 6, "gemma3_text": 6}
"""Every so many layers one is full, where a config leaves out what its model type means."""


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


def shape_from_config(config: Config) -> ModelShape:
    """The shape in a `config.json` of the transformers format, of a text model or of the text part of another.

    Raises:
        NotAModel: a number the KV cache depends on is missing or no number.
    """
    text = {**config, **(typed(config, "text_config", dict) or {})}
    if missing := [key for key in _REQUIRED if text.get(key) is None]:
        raise NotAModel(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    layers, heads, hidden, vocabulary = (count(text, key) for key in _REQUIRED)
    if hidden < heads:
        raise NotAModel(f"hidden_size is {hidden}, fewer than num_attention_heads ({heads})")
    linear = _linear_layers(text, layers)
    windowed, window = _windowed_layers(text, layers - linear)
    latent = optional(text, "kv_lora_rank")
    weights = weight_bytes(text, linear_layers=linear)
    other_parts = any(key in config for key in ("vision_config", "audio_config"))
    return ModelShape(
        full_layers=layers - linear - windowed,
        window_layers=windowed,
        window=window,
        linear_layers=linear,
        heads=heads,
        kv_heads=optional(text, "num_key_value_heads", least=1) or heads,
        head_dim=optional(text, "head_dim", least=1) or hidden // heads,
        latent=latent + count(text, "qk_rope_head_dim") if latent else 0,
        state_bytes=linear * _state_values(text) * _STATE_BYTES if linear else 0,
        vocabulary=vocabulary,
        hidden=hidden,
        widest=max(2 * optional(text, "intermediate_size"), hidden, _routed_values(text, hidden)),
        max_position=_positions(text),
        weights_bytes=None if other_parts else weights,
    )


def _positions(config: Config) -> int | None:
    """The longest context vLLM takes: rotary scaling stretches it, but Gemma 3 states what it is stretched to."""
    stated = optional(config, "max_position_embeddings", least=1)
    if not stated or "gemma3" in (typed(config, "model_type", str) or ""):
        return stated or None
    longest = stated
    for scaling in (typed(config, key, dict) or {} for key in ("rope_scaling", "rope_parameters")):
        kind = typed(scaling, "rope_type", str) or typed(scaling, "type", str)
        times = scaling.get("factor")
        if kind not in ("yarn", "linear", "dynamic") or times is None:
            continue
        if not isinstance(times, int | float) or isinstance(times, bool) or not 0 < times <= MOST:
            raise NotAModel(f"the factor of its rotary scaling is {reprlib.repr(times)}, no factor")
        longest = max(longest, int((optional(scaling, "original_max_position_embeddings") or stated) * times))
    return longest


def _routed_values(config: Config, hidden: int) -> int:
    """Values of one token in a layer of experts, of all that are chosen: a pair of projections and the result."""
    width = optional(config, "moe_intermediate_size")
    if not width and optional(config, "num_local_experts"):
        width = optional(config, "intermediate_size")
    return (optional(config, "num_experts_per_tok") or EXPERTS_PER_TOKEN) * (2 * width + hidden) // 2 if width else 0


def _kinds(config: Config, layers: int) -> list[str] | None:
    kinds = texts(config, "layer_types")
    if kinds and len(kinds) > layers:
        raise NotAModel(f"layer_types has {len(kinds)} entries for {layers} layers")
    return kinds


def _is_linear(kind: str) -> bool:
    return "linear" in kind or "mamba" in kind


def _linear_layers(config: Config, layers: int) -> int:
    kinds, interval = _kinds(config, layers), optional(config, "full_attention_interval")
    by_interval = layers - layers // interval if interval else 0
    linear = by_interval if kinds is None else sum(map(_is_linear, kinds))
    if linear == layers:
        raise NotAModel(f"all {layers} layers are linear by its layer_types or full_attention_interval")
    return linear


def _state_values(config: Config) -> int:
    """Values of the recurrent state and the convolution's tail of one layer of gated linear attention."""
    keys, values = count(config, "linear_num_key_heads"), count(config, "linear_num_value_heads")
    key_dim, value_dim = count(config, "linear_key_head_dim"), count(config, "linear_value_head_dim")
    tail = count(config, "linear_conv_kernel_dim") - 1
    return values * key_dim * value_dim + tail * (2 * keys * key_dim + values * value_dim)


def _windowed_layers(config: Config, attention: int) -> tuple[int, int]:
    """How many attention layers see a window only, and how wide it is; those it is not known of count as full."""
    window, first_full = optional(config, "sliding_window"), optional(config, "max_window_layers")
    pattern = optional(config, "sliding_window_pattern") or optional(config, "_sliding_window_pattern")
    model_type, used = typed(config, "model_type", str) or "", typed(config, "use_sliding_window", bool)
    kinds = texts(config, "layer_types")
    if not window or used is False:
        return 0, 0
    pattern = pattern or _WINDOW_PATTERNS.get(model_type, 0)
    if kinds is not None:
        windowed = sum("sliding" in kind and not _is_linear(kind) for kind in kinds)
    elif pattern:
        windowed = attention - attention // pattern
    elif used and config.get("max_window_layers") is not None:
        windowed = max(0, attention - first_full)
    else:
        windowed = attention if model_type == "mistral" else 0
    return windowed, window if windowed else 0
