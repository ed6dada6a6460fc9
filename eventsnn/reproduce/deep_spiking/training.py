"""Rows that learn: spiking networks through the trainer, and the ReLU network beside them.

Both save themselves after every epoch, and go on from there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import labels_of
from eventsnn.errors import DivergedError
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.relu_network import ReluNetwork
from eventsnn.reproduce.samples import percent, vectors
from eventsnn.reproduce.training import history_of, trained, trainer_of, word_of_row
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.train.checkpoint import FILE, Checkpoint, load_checkpoint, save_checkpoint

_TOGETHER = 64  # samples between two reports
_OWN = ("watch", "skip_mnist")  # options of the rows that are none of the trainer


def train_spiking(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Train an event-driven backprop MLP; ``watch`` also follows the training half.

    A network that diverges has no errors, and tells where it did.
    """
    given = {name: value for name, value in options.items() if name not in _OWN}
    if "mnist" in context.data.spec:
        given["skip"] = options.get("skip_mnist", 0)
    given["layers"] = tuple(given["layers"])
    watch = bool(options.get("watch")) and context.seed == 0  # curves are drawn of the first seed
    trainer = trainer_of(context, given, watch)
    try:
        return trained(trainer, context)
    except DivergedError as error:
        return {
            "test_error": None,
            "train_error": None,
            "diverged": f"epoch {len(trainer.history) + 1}, {str(error).split('; lower')[0]}",
            "lowest_potential": float(trainer.learner.snapshot()["phi"].min()),
            "history": history_of(trainer.history),
            "options": trainer.options.to_json() | {"data": word_of_row(context)},
        }


def train_relu(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Train the ReLU network from the weights and in the order of the spiking one."""
    train, test = vectors(context.data.train), vectors(context.data.test)
    labels, eta = labels_of(context.data.train), np.float32(options["eta"])
    network, history = _relu_at_the_start(context, options)
    targets = np.eye(options["layers"][-1], dtype=np.float32)
    for epoch in range(len(history), options["epochs"]):
        order = np.random.default_rng([context.seed, 1, epoch]).permutation(len(train))
        started = time.perf_counter()
        note = f"test {history[-1]['test_error']:.2f}%" if history else ""
        for done, i in enumerate(order):
            if done % _TOGETHER == 0:
                total = options["epochs"] * len(train)
                context.report(epoch * len(train) + done, total, note)
            network.train_one(train[i], targets[labels[i]], eta)
        seconds = time.perf_counter() - started
        errors = {
            "test_error": wrong(network, test, labels_of(context.data.test)),
            "train_error": wrong(network, train, labels),
        }
        history.append({"epoch": epoch + 1, **errors, "seconds": seconds})
        _save(context, network, history)
    last = {name: history[-1][name] for name in ("test_error", "train_error")}
    return last | {"history": history, "seconds": sum(row["seconds"] for row in history)}


def _relu_at_the_start(
    context: RowContext, options: Mapping[str, Any]
) -> tuple[ReluNetwork, list[dict[str, Any]]]:
    """Return the network and its history, as drawn or as saved."""
    if (context.folder / FILE).exists():
        saved = load_checkpoint(context.folder)
        weights = [saved.arrays[f"weight{n}"] for n in range(len(saved.arrays))]
        return ReluNetwork(weights), saved.info["history"]
    rng = np.random.default_rng([context.seed, 0])
    shapes = pairwise(options["layers"])
    drawn = [options["init_scale"] * rng.standard_normal(shape) for shape in shapes]
    return ReluNetwork([weight.astype(np.float32) for weight in drawn]), []


def _save(context: RowContext, network: ReluNetwork, history: list[dict[str, Any]]) -> None:
    arrays = {f"weight{n}": weight for n, weight in enumerate(network.weights)}
    save_checkpoint(context.folder, Checkpoint(arrays, {"history": history}))


def swap_into_relu(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Give a ReLU network the weights of a spiking one, without learning, and see what it says."""
    lost = context.found[options["spiking"]]["test_error"] is None
    network = ReluNetwork(context.weights(options["spiking"]))
    return {
        f"relu_{half}_error": None if lost else wrong(network, vectors(data), labels_of(data))
        for half, data in (("test", context.data.test), ("train", context.data.train))
    }


def swap_into_spiking(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Give a spiking network the ReLU network's weights, and see what it says.

    ``networks`` predict alike (they differ in how they learn): one figure stands for each.
    """
    fields = {name: options[name] for name in ("n_steps", "test_quantizer", "dtype")}
    network = HerdingMLP(context.weights("relu"), **fields)
    found: Result = {}
    for half, data in (("test", context.data.test), ("train", context.data.train)):
        outputs, _ = network.outputs(data, np.arange(len(data)))
        error = percent(float((outputs.argmax(1) == labels_of(data)).mean()))
        found |= {f"{name}_{half}_error": error for name in options["networks"]}
    return found


def wrong(network: ReluNetwork, x: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the error in percent, a thousand samples at a time."""
    pieces = [network.drives(x[k : k + 1000]).argmax(1) for k in range(0, len(x), 1000)]
    return percent(float((np.concatenate(pieces) == labels).mean()))
