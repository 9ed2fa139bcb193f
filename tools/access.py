"""Who gets into a simulated cluster: its certificate, its token and the kubeconfig that holds them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from .build import TOOLS
from .processes import free_ports

CERTIFICATE = TOOLS.parent / ".tools" / "certificates" / "cert.pem"
KEY = CERTIFICATE.with_name("key.pem")
TOKEN = "simulated-cluster-admin"
AMBIENT = "ambient-do-not-use"
"""A context whose cluster does not answer: whoever uses the ambient context instead of the site's fails."""


def certificates() -> tuple[Path, Path]:
    """A self-signed certificate for the loopback address and its key, made by the program that Go ships for this."""
    if not (CERTIFICATE.exists() and KEY.exists()):
        CERTIFICATE.parent.mkdir(parents=True, exist_ok=True)
        root = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
        program = str(Path(root) / "src/crypto/tls/generate_cert.go")
        command = ["go", "run", program, "--ca", "--host", "127.0.0.1,localhost", "--duration", "87600h"]
        subprocess.run(command, cwd=CERTIFICATE.parent, check=True, capture_output=True)
    return CERTIFICATE, KEY


def write_kubeconfig(path: Path, url: str, contexts: Sequence[str], current: str) -> None:
    """A kubeconfig in which all contexts but `AMBIENT` lead to the cluster at `url`."""
    simulated = f"cluster-of-{contexts[0]}"
    servers = {simulated: url, AMBIENT: f"https://127.0.0.1:{free_ports(1)[0]}"}
    cluster_of = {**dict.fromkeys(contexts, simulated), AMBIENT: AMBIENT}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server, "certificate-authority": str(CERTIFICATE)}}
            for name, server in servers.items()
        ],
        "contexts": [
            {"name": name, "context": {"cluster": cluster, "user": "admin"}} for name, cluster in cluster_of.items()
        ],
        "users": [{"name": "admin", "user": {"token": TOKEN}}],
        "current-context": current,
    }
    path.write_text(yaml.safe_dump(config))
