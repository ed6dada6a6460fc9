"""Which recordings a network takes for another class, and for which."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.errors import UserError
from eventsnn.losses.answers import NO_ANSWER, told


def check_labelled(labels: NDArray[np.int64], source: str) -> None:
    """Refuse to measure on no recordings, or on one without a label."""
    if not len(labels):
        raise UserError(f"{source}: no recordings; measure needs at least one, with its label")
    if labels.min() < 0:
        i = int((labels < 0).argmax())
        raise UserError(f"{source}[{i}]: has no label; measure needs one a recording")


def confusion(labels: NDArray[Any], predictions: NDArray[Any], classes: int) -> list[list[int]]:
    """Return how many recordings of each class (rows) were taken for each (columns).

    Parameters
    ----------
    labels, predictions : int64 arrays (n,)
    classes : int
        That the network tells apart; a label beyond them has a row and a column, too. What got
        no answer stands in no column.
    """
    size = max([classes, *(int(a.max()) + 1 for a in (labels, predictions) if len(a))])
    counts = np.zeros((size, size), np.int64)
    answered = predictions != NO_ANSWER
    np.add.at(counts, (labels[answered], predictions[answered]), 1)
    return [[int(n) for n in row] for row in counts]


def mistakes(
    labels: NDArray[Any], predictions: NDArray[Any], half: str
) -> list[dict[str, int | str | None]]:
    """Return a row for each wrong recording, ``index`` being its place in its half, from 0.

    The prediction is None where there was no answer.
    """
    return [
        {"half": half, "index": i, "label": int(labels[i]), "prediction": told(predictions[i])}
        for i in np.flatnonzero(labels != predictions).tolist()
    ]
