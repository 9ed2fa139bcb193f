"""Every run of the generated tests says its seed."""

from __future__ import annotations

import pytest

from tests.property.seeding import report_seed


@pytest.fixture(autouse=True, scope="module")
def _seed_is_said(request: pytest.FixtureRequest) -> None:
    report_seed(request.config)
