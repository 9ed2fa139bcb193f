"""The typed site file: what a site decides."""

from .faults import Fault, SiteRefused
from .file import CONFIG_KEY, KEY, PROJECT, PROJECT_ROOT, locate, read, shown, site_name, stack_files, validate
from .model import Site, Version
from .schema import json_schema

__all__ = [
    "CONFIG_KEY",
    "KEY",
    "PROJECT",
    "PROJECT_ROOT",
    "Fault",
    "Site",
    "SiteRefused",
    "Version",
    "json_schema",
    "locate",
    "read",
    "shown",
    "site_name",
    "stack_files",
    "validate",
]
