"""The generated site files themselves: tests that rest on them are worth what they reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from infra.site import CONFIG_KEY, Site
from infra.site.explain import section_of
from infra.site.section import Section
from tests.property.documents import site_documents
from tests.property.mending import faults_of
from tests.property.seeding import for_all

DOCUMENTS = 400


def keys_of(section: type[Section], path: str = "") -> Iterator[str]:
    """Every key of a site file, by the models."""
    for field in section.model_fields.values():
        yield f"{path}{field.alias}"
        if inner := section_of(field.annotation):
            yield from keys_of(inner, f"{path}{field.alias}.")


def written(site: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, value in site.items():
        yield f"{path}{key}"
        if isinstance(value, dict):
            yield from written(value, f"{path}{key}.")


def traits(site: Site) -> Iterator[str]:
    """What kinds of site there are."""
    source = site.model.source
    yield f"mode {site.scaling_mode}"
    yield f"source {next(name for name in ('claim', 'image', 'hub') if getattr(source, name))}"
    yield f"monitoring {site.monitoring is not None}"
    yield f"creates namespace {site.creates_namespace}"
    yield f"labels nodes {bool(site.gpus.label_nodes)}"
    yield f"taint {site.gpus.taint is not None}"
    yield f"MIG {'/mig-' in site.gpus.resource}"
    yield f"api key {site.vllm.api_key_secret is not None}"
    yield f"tensor parallel {site.vllm.gpus_per_replica > 1}"
    yield f"arguments {bool(site.vllm.extra_args)}"


TRAITS = {
    *("mode pods-metric", "mode keda", "mode fixed", "source claim", "source image", "source hub"),
    *(f"{name} {value}" for name in ("monitoring", "creates namespace", "labels nodes") for value in (True, False)),
    *(f"{name} {value}" for name in ("taint", "MIG", "api key", "tensor parallel") for value in (True, False)),
    *(f"arguments {value}" for value in (True, False)),
}


def test_many_generated_sites_are_accepted_and_those_reach_every_key_and_kind_of_site() -> None:
    kinds: Counter[str] = Counter()
    keys: Counter[str] = Counter()
    accepted = 0

    def look(document: Any) -> None:
        nonlocal accepted
        value = document["config"][CONFIG_KEY]
        if faults_of(value):
            return
        accepted += 1
        keys.update(written(value))
        kinds.update(traits(Site.model_validate(value)))

    for_all(site_documents(), look, examples=DOCUMENTS, reduce=False)
    assert accepted >= DOCUMENTS * 0.4
    assert not TRAITS - set(kinds)
    assert not set(keys_of(Site)) - set(keys) - {"model.config"}, "a file beside the site, which no draw has"
