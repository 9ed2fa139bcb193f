"""One direction of imports, no way back; small files; and nothing that says more than the project itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "infra/site": {"pydantic", "pydantic_core", "yaml"},
    "infra/plan": {"infra.site"},
    "infra/components": {"infra.site", "infra.plan", "pulumi", "pulumi_kubernetes", "yaml"},
    "infra/cli": {"infra.site", "infra.plan", "infra.components", "stacks", "pulumi", "yaml"},
    "stacks": {
        "infra.site",
        "infra.plan",
        "infra.components",
        "pulumi",
        "pulumi_kubernetes",
        "kubernetes",
        "urllib3",
        "yaml",
    },
    "__main__.py": {"stacks"},
}
MOST_LINES = 200
MOST_COMPONENT_LINES = 150


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
        elif isinstance(node, ast.ImportFrom) and node.level > 1:
            yield f"{'.' * node.level}{node.module or ''}"


def outside(module: str, allowed: set[str]) -> bool:
    top = module.split(".")[0]
    return top not in sys.stdlib_module_names and not any(f"{module}.".startswith(f"{name}.") for name in allowed)


def modules(part: str) -> list[Path]:
    path = ROOT / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_go_one_way(part: str) -> None:
    files = modules(part)
    assert files
    for file in files:
        wrong = [module for module in imports(file) if outside(module, MAY_IMPORT[part])]
        assert not wrong, f"{file.relative_to(ROOT)} may not import {wrong}"


def test_the_check_of_imports_can_fail(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("import pulumi\nfrom infra.plan import plan_of\nfrom ..components import x\nimport json\n")
    assert [m for m in imports(file) if outside(m, MAY_IMPORT["infra/site"])] == [
        "pulumi",
        "infra.plan",
        "..components",
    ]


@pytest.mark.parametrize("part", ["infra", "stacks", "tools", "tests/model"])
def test_files_stay_small(part: str) -> None:
    for file in modules(part):
        most = MOST_COMPONENT_LINES if "components" in file.parts else MOST_LINES
        lines = len(file.read_text().splitlines())
        assert lines <= most, f"{file.relative_to(ROOT)} has {lines} lines: a component over {most} decides something"


def test_checking_a_site_never_imports_pulumi() -> None:
    program = "import sys; from infra.cli import main; main(['check']); main(['plan', 'prod']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "pydantic" in loaded
    assert not loaded & {"pulumi", "pulumi_kubernetes", "kubernetes", "grpc"}, (
        "the check must stay a fraction of a second"
    )


def test_the_entry_point_only_calls_deploy() -> None:
    body = ast.parse((ROOT / "__main__.py").read_text()).body[1:]
    assert [ast.unparse(node) for node in body] == ["from stacks import deploy", "deploy()"]
