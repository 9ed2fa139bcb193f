"""What follows from a site: pure functions on plain values, gathered for one site by `plan_of`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra.site import Fault, Site, SiteFile, SiteRefused, broken, model_config, validate

from .known_models import known_shape
from .model_shape import ModelShape, NotAModel, shape_from_config
from .rules import broken_plan
from .site_plan import Plan, draft


def plan_of(value: object, file: SiteFile) -> Plan:
    """The plan of a site as it is written, if it could run.

    Raises:
        SiteRefused: with every value that is wrong, and every rule that the rest or what follows from it breaks.
    """
    try:
        site = validate(value, file.shown)
    except SiteRefused as refused:
        raise SiteRefused(file.shown, [*refused.faults, *_beside(value, refused.faults, file)]) from None
    plan, faults = _judged(site, file)
    if faults:
        raise SiteRefused(file.shown, faults)
    return plan


def _beside(value: object, wrong: Sequence[Fault], file: SiteFile) -> list[Fault]:
    """What the rules say of the rest of a site, where they need nothing that is wrong itself."""
    from infra.site.partial import beside, remainder

    site = remainder(value, wrong) if isinstance(value, Mapping) else None
    return beside(_judged(site, file)[1], wrong) if site else []


def _judged(site: Site, file: SiteFile) -> tuple[Plan, list[Fault]]:
    faults = broken(site)
    shape: ModelShape | None = None
    try:
        shape = _shape(site, file)
    except SiteRefused as refused:
        faults.extend(refused.faults)
    plan = draft(site, file.name, shape)
    return plan, [*faults, *broken_plan(plan)]


def _shape(site: Site, file: SiteFile) -> ModelShape | None:
    """The model's shape from the file the site names, else from the models that are shipped."""
    config = model_config(site, file)
    if config is None:
        return known_shape(site.model.name)
    try:
        return shape_from_config(config)
    except NotAModel as error:
        problem = str(error)
    except (KeyError, TypeError, ArithmeticError) as error:
        problem = f"no sum can be made of it ({type(error).__name__})"
    remedy = "name the model's own config.json, or a copy of it completed with the key"
    raise SiteRefused(file.shown, [Fault("model.config", f"{site.model.config}: {problem}", remedy)])


__all__ = ["Plan", "plan_of"]
