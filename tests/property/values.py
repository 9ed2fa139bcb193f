"""Whatever the types of a site file allow, by their own constraints."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from infra.site import types as domain

Strategy = st.SearchStrategy[Any]

REGISTRY = "REGISTRY"
"""Stands for the site's own registry until that is drawn."""
IMAGE_VALIDATOR = typing.get_args(domain.Image)[1]


def members_of(annotation: Any) -> Iterator[Any]:
    """The members of a union, or the type itself."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from members_of(member)
    else:
        yield annotation


def of_type(annotation: Any, metadata: tuple[Any, ...], path: str) -> Strategy:
    """Whatever a type and its constraints allow."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        inner = [more for each in arguments[1:] for more in (each.metadata if isinstance(each, FieldInfo) else [each])]
        return of_type(arguments[0], (*metadata, *inner), path)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(of_type(arguments[0], (), path), max_size=3, unique=True)
    if origin is dict:
        keys, values = (of_type(argument, (), path) for argument in arguments)
        return st.dictionaries(keys, values, min_size=_bound(metadata, "min_length", 0), max_size=3)
    if annotation is bool:
        return st.booleans()
    if annotation is type(None):
        return st.none()
    if annotation is str:
        return _text(metadata)
    if annotation is int:
        low = _bound(metadata, "ge", _bound(metadata, "gt", 0) + 1)
        high = _bound(metadata, "le", 2**31)
        return st.one_of(st.integers(low, min(high, low + 8)), st.integers(low, high), st.sampled_from([low, high]))
    if annotation is float:
        return _number(metadata)
    raise TypeError(f"{path} has a type that no strategy is known for: {annotation}")


def _bound(metadata: tuple[Any, ...], name: str, otherwise: Any) -> Any:
    return next((getattr(each, name) for each in metadata if hasattr(each, name)), otherwise)


def _number(metadata: tuple[Any, ...]) -> Strategy:
    """As it stands in a file: 4.0 is 4 there."""
    low, high = (
        _bound(metadata, "ge", _bound(metadata, "gt", None)),
        _bound(metadata, "le", _bound(metadata, "lt", None)),
    )
    drawn = st.floats(
        low,
        high,
        exclude_min=_bound(metadata, "gt", None) is not None,
        exclude_max=_bound(metadata, "lt", None) is not None,
        allow_nan=False,
        allow_infinity=False,
    )
    return st.one_of(drawn, drawn.map(lambda number: round(number, 2)).filter(lambda number: number > (low or 0)))


def _text(metadata: tuple[Any, ...]) -> Strategy:
    if IMAGE_VALIDATOR in metadata:
        digest = st.text("0123456789abcdef", min_size=64, max_size=64).map(lambda digits: f"sha256:{digits}")
        return st.one_of(
            st.sampled_from(["vllm-openai:v0.33.0", "llm/vllm:0.18.0-cu130", "w__x/y-z:1.0.0", "a:v0.29.1_b"]),
            st.builds("{}@{}".format, st.sampled_from(["vllm", "team/vllm:v0.33.0"]), digest),
        ).map(lambda image: f"{REGISTRY}/{image}")
    shape = next(each for each in metadata if hasattr(each, "pattern"))
    return st.from_regex(shape.pattern, fullmatch=True, alphabet=st.characters(exclude_categories=["Cs", "Cc"])).filter(
        lambda text: len(text) <= shape.longest
    )
