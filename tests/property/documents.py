"""Whole site files, built from the types of the models' own fields: a key that is added is covered without being named.

A value is the key's default, one of its examples or one that a site of the tests has, or anything its type allows.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import yaml
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from infra.site import CONFIG_KEY, Site
from infra.site.section import Section
from infra.site.sections import Cluster
from tests.property.mending import mended
from tests.property.mutations import good_documents
from tests.property.values import IMAGE_VALIDATOR, REGISTRY, Strategy, members_of, of_type

Draw = Callable[[st.SearchStrategy[Any]], Any]

MORE_VALUES = {
    "gpus.resource": ("nvidia.com/mig-1g.10gb", "nvidia.com/mig-3g.40gb", "amd.com/gpu"),
    "gpus.labelNodes": (["gpu-node-01", "gpu-node-02.example.net"],),
    "cluster.namespace": ("inference", "a"),
    "model.name": ("Qwen/Qwen3-8B", "mistralai/Mistral-7B-Instruct-v0.3"),
    "vllm.extraArgs": (["--enable-prefix-caching", "--seed=7"], ["--max-logprobs", "5"]),
}
"""Values worth trying that no site of the tests has."""
VARIETIES: tuple[dict[str, Any], ...] = (
    {},
    {"scaling.mode": "keda", "monitoring": {}},
    {"scaling.mode": "pods-metric", "monitoring": {}},
    {"scaling.mode": "fixed"},
    {"monitoring": None},
    {"model.source": {"hub": True}},
    {"model.source": {"claim": "vllm-models", "path": "Qwen2.5-7B-Instruct"}},
    {"model.source": {"image": f"{REGISTRY}/qwen:1.0.0"}},
    {"gpus.resource": "nvidia.com/mig-3g.40gb", "gpus.memoryGiB": 40},
    {"gpus.taint": None},
    {"gpus.labelNodes": ["gpu-node-01"]},
    {"gpus.available": 8, "gpus.quota": 8, "vllm.gpusPerReplica": 2},
)
"""What a draw may have in any case, so that few draws reach each kind of site."""


@cache
def _seen(path: str) -> tuple[Any, ...]:
    """The values that sites of the tests have at a path."""
    found: list[Any] = list(MORE_VALUES.get(path, ()))
    for document in good_documents():
        value = document["config"][CONFIG_KEY]
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None and value not in found:
            found.append(value)
    return tuple(found)


def _known(field: FieldInfo, path: str) -> list[Any]:
    examples = [yaml.safe_load(str(example)) for example in field.examples or []]
    default = [] if field.is_required() else [field.get_default(call_default_factory=True)]
    return [*examples, *(value for value in default if not isinstance(value, Section)), *_seen(path)]


@cache
def _values(section: type[Section], path: str) -> dict[str, Strategy]:
    """The strategy of each key; made once, because making one takes longer than drawing from it."""
    above = f"{path}." if path else ""
    return {str(field.alias): _value(field, f"{above}{field.alias}") for field in section.model_fields.values()}


def _value(field: FieldInfo, path: str) -> Strategy:
    members = list(members_of(field.annotation))
    sections = [member for member in members if isinstance(member, type) and issubclass(member, Section)]
    if sections:
        return _section(sections[0], path)
    anything = st.one_of([of_type(member, tuple(field.metadata), path) for member in members])
    known = _known(field, path)
    if not known:
        return anything
    if IMAGE_VALIDATOR in field.metadata or any(IMAGE_VALIDATOR in typing.get_args(each) for each in members):
        return st.one_of([of_type(str, (IMAGE_VALIDATOR,), path), st.sampled_from(known).map(_anywhere)])
    return st.one_of([st.sampled_from(known), anything])


def _anywhere(image: str | None) -> str | None:
    return f"{REGISTRY}/{image.rsplit('/', 1)[-1]}" if image else image


@st.composite
def _section(draw: Draw, section: type[Section], path: str) -> dict[str, Any]:
    """The required keys and some others; where a section has a rule of its own, no key that would break it."""
    fields = {str(field.alias): field for field in section.model_fields.values()}
    values, chosen = _values(section, path), dict[str, Any]()
    for key in draw(st.permutations(list(fields))):
        field = fields[key]
        needed = field.is_required() or not _valid(section, chosen)
        if needed or draw(st.integers(0, 3)):
            more = {**chosen, key: draw(values[key])}
            if field.is_required() or not _valid(section, chosen) or _valid(section, more):
                chosen = more
    return {key: chosen[key] for key in fields if key in chosen}


def _valid(section: type[Section], value: dict[str, Any]) -> bool:
    """Judged only where the section has a rule across its keys."""
    if not section.__pydantic_decorators__.model_validators:
        return True
    try:
        section.model_validate(_from_registry(value, "registry.lan"))
    except ValidationError:
        return False
    return True


def _from_registry(value: Any, registry: str) -> Any:
    if isinstance(value, dict):
        return {key: _from_registry(item, registry) for key, item in value.items()}
    if isinstance(value, str) and value.startswith(f"{REGISTRY}/"):
        return f"{registry}{value.removeprefix(REGISTRY)}"
    return value


@st.composite
def site_documents(draw: Draw) -> Any:
    """A stack file that is accepted more often than not: faults of a draw are mended as their lines say."""
    site = draw(_section(Site, ""))
    for path, value in draw(st.sampled_from(VARIETIES)).items():
        *sections, key = path.split(".")
        holder = site
        for part in sections:
            holder = holder.setdefault(part, {})
        holder[key] = holder.get(key) or value if value == {} else deepcopy(value)
    registry = site["cluster"].get("imageRegistry") or default_registry()
    return {"config": {CONFIG_KEY: mended(_from_registry(site, registry))}}


def default_registry() -> str:
    return str(Cluster.model_fields["image_registry"].default)
