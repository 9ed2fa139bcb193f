"""What a start will hold: the arithmetic on known models, and start-up logs as their collectors write them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from infra.cli import main
from infra.cli.capacity import tokens_of
from infra.cli.check import planned
from infra.plan.capacity import capacity_plan
from infra.plan.known_models import family_config, known_config, known_shape
from infra.plan.memory import GIB, card_of, cards, cuda_total_gib
from infra.plan.model_shape import ModelShape, shape_from_config
from infra.plan.weights import parameters

ROOT = Path(__file__).parents[2]
SHIPPED = json.loads((ROOT / "infra" / "plan" / "models.json").read_text())["models"]
FORBIDDEN = ("kv_cache_tokens", "kv_cache_gib", "max_concurrency", "required_kv_gib", "estimated_max_len")


def log(**fields: Any) -> dict[str, Any]:
    """A complete log of a measured card, and what is changed of it."""
    plain = {
        "id": "x",
        "model": "Qwen/Qwen2.5-7B-Instruct",
        "gpu": "RTX 3090",
        "vram_gib": 23.54,
        "vllm_version": "0.17.1",
        "engine": "V1",
        "kv_cache_dtype": "auto",
        "tp": 1,
        "gpu_memory_utilization": 0.9,
        "max_model_len": 8192,
        "weights_gib": 14.25,
        "kv_bytes_per_token": 57344,
        "cudagraph_deducted": False,
    }
    return {**plain, **fields}


H100 = {"model": "Qwen/Qwen3-32B", "gpu": "H100 80GB", "vram_gib": 79.18, "vllm_version": "0.11.0", "block_size": 128}
L40S = {"model": "Qwen/Qwen3-14B", "gpu": "L40S", "vram_gib": 44.99, "vram_source": "nvidia-smi", "weights_gib": 27.52}
REAL = {
    "measured card": (log(), 118_304),
    "little left": (log(gpu_memory_utilization=0.86), 100_256),
    "sampler that sorts": (log(**H100, weights_gib=61.03), 18_227),
    "peak printed, two GPUs": (log(**H100, tp=2, weights_gib=30.59, activation_gib=5.64), 282_542),
    "driver's total": (log(**L40S, vllm_version="0.28.0", gpu_memory_utilization=0.92), 75_824),
    "graphs deducted": (
        log(
            **L40S,
            vllm_version="0.29.0",
            gpu_memory_utilization=0.92,
            cudagraph_deducted=True,
            cudagraph_gib=0.44,
        ),
        72_496,
    ),
    "another publisher's name": (
        log(
            model="Qwen3-8B-NVFP4",
            gpu="RTX 5070 Ti 16GB",
            vram_gib=16,
            vram_source="nominal",
            vllm_version="0.23.0",
            weights_gib=5.98,
            eval={"cuda_total_gib": 15.92},
        ),
        48_272,
    ),
    "old engine, peak printed": (
        log(
            vllm_version="0.7.1",
            engine="V0",
            gpu="V100",
            vram_gib=31.74,
            weights_gib=14.2717,
            activation_gib=1.4,
            non_torch_gib=0.09,
        ),
        239_744,
    ),
}


@pytest.mark.parametrize("case", REAL)
def test_real_starts_are_predicted(case: str) -> None:
    fields, real = REAL[case]
    tokens = tokens_of(fields)
    assert tokens
    assert 0.95 < tokens / real < 1.01


@pytest.mark.parametrize(
    "fields",
    [
        {"gpu_memory_utilization": 0.6},
        {"gpu_memory_utilization": 0.65},
        {
            "model": "meta-llama/Llama-3.1-8B-Instruct",
            "engine": "V0",
            "vllm_version": "0.6.x",
            "max_model_len": 29000,
            "weights_gib": 14.9888,
        },
    ],
)
def test_starts_that_failed_do_not_fit(fields: dict[str, Any]) -> None:
    failed = log(**fields)
    tokens = tokens_of(failed)
    assert tokens is None or tokens < failed["max_model_len"]


@pytest.mark.parametrize(
    ("model", "bytes_per_token"),
    [
        ("Qwen/Qwen2.5-0.5B-Instruct", 12_288),
        ("Qwen/Qwen2.5-1.5B-Instruct", 28_672),
        ("Qwen/Qwen2.5-7B-Instruct", 57_344),
        ("meta-llama/Llama-3.1-8B-Instruct", 131_072),
        ("meta-llama/Llama-3.3-70B-Instruct", 327_680),
        ("Qwen/Qwen3-4B", 147_456),
        ("Qwen/Qwen3-8B", 147_456),
        ("Qwen/Qwen3-14B", 163_840),
        ("Qwen/Qwen2.5-32B-Instruct", 262_144),
        ("Qwen/Qwen3-32B", 262_144),
        ("deepseek-ai/DeepSeek-V3", 61 * (512 + 64) * 2),
    ],
)
def test_bytes_per_token(model: str, bytes_per_token: int) -> None:
    shape = shape_of(model)
    assert shape.kv_bytes_per_token("auto") == bytes_per_token
    assert shape.kv_bytes_per_token("fp8") == bytes_per_token // 2
    shared = bytes_per_token if shape.latent else bytes_per_token // min(8, shape.kv_heads)
    assert shape.kv_bytes_per_token("auto", 8) == shared, "heads are shared out and then repeated, entries repeated"


def shape_of(model: str) -> ModelShape:
    shape = known_shape(model)
    assert shape
    return shape


def test_a_long_request_keeps_only_its_window() -> None:
    shape = shape_of("openai/gpt-oss-20b")
    layer = 2 * 8 * 64 * 2
    assert (shape.full_layers, shape.window_layers, shape.window) == (12, 12, 128)
    assert shape.request_bytes(10_000, "auto", 1, 2048) == (12 * 10_000 + 12 * (128 + 2048)) * layer
    assert shape.request_bytes(100, "auto", 1, 2048) == 24 * 100 * layer


def test_recurrent_layers_take_a_state_and_no_tokens() -> None:
    shape = shape_of("Qwen/Qwen3-Next-80B-A3B-Instruct")
    assert (shape.full_layers, shape.linear_layers) == (12, 36)
    assert shape.request_bytes(0, "auto", 1, 2048) == shape.state_bytes == 36 * (32 * 128 * 128 + 3 * 8192) * 4


@pytest.mark.parametrize("model", SHIPPED)
def test_weights_are_near_the_published_size(model: str) -> None:
    config = SHIPPED[model]
    counted = parameters(config, linear_layers=shape_from_config(config).linear_layers)
    assert math.isclose(counted / 1e9, config["billion_parameters"], rel_tol=0.01)


@pytest.mark.parametrize(
    ("name", "known", "weights"),
    [
        ("/models/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B-Instruct", True),
        ("someone/Mistral-7B-Instruct-v0.2-AWQ", "mistralai/Mistral-7B-Instruct-v0.2", True),
        ("someone/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "meta-llama/Llama-3.1-8B-Instruct", False),
        ("Qwen/Qwen2.5-VL-7B-Instruct", None, False),
        ("deepseek-ai/DeepSeek-V3.2-Exp", None, False),
    ],
)
def test_a_log_may_name_a_model_as_it_likes_and_a_site_may_not(name: str, known: str | None, weights: bool) -> None:
    config = family_config(name)
    assert (config and config["name"]) == known
    if config:
        assert bool(shape_from_config(config).weights_bytes) == weights
    assert known_config(name) is None


def test_a_name_of_a_card_is_the_longest_and_sizes_part_namesakes() -> None:
    assert [getattr(card_of(name), "name", None) for name in ("NVIDIA-L40S", "L4 24GB", "A10G", "A100")] == [
        "L40S",
        "L4",
        "A10G",
        None,
    ]
    assert cuda_total_gib(40, "NVIDIA-A100-SXM4-40GB") < 40
    assert all(card.total_gib <= card.nominal_gib for card in cards())


@pytest.mark.parametrize("poison", [1, -5, "many", None, [], {"a": 1}, 1e308])
def test_what_the_start_printed_of_its_pool_is_not_read(poison: object) -> None:
    for fields, real in REAL.values():
        told = {**fields, **dict.fromkeys(FORBIDDEN, poison), "outcome": poison, "note": poison}
        told["eval"] = {**fields.get("eval", {}), "true_kv_tokens": poison, "true_kv_gib": poison}
        assert tokens_of(told) == tokens_of(fields), real


@pytest.mark.parametrize(
    "unknown",
    [
        {"gpu_memory_utilization": None},
        {"gpu_memory_utilization": 90},
        {"vram_gib": None, "gpu": "not printed"},
        {"weights_gib": 0},
        {"weights_gib": None, "quantization": "of my own"},
        {"tp": "two"},
        {"tp": 1.5},
        {"tp": None, "gpu": "RTX 3090 x4"},
        {"tp": None, "gpu": "2x RTX 3090"},
        {"tp": None, "gpu": "2 x RTX 3090 24GB"},
        {"tp": None, "gpu": "4\xd7RTX 3090"},
        {"tp": None, "gpu": "2xRTX 3090"},
        {"cpu_offload_gb": 4},
        {"enable_lora": True},
        {"speculative_config": {"method": "ngram"}},
        {"num_speculative_tokens": "3"},
        {"pipeline_parallel": 65},
        {"pipeline_parallel": 1e8},
        {"pipeline_parallel": "1k"},
        {"pipeline_parallel": True},
        {"max_num_seqs": []},
        {"max_num_batched_tokens": True},
        {"block_size": -16},
        {"kv_cache_dtype": "int3"},
        {"dtype": "float32"},
        {"model": None},
        {"model": "someone/Own-VL-7B"},
        {"model": "someone/Own-7B", "kv_bytes_per_token": None},
        {"model": "someone/Own-7B", "tp": 2},
        {"model": "someone/Own-7B", "kv_cache_dtype": "fp8"},
        {"model": "google/gemma-2-9b-it", "vllm_version": "0.28.0"},
        {"model": "Qwen/Qwen3-Next-80B-A3B-Instruct"},
        {"engine": "V0"},
        {"vllm_version": "0.21.0", "gpu_memory_utilization": 0.7},
    ],
)
def test_what_is_not_known_is_not_guessed(unknown: dict[str, Any]) -> None:
    assert tokens_of(log(**unknown)) is None


def test_settings_that_are_off_and_one_gpu_change_nothing() -> None:
    off = {"cpu_offload_gb": 0, "enable_lora": "False", "speculative_config": None, "num_speculative_tokens": "0"}
    assert tokens_of(log(**off, pipeline_parallel="1")) == tokens_of(log())
    assert tokens_of(log(tp=None, gpu="1x RTX 3090")) == tokens_of(log(gpu="RTX 3090 24GB")) == tokens_of(log())


@pytest.mark.parametrize("piece", ["-it", "-awq", "glm-", "9"])
@pytest.mark.parametrize("key", ["model", "gpu"])
def test_a_name_too_long_for_one_is_none(key: str, piece: str) -> None:
    long = log(**{key: piece * (360_000 // len(piece))})
    assert tokens_of(long) == tokens_of(log(**{key: None}))


def test_an_unknown_model_is_answered_where_its_bounds_hardly_matter() -> None:
    own = {"model": "someone/Own-7B", "gpu": "A100 80GB", "vram_gib": 79.15, "vllm_version": "0.21.0"}
    large, known = tokens_of(log(**own)), tokens_of(log(**{**own, "model": "Qwen/Qwen2.5-7B-Instruct"}))
    assert large
    assert known
    assert 0.85 * known < large < known
    assert tokens_of(log(**own, gpu_memory_utilization=0.3)) is None, "the same bounds of a small pool"


def test_numbers_may_be_written_as_text() -> None:
    texts = {"tp": "1", "gpu_memory_utilization": "0.9", "weights_gib": "14.25 GiB", "max_num_batched_tokens": "2K"}
    assert tokens_of(log(**texts)) == tokens_of(log())
    assert tokens_of(log(max_num_seqs="1k")) == tokens_of(log(max_num_seqs=1000))


@pytest.mark.parametrize("more", [{"gpu_memory_utilization": 0.92}, {"weights_gib": 13.0}, {"vram_gib": 23.6}])
def test_more_room_is_a_larger_pool(more: dict[str, Any]) -> None:
    assert (tokens_of(log(vram_source="CUDA", **more)) or 0) > (tokens_of(log()) or 0) > 0


def test_a_start_without_graphs_or_with_a_smaller_batch_has_a_larger_pool() -> None:
    start = log(vllm_version="0.29.1", gpu="A100 80GB", vram_gib=79.15, cudagraph_deducted=None)
    less = tokens_of(start)
    assert less
    assert (tokens_of({**start, "enforce_eager": True}) or 0) > less
    assert less > (tokens_of({**start, "max_num_seqs": 2048}) or 0) > 0


def test_a_file_of_cases_is_answered_case_by_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps([log(id="good"), {"id": "empty"}, log(id="odd", tp={})]))
    assert main(["capacity", "--cases", str(file)]) == 0
    assert json.loads(capsys.readouterr().out) == {"good": tokens_of(log()), "empty": None, "odd": None}


TWICE = ['[{"id": null}]', '[{"id": "a"}, {"id": "a"}]', '[{"id": 1}, {"id": "1"}]', '[{"id": []}]']


@pytest.mark.parametrize("text", [*TWICE, "", "{", "3", "[3]", "[{}]", "{}", "[" * 99_999, '"\udc80"'])
def test_a_bad_file_is_refused_in_one_line(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cases.json"
    file.write_bytes(text.encode(errors="surrogatepass"))
    for path in (file, tmp_path, tmp_path / "none.json"):
        assert main(["capacity", "--cases", str(path)]) == 2
        shown = capsys.readouterr()
        assert shown.err.count("\n") == 1
        assert not shown.out


def test_the_plan_of_a_site_is_the_same_sum() -> None:
    plan = planned("prod")
    capacity = plan.capacity
    assert capacity
    assert capacity == capacity_plan(plan.shape, plan.engine)
    pool = capacity.total_gib * 0.9 - capacity.weights_gib - capacity.reserve.total_gib
    assert math.isclose(capacity.pool_gib, pool)
    assert capacity.kv_tokens == int(pool * GIB // (16 * 57_344)) * 16
    assert math.isclose(capacity.longest_conversations, pool * GIB / (32_768 * 57_344))
