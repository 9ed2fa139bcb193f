"""`python -m infra capacity`: the KV pool of engines as their start-up logs describe them.

A log tells what its collector noted, so every field may be missing, and none is trusted. The numbers that a start
printed of its own pool are not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.plan.capacity import BLOCK_TOKENS
from infra.plan.known_models import name_of, told_shape
from infra.plan.memory import GIB, Card, card_of, cuda_total_gib
from infra.plan.model_shape import KV_BYTES, ModelShape
from infra.plan.start_log import Start, default_batch, predicted_kv_tokens
from infra.site import Fault, SiteRefused

Case = Mapping[str, Any]

ABSURD = 1e9
MOST_STAGES = 64
_SEVERAL = re.compile(r"(?<!\w)[x\xd7] ?(\d{1,3})\b|\b(\d{1,3}) ?[x\xd7](?!\d)", re.IGNORECASE)
_NOT_COUNTED = re.compile(r"cpu_offload_gb|enable_lora|\w*speculative\w*")
"""Settings that move weights or take memory by rules that are not known here."""
_OFF = ("", "0", "0.0", "none", "false", "no", "[]", "{}")
FIRST_V1 = (0, 8)
GROUPS_COUNTED_UNTIL = (0, 15)
"""Later releases print another number for models whose layers keep different caches."""


class Unreadable(ValueError):
    """A setting that has a default is given, and is no number a start could have had."""


def show_capacity(path: Path) -> int:
    """Print `{id: tokens or null}` for the cases of a file."""
    print(json.dumps({str(case["id"]): tokens_of(case) for case in _cases(path)}, indent=1))
    return 0


def tokens_of(case: Case) -> int | None:
    """The pool of one log, None where it does not say enough or says what no start could have said."""
    try:
        start = read_start(case)
    except Unreadable:
        return None
    return predicted_kv_tokens(start) if start else None


def _cases(path: Path) -> list[dict[str, Any]]:
    def refused(problem: str) -> SiteRefused:
        remedy = "name a file with a JSON list of cases, see docs/capacity.md"
        return SiteRefused(str(path), [Fault("", problem, remedy)])

    try:
        cases = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise refused(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise refused("is not JSON") from None
    if isinstance(cases, dict):
        cases = cases.get("cases")
    if not isinstance(cases, list) or not all(isinstance(case, dict) and "id" in case for case in cases):
        raise refused("is no list of cases with an id")
    ids = [str(case["id"]) for case in cases if isinstance(case["id"], str | int | float)]
    if len(set(ids)) < len(cases):
        raise refused("has cases whose id is another's too, or is no text")
    return cases


def read_start(case: Case) -> Start | None:
    """What a log tells, or None where it tells too little for a pool.

    Raises:
        Unreadable: a setting that has a default is given, and not as a number.
    """
    version, tensor, pipeline = (
        _version(case),
        _setting(case, "tp", 1),
        _setting(case, "pipeline_parallel", 1, MOST_STAGES),
    )
    written = _SEVERAL.search(name_of(case.get("gpu")))
    if case.get("tp") is None and written and int(written[1] or written[2]) > 1:
        return None
    if any(_NOT_COUNTED.fullmatch(key) and str(case[key]).strip().lower() not in _OFF for key in case):
        return None
    shape = told_shape(name_of(case.get("model")), case.get("quantization"))
    total, weights = _total_gib(case), _weights_gib(case, shape, tensor, pipeline)
    utilization, per_token = _number(case, "gpu_memory_utilization"), _bytes_per_token(case, shape, tensor, pipeline)
    if total is None or weights is None or per_token is None or utilization is None or not 0 < utilization <= 1:
        return None
    usual = default_batch(total[0], name_of(case.get("gpu")))
    given = (_setting(case, "max_num_seqs", usual[0]), _setting(case, "max_num_batched_tokens", usual[1]))
    deducted, printed = case.get("cudagraph_deducted"), _number(case, "cudagraph_gib")
    engine = str(case.get("engine") or "").upper()
    return Start(
        version=version,
        v0=engine.startswith("V0") or (not engine and version is not None and version < FIRST_V1),
        card=_card(case),
        shape=shape,
        model=name_of(case.get("model")),
        total_gib=total[0],
        total_unsure_gib=total[1],
        utilization=utilization,
        weights_gib=weights,
        bytes_per_token=per_token,
        block_tokens=_setting(case, "block_size", BLOCK_TOKENS),
        gpus=tensor,
        sequences=given[0],
        step_tokens=given[1],
        defaults=given == usual,
        compiles=case.get("enforce_eager") is not True,
        activation_gib=_number(case, "activation_gib"),
        runtime_gib=_number(case, "non_torch_gib"),
        graphs_gib=0.0 if deducted is False else None if printed is None or not deducted else max(0.0, printed),
    )


def _value(case: Case, key: str) -> object:
    """An input field, of the log itself or of what its collectors worked out about the machine."""
    evaluated = case.get("eval")
    return evaluated.get(key) if case.get(key) is None and isinstance(evaluated, Mapping) else case.get(key)


def _number(case: Case, key: str) -> float | None:
    """A finite number or the text of one (`8k` as vLLM takes it); None for all else, as where it is missing."""
    value = _value(case, key)
    if isinstance(value, str):
        read = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([kK]?)\s*(?:GiB)?\s*", value)
        value = float(read[1]) * {"": 1, "k": 1000, "K": 1024}[read[2]] if read else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < ABSURD:
        return None
    return float(value)


def _setting(case: Case, key: str, default: int, most: float = ABSURD) -> int:
    """A count with a default. One that cannot be read is not the default; a small one is written plainly."""
    if (told := _value(case, key)) is None:
        return default
    value, odd = _number(case, key), most < ABSURD and isinstance(told, str) and not told.strip().isdigit()
    if odd or value is None or not 1 <= value <= most or value != int(value):
        raise Unreadable(key)
    return int(value)


def _version(case: Case) -> tuple[int, int] | None:
    match = re.match(r"v?(\d{1,3})\.(\d{1,3})", str(case.get("vllm_version") or ""))
    return (int(match[1]), int(match[2])) if match else None


def _card(case: Case) -> Card | None:
    return card_of(name_of(case.get("gpu")), _number(case, "nominal_gpu_gb") or _number(case, "vram_gib"))


def _total_gib(case: Case) -> tuple[float, float] | None:
    """What CUDA reports of the GPU, and by how much it may be more.

    A total that is the card's size on paper or the driver's is not CUDA's, which is smaller.
    """
    if (total := _number(case, "cuda_total_gib")) and total > 0:
        return total, 0.0
    stated, card = _number(case, "vram_gib"), _card(case)
    source = str(case.get("vram_source") or "").lower()
    if card and (not stated or stated > card.total_gib * 1.005 or re.search("nominal|smi", source)):
        return card.total_gib, 0.0
    nominal = stated or _number(case, "nominal_gpu_gb")
    if not nominal or nominal <= 0:
        return None
    if stated and stated != int(stated) and not re.search("nominal|smi", source):
        return stated, 0.0
    least = cuda_total_gib(nominal)
    return least, nominal - least


def _weights_gib(case: Case, shape: ModelShape | None, tensor: int, pipeline: int) -> float | None:
    """Of one GPU, as the log prints it; else counted, where each GPU holds the same."""
    printed = _number(case, "weights_gib")
    if printed is not None:
        return printed if printed > 0 else None
    return shape.weights_bytes / GIB / tensor if shape and shape.weights_bytes and pipeline == 1 else None


def _bytes_per_token(case: Case, shape: ModelShape | None, tensor: int, pipeline: int) -> float | None:
    dtype = str(case.get("kv_cache_dtype") or "auto").lower()
    if dtype not in KV_BYTES or "32" in str(case.get("dtype") or ""):
        return None
    if shape:
        version = _version(case)
        mixed = bool(shape.window_layers and shape.full_layers)
        if shape.linear_layers or (mixed and (version is None or version >= GROUPS_COUNTED_UNTIL)):
            return None
        return shape.kv_bytes_per_token(dtype, tensor) / pipeline
    stated = _number(case, "kv_bytes_per_token")
    plain = KV_BYTES[dtype] == KV_BYTES["auto"] and tensor == 1
    return stated / pipeline if stated and stated > 0 and plain else None
