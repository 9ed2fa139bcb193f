"""A stack file is read as Pulumi's engine reads it, and no content of it holds the reader up."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.cli import main
from infra.site.explain import written
from infra.site.stack_yaml import load
from tests.sites_under_test import path_of
from tests.unit.test_bad_site_files import changed, refusal

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
)
MERGES = "m0: &m0 {a: 1}\n" + "".join(
    f"m{level}: &m{level} {{<<: [{', '.join([f'*m{level - 1}'] * 10)}]}}\n" for level in range(1, 10)
)


def prod(tmp_path: Path, old: str, new: str, before: str = "") -> Path:
    path = tmp_path / "Pulumi.text.yaml"
    text = Path(path_of("prod")).read_text()
    assert old in text
    path.write_text(before + text.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("unknown: *a9", "is not a key of this file"),
        ("resource: *a9", "a list of 10 items is not text"),
        ("labelNodes: {a: *a9}", "a section of 1 key is not a list"),
        ("labelNodes: *a9", "a list of 10 items is not text"),
        ("product: {a: {b: 1}}", "a section of 1 key is not text"),
        ("product: {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6}", "a section of 6 keys is not text"),
    ],
)
def test_a_value_of_many_aliases_is_told_by_its_size(
    key: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = time.monotonic()
    lines = refusal(prod(tmp_path, "memoryGiB: 80", f"memoryGiB: 80\n      {key}", BOMB), capsys)
    assert any(words in line for line in lines)
    assert all(len(line) < 400 for line in lines)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("key", ["extraArgs: *a9", "image: *a9", "apiKeySecret: *a9"])
def test_a_value_of_many_aliases_under_vllm_holds_nothing_up(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = time.monotonic()
    assert refusal(prod(tmp_path, "    vllm:\n", f"    vllm:\n      {key}\n", BOMB), capsys)
    assert time.monotonic() - begun < 5


def test_a_whole_site_of_aliases_is_told_by_its_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "Pulumi.bomb.yaml"
    path.write_text(f"{BOMB}config:\n  f3iai-inference:site: *a9\n")
    (line,) = refusal(path, capsys)
    assert "a list of 10 items is not a section of keys" in line


def test_merges_of_merges_do_not_multiply_their_keys() -> None:
    begun = time.monotonic()
    assert load(MERGES)["m9"] == {"a": 1}
    assert time.monotonic() - begun < 5


def test_of_merged_maps_the_first_wins_and_a_key_of_its_own_over_all() -> None:
    text = "a: &a {x: 1, y: 1, z: 1}\nb: &b {x: 2, y: 2, w: 2}\nc: {x: 3, <<: [*a, *b]}\n"
    assert load(text)["c"] == {"x": 3, "y": 1, "z": 1, "w": 2}


@pytest.mark.parametrize("key", ["context", "imageRegistry"])
def test_a_text_of_megabytes_is_cut(key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for value in ("x" * 3_000_000, ["x" * 3_000_000], {"x" * 3_000_000: 1}):
        assert all(len(line) < 500 for line in refusal(changed(tmp_path, {f"cluster.{key}": value}), capsys))
    for place in ("vllm.image", "gpus.available", "scaling.mode", f"cluster.{'k' * 3_000_000}"):
        assert all(len(line) < 800 for line in refusal(changed(tmp_path, {place: "x" * 3_000_000}), capsys))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "null"), (True, "true"), ("a", "'a'"), ([], "[]"), ([1, "a"], '[1, "a"]'), ([[1]], "a list of 1 item")],
)
def test_a_small_value_is_shown_as_it_stands(value: Any, shown: str) -> None:
    assert written(value) == shown


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (line,) = refusal(tmp_path / "pipe.yaml", capsys)
    assert line.endswith("pipe.yaml: cannot be read: it is no file; name a stack file")
    (line,) = refusal("/dev/zero", capsys)
    assert "it is no file" in line
    (line,) = refusal(changed(tmp_path, {"model.config": "pipe.yaml"}), capsys)
    assert "model.config: 'pipe.yaml' cannot be read: it is no file; " in line


def test_a_config_of_the_model_may_begin_with_a_byte_order_mark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps([]), encoding="utf-8-sig")
    (line,) = refusal(changed(tmp_path, {"model.config": "config.json"}), capsys)
    assert "is no object of JSON" in line


@pytest.mark.parametrize("number", ["0x" + "f" * 50_000, "9" * 3000, "0b" + "1" * 5000])
def test_a_number_of_endless_digits_is_no_int(number: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = refusal(prod(tmp_path, "quota: 4", f"quota: {number}"), capsys)
    assert "is no int" in line
    assert len(line) < 300


@pytest.mark.parametrize(
    "date", ["2026-01-01", "2026-1-1", "2026-01-01 10:00:00", "2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43Z"]
)
def test_a_date_is_refused_unless_it_stands_in_quotes(
    date: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = refusal(prod(tmp_path, "gpu-prod", date), capsys)
    assert f"{date!r} is a date to Pulumi; write it in quotes" in line
    assert load(f"a: '{date}'") == {"a": date}


@pytest.mark.parametrize("text", ["2026-01", "12:30", "1-1-2026", "2026-01-01x", "20260-01-01", "2026-01-01-rc1"])
def test_what_only_begins_like_a_date_is_text(text: str) -> None:
    assert load(f"a: {text}") == {"a": text}


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("1e3_0", 1e30),
        ("1_0.5", 10.5),
        ("1_000", 1000),
        ("0X1F", 31),
        ("0B11", 3),
        ("0O17", 15),
        ("-0X1F", -31),
        ("0_17", 15),
        ("08", 8),
        (".5", 0.5),
        (".5_0", ".5_0"),
        ("_1", "_1"),
        ("1e", "1e"),
        ("0xg", "0xg"),
    ],
)
def test_a_number_is_read_as_the_same_number(number: str, value: object) -> None:
    assert load(f"a: {number}") == {"a": value}


@pytest.mark.parametrize("second", ["<<: *b", '"<<": *b'])
def test_two_merges_in_one_map_stand_twice(second: str) -> None:
    with pytest.raises(yaml.YAMLError, match="the key '<<' stands twice"):
        load(f"a: &a {{x: 1}}\nb: &b {{y: 1}}\nc:\n  <<: *a\n  {second}\n")


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan", ".NaN"])
def test_what_json_cannot_hold_is_refused_wherever_it_stands(
    number: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = refusal(prod(tmp_path, "config:\n", f"config:\n  other:x: [{number}]\n"), capsys)
    assert "is no number that JSON has; write a number" in line
    (line,) = refusal(prod(tmp_path, "memoryGiB: 80", f"memoryGiB: {number}"), capsys)
    assert "gpus.memoryGiB: " in line


def test_a_bom_before_a_site_is_read_over(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.bom.yaml"
    path.write_text(Path(path_of("prod")).read_text(), encoding="utf-8-sig")
    assert main(["check", str(path)]) == 0


def test_a_merge_that_holds_itself_is_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="recursive"):
        load("a: &a\n  <<: *a\n")
