"""Read-only questions to the cluster of a kubeconfig context."""

from __future__ import annotations

import json
import os
from http import HTTPStatus
from typing import Any

import yaml
from kubernetes.config import ConfigException, new_client_from_config
from kubernetes.config.kube_config import KubeConfigMerger
from urllib3.exceptions import HTTPError

from infra.site import Fault

ANSWER_SECONDS = 10
KEY = "cluster.context"
_METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_UNUSABLE = (ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, AttributeError, KeyError)
"""What the client library raises, depending on where a kubeconfig is broken."""


class Unanswered(Exception):
    """The cluster cannot be asked; carries the fault."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.fault = Fault(KEY, problem, remedy)
        super().__init__(problem)


class Cluster:
    """The cluster of one context; the kubeconfig's current context plays no part."""

    def __init__(self, context: str) -> None:
        """Find the context.

        Raises:
            Unanswered: there is no usable kubeconfig, or no such context in it.
        """
        kubeconfig = os.environ.get("KUBECONFIG") or "~/.kube/config"
        if os.pathsep in kubeconfig:
            remedy = "merge them: kubectl config view --flatten --raw > one-file"
            raise Unanswered(f"KUBECONFIG names several files ({kubeconfig}), and the provider reads one", remedy)
        try:
            known = _contexts(kubeconfig)
            self._client: Any = new_client_from_config(kubeconfig, context) if context in known else None
        except _UNUSABLE as error:
            problem = f"the kubeconfig ({kubeconfig}) cannot be used: {_one_line(error)}"
            raise Unanswered(problem, "mend it, or let KUBECONFIG name another") from None
        if self._client is None:
            remedy = f"write one of its contexts ({', '.join(known)}), or let KUBECONFIG name another file"
            raise Unanswered(f"the kubeconfig ({kubeconfig}) has no context {context!r}", remedy)
        self._client.configuration.retries = False
        self._context = context

    def has(self, path: str) -> bool:
        """Whether something stands at an API path; true where this user may not look.

        Only metadata is asked for: the content of a Secret is none of this program's business.
        """
        return self.get(path, accept=_METADATA) is not None

    def get(self, path: str, *, accept: str = "application/json") -> dict[str, Any] | None:
        """What stands at an API path: None where nothing does, {} where this user may not look.

        Raises:
            Unanswered: no answer within `ANSWER_SECONDS`, or one that is neither.
        """
        request = self._client.param_serialize(
            "GET", path, header_params={"Accept": accept}, auth_settings=["BearerToken"]
        )
        try:
            response = self._client.call_api(*request, _request_timeout=ANSWER_SECONDS)
            status, body = int(response.status), response.read()
        except (HTTPError, OSError, ValueError) as error:
            problem = f"the cluster of {self._context!r} ({self._client.configuration.host}) does not answer"
            raise Unanswered(f"{problem}: {_reason(error)}", "check the network and the kubeconfig's server") from None
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status == HTTPStatus.FORBIDDEN:
            return {}
        if status != HTTPStatus.OK:
            raise Unanswered(f"the cluster of {self._context!r} answers {status}", "renew the kubeconfig's credentials")
        try:
            return dict(json.loads(body))
        except (ValueError, TypeError):
            problem = f"what answers for {self._context!r} ({self._client.configuration.host}) is no Kubernetes API"
            raise Unanswered(problem, "mend the server of that context") from None

    def identity(self) -> str:
        """What tells this cluster from others, whatever a kubeconfig calls it: the id of its oldest namespace.

        Raises:
            Unanswered: this user may not look at it. Anything else in its place would differ from what another user
                of the same cluster sees, and the provider would make the whole site anew.
        """
        system = self.get("/api/v1/namespaces/kube-system") or {}
        if uid := system.get("metadata", {}).get("uid"):
            return str(uid)
        problem = f"the user of {self._context!r} may not read the namespace kube-system, which tells clusters apart"
        raise Unanswered(problem, "use one that may, or grant get on it, see 'Rights' in README.md")


def _contexts(kubeconfig: str) -> list[str]:
    """The contexts' names. The library's own list fails where the current context is missing, which is not used."""
    config: Any = KubeConfigMerger(kubeconfig).config
    if config is None:
        raise ConfigException("there is no such file")
    return [str(entry["name"]) for entry in config["contexts"]]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _reason(error: BaseException) -> str:
    """The innermost words of urllib3's nested errors: 'Connection refused' without the object's address."""
    return _one_line(getattr(error, "reason", None) or error).rsplit(": ", 1)[-1]
