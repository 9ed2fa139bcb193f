"""Control planes for the tests. A part that is missing fails the run; nothing is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.plan.naming import VLLM
from tests.cluster.lifecycle import SPEED, Life, live
from tests.sites_under_test import path_of, plan
from tools.controlplane import ControlPlane

LIVED = ("prod", "airgap", "minimal", "spread")
"""The project's own sites; one that owns its namespace; one with KEDA, tensor parallel and nodes to label."""


@pytest.fixture(scope="session", params=LIVED)
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A site that was previewed, brought up, changed and destroyed."""
    path = path_of(request.param)
    site = plan(path).site
    with ControlPlane([site.cluster.context], load_seconds={VLLM: site.model.load_seconds}, speed=SPEED) as cluster:
        yield live(path, Path(tmp_path_factory.mktemp(request.param)), cluster)
