"""Resource options that all children of components share."""

from __future__ import annotations

import pulumi

DELETE_SECONDS = 60
"""Objects without pods are gone at once. A provider up to 4.18 at least can miss that moment, and then looks again
only when its time is over: ten minutes by default."""


def child_of(component: pulumi.ComponentResource) -> pulumi.ResourceOptions:
    """Options of an object that belongs to `component` and needs no time to be deleted."""
    return pulumi.ResourceOptions(parent=component, custom_timeouts=pulumi.CustomTimeouts(delete=f"{DELETE_SECONDS}s"))
