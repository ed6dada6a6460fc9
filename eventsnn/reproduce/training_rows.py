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

from eventsnn.data.images import Images
from eventsnn.data.source import Data, labels_of
from eventsnn.errors import DivergedError, UserError
from eventsnn.reproduce.paper import Desk, Result
from eventsnn.reproduce.relu_network import ReluNetwork
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.train.checkpoint import FILE, Checkpoint, load_checkpoint, save_checkpoint
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Listener, Trainer

_TOGETHER = 64  # samples between two reports
_OWN = ("watch", "skip_mnist")  # options of the rows that are none of the trainer


class _Told(Listener):
    """Passes the trainer's reports on to the desk, all epochs as one count."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.first, self.total, self.note = desk, 0, 1, ""

    def epoch_begins(self, epoch: int, epochs: int, samples: int) -> None:
        """Note where the epoch begins."""
        self.first, self.total = (epoch - 1) * samples, epochs * samples

    def progress(self, done: int, accuracy: float) -> None:
        """Pass it on."""
        self.desk.tell(self.first + done, self.total, self.note)

    def epoch_ends(self, row: dict[str, Any]) -> None:
        """Show the test error from here on."""
        self.note = f"test {1 - row['test_accuracy']:.2%}"


def train_spiking(desk: Desk, options: Mapping[str, Any]) -> Result:
    """Train an event-driven backprop MLP; ``watch`` also follows the training half.

    A network that diverges has no errors, and tells where it did.
    """
    given = {name: value for name, value in options.items() if name not in _OWN}
    if "mnist" in desk.data.spec:
        given["skip"] = options.get("skip_mnist", 0)
    given |= {"data": desk.data.spec, "seed": desk.seed, "layers": tuple(given["layers"])}
    chosen = completed(make_options(given), desk.data)
    watch = bool(options.get("watch")) and desk.seed == 0  # curves are drawn of the first seed
    trainer = Trainer(chosen, desk.data, desk.folder, watch=watch)
    if (desk.folder / FILE).exists():
        trainer.resume(load_checkpoint(desk.folder))
    try:
        summary = trainer.run(_Told(desk))
    except DivergedError as error:
        return {
            "test_error": None,
            "train_error": None,
            "diverged": f"epoch {len(trainer.history) + 1}, {str(error).split('; lower')[0]}",
            "lowest_potential": float(trainer.learner.snapshot()["phi"].min()),
            "history": _history(trainer.history),
            "options": chosen.to_json(),
        }
    kept = (
        "seconds",
        "spikes_per_recording",
        "operations_per_recording",
        "training_operations_per_recording",
        "training_recordings",
        "test_recordings",
    )
    return {
        "test_error": percent(summary["test_accuracy"]),
        "train_error": percent(summary["train_accuracy"]),
        "history": _history(summary["history"]),
        **{name: summary[name] for name in kept},
        "options": summary["options"],
    }


def percent(accuracy: float) -> float:
    """Return the error in percent; rounded, for whole samples leave no more digits."""
    return round(100 * (1 - accuracy), 4)


def _history(history: list[Result]) -> list[Result]:
    """Return errors after each epoch and, where watched, spikes a sample learned in it."""
    rows, before = [], {"forward": 0.0, "backward": 0.0}
    for row in history:
        found = {"epoch": row["epoch"], "test_error": percent(row["test_accuracy"])}
        if "train_accuracy" in row:
            costs, n = row["learning_so_far"], row["epoch"]
            summed = {
                "forward": n * sum(costs["spikes_per_recording"]),
                "backward": n * sum(costs.get("error_spikes_per_recording", [0.0])),
            }
            found["train_error"] = percent(row["train_accuracy"])
            found |= {f"{side}_spikes": summed[side] - before[side] for side in summed}
            before = summed
        rows.append(found | {"seconds": row["seconds"]})
    return rows


def train_relu(desk: Desk, options: Mapping[str, Any]) -> Result:
    """Train the ReLU network from the weights and in the order of the spiking one."""
    train, test = vectors(desk.data.train), vectors(desk.data.test)
    labels, eta = labels_of(desk.data.train), np.float32(options["eta"])
    network, history = _relu_at_the_start(desk, options)
    targets = np.eye(options["layers"][-1], dtype=np.float32)
    for epoch in range(len(history), options["epochs"]):
        order = np.random.default_rng([desk.seed, 1, epoch]).permutation(len(train))
        started = time.perf_counter()
        note = f"test {history[-1]['test_error']:.2f}%" if history else ""
        for done, i in enumerate(order):
            if done % _TOGETHER == 0:
                total = options["epochs"] * len(train)
                desk.tell(epoch * len(train) + done, total, note)
            network.train_one(train[i], targets[labels[i]], eta)
        seconds = time.perf_counter() - started
        errors = {
            "test_error": wrong(network, test, labels_of(desk.data.test)),
            "train_error": wrong(network, train, labels),
        }
        history.append({"epoch": epoch + 1, **errors, "seconds": seconds})
        _save(desk, network, history)
    last = {name: history[-1][name] for name in ("test_error", "train_error")}
    return last | {"history": history, "seconds": sum(row["seconds"] for row in history)}


def _relu_at_the_start(
    desk: Desk, options: Mapping[str, Any]
) -> tuple[ReluNetwork, list[dict[str, Any]]]:
    """Return the network and its history, as drawn or as saved."""
    if (desk.folder / FILE).exists():
        saved = load_checkpoint(desk.folder)
        weights = [saved.arrays[f"weight{n}"] for n in range(len(saved.arrays))]
        return ReluNetwork(weights), saved.info["history"]
    rng = np.random.default_rng([desk.seed, 0])
    shapes = pairwise(options["layers"])
    drawn = [options["init_scale"] * rng.standard_normal(shape) for shape in shapes]
    return ReluNetwork([weight.astype(np.float32) for weight in drawn]), []


def _save(desk: Desk, network: ReluNetwork, history: list[dict[str, Any]]) -> None:
    arrays = {f"weight{n}": weight for n, weight in enumerate(network.weights)}
    save_checkpoint(desk.folder, Checkpoint(arrays, {"history": history}))


def swap_into_relu(desk: Desk, options: Mapping[str, Any]) -> Result:
    """Give a ReLU network the weights of a spiking one, without learning, and see what it says."""
    lost = desk.found[options["spiking"]]["test_error"] is None
    network = ReluNetwork(desk.weights(options["spiking"]))
    return {
        f"relu_{half}_error": None if lost else wrong(network, vectors(data), labels_of(data))
        for half, data in (("test", desk.data.test), ("train", desk.data.train))
    }


def swap_into_spiking(desk: Desk, options: Mapping[str, Any]) -> Result:
    """Give a spiking network the ReLU network's weights, and see what it says.

    ``networks`` predict alike (they differ in how they learn): one figure stands for each.
    """
    fields = {name: options[name] for name in ("n_steps", "test_quantizer", "dtype")}
    network = HerdingMLP(desk.weights("relu"), **fields)
    found: Result = {}
    for half, data in (("test", desk.data.test), ("train", desk.data.train)):
        outputs, _ = network.outputs(data, np.arange(len(data)))
        error = percent(float((outputs.argmax(1) == labels_of(data)).mean()))
        found |= {f"{name}_{half}_error": error for name in options["networks"]}
    return found


def vectors(data: Data) -> NDArray[np.float32]:
    """Return images as vectors in [0, 1], float32 (n, pixels)."""
    return images_of(data).images.reshape(len(data), -1) * np.float32(1 / 255)


def images_of(data: Data) -> Images:
    """Return the data as images, or refuse recordings."""
    if not isinstance(data, Images):
        raise UserError(f"{data.source}: recordings; this row takes images")
    return data


def wrong(network: ReluNetwork, x: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the error in percent, a thousand samples at a time."""
    pieces = [network.drives(x[k : k + 1000]).argmax(1) for k in range(0, len(x), 1000)]
    return percent(float((np.concatenate(pieces) == labels).mean()))
