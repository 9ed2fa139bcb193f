"""A real Kubernetes control plane without containers: `python -m tools.controlplane`.

etcd, API server, controller manager and scheduler are the real ones; KWOK plays the kubelets, by the stages of
`simulation.py`.
"""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from . import access, simulation
from .build import BIN, CRDS, missing
from .processes import Processes, as_flags, free_ports

DEFINITIONS = ("servicemonitors", "prometheusrules", "scaledobjects")
BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok", "controller-gen")
READY_SECONDS = 60


class ControlPlaneError(Exception):
    """The control plane cannot be had or does not answer; one line."""


class ControlPlane:
    """One control plane in a folder of its own. As a context manager it starts on entry and stops on exit.

    Args:
        contexts: names under which the kubeconfig offers this cluster. Its current context is another one, of a
            cluster that does not answer, so that whoever uses the ambient context fails.
        load_seconds: simulated seconds until a pod is ready, by its `app` label.
        speed: simulated seconds per real second.
    """

    def __init__(
        self, contexts: Sequence[str], *, load_seconds: dict[str, int] | None = None, speed: float = 60
    ) -> None:
        self._contexts = tuple(contexts)
        self._stages = simulation.stages(load_seconds or {}, speed)
        self.folder = Path(tempfile.mkdtemp(prefix="controlplane-"))
        self.kubeconfig = self.folder / "kubeconfig"
        self._processes = Processes(self.folder)
        self._url = ""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        if absent := missing(BINARIES):
            raise ControlPlaneError(f"{', '.join(absent)} not built: run `make tools`")
        certificate, key = access.certificates()
        etcd, peer, api, manager, scheduler, kwok = free_ports(6)
        self._url = f"https://127.0.0.1:{api}"
        access.write_kubeconfig(self.kubeconfig, self._url, self._contexts, access.AMBIENT)
        access.write_kubeconfig(self._own_kubeconfig, self._url, self._contexts, self._contexts[0])
        self._start_etcd(etcd, peer)
        self._start_api_server(api, etcd, certificate, key)
        self._start_controllers(manager, scheduler, certificate, key)
        self._start_kwok(kwok)
        self._install_crds()

    def stop(self) -> None:
        self._processes.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """What kubectl prints. Raises ControlPlaneError with its message where it fails and `check` is set."""
        context = self._contexts[0]
        done = subprocess.run(
            [str(BIN / "kubectl"), "--kubeconfig", str(self.kubeconfig), "--context", context, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
        )
        if done.returncode and check:
            raise ControlPlaneError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout if check else done.stdout + done.stderr

    def get(self, *arguments: str) -> Any:
        """An object or list as data."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def items(self, *arguments: str) -> list[Any]:
        return list(self.get(*arguments)["items"])

    def apply(self, manifests: Iterable[dict[str, Any]], *arguments: str) -> str:
        """JSON, because PyYAML leaves words such as `y` bare, which kubectl reads as a boolean."""
        text = "\n---\n".join(json.dumps(manifest) for manifest in manifests)
        return self.kubectl("apply", "-f", "-", *arguments, stdin=text)

    def add_nodes(self, nodes: Iterable[dict[str, Any]]) -> None:
        """Add simulated nodes and wait until they are ready."""
        self.apply(nodes)
        self.kubectl("wait", "--for=condition=Ready", "nodes", "--all", f"--timeout={READY_SECONDS}s")

    @property
    def _own_kubeconfig(self) -> Path:
        return self.folder / "components.kubeconfig"

    def _start_etcd(self, client: int, peer: int) -> None:
        url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        listen = [f"--listen-client-urls={url}", f"--advertise-client-urls={url}", f"--listen-peer-urls={peer_url}"]
        data = [f"--data-dir={self.folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn"]
        cluster = [f"--initial-advertise-peer-urls={peer_url}", f"--initial-cluster=default={peer_url}"]
        self._processes.start("etcd", [BIN / "etcd", *listen, *data, *cluster])

    def _start_api_server(self, port: int, etcd: int, certificate: Path, key: Path) -> None:
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f'{access.TOKEN},admin,admin,"system:masters"\n')
        flags = {
            "etcd-servers": f"http://127.0.0.1:{etcd}",
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "secure-port": port,
            "tls-cert-file": certificate,
            "tls-private-key-file": key,
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": key,
            "service-account-signing-key-file": key,
            "token-auth-file": tokens,
            "authorization-mode": "RBAC",
            "allow-privileged": "true",
            "service-cluster-ip-range": "10.96.0.0/16",
            "endpoint-reconciler-type": "none",
            "watch-cache": "true",
        }
        self._processes.start("kube-apiserver", [BIN / "kube-apiserver", *as_flags(flags)])
        self._processes.wait("kube-apiserver", self._answers, READY_SECONDS)

    def _answers(self) -> bool:
        trust = ssl.create_default_context(cafile=str(access.CERTIFICATE))
        request = urllib.request.Request(f"{self._url}/readyz", headers={"Authorization": f"Bearer {access.TOKEN}"})
        try:
            with urllib.request.urlopen(request, timeout=2, context=trust) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _start_controllers(self, manager: int, scheduler: int, certificate: Path, key: Path) -> None:
        own = self._own_kubeconfig
        common = {
            "kubeconfig": own,
            "authentication-kubeconfig": own,
            "authorization-kubeconfig": own,
            "leader-elect": "false",
            "bind-address": "127.0.0.1",
        }
        accounts = {"service-account-private-key-file": key, "root-ca-file": certificate}
        controllers = {**common, **accounts, "secure-port": manager, "use-service-account-credentials": "true"}
        self._processes.start("kube-controller-manager", [BIN / "kube-controller-manager", *as_flags(controllers)])
        scheduling = {**common, "secure-port": scheduler}
        self._processes.start("kube-scheduler", [BIN / "kube-scheduler", *as_flags(scheduling)])

    def _start_kwok(self, port: int) -> None:
        stages = self.folder / "stages.yaml"
        stages.write_text(yaml.safe_dump_all(self._stages))
        flags = {
            "kubeconfig": self._own_kubeconfig,
            "config": stages,
            "manage-all-nodes": "false",
            "manage-nodes-with-annotation-selector": simulation.FAKE_NODE,
            "node-lease-duration-seconds": 40,
            "server-address": f"127.0.0.1:{port}",
        }
        self._processes.start("kwok", [BIN / "kwok", *as_flags(flags)])

    def _install_crds(self) -> None:
        files = [file for name in DEFINITIONS for file in CRDS.glob(f"*_{name}.yaml")]
        names = [word for file in files for word in ("-f", str(file))]
        self.kubectl("create", *names)
        self.wait_for_definitions()

    def wait_for_definitions(self) -> None:
        self._processes.wait("kube-apiserver", self._established, READY_SECONDS)

    def _established(self) -> bool:
        """All definitions are served. `kubectl wait` gives up on one that has no conditions yet."""
        found = [each.get("status", {}).get("conditions") or [] for each in self.items("customresourcedefinitions")]
        return all(any(one["type"] == "Established" and one["status"] == "True" for one in each) for each in found)
