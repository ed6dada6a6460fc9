"""What ``simulate`` tells of a record, as plain JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eventsnn.events import EventBatch
from eventsnn.losses.answers import answers
from eventsnn.losses.answers import said as said_answer
from eventsnn.losses.answers import told as told_answer
from eventsnn.losses.loss import Loss
from eventsnn.measure.traffic import Traffic, traffic
from eventsnn.record import Record
from eventsnn.report.style import Theme
from eventsnn.rules.evaluation import scores_of
from eventsnn.text import named


def told_of(record: Record, events: Any, everything: bool) -> dict[str, Any]:
    """Return the traffic of one input, without times where not every spike was kept."""
    network, counts = record.network, record.counts
    end = float(record.duration[0])
    told: dict[str, Any] = {"events": int(counts.spikes[0, list(network.inputs)].sum())}
    if everything:
        found = traffic(record, events)
        latency = min((found.first_spike_us[p] for p in network.outputs), default=np.inf)
        told |= found.to_json()
        told["outputs"] = [network.populations[p].name for p in network.outputs]
        told["latency_to_first_output_spike"] = float(latency) if np.isfinite(latency) else None
    else:
        sent = np.zeros(len(network.populations), np.int64)
        np.add.at(sent, list(network.sources), counts.synaptic_adds[0])
        told |= {
            "spikes": counts.spikes[0].tolist(),
            "populations": [p.name for p in network.populations],
            "operations": sent.tolist(),
            "time_unit": "us",
        }
    if record.stopped is not None:
        told["stopped_early"] = bool(record.stopped.early[0])
    return told | {"begin": _whole(record.since), "duration": _whole(end - record.since)}


def _whole(t: float) -> int | float:
    return int(t) if t.is_integer() else t


def answer_of(
    record: Record, loss: Loss | None, batch: EventBatch | None, names: tuple[str, ...]
) -> dict[str, Any]:
    """Return what the loss of a trained network reads, and the name of that class, if any."""
    if batch is None or loss is None:
        return {}
    last = len(record.network.populations) - 1
    stopped = record.stopped
    scores = scores_of(record, last, loss, batch)[0] if stopped is None else stopped.scores[0]
    answer = told_answer(int(answers(scores)))
    told: dict[str, Any] = {"prediction": answer, "output": scores.tolist()}
    if answer is not None and answer < len(names):
        told["prediction_name"] = names[answer]
    return told


def prediction_of(told: dict[str, Any]) -> str:
    """Return the answer as people read it: its name beside its number, if it has one."""
    name = told.get("prediction_name")
    return said_answer(told["prediction"]) + (f" ({named(name)})" if name else "")


def draw(found: Traffic, told: dict[str, Any], picture: Path, theme: Theme) -> None:
    """Draw the traffic of one input."""
    from eventsnn.report.traffic_figure import plot_network_traffic

    label = "" if told["label"] is None else f", label {told['label']}"
    said = f", prediction {prediction_of(told)}" if "prediction" in told else ""
    plot_network_traffic(found, picture, f"{told['input']}{label}{said}", told.get("output"), theme)
