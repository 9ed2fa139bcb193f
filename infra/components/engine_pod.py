"""The pod of one vLLM replica: non-root, with a read-only root and every folder it writes on a mount."""

from __future__ import annotations

from dataclasses import asdict

from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    ExecActionArgs,
    HTTPGetActionArgs,
    ImageVolumeSourceArgs,
    LifecycleArgs,
    LifecycleHandlerArgs,
    PersistentVolumeClaimVolumeSourceArgs,
    PodSecurityContextArgs,
    PodSpecArgs,
    ProbeArgs,
    ResourceRequirementsArgs,
    SeccompProfileArgs,
    VolumeArgs,
    VolumeMountArgs,
)

from infra.plan import Plan
from infra.plan.naming import HEALTH_PATH, HTTP_PORT, HTTP_PORT_NAME, VLLM
from infra.plan.probes import LIVENESS, READINESS, Probe
from infra.plan.serving import GROUP_ID, HOME, MODELS, USER_ID
from infra.site.sections import ModelSource

from .placement import gpu_tolerations, on_gpu_nodes
from .pods import environment, pull_secrets, restricted_container, scratch, secret_environment

WRITABLE = {"home": HOME, "tmp": "/tmp", "shm": "/dev/shm"}


def engine_pod(plan: Plan) -> PodSpecArgs:
    """`enable_service_links=False`: the Service's name would inject VLLM_PORT=tcp://..., on which vLLM exits
    (vllm#34199).
    """
    site, serving = plan.site, plan.serving
    weights = _weights(site.model.source)
    return PodSpecArgs(
        affinity=on_gpu_nodes(site.gpus),
        tolerations=gpu_tolerations(site.gpus),
        enable_service_links=False,
        automount_service_account_token=False,
        image_pull_secrets=pull_secrets(site.cluster),
        security_context=PodSecurityContextArgs(
            run_as_non_root=True,
            run_as_user=USER_ID,
            run_as_group=GROUP_ID,
            fs_group=GROUP_ID,
            fs_group_change_policy="OnRootMismatch",
            seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
        ),
        termination_grace_period_seconds=plan.drain.grace_seconds,
        containers=[_engine(plan)],
        volumes=[
            scratch("home", serving.home_gib),
            scratch("tmp", serving.tmp_gib),
            scratch("shm", serving.shared_memory_gib, memory=True),
            *weights,
        ],
    )


def _weights(source: ModelSource) -> list[VolumeArgs]:
    if source.claim:
        claim = PersistentVolumeClaimVolumeSourceArgs(claim_name=source.claim, read_only=True)
        return [VolumeArgs(name="models", persistent_volume_claim=claim)]
    if source.image:
        image = ImageVolumeSourceArgs(reference=source.image, pull_policy="IfNotPresent")
        return [VolumeArgs(name="models", image=image)]
    return []


def _engine(plan: Plan) -> ContainerArgs:
    site, serving = plan.site, plan.serving
    mounts = [VolumeMountArgs(name=name, mount_path=path) for name, path in WRITABLE.items()]
    if not site.model.source.hub:
        mounts.append(VolumeMountArgs(name="models", mount_path=MODELS, read_only=True))
    sleep = ExecActionArgs(command=["sleep", str(plan.drain.pre_stop_seconds)])
    gpus = {site.gpus.resource: str(site.vllm.gpus_per_replica)}
    return ContainerArgs(
        name=VLLM,
        image=site.vllm.image,
        command=list(serving.command),
        args=list(serving.args),
        env=[*environment(serving.env), *secret_environment("VLLM_API_KEY", site.vllm.api_key_secret)],
        ports=[ContainerPortArgs(name=HTTP_PORT_NAME, container_port=HTTP_PORT, protocol="TCP")],
        startup_probe=_probe(plan.startup.probe),
        liveness_probe=_probe(LIVENESS),
        readiness_probe=_probe(READINESS),
        lifecycle=LifecycleArgs(pre_stop=LifecycleHandlerArgs(exec_=sleep)),
        resources=ResourceRequirementsArgs(
            requests={"cpu": str(site.vllm.cpus), "memory": f"{site.vllm.memory_gib}Gi", **gpus}, limits=gpus
        ),
        security_context=restricted_container(),
        volume_mounts=mounts,
    )


def _probe(probe: Probe) -> ProbeArgs:
    """A delay of 0 is left out: the API server drops it."""
    timing = {name: value for name, value in asdict(probe).items() if value}
    return ProbeArgs(http_get=HTTPGetActionArgs(path=HEALTH_PATH, port=HTTP_PORT), **timing)
