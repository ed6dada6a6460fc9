"""Rows that learn by the rule: epoch after epoch, tested as the paper does, saved after each.

The test half is presented for 20 times as long as a sample that is learned, so it is run after
the epochs whose accuracies are counted, and a few before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data, labels_of
from eventsnn.data.images import Images
from eventsnn.errors import DivergedError
from eventsnn.network import Network
from eventsnn.network.layer_string import parse_layers
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.rules.learned import Batch, Epoch
from eventsnn.rules.lee2016.machine import LeeMachine
from eventsnn.rules.lee2016.options import Lee2016Options
from eventsnn.rules.lee2016.rule import Lee2016
from eventsnn.train.augment import Augmentation
from eventsnn.train.checkpoint import FILE, Checkpoint, load_checkpoint, save_checkpoint
from eventsnn.train.distort import distort

OWN = {field.name for field in fields(Lee2016Options)}
"""Options of a row that are the rule's."""

Rows = list[dict[str, Any]]


def rule_of(options: Mapping[str, Any]) -> tuple[Lee2016, Network]:
    """Return the rule of a row, and its network."""
    rule = Lee2016(Lee2016Options(**{k: v for k, v in options.items() if k in OWN}))
    return rule, rule.network(parse_layers(options["layers"]))


def trained(context: RowContext, name: str, options: Mapping[str, Any]) -> LeeMachine:
    """Return the network that a needed row learned; ``options`` are that row's."""
    rule, network = rule_of(options)
    return rule.restore(network, load_checkpoint(context.folders[name]).arrays)


def learn(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Learn; the accuracy is the mean over the last epochs, in percent.

    ``epochs``; ``last``, how many of them are counted; ``every`` so many epochs it is tested
    before; ``chosen``, how many of the last training samples are kept to choose the epoch
    (0: none); ``elastic``, pixels by which images are distorted anew in each epoch. A network that
    gives no right answer in a whole epoch is tested once more and learns no further: ``silent``.
    """
    rule, network = rule_of(options)
    state, history = _begun(context, rule, network)
    train = context.data.train
    kept = len(train) - options["chosen"] if options["chosen"] < len(train) else len(train)
    silent = bool(history) and history[-1]["learning"] == 0
    for number in range(len(history), len(history) if silent else options["epochs"]):
        epoch = Epoch(number, 1, options["epochs"])
        rng = np.random.default_rng([context.seed, 1, number])
        started = time.perf_counter()
        state = rule.begin_epoch(state, epoch)
        state, right = _pass(context, rule, state, (rng.permutation(kept), rng), options, history)
        state = rule.end_epoch(state, epoch)
        row = {"epoch": number + 1, "learning": 100 * right / kept}
        row["seconds"] = time.perf_counter() - started
        try:
            rule.check(state, epoch)
        except DivergedError as error:
            return _summary(history, options) | {"accuracy": None, "diverged": str(error)}
        history.append(row | _tested(context, rule, state, row, options))
        saved = Checkpoint(rule.arrays(state), {"history": history})
        save_checkpoint(context.folder, saved)
        if right == 0:
            break
    costs = {f"learning_{name}": value for name, value in rule.costs(state).items()}
    return _summary(history, options) | costs


def _begun(context: RowContext, rule: Lee2016, network: Network) -> tuple[LeeMachine, Rows]:
    if (context.folder / FILE).exists():
        saved = load_checkpoint(context.folder)
        return rule.restore(network, saved.arrays), saved.info["history"]
    rng = np.random.default_rng([context.seed, 0])
    return rule.start(network, context.data.train, rng)[0], []


def _pass(
    context: RowContext,
    rule: Lee2016,
    state: LeeMachine,
    drawn: tuple[NDArray[np.int64], np.random.Generator],
    options: Mapping[str, Any],
    history: Rows,
) -> tuple[LeeMachine, int]:
    """Learn every sample once; return how many were right before they were learned."""
    (order, rng), right, size = drawn, 0, rule.batch
    tested = [row["accuracy"] for row in history if "accuracy" in row]
    note = f"test {tested[-1]:.2f}%" if tested else ""
    done = len(history) * len(order)
    for first in range(0, len(order), size):
        context.report(done + first, options["epochs"] * len(order), note)
        part = order[first : first + size]
        batch = _batch(context.data.train, part, options["elastic"], rng)
        state, learned = rule.learn(state, batch, rng)
        right += learned.right
    return state, right


def _batch(data: Data, order: NDArray[np.int64], elastic: float, rng: np.random.Generator) -> Batch:
    """Return some samples; images bent by so many pixels, if any."""
    if not elastic or not isinstance(data, Images):
        return Batch(data, order)
    bent = distort(data, order, Augmentation(elastic=elastic), rng)
    return Batch(bent, np.arange(len(order)))


def _tested(
    context: RowContext,
    rule: Lee2016,
    state: LeeMachine,
    row: Mapping[str, Any],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the test of an epoch that is counted or shown, and how well it would be chosen."""
    out: dict[str, Any] = {}
    counted = row["epoch"] > options["epochs"] - options["last"] or row["learning"] == 0
    if counted or row["epoch"] % options["every"] == 0:
        found = rule.evaluate(state, context.data.test)
        out = {
            "accuracy": 100 * found["accuracy"],
            "spikes": found["spikes_per_recording"],
            "operations": found["operations_per_recording"],
        }
    train = context.data.train
    if 0 < options["chosen"] < len(train):
        last = np.arange(len(train) - options["chosen"], len(train))
        said = rule.predict(state, train, last).classes
        out["chosen_by"] = 100 * float((said == labels_of(train)[last]).mean())
    return out


def _summary(history: Rows, options: Mapping[str, Any]) -> Result:
    """Return accuracies of the epochs that are counted, in percent."""
    counted = [row["accuracy"] for row in history[-options["last"] :] if "accuracy" in row]
    out: Result = {"history": history, "seconds": sum(row["seconds"] for row in history)}
    if history and history[-1]["learning"] == 0:
        counted, out["silent"] = [history[-1]["accuracy"]], history[-1]["epoch"]
    if counted:
        out |= {
            "accuracy": float(np.mean(counted)),
            "lowest": min(counted),
            "highest": max(counted),
            "operations": sum(history[-1]["operations"]),
        }
    if "chosen_by" in (history[-1] if history else {}):
        best = max(history, key=lambda row: row["chosen_by"] if "accuracy" in row else -1.0)
        out |= {"accuracy": best["accuracy"], "chosen_epoch": best["epoch"]}
    return out
