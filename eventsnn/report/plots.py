"""Every picture of a measurement, by name; each is one function of its own file."""

from __future__ import annotations

from eventsnn.report.plots_activity import plot_event_frame, plot_raster, plot_traces, trains_of
from eventsnn.report.plots_network import plot_receptive_fields, plot_traffic_graph
from eventsnn.report.plots_results import (
    plot_anytime,
    plot_compared,
    plot_confusion,
    plot_energy,
    plot_learning,
    plot_operations,
    plot_streaming,
)
from eventsnn.report.style import DARK, LIGHT, PAGE, Theme

__all__ = [
    "DARK",
    "LIGHT",
    "PAGE",
    "Theme",
    "plot_anytime",
    "plot_compared",
    "plot_confusion",
    "plot_energy",
    "plot_event_frame",
    "plot_learning",
    "plot_operations",
    "plot_raster",
    "plot_receptive_fields",
    "plot_streaming",
    "plot_traces",
    "plot_traffic_graph",
    "trains_of",
]
