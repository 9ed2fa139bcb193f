"""What is built: one entry per binary, from one Go module each."""

from __future__ import annotations

from dataclasses import dataclass

PULUMI_VERSION = "3.259.0"
PROVIDER_VERSION = "4.18.1"
KUBERNETES_VERSION = "1.36.3"


@dataclass(frozen=True)
class Asset:
    """A file of a module's folder; `recipe` is the folder beside this file whose `go.sum` vouches for the module."""

    recipe: str
    module: str
    path: str


@dataclass(frozen=True)
class Tool:
    """How one binary is built; `cold_minutes` is on two cores with empty caches.

    `embeds` are put beside the sources and `scripts` beside the binary. `definitions_of` is a package of types
    for which the binary writes custom resource definitions; `definitions` are such files as they are.
    """

    name: str
    module: str
    package: str
    cold_minutes: float
    tags: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    embeds: tuple[Asset, ...] = ()
    scripts: tuple[Asset, ...] = ()
    definitions_of: str = ""
    definitions: tuple[Asset, ...] = ()


def _kubernetes(name: str, cold_minutes: float) -> Tool:
    major, minor, _ = KUBERNETES_VERSION.split(".")
    fields = {"gitVersion": f"v{KUBERNETES_VERSION}", "gitMajor": major, "gitMinor": minor}
    variables = tuple(
        (f"{package}.{field}", value)
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for field, value in fields.items()
    )
    return Tool(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", cold_minutes, variables=variables)


_PROVIDER_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"
_PROVIDER_FILES = "cmd/pulumi-resource-kubernetes"

ALL = (
    Tool(
        "pulumi",
        "pulumi",
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        4,
        tags="osusergo,grpcnotrace",
        variables=(("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version", f"v{PULUMI_VERSION}"),),
        scripts=(Asset("pulumi", "github.com/pulumi/pulumi/sdk/v3", "python/cmd/pulumi-language-python-exec"),),
    ),
    Tool(
        "pulumi-language-python",
        "pulumi-language-python",
        "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
        1,
    ),
    Tool(
        "pulumi-resource-kubernetes",
        "pulumi-resource-kubernetes",
        ".",
        6,
        variables=((f"{_PROVIDER_MODULE}/pkg/version.Version", PROVIDER_VERSION),),
        embeds=(
            Asset("pulumi-resource-kubernetes", _PROVIDER_MODULE, f"{_PROVIDER_FILES}/schema.json"),
            Asset("pulumi-resource-kubernetes", _PROVIDER_MODULE, f"{_PROVIDER_FILES}/terraform-mapping.json"),
        ),
    ),
    Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", 1),
    _kubernetes("kube-apiserver", 4),
    _kubernetes("kube-controller-manager", 1),
    _kubernetes("kube-scheduler", 0.2),
    _kubernetes("kubectl", 0.5),
    Tool("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", 1),
    Tool(
        "controller-gen",
        "crds",
        "sigs.k8s.io/controller-tools/cmd/controller-gen",
        0.5,
        definitions_of="github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1",
        definitions=(Asset("keda", "github.com/kedacore/keda/v2", "config/crd/bases/keda.sh_scaledobjects.yaml"),),
    ),
)
