"""One site from top to bottom, in the order in which it would be told."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components import (
    CompassApi,
    CompassApiArgs,
    GpuNodeLabels,
    GpuNodeLabelsArgs,
    GpuTenancy,
    GpuTenancyArgs,
    KedaAutoscaler,
    KedaAutoscalerArgs,
    PodsMetricAutoscaler,
    PodsMetricAutoscalerArgs,
    VllmIsolation,
    VllmIsolationArgs,
    VllmMonitoring,
    VllmMonitoringArgs,
    VllmServer,
    VllmServerArgs,
)
from infra.plan import Plan, plan_of
from infra.plan.keda import prometheus_url
from infra.plan.naming import COMPASS, VLLM
from infra.site import KEY, PROJECT, SiteFile, SiteRefused

from .handling import handling
from .preflight import preflight


def deploy() -> None:
    """Declare the site of the selected stack, or nothing of it.

    Raises:
        pulumi.RunError: one line per fault of the stack file or of the cluster it names.
    """
    name = pulumi.get_stack()
    file = f"Pulumi.{name}.yaml"
    try:
        plan = plan_of(_configured_site(), SiteFile(name, file, Path.cwd()))
        cluster, plan = preflight(plan, file)
    except SiteRefused as refused:
        raise pulumi.RunError(f"the site was refused, nothing is declared:\n{refused}") from None
    compose(plan, cluster)


def _configured_site() -> object:
    config = pulumi.Config(PROJECT)
    try:
        return config.get_object(KEY)
    except pulumi.ConfigTypeError:
        return config.get(KEY)


def compose(plan: Plan, cluster: str) -> None:
    """Everything of a site, on the cluster that the site names and on no other.

    Args:
        plan: the site and what follows from it.
        cluster: what tells the site's cluster from others. A site that moves to another is made there anew, and one
            whose context is renamed, or whose credentials change, is left as it is.
    """
    site = plan.site
    provider = kubernetes.Provider(
        plan.name,
        context=site.cluster.context,
        namespace=site.cluster.namespace,
        cluster_identifier=cluster,
        enable_server_side_apply=True,
        enable_config_map_mutable=True,
        upsert_existing_objects=True,
    )

    def after(*components: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            providers=[provider], transformations=[handling(plan.name)], depends_on=components
        )

    if site.gpus.label_nodes:
        labelled = GpuNodeLabelsArgs(nodes=tuple(site.gpus.label_nodes), node_label=site.gpus.node_label)
        GpuNodeLabels("gpu-node-labels", labelled, after())
    tenancy = GpuTenancy("gpu-tenancy", GpuTenancyArgs(plan=plan), after())
    isolation = VllmIsolation("isolation", VllmIsolationArgs(site=site), after(tenancy))
    server = VllmServer(VLLM, VllmServerArgs(plan=plan), after(isolation))
    consumer = CompassApiArgs(site=site, endpoint=server.endpoint, model=server.model)
    CompassApi(COMPASS, consumer, after(isolation, server))
    if site.monitoring:
        monitored = VllmMonitoringArgs(plan=plan, monitoring=site.monitoring)
        VllmMonitoring("monitoring", monitored, after(tenancy))
    _autoscale(plan, after(tenancy))
    _export(plan, server)


def _autoscale(plan: Plan, opts: pulumi.ResourceOptions) -> None:
    site, namespace = plan.site, plan.site.cluster.namespace
    if plan.scaling is None or site.monitoring is None:
        return
    if site.scaling_mode == "keda":
        prometheus = site.monitoring.prometheus
        url = prometheus.url or prometheus_url(prometheus.namespace)
        args = KedaAutoscalerArgs(namespace=namespace, scaling=plan.scaling, prometheus_url=url)
        KedaAutoscaler("autoscaler", args, opts)
    else:
        PodsMetricAutoscaler("autoscaler", PodsMetricAutoscalerArgs(namespace=namespace, scaling=plan.scaling), opts)


def _export(plan: Plan, server: VllmServer) -> None:
    ledger, cluster = plan.ledger, plan.site.cluster
    kubectl = f"kubectl --context {cluster.context} --namespace {cluster.namespace}"
    pulumi.export("endpoint", server.endpoint)
    pulumi.export("model", server.model)
    pulumi.export("replicas", {"minimum": ledger.min_replicas, "maximum": ledger.max_replicas})
    pulumi.export(
        "gpus",
        {
            "available": ledger.available,
            "quota": ledger.quota,
            "inUseAtMinimum": ledger.at_minimum,
            "inUseAtMaximum": ledger.at_maximum,
        },
    )
    pulumi.export(
        "next",
        [
            f"{kubectl} rollout status deployment/{VLLM}",
            f"{kubectl} get pods --selector app={VLLM} --output wide",
            f"{kubectl} describe resourcequota",
            f"{kubectl} logs deployment/{VLLM} --follow",
            f"{kubectl} logs deployment/{COMPASS} --follow",
        ],
    )
