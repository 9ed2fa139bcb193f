"""`vllm.extraArgs` is judged by the site's release as vLLM's own parser would judge it, and by what the plan needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.cli.check import planned
from infra.plan import arguments
from infra.plan.arguments import argument_faults
from infra.plan.known_arguments import inspected, release_of
from infra.plan.reserved_arguments import (
    REFUSED,
    REFUSED_VALUES,
    SET_BY_THE_PROGRAM,
    SET_BY_THE_SITE,
    SUCCESSORS,
    reservation,
)
from infra.site import SiteRefused, Version
from infra.site.rules import MIN_VLLM_VERSION
from tests.sites_under_test import OWN_SITES
from tests.unit.test_bad_site_files import changed

OLD, NEW = (0, 18, 0), (0, 33, 0)
SUPPORTED = [release for release in inspected() if release >= MIN_VLLM_VERSION]

ACCEPTED: list[tuple[Version, str]] = [
    (NEW, "--seed=1"),
    (NEW, "--seed -1"),
    (NEW, "--max_num_queued_reqs=512"),
    (NEW, "--enforce-eager"),
    (NEW, "--no-enforce-eager"),
    (NEW, "--disable-prefix-caching"),
    (NEW, "--disable-log-requests"),
    (NEW, "--max-num-queued-reqs=64"),
    (NEW, "--enable-prefix"),
    (NEW, "--dtype bfloat16"),
    (NEW, "--moe-backend Deep-GEMM"),
    (NEW, "--max-lora-rank=64"),
    (NEW, "--video-pruning-rate=0.5"),
    (NEW, "--video-pruning-rate=None"),
    (NEW, "--kv-cache-metrics-sample=1"),
    (NEW, "--max-num-queued-tokens=25.6k"),
    (NEW, "--max-num-scheduled-tokens 2K"),
    (NEW, "-q fp8"),
    (NEW, "-qfp8"),
    (NEW, "-O3"),
    (NEW, "-O 3"),
    (NEW, "-O=3"),
    (NEW, '--compilation-config {"mode":3,"max":80g}'),
    (NEW, "--compilation-config.mode 3 -cc.pass_config.fuse_norm_quant=true"),
    (NEW, "-cc.custom_ops+ none -cc.custom_ops+ +rms_norm"),
    (NEW, "--ignore-patterns a/* b/* --enable-prefix-caching"),
    (NEW, "--cudagraph-capture-sizes 1 2 4"),
    (NEW, "--middleware a.b --middleware c.d"),
    (NEW, "--uvicorn-log-level=warning"),
    (NEW, "--chat-template=/etc/a=b.jinja"),
    (OLD, "--max-lora-rank=16"),
]

# The release, the words, the position the fault names, and words of its problem and remedy.
REFUSALS: list[tuple[Version, str, int, str]] = [
    (NEW, "--enforce-eger", 0, "is not an argument of vLLM 0.33.0; did you mean --enforce-eager?"),
    (NEW, "-seed=1", 0, "did you mean --seed?"),
    (NEW, "-quantization=fp8", 0, "did you mean --quantization?"),
    (NEW, "--max-modl-len=1", 0, "did you mean --max-model-len? --max-model-len follows from model.maxLen"),
    (NEW, "--frobnicate 7", 0, "--frobnicate is not an argument of vLLM 0.33.0; leave it out"),
    (OLD, "--max-num-queued-reqs=64", 0, "is not in vLLM 0.18.0; leave it out, or use vLLM 0.29.0 or newer"),
    (OLD, "--disable-prefix-caching", 0, "is not in vLLM 0.18.0; leave it out, or use vLLM 0.33.0 or newer"),
    (OLD, "--disable-log-requests", 0, "is gone in vLLM 0.18.0, 0.16.0 was the last with it; leave it out"),
    (NEW, "--swap-space 4", 0, "is gone in vLLM 0.33.0, 0.17.1 was the last with it"),
    (NEW, "--guided-decoding-backend=xgrammar", 0, "0.11.2 was the last with it; write --structured-outputs-config"),
    (NEW, "--task embed", 0, "leave it out: a model that generates needs none"),
    (NEW, "--calculate-kv-scales", 0, "0.27.1 was the last with it"),
    (NEW, "--seed one", 1, "'one' is not a whole number; write a whole number"),
    (NEW, "--seed=1.5", 0, "'1.5' is not a whole number"),
    (NEW, "--max-num-scheduled-tokens=1.5K", 0, "1k or 1K for short"),
    (NEW, "--max-num-queued-reqs=1k", 0, "'1k' is not a whole number"),
    (NEW, "--video-pruning-rate=half", 0, "'half' is not a number; write a number of at least 0 and less than 1"),
    (NEW, "--video-pruning-rate=1", 0, "'1' is out of range; write at least 0 and less than 1"),
    (NEW, "--kv-cache-metrics-sample=0", 0, "'0' is out of range; write more than 0 and at most 1"),
    (NEW, "--kv-cache-metrics-sample=nan", 0, "'nan' is out of range"),
    (NEW, "--mamba-block-size=0", 0, "'0' is out of range; write more than 0"),
    (NEW, "--cudagraph-capture-sizes 1 two 4", 2, "'two' is not a whole number"),
    (NEW, "--dtype=flaot16", 0, "'flaot16' is not one of its values; did you mean float16?"),
    (NEW, "--moe-backend=zzz", 0, "write one of auto"),
    (OLD, "--mamba-cache-dtype=bfloat16", 0, "is not one of its values"),
    (NEW, "--compilation-config {bad", 1, "'{bad' is not a JSON object; write --compilation-config.KEY=VALUE"),
    (NEW, "--compilation-config=3", 0, "is not a JSON object"),
    (NEW, "--allowed-origins=*", 0, "is not JSON"),
    (NEW, "--seed", 0, "--seed has no value; write --seed=VALUE, a whole number"),
    (NEW, "--seed --enforce-eager", 0, "--seed has no value"),
    (NEW, "--ignore-patterns", 0, "has no value"),
    (NEW, "-cc.mode", 0, "-cc.mode has no value; write -cc.mode=VALUE"),
    (NEW, "--seed.deep=1", 0, "--seed has no keys"),
    (
        NEW,
        "--enforce-eager=true",
        0,
        "takes no value, 'true' is given; write --enforce-eager or --no-enforce-eager alone",
    ),
    (NEW, "--enforce-eager true", 1, "takes no value, 'true' is given"),
    (NEW, "--aggregate-engine-logging yes", 1, "write --aggregate-engine-logging alone"),
    (NEW, "stray --seed=1", 0, "no argument takes 'stray'"),
    (NEW, "--seed 1 2", 2, "no argument takes '2'"),
    (NEW, "--seed=1 --", 1, "no argument takes '--'"),
    (NEW, "--ignore-patterns a/* --", 2, "no argument takes '--'"),
    (NEW, "--seed=1 --seed 2", 1, "--seed stands in vllm.extraArgs[0] too"),
    (NEW, "--enforce-eager --no-enforce-eager", 1, "--enforce-eager stands in vllm.extraArgs[0] too"),
    (NEW, "-q fp8 --quantization=fp8", 2, "--quantization stands in vllm.extraArgs[0] too"),
    (NEW, '-cc {"mode":3} -cc.mode=2', 2, "--compilation-config stands in vllm.extraArgs[0] too"),
    (NEW, "-cc.mode=3 --compilation-config.mode=2", 1, "stands in vllm.extraArgs[0] too"),
    (NEW, "--disable-log", 0, "may stand for --disable-log-"),
    (NEW, "--enable", 0, "may stand for --enable-"),
]


def lines(version: Version | None, words: str) -> list[str]:
    return [fault.line("f") for fault in argument_faults(words.split(), version)]


@pytest.mark.parametrize(("version", "words"), ACCEPTED)
def test_what_the_release_takes_passes(version: Version, words: str) -> None:
    assert lines(version, words) == []


@pytest.mark.parametrize(("version", "words", "position", "text"), REFUSALS)
def test_what_the_release_would_exit_on_is_one_fault_with_a_remedy(
    version: Version, words: str, position: int, text: str
) -> None:
    (line,) = lines(version, words)
    assert line.startswith(f"f: vllm.extraArgs[{position}]: ")
    assert text in line
    assert "; " in line


def test_a_name_and_its_value_in_one_item_are_told_apart_for_the_operator() -> None:
    (fault,) = argument_faults(["--seed 5"], NEW)
    assert fault.remedy == "write --seed=5", "a shell would have split it, a manifest does not"


@pytest.mark.parametrize(
    ("item", "remedy"),
    [
        ("--uvicorn-log-level warning", "write --uvicorn-log-level=warning"),
        ('--compilation-config {"mode": 3}', 'write --compilation-config={"mode": 3}'),
        ("--cudagraph-capture-sizes 1 2", "write one word per item: --cudagraph-capture-sizes, 1, 2"),
        ("--seed 5 --enforce-eager", "write one word per item: --seed, 5, --enforce-eager"),
        ("--enforce-eager --no-async-scheduling", "write one word per item: --enforce-eager, --no-async-scheduling"),
        ("--enforce-eager --x", "write one word per item, and mind that --x is not an argument of vLLM 0.33.0"),
        ("--max-model-len 5", "and mind that --max-model-len follows from model.maxLen; set that key instead"),
        ("- x", "leave it out, or write the argument before it"),
    ],
)
def test_what_is_told_to_be_written_for_several_words_in_one_item_passes(item: str, remedy: str) -> None:
    (fault,) = argument_faults([item], NEW)
    assert remedy in fault.remedy
    if "mind" not in remedy and ": " in remedy and "{" not in remedy:
        assert argument_faults(remedy.partition(": ")[2].split(", "), NEW) == []
    elif remedy.startswith("write --"):
        assert argument_faults([remedy.removeprefix("write ")], NEW) == []


def test_refused_values_are_ones_their_arguments_have() -> None:
    known = release_of(NEW).spellings
    assert all(value in known[flag].choices for flag, value in REFUSED_VALUES)


@pytest.mark.parametrize("flag", [*SET_BY_THE_SITE, *SET_BY_THE_PROGRAM])
@pytest.mark.parametrize("version", [OLD, NEW])
def test_no_spelling_of_an_argument_that_the_program_sets_passes(flag: str, version: Version) -> None:
    known = release_of(version).spellings
    spellings = [name for name, argument in known.items() if argument.flag == flag]
    assert flag in spellings
    shortened = [flag[:-1]] if len(release_of(version).named(flag[:-1])) == 1 else []
    for spelling in [*spellings, *shortened, flag.replace("-", "_").replace("__", "--", 1)]:
        for words in ([spelling], [f"{spelling}=1"], [f"{spelling}.key=1"], [spelling, "1"]):
            (fault,) = argument_faults(words, version)
            assert fault.problem.startswith(flag), f"{words} would change what the plan says"


def test_aliases_beginnings_and_inverses_are_among_those_spellings() -> None:
    for words in ("-tp 2", "-t 2", "--max-model-l=1", "--no-enable-auto-tool-choice", "--enable-fastapi-docs"):
        assert len(lines(NEW, words)) == 1, words
    assert "vllm.gpuMemoryUtilization" in lines(NEW, "--device-memory-utilization=0.5")[0]
    assert "vllm.gpuMemoryUtilization" in lines(OLD, "--device-memory-utilization=0.5")[0], (
        "not there yet, and no remedy"
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("--api-key secret", "vllm.apiKeySecret"),
        ("--hf-token secret", "plain text"),
        ("--config=/etc/vllm.yaml", "could set anything"),
        ("--headless", "never ready"),
        ("-pp 2", "the GPU ledger"),
        ("-dp=2", "the GPU ledger"),
        ("--data-parallel-size-local=2", "the GPU ledger"),
        ("-pcp 2", "the GPU ledger"),
        ("-n 2", "the GPU ledger"),
        ("--root-path=/vllm", "paths below /"),
        ("--ssl-keyfile=/k", "HTTP to port 8000"),
        ("--uds=/tmp/s", "HTTP to port 8000"),
        ("--grpc", "HTTP to port 8000"),
        ("--tokens-only", "/v1/chat/completions"),
        ("--disable-log-stats", "metrics"),
        ("--kv-cache-memory-bytes=25.6g", "size of the KV pool from the memory of a GPU; leave it out, and set"),
        ("--num_gpu_blocks_override=512", "size of the KV pool"),
        ("--block-size 16", "the blocks vLLM chooses; leave it out"),
        ("--cpu-offload-gb=8", "in the memory of the GPUs; leave it out, and set vllm.gpusPerReplica"),
        ("--enable-lora", "does not count its memory; leave it out"),
        ("--lora-modules a=/a b=/b", "does not count its memory; leave it out"),
        ("--speculative-config.method=ngram", "does not count its memory; leave it out"),
        ("-sc {}", "does not count its memory; leave it out"),
        ("--spec-tokens=3", "does not count its memory; leave it out"),
        ("--speculative-model=m", "does not count its memory; leave it out"),
        ("--dtype=float32", "'float32' cannot be given, the plan counts two bytes"),
        ("--dtype float", "'float' cannot be given, the plan counts two bytes"),
        ("--runner=pooling", "'pooling' cannot be given, Compass needs /v1/chat/completions; leave it out"),
        ("--convert embed", "'embed' cannot be given, Compass needs /v1/chat/completions; leave it out"),
        ("--skip-tokenizer-init", "/v1/chat/completions; leave it out"),
        ("--help", "exit"),
        ("-h", "exit"),
    ],
)
def test_what_would_break_the_pod_the_ledger_or_a_secret_is_refused_with_the_reason(words: str, text: str) -> None:
    (line,) = lines(NEW, words)
    assert text in line


def test_decode_context_parallelism_shares_the_gpus_and_is_let_through() -> None:
    assert lines(NEW, "-dcp 2") == []


def test_every_reserved_name_and_every_predecessor_is_one_the_table_knows() -> None:
    ever = release_of(NEW).ever
    for flag in {*SET_BY_THE_SITE, *SET_BY_THE_PROGRAM, *REFUSED, *SUCCESSORS} - {"--help"}:
        assert flag in ever, f"{flag} is misspelt, or of a release that was not inspected"
    assert reservation("--seed") is None


def test_every_successor_is_an_argument_of_the_newest_release() -> None:
    newest = release_of(None).spellings
    for gone, remedy in SUCCESSORS.items():
        assert gone not in newest or gone == "--disable-log-requests"
        named = [word.split("=")[0].split(".")[0].strip(":;,") for word in remedy.split() if word.startswith("--")]
        assert all(name in newest for name in named), f"{gone}: {remedy}"


@pytest.mark.parametrize("site", OWN_SITES)
def test_every_supported_release_takes_the_line_the_program_writes(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "reservation", lambda _: None)
    words = planned(site).serving.args[1:]
    unreserved = [word for word in words if not reservation(word.split("=")[0])]
    assert not unreserved, "a site could give it a second time"
    for release in SUPPORTED:
        assert argument_faults(words, release) == [], f"the pods of vLLM {release} would exit"
    (twin,) = argument_faults(words, (0, 17, 1))
    assert "--shutdown-timeout is not in vLLM 0.17.1" in twin.problem
    assert SUPPORTED[0] == MIN_VLLM_VERSION
    assert len(SUPPORTED) > 20


def test_a_release_that_was_not_inspected_is_judged_by_the_newest_before_it() -> None:
    assert release_of((0, 99, 0)).version == release_of(None).version == max(inspected())
    assert release_of((0, 22, 9)).version == (0, 22, 1)
    assert release_of((0, 22, 1)).version == (0, 22, 1)


def test_sites_without_extra_arguments_never_read_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def seen(*_: object) -> None:
        read.append(Path())
        raise LookupError

    monkeypatch.setattr(arguments, "release_of", seen)
    assert argument_faults([], NEW) == []
    assert not read
    with pytest.raises(LookupError):
        argument_faults(["--seed=1"], NEW)


def test_a_site_is_judged_by_its_own_release(tmp_path: Path) -> None:
    given = {"vllm.extraArgs": ["--seed=1", "--max-num-queued-reqs=64"]}
    assert planned(str(changed(tmp_path, given))).site.vllm.extra_args == given["vllm.extraArgs"]
    older = {**given, "vllm.image": "harbor.vitro.lan/ffp/vllm-openai:v0.28.0"}
    with pytest.raises(SiteRefused) as caught:
        planned(str(changed(tmp_path, older)))
    assert [fault.key for fault in caught.value.faults] == ["vllm.extraArgs[1]"]
