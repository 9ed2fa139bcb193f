"""What both workloads' pods have in common: the restricted pod standard, and objects they refer to."""

from __future__ import annotations

from pulumi_kubernetes.core.v1 import (
    CapabilitiesArgs,
    EmptyDirVolumeSourceArgs,
    EnvVarArgs,
    EnvVarSourceArgs,
    LocalObjectReferenceArgs,
    SeccompProfileArgs,
    SecretKeySelectorArgs,
    SecurityContextArgs,
    VolumeArgs,
)

from infra.site.sections import Cluster, SecretRef


def restricted_container() -> SecurityContextArgs:
    return SecurityContextArgs(
        allow_privilege_escalation=False,
        capabilities=CapabilitiesArgs(drop=["ALL"]),
        read_only_root_filesystem=True,
        run_as_non_root=True,
        seccomp_profile=SeccompProfileArgs(type="RuntimeDefault"),
    )


def scratch(name: str, gib: int, *, memory: bool = False) -> VolumeArgs:
    """A writable folder that goes with the pod, never larger than `gib` GiB."""
    source = EmptyDirVolumeSourceArgs(size_limit=f"{gib}Gi", medium="Memory" if memory else None)
    return VolumeArgs(name=name, empty_dir=source)


def environment(values: dict[str, str]) -> list[EnvVarArgs]:
    return [EnvVarArgs(name=name, value=value) for name, value in values.items()]


def secret_environment(name: str, secret: SecretRef | None) -> list[EnvVarArgs]:
    """A variable by reference: its value never passes through this program or its state."""
    if secret is None:
        return []
    selector = SecretKeySelectorArgs(name=secret.name, key=secret.key)
    return [EnvVarArgs(name=name, value_from=EnvVarSourceArgs(secret_key_ref=selector))]


def pull_secrets(cluster: Cluster) -> list[LocalObjectReferenceArgs] | None:
    name = cluster.image_pull_secret
    return [LocalObjectReferenceArgs(name=name)] if name else None
