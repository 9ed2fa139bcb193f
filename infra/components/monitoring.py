"""What the site's Prometheus and Grafana get: a monitor, rules and a dashboard."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra.plan import Plan
from infra.plan.alerts import rule_groups
from infra.plan.dashboard import dashboard, dashboard_file
from infra.plan.naming import DASHBOARD, HTTP_PORT_NAME, METRICS_PATH, VLLM, labels, selector
from infra.site.monitoring import Monitoring

API_VERSION = "monitoring.coreos.com/v1"


@dataclass(frozen=True, kw_only=True)
class VllmMonitoringArgs:
    plan: Plan
    monitoring: Monitoring


class VllmMonitoring(pulumi.ComponentResource):
    """A ServiceMonitor and rules with the labels by which the site's Prometheus selects: without them it takes
    neither, and says nothing.
    """

    def __init__(self, name: str, args: VllmMonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("f3iai:inference:VllmMonitoring", name, None, opts)
        plan, monitoring = args.plan, args.monitoring
        namespace = plan.site.cluster.namespace
        child = pulumi.ResourceOptions(parent=self)
        selected = ObjectMetaArgs(name=VLLM, namespace=namespace, labels={**labels(VLLM), **monitoring.labels})
        endpoint = {
            "port": HTTP_PORT_NAME,
            "path": METRICS_PATH,
            "interval": f"{monitoring.scrape_interval_seconds}s",
        }
        CustomResource(
            f"{VLLM}-monitor",
            api_version=API_VERSION,
            kind="ServiceMonitor",
            metadata=selected,
            spec={"selector": {"matchLabels": selector(VLLM)}, "endpoints": [endpoint]},
            opts=child,
        )
        CustomResource(
            f"{VLLM}-rules",
            api_version=API_VERSION,
            kind="PrometheusRule",
            metadata=selected,
            spec={"groups": rule_groups(namespace, monitoring.alerts, plan.site.vllm.max_num_seqs, plan.startup)},
            opts=child,
        )
        found_by_sidecar = {"grafana_dashboard": "1", **labels(VLLM)}
        ConfigMap(
            DASHBOARD,
            metadata=ObjectMetaArgs(name=DASHBOARD, namespace=namespace, labels=found_by_sidecar),
            data={dashboard_file(namespace): dashboard(namespace)},
            opts=child,
        )
        self.register_outputs({"scrapeIntervalSeconds": monitoring.scrape_interval_seconds})
