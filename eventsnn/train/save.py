"""A network that learned in a program's own loop, as every command takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eventsnn.errors import UserError
from eventsnn.network import Network, Weights
from eventsnn.rules.given.rule import GivenWeights
from eventsnn.rules.rule import Rule
from eventsnn.text import named
from eventsnn.train.classifier import Classifier
from eventsnn.train.samples import Samples


def save(
    folder: str | Path,
    network: Network,
    weights: Weights,
    data: Samples,
    rule: str | Rule[Any, Any] | None = None,
    *,
    overwrite: bool = False,
) -> Classifier:
    """Write a trained network into a folder: ``evaluate``, ``measure`` and ``simulate`` take it.

    Parameters
    ----------
    folder : str or Path
        New, or without a network.
    network : Network
        Any: layered or recurrent, with delays. Its last population is the output.
    weights : mapping by connection name, or sequence in connection order
        Kept in their precision, float32 or float64.
    data : DataSet, EventBatch, or sequence of EventStream
        What it learned from, with labels.
    rule : str or Rule, optional
        By which it learned and may go on to; in float32. Left out: ``GivenWeights``, which reads
        spike counts of an output that fires, else the integral of its potential.
    overwrite : bool
        Take the place of a network that the folder holds.

    Returns
    -------
    Classifier
        As ``load(folder)`` returns it.

    Raises
    ------
    UserError
        If weights, data and network do not fit each other, the rule cannot learn such a network,
        or the folder holds one already.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import eventsnn as es
    >>> def blink(label):
    ...     return es.EventStream([5], [label], (1, 1, 2), label)
    >>> network = es.Network(
    ...     (es.Population("input", (1, 1, 2)), es.Population("output", 2, es.LIF(20_000))),
    ...     (es.Connection("input", "output", es.Dense(2, 2)),),
    ... )
    >>> folder = tempfile.mkdtemp()
    >>> es.save(folder, network, {"input->output": np.eye(2)}, [blink(0), blink(1)])
    <Classifier <Network input 2, output 2; 1 connections>, <GivenWeights reads='counts'>, 0 epochs>
    >>> es.load(folder).predict(blink(1))
    1
    """
    if not isinstance(network, Network):
        raise UserError(f"save: network is {named(network)}; give a Network")
    if rule is None:
        last = network.populations[-1]
        rule = GivenWeights(reads="counts" if last.spiking else "integral")
    model = Classifier(network, rule, epochs=1).with_weights(network, weights, data)
    model.save(folder, overwrite=overwrite)
    return model
