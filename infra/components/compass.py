"""The Compass API, wired to the engine."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgs
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    TCPSocketActionArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from infra.plan.naming import COMPASS, HTTP_PORT_NAME, labels, selector
from infra.site import Site

from .placement import gpu_tolerations, off_gpu_nodes
from .pods import environment, pull_secrets, restricted_container, scratch, secret_environment

TMP_GIB = 1
REQUESTS = {"cpu": "250m", "memory": "256Mi"}
"""An API that waits for the engine most of the time; no limit, as its needs are its own affair."""


@dataclass(frozen=True, kw_only=True)
class CompassApiArgs:
    """`endpoint` and `model` come from the server, so that the two cannot differ."""

    site: Site
    endpoint: str
    model: str


class CompassApi(pulumi.ComponentResource):
    """The sole consumer of the engine, off the GPU nodes, with the label that the engine's policy admits."""

    def __init__(self, name: str, args: CompassApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("f3iai:inference:CompassApi", name, None, opts)
        site = args.site
        pod = PodTemplateSpecArgs(metadata=ObjectMetaArgs(labels=labels(COMPASS)), spec=_pod(args))
        Deployment(
            COMPASS,
            metadata=ObjectMetaArgs(name=COMPASS, namespace=site.cluster.namespace, labels=labels(COMPASS)),
            spec=DeploymentSpecArgs(
                replicas=site.compass.replicas,
                selector=LabelSelectorArgs(match_labels=selector(COMPASS)),
                template=pod,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"endpoint": args.endpoint, "model": args.model})


def _pod(args: CompassApiArgs) -> PodSpecArgs:
    site = args.site
    user, gpu_nodes_forbidden = site.compass.run_as_user, site.compass.gpu_nodes == "avoid"
    return PodSpecArgs(
        affinity=off_gpu_nodes(site.gpus, required=gpu_nodes_forbidden),
        tolerations=None if gpu_nodes_forbidden else gpu_tolerations(site.gpus),
        automount_service_account_token=False,
        image_pull_secrets=pull_secrets(site.cluster),
        security_context=PodSecurityContextArgs(
            run_as_non_root=True, run_as_user=user, seccomp_profile=SeccompProfileArgs(type="RuntimeDefault")
        ),
        containers=[_container(args)],
        volumes=[scratch("tmp", TMP_GIB)],
    )


def _container(args: CompassApiArgs) -> ContainerArgs:
    compass = args.site.compass
    env = {
        "LLM_ENDPOINT": args.endpoint,
        "LLM_MODEL": args.model,
        "LLM_MAX_TOKENS": str(compass.max_tokens),
        "LLM_TEMPERATURE": str(compass.temperature),
    }
    port = compass.port
    return ContainerArgs(
        name=COMPASS,
        image=compass.image,
        env=[*environment(env), *secret_environment("LLM_API_KEY", args.site.vllm.api_key_secret)],
        ports=[ContainerPortArgs(name=HTTP_PORT_NAME, container_port=port, protocol="TCP")] if port else None,
        readiness_probe=ProbeArgs(tcp_socket=TCPSocketActionArgs(port=port)) if port else None,
        resources=ResourceRequirementsArgs(requests=REQUESTS),
        security_context=restricted_container(),
        volume_mounts=[VolumeMountArgs(name="tmp", mount_path="/tmp")],
    )
