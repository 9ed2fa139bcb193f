"""The prometheus-adapter's rules that serve the HPA's metrics on `custom.metrics.k8s.io`."""

from __future__ import annotations

from typing import Any

from .metrics import SERIES_OF_HPA_METRIC


def adapter_rules() -> dict[str, Any]:
    """A configuration of the adapter, or rules to add to the site's.

    The sum joins the series of a data-parallel replica's engines; a pod and a namespace label are needed to
    answer for pods.
    """
    return {
        "rules": [
            {
                "seriesQuery": f'{series}{{namespace!="",pod!=""}}',
                "resources": {"overrides": {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}},
                "name": {"matches": f"^{series}$", "as": metric},
                "metricsQuery": "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
            }
            for metric, series in SERIES_OF_HPA_METRIC.items()
        ]
    }
