"""Pulumi component resources, each the thing deployed: they place what the plan decided."""

from .autoscaling import KedaAutoscaler, KedaAutoscalerArgs, PodsMetricAutoscaler, PodsMetricAutoscalerArgs
from .compass import CompassApi, CompassApiArgs
from .isolation import VllmIsolation, VllmIsolationArgs
from .monitoring import VllmMonitoring, VllmMonitoringArgs
from .server import VllmServer, VllmServerArgs
from .tenancy import GpuNodeLabels, GpuNodeLabelsArgs, GpuTenancy, GpuTenancyArgs

__all__ = [
    "CompassApi",
    "CompassApiArgs",
    "GpuNodeLabels",
    "GpuNodeLabelsArgs",
    "GpuTenancy",
    "GpuTenancyArgs",
    "KedaAutoscaler",
    "KedaAutoscalerArgs",
    "PodsMetricAutoscaler",
    "PodsMetricAutoscalerArgs",
    "VllmIsolation",
    "VllmIsolationArgs",
    "VllmMonitoring",
    "VllmMonitoringArgs",
    "VllmServer",
    "VllmServerArgs",
]
