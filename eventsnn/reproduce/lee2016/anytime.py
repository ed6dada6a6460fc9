"""Rows about answers on the way: accuracy against the synaptic operations that it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.reproduce.lee2016.frames import (
    FrameJob,
    FrameNetwork,
    frame_network,
    frame_probabilities,
    learn_frames,
)
from eventsnn.reproduce.lee2016.training import trained
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.samples import recordings_of
from eventsnn.rules.lee2016.machine import LeeMachine
from eventsnn.train.checkpoint import FILE, Checkpoint, load_checkpoint, save_checkpoint


def curve(state: LeeMachine, data: Data, marks_ms: list[float]) -> list[dict[str, float]]:
    """Return accuracy in percent and mean additions at each mark, and at the end."""
    marks = np.array(marks_ms) * 1000.0
    found = state.answers(data, np.arange(len(data)), marks=marks)
    right = (found.answer == labels_of(data)[:, None]).mean(0)
    adds = found.adds.mean(0)
    points = [
        {"accuracy": 100 * float(r), "operations": float(a)}
        for r, a in zip(right, adds, strict=True)
    ]
    return [{"ms": ms} | point for ms, point in zip(marks_ms, points, strict=False)] + points[-1:]


def on_images(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Read a trained network's answers at many times of the test presentation."""
    if context.found[options["trained"]]["accuracy"] is None:
        return {"accuracy": None, "curve": []}
    state = trained(context, options["trained"], options["network"])
    found = curve(state, context.data.test, options["marks_ms"])
    dense = sum(int(np.prod(c.topology.weight_shape)) for c in state.network.connections)
    enough = [p["operations"] for p in found if p["accuracy"] >= found[-1]["accuracy"] - 1]
    return {
        "accuracy": found[-1]["accuracy"],
        "operations": found[-1]["operations"],
        "operations_within_a_point": min(enough),
        "relu_operations": dense,
        "curve": found,
    }


def on_frames(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Put a trained network beside a ReLU network of its size that sees frames."""
    data, length = context.data, options["frame_ms"] * 1000.0
    net = _frames_learned(context, options)
    said = frame_probabilities(net, recordings_of(data.test), options["frames"], length)
    labels = labels_of(data.test)
    sums = [_right(said[:, : k + 1].sum(1), labels) for k in range(options["frames"])]
    one = float(np.mean([_right(said[:, k], labels) for k in range(options["frames"])]))
    out: Result = {
        "one_frame": one,
        "all_frames": sums[-1],
        "frames_curve": sums,
        "frame_operations": net.operations,
        "frames_operations": net.operations * options["frames"],
    }
    if context.found[options["trained"]]["accuracy"] is None:
        return out | {"accuracy": None, "ratio": None, "ratio_at_equal_accuracy": None, "curve": []}
    state = trained(context, options["trained"], options["network"])
    found = curve(state, data.test, options["marks_ms"])
    whole = found[-1]["operations"]
    equal = [p["operations"] for p in found if p["accuracy"] >= sums[-1]]
    return out | {
        "accuracy": found[-1]["accuracy"],
        "operations": whole,
        "ratio": out["frames_operations"] / whole,
        "ratio_at_equal_accuracy": out["frames_operations"] / min(equal) if equal else None,
        "curve": found,
    }


def _right(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return how many answers are right, in percent."""
    return 100 * float((scores.argmax(1) == labels).mean())


def _frames_learned(context: RowContext, options: Mapping[str, Any]) -> FrameNetwork:
    """Learn a random frame of every recording in each epoch; go on from what was saved."""
    train, epochs = recordings_of(context.data.train), options["epochs"]
    net = frame_network(tuple(options["sizes"]), np.random.default_rng([context.seed, 0]))
    done = 0
    if (context.folder / FILE).exists():
        saved = load_checkpoint(context.folder)
        done = saved.info["epochs"]
        for name in ("first", "second", "bias", "out_bias"):
            getattr(net, name)[...] = saved.arrays[name]
    for epoch in range(done, epochs):
        rng = np.random.default_rng([context.seed, 1, epoch])
        order = rng.permutation(len(train))
        frame = rng.integers(0, options["frames"], len(train))
        rate = options["rate"] * (1 - epoch / epochs)
        for first in range(0, len(order), _TOGETHER):
            context.report(epoch * len(order) + first, epochs * len(order), "frames")
            part = slice(first, first + _TOGETHER)
            job = FrameJob(order[part], frame[part], options["frame_ms"] * 1000.0, rate)
            learn_frames(net, train, job)
        arrays = {name: getattr(net, name) for name in ("first", "second", "bias", "out_bias")}
        save_checkpoint(context.folder, Checkpoint(arrays, {"epochs": epoch + 1}))
    return net


_TOGETHER = 256  # recordings between two reports
