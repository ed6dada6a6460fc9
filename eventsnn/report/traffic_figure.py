"""From the traffic of one input to its picture in a file."""

from __future__ import annotations

import os

import numpy as np

from eventsnn.losses.answers import answers, said
from eventsnn.measure import traffic
from eventsnn.report.files import save_figure
from eventsnn.report.plots_traffic import plot_activity
from eventsnn.report.style import LIGHT, Theme
from eventsnn.report.traffic_activity import Activity
from eventsnn.rules.traffic import RuleTraffic


def plot_traffic(
    found: RuleTraffic,
    path: str | os.PathLike[str],
    shape: tuple[int, ...],
    theme: Theme = LIGHT,
) -> None:
    """Draw the traffic of a network that its rule runs itself.

    Parameters
    ----------
    found : RuleTraffic
    path : path
        ``.png``, ``.svg`` or ``.pdf``.
    shape : tuple of int
        Sensor (polarities, height, width), or (height, width) of an image.
    theme : Theme
    """
    n = len(found.unit)
    adds = np.zeros((n, n), np.int64)
    adds[np.arange(n - 1), np.arange(1, n)] = found.adds
    names = ("input", *(f"layer {p}" for p in range(1, n)))
    label = "" if found.label is None else f", label {found.label}"
    activity = Activity(
        f"{found.name}{label}, prediction {said(int(answers(found.output)))}",
        names,
        found.sizes,
        found.t,
        found.unit,
        found.duration,
        found.time_unit,
        adds,
        np.eye(n, k=1, dtype=np.bool_),
        shape,
        found.output,
        "output: mean drive a step, S / T",
    )
    save_figure(plot_activity(activity, theme), path)


def plot_network_traffic(
    found: traffic.Traffic,
    path: str | os.PathLike[str],
    title: str,
    scores: list[float] | None = None,
    theme: Theme = LIGHT,
) -> None:
    """Draw the traffic of a network of neurons.

    Parameters
    ----------
    found : Traffic
    path : path
        ``.png``, ``.svg`` or ``.pdf``.
    title : str
    scores : list of float, optional
        Of each class; None: the spikes of the only output population are drawn, if any.
    theme : Theme
    """
    output, label = scores, "scores of the classes"
    if scores is None and len(found.outputs) == 1 and found.outputs[0] not in found.mute:
        p = found.outputs[0]
        output = np.bincount(found.unit[p], minlength=found.sizes[p]).tolist()
        label = f"spikes of each unit of {found.names[p]}"
    delayed = bool(found.queue_depth.any())
    activity = Activity(
        title,
        found.names,
        found.sizes,
        found.t,
        found.unit,
        found.duration_us,
        "us",
        found.synaptic_adds,
        found.linked,
        found.sensor,
        None if output is None else np.array(output),
        label,
        (found.bin_us, found.queue_depth) if delayed else None,
        found.input,
        found.inputs,
        found.mute,
        found.begin_us,
    )
    save_figure(plot_activity(activity, theme), path)
