"""One site, composed: `deploy()` is what `pulumi up` runs."""

from .site_stack import compose, deploy

__all__ = ["compose", "deploy"]
