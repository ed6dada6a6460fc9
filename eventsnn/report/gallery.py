"""The pictures of a measurement: which there are, what they are called, what they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.losses.answers import said
from eventsnn.measure.traces import potentials
from eventsnn.network import Network
from eventsnn.record import Record
from eventsnn.report import plots
from eventsnn.report.files import save_figure
from eventsnn.report.style import DARK, LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Result = dict[str, Any]

FIELDS = 12
"""Neurons whose receptive fields are drawn."""

TRACES = 3
"""Neurons whose potentials are drawn."""


class Picture(NamedTuple):
    """A picture.

    Attributes
    ----------
    name : str
        Of its file, without the ending.
    title, caption : str
    draw : callable
        From a theme to a figure.
    """

    name: str
    title: str
    caption: str
    draw: Callable[[Theme], Figure]


@dataclass(frozen=True, eq=False)
class Scene:
    """What pictures of recordings are made from.

    Attributes
    ----------
    network : Network
    weights : list of arrays
    events : EventBatch
    predictions : int64 array (n_recordings,)
    chosen : list of int
        Recordings to draw.
    sensor : tuple of int
        (polarities, height, width) of the input.
    """

    network: Network
    weights: list[NDArray[Any]]
    events: EventBatch
    predictions: NDArray[np.int64]
    chosen: list[int]
    sensor: tuple[int, ...]


def choose_recordings(predictions: NDArray[np.int64], labels: NDArray[np.int64]) -> list[int]:
    """Return the first recording, and the first with a wrong answer if there is one."""
    wrong = np.flatnonzero(predictions != labels)
    return [0, *(int(i) for i in wrong[:1] if i != 0)]


_OF_TIME = (
    (
        "anytime",
        "Accuracy against operations",
        "Each line is a policy, each point of it a level. The clock-driven twin is measured on "
        "the same recordings, its events moved to steps of 1 ms; of the ReLU network only the "
        "cost is known.",
        plots.plot_anytime,
    ),
    (
        "streaming",
        "While a recording streams in",
        "All recordings stopped at one time, or after as many events.",
        plots.plot_streaming,
    ),
)

_ALWAYS = (
    (
        "operations",
        "Operations",
        "What one recording costs: additions, or multiply-accumulates where signals are graded "
        "(the ReLU network, coarse clocks). Active senders: synapses of those that spoke in a "
        "step; every synapse: swept at each step.",
        plots.plot_operations,
    ),
    (
        "energy",
        "Energy: estimates",
        "Counts times published prices; no static power. Sources stand in the table below.",
        plots.plot_energy,
    ),
    (
        "traffic",
        "Traffic",
        "Deliveries a second; below each population its neurons and its spikes a recording.",
        plots.plot_traffic_graph,
    ),
    (
        "confusion",
        "Confusion",
        "Recordings of each class (rows) by answer (columns).",
        plots.plot_confusion,
    ),
)


def gallery(result: Result, scene: Scene | None, history: list[Result]) -> list[Picture]:
    """Return the pictures that a measurement has; ``scene`` is None without a network."""
    timed = _OF_TIME if "stops" in result["anytime"] else ()
    out = [
        Picture(name, title, caption, partial(plot, result))
        for name, title, caption, plot in (*timed, *_ALWAYS)
    ]
    if scene is not None:
        out += _scenes(scene)
    if len(history) > 1:
        told = "As the run was trained, an epoch a point."
        out.append(Picture("learning", "Learning", told, partial(plots.plot_learning, history)))
    return out


def _scenes(scene: Scene) -> list[Picture]:
    """Return the pictures of chosen recordings, and of weights."""
    out = []
    for i in scene.chosen:
        events = scene.events[i]
        record = simulate(scene.network, scene.weights, events)
        verdict = "right" if scene.predictions[i] == events.label else "wrong"
        told = f"label {events.label}, answer {said(int(scene.predictions[i]))}: {verdict}"
        raster = partial(plots.plot_raster, plots.trains_of(record, events), "", inputs=1)
        told = f"A dot an event or spike; {told}."
        out.append(Picture(f"raster-{i}", f"Recording {i}", told, raster))
        if i == scene.chosen[0]:
            out += [*_frame(scene, events, i), *_traces(scene, record, events, i)]
    return out + _fields(scene)


def _frame(scene: Scene, events: EventStream, i: int) -> list[Picture]:
    """Return what the sensor saw, where it is one in space."""
    if len(scene.sensor) != 3:
        return []
    sensor = (scene.sensor[0], scene.sensor[1], scene.sensor[2])
    seen = EventStream(events.t, events.unit, sensor, events.label, events.duration)
    told = "Blue: more ON than OFF events, orange: more OFF; and how fresh each pixel is."
    draw = partial(plots.plot_event_frame, seen, 30_000.0)
    return [Picture(f"frame-{i}", f"What the sensor saw in recording {i}", told, draw)]


def _traces(scene: Scene, record: Record, events: EventStream, i: int) -> list[Picture]:
    """Return the potentials of the busiest neurons of the first population."""
    network = scene.network
    name = network.connections[0].target
    neuron = network[name].neuron
    if neuron is None or name not in record.spikes:
        return []
    count = np.bincount(record.spikes[name].unit, minlength=network[name].size)
    units = np.argsort(-count, kind="stable")[:TRACES].tolist()
    found = potentials(record, scene.weights, events, name, units)
    traces = {f"{name}[{unit}]": found[unit] for unit in units}
    threshold = getattr(neuron, "threshold", None)
    return [
        Picture(
            f"traces-{i}",
            f"Potentials in recording {i}",
            f"Of the {len(units)} busiest neurons, just after each event.",
            partial(plots.plot_traces, traces, threshold),
        )
    ]


def _fields(scene: Scene) -> list[Picture]:
    """Return the weights into the strongest neurons behind a dense connection from the sensor."""
    connection = scene.network.connections[0]
    first = scene.network[connection.source].neuron is None
    if not first or connection.topology.kind != "dense" or len(scene.sensor) != 3:
        return []
    weights = scene.weights[0]
    units = np.argsort(-(weights.astype(np.float64) ** 2).sum(0), kind="stable")[:FIELDS]
    return [
        Picture(
            "fields",
            "Receptive fields",
            "Weights into the neurons with the strongest ones; blue excites, orange inhibits; "
            "OFF on the left, ON on the right.",
            partial(plots.plot_receptive_fields, weights, scene.sensor, units),
        )
    ]


def save_gallery(pictures: list[Picture], folder: Path) -> list[str]:
    """Write each picture as PNG and SVG, light and dark; return the names."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"figures {folder}: cannot be made: {error.strerror}") from error
    names = []
    for picture in pictures:
        for theme, ending in ((LIGHT, ""), (DARK, "-dark")):
            for suffix in (".png", ".svg"):
                name = f"{picture.name}{ending}{suffix}"
                save_figure(picture.draw(theme), folder / name)
                names.append(name)
    return names
