"""How the provider is to handle every object of a site, said in annotations that it reads."""

from __future__ import annotations

from copy import copy
from typing import Any

import pulumi
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs, ObjectMetaPatchArgs

from infra.site import PROJECT

FIELD_MANAGER = "pulumi.com/patchFieldManager"
FORCE = "pulumi.com/patchForce"
DELETION = "pulumi.com/deletionPropagationPolicy"
OUTLIVED_BY_PODS = ("kubernetes:apps/v1:Deployment", "kubernetes:core/v1:Namespace")


def field_manager(site: str) -> str:
    """The name under which the site's fields are kept by the API server."""
    return f"{PROJECT}-{site}"


def is_of_another_site(manager: str, site: str) -> bool:
    """Whether a field manager is this program's, for a site other than this one."""
    return manager.startswith(f"{PROJECT}-") and manager != field_manager(site)


def handling(site: str) -> pulumi.ResourceTransformation:
    """A transformation that annotates every object of a component and of its children.

    One field manager for the site: by default each object gets a random one, kept in the state, so what an `up`
    made before it was killed would belong to a stranger and the next `up` would conflict with itself.

    Force, because what a site declares is the site's: replicas that an autoscaler wrote, or a field someone edited,
    would else end an `up` half way. Labels of nodes are not taken from whoever else writes them.

    Deletion in the background for what has no pods: in the foreground such an object is gone between the provider's
    look and its watch more often than not, and the provider then waits out its time for an event that was.
    """

    def annotate(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        metadata: Any = args.props.get("metadata")
        if not isinstance(metadata, ObjectMetaArgs | ObjectMetaPatchArgs):
            return None
        annotations = {FIELD_MANAGER: field_manager(site)}
        if isinstance(metadata, ObjectMetaArgs):
            annotations[FORCE] = "true"
        if args.type_ not in OUTLIVED_BY_PODS:
            annotations[DELETION] = "background"
        annotated: Any = copy(metadata)
        annotated.annotations = {**(annotated.annotations or {}), **annotations}
        return pulumi.ResourceTransformationResult({**args.props, "metadata": annotated}, args.opts)

    return annotate
