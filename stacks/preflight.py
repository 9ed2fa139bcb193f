"""What only the cluster knows, asked before anything is declared. Reads only.

The provider would find the same faults later: once per resource, and some after half an `up`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from http import HTTPStatus

from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException, list_kube_config_contexts, new_client_from_config
from urllib3.exceptions import HTTPError

from infra.plan import Plan
from infra.plan.naming import SITE_ANNOTATION
from infra.site import Fault, Site, SiteRefused

ANSWER_SECONDS = 10
CONTEXT_KEY, NAMESPACE_KEY, OWNER_KEY = "cluster.context", "cluster.namespace", "cluster.createNamespace"


class _Unanswered(Exception):
    """The cluster cannot be asked; carries the fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.problem)


def preflight(plan: Plan, file: str) -> None:
    """Look at the cluster the site names.

    Raises:
        SiteRefused: the context is missing, its cluster does not answer, the namespace is not as stated, or an
            API that the site builds on is not installed.
    """
    try:
        client = _client(plan.site.cluster.context)
        faults = [*_namespace_faults(client, plan), *_api_faults(client, plan.site)]
    except _Unanswered as unanswered:
        faults = [unanswered.fault]
    if faults:
        raise SiteRefused(file, faults)


def _client(context: str) -> ApiClient:
    kubeconfig = os.environ.get("KUBECONFIG", "~/.kube/config")
    try:
        known = [str(entry["name"]) for entry in list_kube_config_contexts()[0]]
        if context in known:
            return new_client_from_config(context=context)
    except ConfigException as error:
        problem = f"the kubeconfig ({kubeconfig}) cannot be used: {_one_line(error)}"
        raise _Unanswered(Fault(CONTEXT_KEY, problem, "mend it, or let KUBECONFIG name another")) from None
    problem = f"the kubeconfig ({kubeconfig}) has no context {context!r}"
    remedy = f"write one of its contexts ({', '.join(known)}), or let KUBECONFIG name another file"
    raise _Unanswered(Fault(CONTEXT_KEY, problem, remedy))


def _get(client: ApiClient, context: str, path: str) -> dict[str, object] | None:
    """What stands at a path: None where nothing does, {} where this user may not look."""
    try:
        found, _, _ = client.call_api(
            path,
            "GET",
            response_type="object",
            auth_settings=["BearerToken"],
            header_params={"Accept": "application/json"},
            _request_timeout=ANSWER_SECONDS,
        )
    except ApiException as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        if error.status == HTTPStatus.FORBIDDEN:
            return {}
        problem = f"the cluster of {context!r} answers {error.status} {error.reason}"
        raise _Unanswered(Fault(CONTEXT_KEY, problem, "renew the credentials of the kubeconfig")) from None
    except (HTTPError, OSError) as error:
        host = client.configuration.host
        problem = f"the cluster of {context!r} ({host}) does not answer: {_reason(error)}"
        raise _Unanswered(Fault(CONTEXT_KEY, problem, "check the network, or the server in the kubeconfig")) from None
    return dict(found)


def _namespace_faults(client: ApiClient, plan: Plan) -> Iterator[Fault]:
    cluster = plan.site.cluster
    found = _get(client, cluster.context, f"/api/v1/namespaces/{cluster.namespace}")
    if found is None and not cluster.create_namespace:
        remedy = f"kubectl --context {cluster.context} create namespace {cluster.namespace}, or createNamespace: true"
        yield Fault(NAMESPACE_KEY, f"the cluster has no namespace {cluster.namespace!r}", remedy)
    if found and cluster.create_namespace:
        metadata = found.get("metadata")
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
        owner = (annotations or {}).get(SITE_ANNOTATION)
        if owner != plan.name:
            whose = f"of the site {owner!r}" if owner else "not of this program"
            problem = f"the namespace {cluster.namespace!r} exists already and is {whose}"
            yield Fault(OWNER_KEY, problem, "write false to use it as it is, or another cluster.namespace")


def _api_faults(client: ApiClient, site: Site) -> Iterator[Fault]:
    needed = []
    if site.monitoring:
        needed.append(("monitoring", "monitoring.coreos.com/v1", "Prometheus Operator", "leave monitoring out"))
    if site.scaling_mode == "keda":
        needed.append(("scaling.mode", "keda.sh/v1alpha1", "KEDA", "write another mode"))
    for key, api, product, otherwise in needed:
        if _get(client, site.cluster.context, f"/apis/{api}") is None:
            yield Fault(key, f"the cluster does not know {api}", f"install {product}, or {otherwise}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _reason(error: Exception) -> str:
    """The innermost words of urllib3's nested errors: 'Connection refused' without the object's address."""
    cause = getattr(error, "reason", None) or error
    return _one_line(cause).rsplit(": ", 1)[-1]
