"""Who may talk to whom. Policies name workloads by the selectors the workloads themselves use."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs
from pulumi_kubernetes.networking.v1 import (
    IPBlockArgs,
    NetworkPolicy,
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from infra.plan.naming import (
    COMPASS,
    COMPASS_EGRESS_POLICY,
    EGRESS_POLICY,
    HTTP_PORT,
    INGRESS_POLICY,
    NAMESPACE_NAME_LABEL,
    PROMETHEUS_POLICY,
    VLLM,
    selector,
)
from infra.site import Site

DNS_PORT = 53
NODE_LOCAL_DNS = "169.254.20.10/32"
"""NodeLocal DNSCache listens on the host, which no pod selector matches."""
HTTPS_PORT = 443


@dataclass(frozen=True, kw_only=True)
class VllmIsolationArgs:
    site: Site


class VllmIsolation(pulumi.ComponentResource):
    """Compass and Prometheus reach the engine; the engine reaches nobody.

    Policies add up, so Prometheus gets a policy of its own and `vllm-ingress` stays as specified.
    """

    def __init__(self, name: str, args: VllmIsolationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("f3iai:inference:VllmIsolation", name, None, opts)
        site = args.site
        policies = {INGRESS_POLICY: _from_compass(), EGRESS_POLICY: _engine_egress(site)}
        policies[COMPASS_EGRESS_POLICY] = _compass_egress(site)
        if site.monitoring:
            prometheus = site.monitoring.prometheus
            policies[PROMETHEUS_POLICY] = _from_prometheus(prometheus.namespace, prometheus.pod_labels)
        for policy, spec in policies.items():
            metadata = ObjectMetaArgs(name=policy, namespace=site.cluster.namespace)
            NetworkPolicy(policy, metadata=metadata, spec=spec, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({"policies": sorted(policies)})


def _pods(labels: dict[str, str], namespace: str | None = None) -> NetworkPolicyPeerArgs:
    """Pods by label, in another namespace if one is given: both in ONE peer, as two peers would mean either."""
    elsewhere = LabelSelectorArgs(match_labels={NAMESPACE_NAME_LABEL: namespace}) if namespace else None
    return NetworkPolicyPeerArgs(pod_selector=LabelSelectorArgs(match_labels=labels), namespace_selector=elsewhere)


def _port(port: int, protocol: str = "TCP") -> NetworkPolicyPortArgs:
    return NetworkPolicyPortArgs(protocol=protocol, port=port)


def _ingress(peer: NetworkPolicyPeerArgs) -> NetworkPolicySpecArgs:
    return NetworkPolicySpecArgs(
        pod_selector=LabelSelectorArgs(match_labels=selector(VLLM)),
        policy_types=["Ingress"],
        ingress=[NetworkPolicyIngressRuleArgs(from_=[peer], ports=[_port(HTTP_PORT)])],
    )


def _from_compass() -> NetworkPolicySpecArgs:
    return _ingress(_pods(selector(COMPASS)))


def _from_prometheus(namespace: str, pod_labels: dict[str, str]) -> NetworkPolicySpecArgs:
    return _ingress(_pods(pod_labels, namespace))


def _egress(app: str, rules: list[NetworkPolicyEgressRuleArgs]) -> NetworkPolicySpecArgs:
    return NetworkPolicySpecArgs(
        pod_selector=LabelSelectorArgs(match_labels=selector(app)), policy_types=["Egress"], egress=rules
    )


def _to_dns() -> NetworkPolicyEgressRuleArgs:
    cluster_dns = _pods({"k8s-app": "kube-dns"}, "kube-system")
    node_dns = NetworkPolicyPeerArgs(ip_block=IPBlockArgs(cidr=NODE_LOCAL_DNS))
    ports = [_port(DNS_PORT, protocol) for protocol in ("UDP", "TCP")]
    return NetworkPolicyEgressRuleArgs(to=[cluster_dns, node_dns], ports=ports)


def _engine_egress(site: Site) -> NetworkPolicySpecArgs:
    """Nothing, unless the weights come from a hub."""
    hub = [_to_dns(), NetworkPolicyEgressRuleArgs(ports=[_port(HTTPS_PORT)])]
    return _egress(VLLM, hub if site.model.source.hub else [])


def _compass_egress(site: Site) -> NetworkPolicySpecArgs:
    to_engine = NetworkPolicyEgressRuleArgs(to=[_pods(selector(VLLM))], ports=[_port(HTTP_PORT)])
    to_tools = [NetworkPolicyEgressRuleArgs(to=[_pods(selector(server)) for server in site.compass.mcp_servers])]
    return _egress(COMPASS, [_to_dns(), to_engine, *(to_tools if site.compass.mcp_servers else [])])
