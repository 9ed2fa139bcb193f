"""Domain types of a site file: a value that passes here is one Kubernetes or vLLM accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

from .faults import invalid

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler

_DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_QUALIFIED_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = rf"((?=[^/]{{1,253}}/){_DNS_LABEL}(\.{_DNS_LABEL})*/)?{_QUALIFIED_NAME}"
_REPOSITORY_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<repository>(?:[a-zA-Z0-9.-]+(?::[0-9]+)?/)?{_REPOSITORY_PART}(?:/{_REPOSITORY_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class _Shape:
    """Metadata of a string of one shape; `what` names the shape in the field's terms."""

    pattern: str
    what: str
    example: str
    longest: int = 253

    def check(self, value: str) -> str:
        if len(value) > self.longest:
            raise invalid(f"{value[:20]!r}... has {len(value)} characters", f"use at most {self.longest}")
        if not value.isprintable():
            raise invalid(f"{value!r} has characters that cannot be seen", f"write one like {self.example!r}")
        if not re.fullmatch(self.pattern, value):
            raise invalid(f"{value!r} is not {self.what}", f"write one like {self.example!r}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        shape = {"pattern": f"^{self.pattern}$", "maxLength": self.longest, "examples": [self.example]}
        return {**handler(schema), **shape}


DnsLabel = Annotated[str, _Shape(_DNS_LABEL, "a DNS label (lower case letters, digits, '-')", "f3iai", 63)]
ObjectName = Annotated[str, _Shape(rf"{_DNS_LABEL}(\.{_DNS_LABEL})*", "a Kubernetes object name", "vllm-models")]
LabelKey = Annotated[str, _Shape(_LABEL_KEY, "a Kubernetes label key", "nvidia.com/gpu.present", 317)]
LabelValue = Annotated[str, _Shape(rf"({_QUALIFIED_NAME})?", "a Kubernetes label value", "kube-prometheus-stack", 63)]
AppLabel = Annotated[str, _Shape(_QUALIFIED_NAME, "the value of an `app` label", "ffo-mcp", 63)]
SecretKey = Annotated[str, _Shape(r"(?!\.{1,2}$|\.\.)[-._a-zA-Z0-9]+", "a key of a Secret", "api-key")]
GpuResource = Annotated[
    str,
    _Shape(
        rf"(?!requests\.)(?!([^/]*\.)?kubernetes\.io/)(?=[^/]{{1,244}}/){_DNS_LABEL}(\.{_DNS_LABEL})+/{_QUALIFIED_NAME}",
        "an extended resource name (vendor domain, '/', name)",
        "nvidia.com/gpu",
    ),
]
Registry = Annotated[
    str,
    _Shape(
        rf"[a-zA-Z0-9.-]+(:[0-9]+)?(/{_REPOSITORY_PART})*",
        "a registry prefix (host, optional port and path, no scheme, no trailing '/')",
        "harbor.vitro.lan/ffp",
    ),
]
ModelName = Annotated[str, _Shape(r"[A-Za-z0-9][A-Za-z0-9._/-]*", "a model name", "Qwen/Qwen2.5-7B-Instruct")]
RelativePath = Annotated[
    str,
    _Shape(
        r"(?!.*(^|/)\.\.(/|$))[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*", "a relative path without '..'", "Qwen2.5-7B-Instruct"
    ),
]
Version = Annotated[str, _Shape(r"[0-9]+\.[0-9]+\.[0-9]+", "a version", "0.33.0", 32)]
Url = Annotated[
    str, _Shape(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s]*)?", "an http address", "http://prometheus:9090")
]
NonEmpty = Annotated[str, _Shape(r"\S(.*\S)?", "a name without surrounding blanks", "gpu-prod")]


_LONGEST_IMAGE = 512
_MOVING_TAG = re.compile(r"(latest|main|master|nightly|stable|edge|dev)(-.*)?")


def _image(value: str) -> str:
    if len(value) > _LONGEST_IMAGE:
        raise invalid(f"{value[:20]!r}... has {len(value)} characters", f"use at most {_LONGEST_IMAGE}")
    match = _IMAGE.fullmatch(value)
    if not match:
        raise invalid(
            f"{value!r} is not an image reference", "write REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST"
        )
    if not match["tag"] and not match["digest"]:
        raise invalid(f"{value!r} has neither tag nor digest, which means 'latest'", "name a version or a digest")
    if match["tag"] and _MOVING_TAG.fullmatch(match["tag"]) and not match["digest"]:
        raise invalid(f"the tag {match['tag']!r} moves, so pods of one site could differ", "name a version or a digest")
    return value


def image_tag(image: str) -> str | None:
    """The tag of an image reference, or None where it is pinned by digest alone."""
    match = _IMAGE.fullmatch(image)
    return match["tag"] if match else None


Image = Annotated[
    str,
    AfterValidator(_image),
    Field(examples=["harbor.vitro.lan/ffp/vllm-openai:v0.33.0"]),
]

Item = TypeVar("Item")


def _distinct(items: list[Item]) -> list[Item]:
    for position, item in enumerate(items):
        if item in items[:position]:
            raise invalid(f"{item!r} stands twice", "write it once")
    return items


Distinct = Annotated[list[Item], AfterValidator(_distinct), Field(json_schema_extra={"uniqueItems": True})]

Count = Annotated[int, Field(ge=0, le=1_000_000)]
Replicas = Annotated[int, Field(ge=1, le=1000)]
GpuCount = Annotated[int, Field(ge=1, le=100_000)]
Seconds = Annotated[int, Field(ge=1, le=86_400)]
Utilization = Annotated[float, Field(gt=0, le=0.98)]
"""Of a card's whole memory, of which the driver and the context keep some: a start fails where less is free."""
LoadSeconds = Annotated[int, Field(ge=20, le=86_400)]
"""Imports, kernels and CUDA graphs alone take 20 s, whatever the weights."""
BelowOne = Annotated[float, Field(gt=0, lt=1)]
PositiveFloat = Annotated[float, Field(gt=0, le=1_000_000)]
GpuMemory = Annotated[float, Field(gt=0, le=2048)]
WeightsSize = Annotated[float, Field(gt=0, le=65_536)]
Port = Annotated[int, Field(ge=1, le=65_535)]
