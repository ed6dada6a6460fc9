"""What is wrong with a run that learns nothing: silent layers, runaways, a loss that rests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import DataSet, labels_of
from eventsnn.events import EventBatch

QUIET = 1.0
"""Spikes of a hidden layer and recording, below which next to nothing passes it."""
LOUD, TIMES = 10.0, 10.0
"""Spikes a neuron and recording, and times those of the first epoch, that are a runaway."""
RESTS = 3
"""Epochs after which the loss must have fallen by a hundredth."""
ALWAYS = 0.9
"""Share of one class among the answers that is suspicious."""

_MORE_SPIKES = (
    ("init_spikes", "raise"), ("silent_pull", "raise"), ("threshold", "lower"),
    ("tau_us", "raise"), ("spike_cost", "lower"),
)  # fmt: skip
_FEWER_SPIKES = (("rate", "lower"), ("eta", "lower"), ("spike_cost", "raise"))
_OTHER_STEP = (("rate", "raise or lower"), ("eta", "raise or lower"), ("init_spikes", "raise"))


def slips(data: DataSet, outputs: int) -> list[str]:
    """Return what is odd about data before anything is learned from them, a line each."""
    labels, found = labels_of(data.train), []
    classes = np.unique(labels[labels >= 0])
    if len(classes) == 1:
        found.append(
            f"data {data.spec!r}: all {len(labels):,} recordings to learn from are of class "
            f"{classes[0]}, so that every network is right; give more classes"
        )
    if outputs > data.n_classes > 1:
        found.append(
            f"data {data.spec!r}: have {data.n_classes} classes, and the network {outputs} "
            "outputs; the last ones never learn to answer"
        )
    if isinstance(data.train, EventBatch):
        empty = np.flatnonzero(np.diff(data.train.start) == 0)
        if empty.size:
            found.append(
                f"data {data.spec!r}: {empty.size:,} of {len(labels):,} recordings to learn from "
                f"hold no events (the first is recording {empty[0]}); leave them out"
            )
    return found


def complaints(
    history: Sequence[Mapping[str, Any]],
    sizes: Sequence[int],
    answers: NDArray[np.int64],
    options: Mapping[str, Any],
) -> dict[str, str]:
    """Return what is wrong after an epoch: a line by its subject, with the likely remedy.

    Parameters
    ----------
    history : sequence of mappings
        Rows of all epochs, the last one last: ``spikes_per_recording``, and ``loss`` where there
        is one.
    sizes : sequence of int
        Neurons of each layer, input first.
    answers : int64 array (2, n)
        The right class of each test recording, and what was answered; -1: nothing.
    options : mapping
        Those of the run's rule: a remedy names what it has.
    """
    row, first = history[-1], history[0]
    found: dict[str, str] = {}
    for k in range(1, len(sizes) - 1):
        spikes, before = (one["spikes_per_recording"][k] for one in (row, first))
        name = f"layer {k} of {sizes[k]:,} neurons"
        if spikes < QUIET:
            found[f"layer {k}"] = (
                f"{name} fires {spikes:.2g} spikes a recording, too few to learn from; "
                f"{_remedy(_MORE_SPIKES, options)}"
            )
        elif spikes > LOUD * sizes[k] and spikes > TIMES * before:
            found[f"layer {k}"] = (
                f"{name} fires {spikes / sizes[k]:,.0f} spikes a neuron and recording, "
                f"{spikes / max(before, 1e-9):,.0f} times as many as after epoch 1; "
                f"{_remedy(_FEWER_SPIKES, options)}"
            )
    return found | _answers(answers, options) | _loss(history, options)


def _answers(answers: NDArray[np.int64], options: Mapping[str, Any]) -> dict[str, str]:
    right, said = answers
    silent = float((said < 0).mean()) if len(said) else 0.0
    if silent > 0.5:
        told = f"the output is silent on {silent:.0%} of the test recordings"
        return {"output": f"{told}; {_remedy(_MORE_SPIKES, options)}"}
    if not (said >= 0).any():
        return {}
    most = int(np.bincount(said[said >= 0]).argmax())
    share, true = float((said == most).mean()), float((right == most).mean())
    if share > ALWAYS and true < 0.75 * share:
        told = f"class {most} is the answer to {share:.0%} of the test recordings, of which "
        return {"output": f"{told}{true:.0%} are of it; {_remedy(_OTHER_STEP, options)}"}
    return {}


def _loss(history: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> dict[str, str]:
    losses = [row["loss"] for row in history if "loss" in row]
    if len(losses) <= RESTS or losses[0] <= 0 or min(losses) < 0.99 * losses[0]:
        return {}
    told = f"the loss has not fallen in {len(losses)} epochs ({losses[0]:.3g} to {losses[-1]:.3g})"
    return {"loss": f"{told}; {_remedy(_OTHER_STEP, options)}"}


def _remedy(ways: Sequence[tuple[str, str]], options: Mapping[str, Any]) -> str:
    """Return what to try, of options that the rule has: the first two of them."""
    known = [(name, how) for name, how in ways if name in options]
    told = [f"{how} --{name.replace('_', '-')} ({options[name]:g})" for name, how in known[:2]]
    return " or ".join(told) if told else "look at the rates with eventsnn simulate"
