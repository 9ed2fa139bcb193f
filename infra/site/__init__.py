"""The typed site file: what a site decides."""

from .explain import section_of
from .faults import Fault, SiteRefused
from .file import (
    CONFIG_KEY,
    KEY,
    PROJECT,
    PROJECT_ROOT,
    SiteFile,
    locate,
    model_config,
    read,
    site_file,
    site_name,
    stack_files,
    validate,
    written_site,
)
from .model import Site, Version
from .rules import broken
from .schema import json_schema

__all__ = [
    "CONFIG_KEY",
    "KEY",
    "PROJECT",
    "PROJECT_ROOT",
    "Fault",
    "Site",
    "SiteFile",
    "SiteRefused",
    "Version",
    "broken",
    "json_schema",
    "locate",
    "model_config",
    "read",
    "section_of",
    "site_file",
    "site_name",
    "stack_files",
    "validate",
    "written_site",
]
