"""`python -m infra`: its names and its output are contracts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.cli import main
from infra.cli.check import planned
from infra.site import PROJECT_ROOT, json_schema, stack_files
from infra.site.monitoring import Monitoring
from tests.sites_under_test import Rendered, path_of


def test_check_without_a_name_checks_every_site(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "2 sites checked, no fault\n"
    assert main(["check", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert len(data["checked"]) == len(stack_files())
    assert data["faults"] == []


def test_plan_tells_ledger_budgets_and_the_serve_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "prod"]) == 0
    text = capsys.readouterr().out
    for words in (
        "4 of 4 available",
        "510 to 530 s",
        "vllm serve /models/Qwen2.5-7B-Instruct",
        "1023296 tokens",
        "16384: 1023296 tokens, 62.5",
    ):
        assert words in text


def test_plan_as_data_says_the_same_as_the_manifests(rendered: Rendered, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", path_of(rendered.plan.name), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["serve"]["line"].split()[2:] == rendered.engine["args"]
    assert data["endpoint"] == rendered.env(rendered.compass)["LLM_ENDPOINT"]
    assert data["drain"]["grace_seconds"] == rendered.engine_pod["terminationGracePeriodSeconds"]
    probe = data["startup"]["probe"]
    assert probe["failure_threshold"] == rendered.engine["startupProbe"]["failureThreshold"]
    assert data["gpus"]["during_rollout"] <= data["gpus"]["quota"]


def test_render_prints_and_writes_the_same_manifests(
    rendered: Rendered, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = path_of(rendered.plan.name)
    assert main(["render", path]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert printed == list(rendered.all.values())
    assert main(["render", path, "--out", str(tmp_path / "out")]) == 0
    written = [yaml.safe_load(file.read_text()) for file in (tmp_path / "out").iterdir()]
    assert sorted(written, key=str) == sorted(printed, key=str)


def test_a_second_render_leaves_nothing_of_the_first_and_all_of_others(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("mine: true\n")
    assert main(["render", "prod", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "horizontalpodautoscaler-vllm.yaml").exists()
    assert main(["render", "airgap", "--out", str(tmp_path)]) == 0
    left = {path.name for path in tmp_path.iterdir()}
    assert "horizontalpodautoscaler-vllm.yaml" not in left, "airgap has no autoscaler"
    assert left == {"own.yaml"} | {f"{kind.lower()}-{name}.yaml" for kind, name in Rendered(path_of("airgap")).all}


def test_render_to_a_file_in_the_way_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["render", "prod", "--out", str(tmp_path / "file")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "name a folder" in line


@pytest.mark.parametrize("command", [["check", "prod"], ["check", "--json"], ["plan", "prod"], ["schema"]])
def test_a_full_disk_is_one_line_and_no_traceback(command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        run = [sys.executable, "-m", "infra", *command]
        ended = subprocess.run(run, cwd=PROJECT_ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "python -m infra: No space left on device\n")


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    run = f"{sys.executable} -m infra schema | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", run], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert not ended.stderr
    assert ended.returncode in (0, 1), "schema may be written before the reader goes"


def test_numbers_are_integers_as_kubernetes_wants_them(rendered: Rendered) -> None:
    def floats(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [found for item in value.values() for found in floats(item)]
        if isinstance(value, list):
            return [found for item in value for found in floats(item)]
        return [value] if isinstance(value, float) else []

    assert not floats(list(rendered.all.values()))


def test_init_writes_a_file_that_passes_and_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "Pulumi.lab.yaml"
    assert main(["init", str(path)]) == 0
    assert main(["check", str(path)]) == 0
    written = path.read_text()
    assert main(["init", str(path)]) == 2
    assert "is there already; choose another name" in capsys.readouterr().err
    assert path.read_text() == written
    assert (
        (tmp_path / written.splitlines()[0].split("$schema=")[1])
        .resolve()
        .samefile(PROJECT_ROOT / "docs/site.schema.json")
    )


def test_init_shows_every_key_with_its_default(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.lab.yaml"
    assert main(["init", str(path)]) == 0
    short = planned(str(path)).site
    uncommented = re.sub(r"(?m)^( *)# (?=[a-z][A-Za-z]*:)", r"\1", path.read_text())
    path.write_text(uncommented)
    whole = planned(str(path)).site
    assert whole.monitoring == Monitoring()
    assert whole.vllm.api_key_secret is not None
    optional = {"monitoring": None, "vllm": whole.vllm.model_copy(update={"api_key_secret": None})}
    assert whole.model_copy(update=optional) == short, "what stands in comments is what holds without it"


@pytest.mark.parametrize(
    ("site", "words"),
    [("a b", "is no stack name"), ("/nowhere/Pulumi.x.yaml", "cannot be written"), ("", "no stack name")],
)
def test_init_says_why_it_writes_nothing(site: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", site]) == 2
    assert words in capsys.readouterr().err


def test_the_committed_schema_is_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    committed = json.loads((PROJECT_ROOT / "docs" / "site.schema.json").read_text())
    assert committed == printed == json_schema(), "run `make docs`"


def test_every_stack_file_names_the_schema_for_the_editor() -> None:
    for path in stack_files():
        first = path.read_text().splitlines()[0]
        assert first == "# yaml-language-server: $schema=docs/site.schema.json"
        assert (path.parent / "docs" / "site.schema.json").exists()


def test_the_schema_refuses_what_the_models_refuse() -> None:
    definitions = json_schema()["$defs"]
    assert all(section["additionalProperties"] is False for section in definitions.values())
    assert definitions["Gpus"]["required"] == ["available", "memoryGiB"]
    assert definitions["Vllm"]["properties"]["gpuMemoryUtilization"]["maximum"] == 0.98
