"""Domain types of a site file: a value that passes here is one Kubernetes or vLLM accepts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from .faults import invalid

_DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_QUALIFIED_NAME = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = rf"({_DNS_LABEL}(\.{_DNS_LABEL})*/)?{_QUALIFIED_NAME}"
_REPOSITORY_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<repository>(?:[a-zA-Z0-9.-]+(?::[0-9]+)?/)?{_REPOSITORY_PART}(?:/{_REPOSITORY_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def _text(pattern: str, what: str, example: str, longest: int = 253) -> Any:
    """A string of one shape; `what` names the shape in the field's terms."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if len(value) > longest:
            raise invalid(f"{value[:20]!r}... has {len(value)} characters", f"use at most {longest}")
        if not compiled.fullmatch(value):
            raise invalid(f"{value!r} is not {what}", f"write one like {example!r}")
        return value

    schema = {"type": "string", "pattern": f"^{pattern}$", "maxLength": longest, "examples": [example]}
    return Annotated[str, AfterValidator(check), WithJsonSchema(schema)]


def _checked(check: Callable[[str], str], example: str) -> Any:
    return Annotated[str, AfterValidator(check), WithJsonSchema({"type": "string", "examples": [example]})]


DnsLabel = _text(_DNS_LABEL, "a DNS label (lower case letters, digits, '-')", "f3iai", 63)
ObjectName = _text(rf"{_DNS_LABEL}(\.{_DNS_LABEL})*", "a Kubernetes object name", "vllm-models")
LabelKey = _text(_LABEL_KEY, "a Kubernetes label key", "nvidia.com/gpu.present", 317)
LabelValue = _text(rf"({_QUALIFIED_NAME})?", "a Kubernetes label value", "kube-prometheus-stack", 63)
SecretKey = _text(r"[-._a-zA-Z0-9]+", "a key of a Secret", "api-key")
GpuResource = _text(
    rf"{_DNS_LABEL}(\.{_DNS_LABEL})+/{_QUALIFIED_NAME}",
    "an extended resource name (vendor domain, '/', name)",
    "nvidia.com/gpu",
)
Registry = _text(
    rf"[a-zA-Z0-9.-]+(:[0-9]+)?(/{_REPOSITORY_PART})*",
    "a registry prefix (host, optional port and path, no scheme, no trailing '/')",
    "harbor.vitro.lan/ffp",
)
ModelName = _text(r"[A-Za-z0-9][A-Za-z0-9._/-]*", "a model name", "Qwen/Qwen2.5-7B-Instruct")
RelativePath = _text(
    r"(?!.*(^|/)\.\.(/|$))[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*",
    "a relative path without '..'",
    "Qwen2.5-7B-Instruct",
)
Version = _text(r"[0-9]+\.[0-9]+\.[0-9]+", "a version", "0.33.0", 32)
Url = _text(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s]*)?", "an http address", "http://prometheus:9090")
NonEmpty = _text(r"\S(.*\S)?", "a name without surrounding blanks", "gpu-prod")

_MOVING_TAGS = ("latest", "main", "nightly", "stable")


def _image(value: str) -> str:
    match = _IMAGE.fullmatch(value)
    if not match:
        raise invalid(
            f"{value!r} is not an image reference", "write REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST"
        )
    if not match["tag"] and not match["digest"]:
        raise invalid(f"{value!r} has neither tag nor digest, which means 'latest'", "name a version or a digest")
    if match["tag"] in _MOVING_TAGS and not match["digest"]:
        raise invalid(f"the tag {match['tag']!r} moves, so pods of one site could differ", "name a version or a digest")
    return value


def image_tag(image: str) -> str | None:
    """The tag of an image reference, or None where it is pinned by digest alone."""
    match = _IMAGE.fullmatch(image)
    return match["tag"] if match else None


Image = _checked(_image, "harbor.vitro.lan/ffp/vllm-openai:v0.33.0")

Count = Annotated[int, Field(ge=0)]
PositiveInt = Annotated[int, Field(ge=1)]
Seconds = Annotated[int, Field(ge=1, le=86_400)]
Fraction = Annotated[float, Field(gt=0, le=1)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=1, le=65_535)]
