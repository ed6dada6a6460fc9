"""The weights of a trained network, to begin with or to teach."""

from __future__ import annotations

import os
from itertools import chain, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import Data
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.network import Connection, Network, Weights
from eventsnn.text import named
from eventsnn.train.learning import Learner
from eventsnn.train.saved_run import SavedRun, load_run
from eventsnn.train.trainable import times


def first_weights(learner: Learner, data: Data) -> list[NDArray[Any]] | None:
    """Return the weights of the network that a run starts from; None if it draws its own."""
    path = learner.rule.begins_with
    if not path:
        return None
    learner.rule.check_data(data)
    assert isinstance(data, EventBatch)
    return trained_weights(learner.network, data, load_run(path), path)


def trained_weights(
    network: Network,
    events: EventBatch,
    run: SavedRun,
    path: str,
    option: str = "start_from",
) -> list[NDArray[Any]]:
    """Return the weights of a checkpoint for a network of the same layers and sensor.

    ``path`` is where it was read, ``option`` the one that gave it.

    Raises
    ------
    UserError
        If the checkpoint is damaged, or of another network or sensor.
    """
    if run.options.network is not None:
        check_floats(run.options.network, path, option)
    if not run.sees(tuple(events.shape)):
        raise UserError(
            f"{path}: learned from a sensor of {times(run.sensor)}, these recordings have "
            f"{times(events.shape)} (polarities, height, width); give another {option}"
        )
    held = {name for name in run.checkpoint.arrays if name.startswith("weights.")}
    names = [f"weights.{k}" for k in range(len(network.connections))]
    if held != set(names):
        raise UserError(
            f"{path}: holds weights of {len(held)} connections, this network has {len(names)}; "
            f"leave layers out, or give another {option}"
        )
    try:
        flat = network.weights([run.checkpoint.arrays[name] for name in names], np.float32)
    except UserError as error:
        raise UserError(f"{path}: {error}; leave layers out, or give another {option}") from error
    pairs = zip(flat, network.connections, strict=True)
    return [array.reshape(c.topology.weight_shape) for array, c in pairs]


def check_floats(network: Network, path: str | os.PathLike[str], option: str) -> None:
    """Refuse a network in whole numbers, which neither learns nor teaches."""
    if any(p.neuron is not None and p.neuron.whole for p in network.populations):
        raise UserError(
            f"{path}: is in whole numbers; give {option} the network that it was made of"
        )


def give_weights(learner: Learner, given: Network, weights: Weights) -> None:
    """Begin with a network that a program made.

    Raises
    ------
    UserError
        If it is another one than the learner's, or the rule's network is its own.
    """
    rule, network = learner.rule, learner.network
    if not isinstance(given, Network):
        raise UserError(f"with_weights: network is {named(given)}; give a Network")
    if not isinstance(network, Network):
        rule.with_weights(network, [])  # says why it has none
    if given is not network:
        _check_same(given, network)
    learner.state = rule.with_weights(network, [*network.shaped(weights).values()])


def _check_same(given: Network, network: Network) -> None:
    """Refuse a network that is another than that of layers and rule."""
    parts = [(net.populations, map(_ends, net.connections)) for net in (network, given)]
    pairs = zip_longest(*(chain(*part) for part in parts))
    for ours, other in pairs:
        if ours != other:
            raise UserError(
                f"with_weights: layers and rule make {ours}, the network has {other}; change the "
                "options of the rule, or the network"
            )


def _ends(connection: Connection) -> tuple[Any, ...]:
    """Return what tells a connection from others."""
    c = connection
    return c.source, c.target, c.topology, np.asarray(c.delay_us).tolist(), c.fixed
