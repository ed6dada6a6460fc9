"""The authors' released convolution network, run forward on the test images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.files.arrays import Arrays
from eventsnn.files.outputs import write_whole
from eventsnn.network.layer_string import parse_layers
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.released import Released
from eventsnn.rules.hm2bp import HM2BP
from eventsnn.rules.hm2bp.options import HM2BPOptions
from eventsnn.rules.hm2bp.state import HM2State

LAYERS = "28x28x1-15c5@5-2p@2-40c5@12-2p@4-300@10-10@10"

NETWORK = Released(
    "checkpoint",
    {
        "w_conv1": (15, 1, 5, 5),
        "w_conv2": (40, 15, 5, 5),
        "w_hid": (300, 640),
        "w_out": (10, 300),
        "lat_out": (10, 10),
    },
)

_TOGETHER = 250
_EVERY = 5
"""Spikes are counted on every fifth image."""


def weights_of(found: Arrays) -> list[NDArray[np.float32]]:
    """Return the released weights as the rule's layers have them.

    Theirs are [filter, channel, row, column] and [post, pre], dense inputs channel by channel.
    """
    order = np.arange(640).reshape(40, 4, 4).transpose(1, 2, 0).reshape(-1)
    kernels = [found[f"w_conv{k}"].transpose(2, 3, 1, 0) for k in (1, 2)]
    one = np.ones((1, 1))
    rows = [one, kernels[1].reshape(-1, 40), one, found["w_hid"].T[order], found["w_out"].T]
    every = [kernels[0].reshape(-1, 15), *rows]
    return [np.ascontiguousarray(w, np.float32) for w in every]


def evaluate_released(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Run the released network on all test images; goes on from what it saved."""
    rule = HM2BP(HM2BPOptions(seed=context.seed))
    network = rule.network(parse_layers(LAYERS))
    state, _ = rule.start(
        network, context.data.test, np.random.default_rng(0), weights_of(context.released)
    )
    state.inward[-1] = np.ascontiguousarray(context.released["lat_out"], np.float32)
    names = list(rule.populations(network))
    data, file = context.data.test, context.folder / "counted.json"
    counted = _read(file, len(names))
    for first in range(counted["done"], len(data), _TOGETHER):
        context.report(first, len(data), _note(counted))
        _count(rule, state, data, np.arange(first, min(first + _TOGETHER, len(data))), counted)
        write_whole(file, json.dumps(counted).encode())
    seen = max(counted["counted"], 1)
    spikes = {f"spikes_{n}": s / seen for n, s in zip(names, counted["spikes"], strict=True)}
    return {"accuracy": 100 * counted["right"] / len(data), **spikes, "images": len(data)}


def _read(file: Path, populations: int) -> dict[str, Any]:
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text())
        return found
    return {"done": 0, "right": 0, "counted": 0, "spikes": [0] * populations}


def _note(counted: dict[str, Any]) -> str:
    return f"{counted['right'] / counted['done']:.2%} right" if counted["done"] else ""


def _count(
    rule: HM2BP, state: HM2State, data: Data, order: NDArray[np.int64], counted: dict[str, Any]
) -> None:
    """Run some images; note who is right and, of every fifth, the spikes."""
    some = order % _EVERY == 0
    for part, counts in ((order[some], True), (order[~some], False)):
        found = rule.predict(state, data, part)
        counted["right"] += int((found.classes == labels_of(data)[part]).sum())
        if counts:
            counted["counted"] += len(part)
            both = zip(counted["spikes"], found.spikes.tolist(), strict=True)
            counted["spikes"] = [a + b for a, b in both]
    counted["done"] += len(order)
