"""A site file that could not run is refused with one line per fault: file, key, fault and remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli import main
from infra.cli.check import planned
from infra.site import SiteRefused, locate, read
from tests.sites_under_test import path_of
from tools.rule_examples import LEFT_OUT, write

REMOVED = LEFT_OUT


def changed(tmp_path: Path, changes: dict[str, Any]) -> Path:
    """A copy of prod's file with keys set, or taken out by `REMOVED`."""
    return write(changes, tmp_path / "Pulumi.changed.yaml")


def refusal(path: Path | str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["check", str(path)]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert "Traceback" not in captured.err
    return captured.err.splitlines()


# What is changed, the key the line must name, and words of its fault and remedy.
BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"gpus.qouta": 4}, "gpus.qouta", "did you mean 'quota'?"),
    ({"sclaing": {}}, "sclaing", "did you mean 'scaling'?"),
    ({"model.maxLenn": 1024}, "model.maxLenn", "did you mean 'maxLen'?"),
    ({"vllm.gpu_memory_utilization": 0.9}, "vllm.gpu_memory_utilization", "did you mean 'gpuMemoryUtilization'?"),
    ({"cluster.context": REMOVED}, "cluster.context", "is missing; write it, e.g. context: gpu-prod"),
    ({"gpus.memoryGiB": REMOVED}, "gpus.memoryGiB", "is missing"),
    ({"compass": REMOVED}, "compass", "is missing"),
    ({"gpus.available": "4"}, "gpus.available", "'4' is not a whole number"),
    ({"gpus.available": 4.5}, "gpus.available", "4.5 is not a whole number"),
    ({"gpus.available": True}, "gpus.available", "true is not a whole number"),
    ({"gpus.available": 0}, "gpus.available", "0 is out of range; write at least 1"),
    ({"gpus": []}, "gpus", "[] is not a section of keys"),
    ({"gpus.available": None}, "gpus.available", "null is not a whole number"),
    ({"model.name": {"a": 1}}, "model.name", '{"a": 1} is not text'),
    ({"vllm.gpuMemoryUtilization": 95}, "vllm.gpuMemoryUtilization", "95 is out of range; write at most 0.98"),
    ({"vllm.gpuMemoryUtilization": float("nan")}, "vllm.gpuMemoryUtilization", "nan"),
    ({"compass.temperature": -1}, "compass.temperature", "write at least 0"),
    ({"compass.gpuNodes": False}, "compass.gpuNodes", "write 'avoid' or 'avoid-if-possible'"),
    ({"scaling.mode": "hpa"}, "scaling.mode", "'hpa' is not one of its values"),
    ({"cluster.namespace": "F3IAI"}, "cluster.namespace", "is not a DNS label"),
    ({"cluster.imageRegistry": "https://harbor.vitro.lan/ffp"}, "cluster.imageRegistry", "no scheme"),
    ({"vllm.image": "harbor.vitro.lan/ffp/vllm-openai:latest"}, "vllm.image", "'latest' moves"),
    ({"compass.image": "harbor.vitro.lan/ffp/compass-api:latest-cu130"}, "compass.image", "'latest-cu130' moves"),
    ({"vllm.image": "harbor.vitro.lan/ffp/vllm-openai"}, "vllm.image", "neither tag nor digest"),
    ({"vllm.image": "docker.io/vllm/vllm-openai:v0.33.0"}, "vllm.image", "'harbor.vitro.lan/ffp/vllm-openai:v0.33.0'"),
    ({"compass.image": "harbor.vitro.lan/ffpp/compass-api:v1"}, "compass.image", "does not come from"),
    ({"vllm.image": "harbor.vitro.lan/ffp/vllm-openai:production"}, "vllm.version", "e.g. version: 0.33.0"),
    ({"vllm.image": "harbor.vitro.lan/ffp/vllm-openai:v0.10.2"}, "vllm.image", "0.10.2 cannot drain"),
    ({"vllm.version": "0.9.1"}, "vllm.version", "use 0.18.0 or newer"),
    ({"gpus.quota": 8}, "gpus.quota", "8 GPUs are more than the 4 of gpus.available; write at most 4"),
    ({"gpus.quota": 2}, "scaling.maxReplicas", "4 replicas x 1 GPUs = 4, the quota is 2; write at most 2"),
    ({"vllm.gpusPerReplica": 2}, "scaling.maxReplicas", "4 replicas x 2 GPUs = 8, the quota is 4; write at most 2"),
    ({"vllm.gpusPerReplica": 8}, "vllm.gpusPerReplica", "one replica needs 8 GPUs, the quota is 4"),
    ({"scaling.minReplicas": 9, "scaling.maxReplicas": 4}, "scaling.minReplicas", "9 is more than"),
    ({"scaling.mode": "fixed"}, "scaling.maxReplicas", "mode fixed has one number of replicas"),
    ({"monitoring": REMOVED}, "scaling.mode", "no monitoring section; write fixed, or add monitoring"),
    ({"compass.maxTokens": 32768}, "compass.maxTokens", "leave nothing of model.maxLen (32768)"),
    ({"vllm.maxNumBatchedTokens": 100}, "vllm.maxNumBatchedTokens", "write at least 256"),
    ({"model.source": {}}, "model.source", "exactly one of claim, image and hub"),
    ({"model.source": {"claim": "a", "hub": True}}, "model.source", "has claim and hub"),
    ({"model.source.path": "../etc"}, "model.source.path", "without '..'"),
    ({"model.name": "acme/own-model"}, "model.toolParser", "no tool-call parser is known"),
    ({"model.toolParser": "mistral"}, "model.toolParser", "write hermes"),
    ({"model.name": "Qwen/Qwen2.5-Coder-7B"}, "model.name", "emits no tool calls"),
    ({"vllm.extraArgs": ["--max-model-len=1"]}, "vllm.extraArgs[0]", "follows from model.maxLen; set that key"),
    ({"vllm.extraArgs": ["--seed=1", "--port"]}, "vllm.extraArgs[1]", "contract of this stack"),
    ({"monitoring.labels": {"release": 2026}}, "monitoring.labels.release", "2026 is not text"),
    ({"monitoring.prometheus.podLabels": {}}, "monitoring.prometheus.podLabels", "write"),
    ({"gpus.labelNodes": ["Node_1"]}, "gpus.labelNodes[0]", "is not a Kubernetes object name"),
    ({"gpus.resource": "gpu"}, "gpus.resource", "is not an extended resource name"),
    ({"gpus.resource": "requests.nvidia.com/gpu"}, "gpus.resource", "is not an extended resource name"),
    ({"gpus.labelNodes": ["n1", "n1"]}, "gpus.labelNodes", "'n1' stands twice; write it once"),
    ({"gpus.nodeLabel": f"{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}/x"}, "gpus.nodeLabel", "label key"),
    ({"gpus.memoryGiB": 1e308}, "gpus.memoryGiB", "write at most 2048"),
    ({"compass.replicas": 3_000_000_000}, "compass.replicas", "write at most 1000"),
    ({"vllm.apiKeySecret": {"name": "a", "key": ".."}}, "vllm.apiKeySecret.key", "is not a key of a Secret"),
    ({"monitoring.alerts": {"kvCacheUsage": 1}}, "monitoring.alerts.kvCacheUsage", "write less than 1"),
    ({"vllm.version": "0.32.0"}, "vllm.version", "0.32.0 is not the 0.33.0 of vllm.image; write 0.33.0"),
    ({"model.loadSeconds": 1}, "model.loadSeconds", "write at least 20"),
    ({"gpus.a\nb": 1}, 'gpus."a\\nb"', "is not a key of this file"),
    ({"cluster.context": "a\rb"}, "cluster.context", "cannot be seen"),
    ({"vllm.drainSeconds": 100000}, "vllm.drainSeconds", "write at most 3600"),
]


@pytest.mark.parametrize(
    ("changes", "key", "words"), BAD, ids=[f"{key}-{index}" for index, (_, key, _) in enumerate(BAD)]
)
def test_a_bad_value_is_named_with_its_key_and_a_remedy(
    changes: dict[str, Any], key: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(tmp_path, changes)
    lines = refusal(path, capsys)
    assert all(line.startswith(f"{path}: {key}: ") for line in lines), "a line names the file and the key as written"
    (line,) = [line for line in lines if words in line]
    assert "; " in line, "a fault without a remedy leaves the operator alone"


def test_the_unchanged_file_passes(tmp_path: Path) -> None:
    assert read(changed(tmp_path, {})).gpus.available == 4


def test_a_misspelt_key_hides_no_rule_of_what_follows_from_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {"model.maxLen": 40_000, "model.toolParser": "mistral", "vllm.drainSeconds": 3600, "gpus.quota": 5}
    path = changed(tmp_path, {"compass.imag": 1, "vllm.extraArgs": ["--swap-space=4"], **wrong})
    keys = {line.split(": ")[1] for line in refusal(path, capsys)}
    assert keys == {"compass.imag", "vllm.extraArgs[0]", *wrong}


def test_a_rule_that_speaks_of_a_wrong_key_has_nothing_to_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in ({"model.maxLen": "long"}, {"gpus": []}, {"gpus.memoryGiB": REMOVED}, {"vllm.image": "x:latest"}):
        path = changed(tmp_path, {**wrong, "compass.maxTokens": 16_000_000})
        lines = refusal(path, capsys)
        assert lines[0].startswith(f"{path}: {next(iter(wrong))}: ")
        assert len(lines) == (1 if "model.maxLen" in wrong else 2)


def test_all_faults_of_a_file_are_reported_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(tmp_path, {"gpus.qouta": 4, "model.maxLen": "long", "vllm.image": "x:latest", "compass.replicas": 0})
    lines = refusal(path, capsys)
    assert [line.split(": ")[1] for line in lines] == ["gpus.qouta", "model.maxLen", "vllm.image", "compass.replicas"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "config.f3iai-inference:site: is missing"),
        (b"config: {}\n", "config.f3iai-inference:site: is missing"),
        (b"config:\n  f3iai-inference:site: prod\n", "'prod' is not a section of keys"),
        (b"config:\n\tx: 1\n", "is not YAML at line 2"),
        (b"config: [\n", "is not YAML at line"),
        (b"\xff\xfeconfig", "is not UTF-8"),
        (b"config: &a\n  x: *a\n", "is not YAML at line 1: found unconstructable recursive node"),
        (b"config:\n  f3iai-inference:site: {gpus: {available: 1, available: 2}}\n", "'available' stands twice"),
        (b"config:\n  ? [a]\n  : b\n", "is not YAML"),
        (b"config:\n  1e100: x\n", "the key '1e100' is not text"),
        (b"- a\n", "config.f3iai-inference:site: is missing"),
        (b"a: \x00\n", "is not YAML"),
        (b"a: 0x_\n", "is not YAML at line 1: '0x_' is no int"),
        (b"a: !!int foo\n", "is not YAML at line 1: 'foo' is no int"),
        (b"a: !!bool maybe\n", "is not YAML at line 1: 'maybe' is no bool"),
        (b"a: !!float x\n", "is not YAML at line 1: 'x' is no float"),
        (b"a: !!timestamp x\n", "could not determine a constructor"),
        (b"a: " + b"9" * 5000 + b"\n", "is not YAML at line 1"),
        (b"a: " + b"[" * 5000 + b"\n", "exceeded maximum nesting depth"),
    ],
)
def test_a_file_that_is_no_site_file_says_why(
    content: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "Pulumi.broken.yaml"
    path.write_bytes(content)
    lines = refusal(path, capsys)
    assert words in lines[0]
    assert lines[0].startswith(f"{path}: ")


def test_a_missing_file_names_the_sites_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "airgap, prod" in refusal("staging", capsys)[0]
    assert "there is no such file" in refusal(tmp_path / "Pulumi.none.yaml", capsys)[0]
    assert "cannot be read: Is a directory; name a stack file" in refusal(f"{tmp_path}/", capsys)[0]
    assert "cannot be read: Not a directory" in refusal(f"{Path(path_of('prod'))}/x.yaml", capsys)[0]
    assert "cannot be read: File name too long" in refusal("x" * 300, capsys)[0]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("no", "no"), ("on", "on"), ("12:30", "12:30"), ("y", "y")],
)
def test_words_that_yaml_1_1_takes_for_something_else_are_text_as_for_the_engine(
    written: str, read_as: str, tmp_path: Path
) -> None:
    path = tmp_path / "Pulumi.text.yaml"
    path.write_text(Path(path_of("prod")).read_text().replace("context: gpu-prod", f"context: {written}"))
    assert read(path).cluster.context == read_as


@pytest.mark.parametrize("written", ["null", "~", "Null", ""])
def test_null_is_nothing_and_not_a_word(written: str, tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.untainted.yaml"
    path.write_text(
        Path(path_of("prod")).read_text().replace("memoryGiB: 80", f"memoryGiB: 80\n      taint: {written}")
    )
    assert read(path).gpus.taint is None


@pytest.mark.parametrize(("written", "number"), [("0.85", 0.85), ("8e-1", 0.8), ("1", 1.0), ("1.0", 1.0)])
def test_numbers_are_read_as_the_engine_reads_them(written: str, number: float, tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.numbers.yaml"
    text = Path(path_of("prod")).read_text()
    path.write_text(text.replace("temperature: 0.1", f"temperature: {written}"))
    assert read(path).compass.temperature == number


@pytest.mark.parametrize("written", ["4", "0o4", "04", "0x4", "4.0"])
def test_a_count_is_read_as_the_engine_reads_it(written: str, tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.counts.yaml"
    path.write_text(Path(path_of("prod")).read_text().replace("quota: 4", f"quota: {written}"))
    assert read(path).gpus.quota == 4


def test_anchors_and_merges_are_read_as_the_engine_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.merged.yaml"
    text = Path(path_of("minimal")).read_text().replace("gpus: {available: 1", "gpus: {<<: *shared, available: 1")
    path.write_text(f"shared: &shared {{quota: 1, available: 8}}\n{text}")
    assert read(path).gpus.quota == read(path).gpus.available == 1, "a key of its own wins over a merged one"


def test_faults_come_as_data_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(tmp_path, {"gpus.quota": 8})
    assert main(["check", "--json", str(path)]) == 2
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert fault == {
        "file": str(path),
        "key": "gpus.quota",
        "problem": "8 GPUs are more than the 4 of gpus.available",
        "remedy": "write at most 4",
    }


def test_one_bad_file_does_not_hide_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = changed(tmp_path, {"gpus.quota": 8})
    assert main(["check", "prod", str(path), "nowhere"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_stack_name_and_a_path_find_the_same_file() -> None:
    assert read(locate("prod")) == read(Path(path_of("prod")))


def test_nothing_is_written_for_a_refused_site(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["render", str(changed(tmp_path, {"gpus.quota": 8})), "--out", str(out)]) == 2
    assert not out.exists()


def test_a_refusal_carries_its_faults(tmp_path: Path) -> None:
    with pytest.raises(SiteRefused) as caught:
        planned(str(changed(tmp_path, {"gpus.quota": 8})))
    assert [fault.key for fault in caught.value.faults] == ["gpus.quota"]
