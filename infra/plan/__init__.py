"""What follows from a site: pure functions on plain values, gathered for one site by `plan_of`."""

from __future__ import annotations

from infra.site import Fault, Site, SiteFile, SiteRefused, broken, model_config

from .known_models import known_shape
from .model_shape import ModelShape, NotAModel, shape_from_config
from .rules import broken_plan
from .site_plan import Plan, draft


def plan_of(site: Site, file: SiteFile) -> Plan:
    """The plan of a site that could run.

    Raises:
        SiteRefused: with every rule that the site or what follows from it breaks.
    """
    faults = broken(site)
    shape: ModelShape | None = None
    try:
        shape = _shape(site, file)
    except SiteRefused as refused:
        faults.extend(refused.faults)
    plan = draft(site, file.name, shape)
    faults.extend(broken_plan(plan))
    if faults:
        raise SiteRefused(file.shown, faults)
    return plan


def _shape(site: Site, file: SiteFile) -> ModelShape | None:
    """The model's shape from the file the site names, else from the models that are shipped."""
    config = model_config(site, file)
    if config is None:
        return known_shape(site.model.name)
    try:
        return shape_from_config(config)
    except NotAModel as error:
        fault = Fault("model.config", f"{site.model.config}: {error}", "name the model's own config.json")
        raise SiteRefused(file.shown, [fault]) from None


__all__ = ["Plan", "plan_of"]
