"""Fixtures: every test of a site runs for every site."""

from __future__ import annotations

import pytest

from tests.sites_under_test import SITES, Rendered, site_id


@pytest.fixture(params=SITES, ids=site_id)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    """One site's manifests."""
    return Rendered(request.param)
