"""The table of `vllm serve` arguments says what the sources declare; shown on sources as small as they can be."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tools import vllm_arguments

ENGINE = """
def _compute_kwargs(cls):
    human_readable_int_args = {"max_tokens"}
def get_kwargs(cls): ...
class EngineArgs:
    @staticmethod
    def add_cli_args(parser):
        kwargs = get_kwargs(CacheConfig)
        group = parser.add_argument_group(title="CacheConfig")
        group.add_argument("--block-size", **kwargs["block_size"])
        group.add_argument("--max-tokens", "-mt", **{**kwargs["max_tokens"], "default": None})
        group.add_argument("--use", "--utilization", dest="use", **kwargs["use"])
        group.add_argument("--cache-dtype", **kwargs["cache_dtype"])
        group.add_argument("--open-dtype", **kwargs["open_dtype"])
        group.add_argument("--method", **kwargs["method"])
        group.add_argument("--sizes", **kwargs["sizes"])
        group.add_argument("--extra", **kwargs["extra"])
        group.add_argument("--nested", **kwargs["nested"])
        group.add_argument("--enable-x", **kwargs["enable_x"])
        kwargs["odd"]["type"] = lambda s: s.strip()
        group.add_argument("--odd", **kwargs["odd"])
        kwargs["backend"]["type"] = lambda s: s.lower().replace("-", "_")
        group.add_argument("--backend", **kwargs["backend"])
        parser.add_argument("--plain", choices=["a", "b"])
        parser.add_argument("--quiet", action="store_true")
        return parser
"""
CACHE = """
from .other import Device
DType = Literal["auto", Device]
if TYPE_CHECKING:
    from .other import Method
else:
    Method = Any
@config
class Nested:
    depth: int = 0
@config
class CacheConfig:
    block_size: int | None = Field(default=None, gt=0, le=64)
    max_tokens: int = Field(default=None, ge=1)
    use: float = 0.9
    cache_dtype: DType = "auto"
    open_dtype: Literal["auto", "half"] | str = "auto"
    method: Method = "m"
    sizes: list[int] | None = None
    extra: dict[str, int] = field(default_factory=dict)
    nested: Nested | None = None
    enable_x: bool | None = None
    odd: Literal["a", "b"] = "a"
    backend: Literal["fast_one", "slow"] = "slow"
"""
FRONTEND = """
@config
class BaseFrontendArgs:
    template: str | None = None
    @classmethod
    def add_cli_args(cls, parser):
        frontend_kwargs = get_kwargs(cls)
        frontend_kwargs = cls._customize_cli_kwargs(frontend_kwargs)
        for key, value in frontend_kwargs.items():
            parser.add_argument(f"--{key.replace('_', '-')}", **value)
@config
class FrontendArgs(BaseFrontendArgs):
    origins: list[str] = field(default_factory=list)
    @classmethod
    def _customize_cli_kwargs(cls, frontend_kwargs):
        frontend_kwargs["origins"]["type"] = json.loads
        del frontend_kwargs["origins"]["nargs"]
        return frontend_kwargs
def make_arg_parser(parser):
    parser.add_argument("model_tag", nargs="?")
    parser.add_argument("--headless", action="store_true")
"""
PAIRED = "class EnableDisableAction(BooleanOptionalAction): ...\n"


def distribution(folder: Path, version: str, *, without: str = "", paired: bool = False) -> str:
    files = {
        "engine/arg_utils.py": "\n".join(line for line in ENGINE.splitlines() if not without or without not in line),
        "config/cache.py": CACHE,
        "config/other.py": 'Device = Literal["cuda", "cpu"]\nMethod = Literal["m"]\n',
        "entrypoints/openai/cli_args.py": FRONTEND,
        "utils/argparse_utils.py": PAIRED if paired else "",
    }
    path = folder / f"vllm-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"vllm-{version}/vllm/{name}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return str(path)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(vllm_arguments, "TABLE", tmp_path / "table.json")
    archives = [
        distribution(tmp_path, "0.20.0", paired=True),
        distribution(tmp_path, "0.17.0"),
        distribution(tmp_path, "0.19.0", without='"--plain"'),
        distribution(tmp_path, "0.18.0", without='["odd"]["type"]'),
    ]
    assert vllm_arguments.main(archives) == 0
    return json.loads((tmp_path / "table.json").read_text())


@pytest.mark.parametrize(
    ("flag", "facts"),
    [
        ("--block-size", {"kind": "int", "none": True, "gt": 0, "le": 64}),
        ("--max-tokens", {"aliases": ["-mt"], "kind": "size", "ge": 1}),
        ("--use", {"aliases": ["--utilization"], "kind": "float"}),
        ("--cache-dtype", {"kind": "choice", "choices": ["auto", "cuda", "cpu"]}),
        ("--open-dtype", {}),
        ("--method", {}),
        ("--sizes", {"kind": "int", "none": True, "words": "+"}),
        ("--extra", {"kind": "json"}),
        ("--nested", {"kind": "object", "none": True}),
        ("--enable-x", {"kind": "switch"}),
        ("--backend", {"kind": "choice", "choices": ["fast_one", "slow"], "folded": True}),
        ("--quiet", {"kind": "flag"}),
        ("--headless", {"kind": "flag"}),
        ("--template", {}),
        ("--origins", {"kind": "json"}),
    ],
)
def test_an_argument_is_described_as_its_declaration_says(
    table: dict[str, Any], flag: str, facts: dict[str, Any]
) -> None:
    assert table["arguments"][flag] == [{"since": "0.17.0", **facts}]


def test_what_cannot_be_read_for_certain_is_text(table: dict[str, Any]) -> None:
    choice = {"kind": "choice", "choices": ["a", "b"]}
    assert table["arguments"]["--odd"] == [
        {"since": "0.17.0", "until": "0.18.0", **choice},
        {"since": "0.19.0"},
    ]


def test_a_gap_between_releases_is_kept(table: dict[str, Any]) -> None:
    stretches = [(row["since"], row.get("until")) for row in table["arguments"]["--plain"]]
    assert stretches == [("0.17.0", "0.18.0"), ("0.20.0", None)]


def test_the_table_names_its_releases_in_order(table: dict[str, Any]) -> None:
    assert table["inspected"] == ["0.17.0", "0.18.0", "0.19.0", "0.20.0"]
    assert table["paired_since"] == "0.20.0"
    assert "model_tag" not in table["arguments"]


def test_a_file_that_is_no_distribution_is_refused() -> None:
    with pytest.raises(SystemExit, match="is not named vllm-VERSION"):
        vllm_arguments.main(["vllm-0.33.0.whl"])
    with pytest.raises(SystemExit, match="usage"):
        vllm_arguments.main([])
