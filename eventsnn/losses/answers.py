"""From what an output did to an answer: one rule for every network, kept in one place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_ANSWER = -1


def answers(scores: NDArray[Any]) -> NDArray[np.int64]:
    """Return the class with the highest score; of equal ones, the lowest.

    Where an output was silent there is no answer: no class fired, or nothing has reached the
    output. Then, and only then, every loss and rule gives scores of 0. No answer is never right.

    Parameters
    ----------
    scores : float or int array (..., classes)

    Returns
    -------
    int64 array (...)
        A class, or ``NO_ANSWER``.
    """
    silent = (scores == 0).all(-1)
    return np.where(silent, NO_ANSWER, scores.argmax(-1)).astype(np.int64)


def told(prediction: int) -> int | None:
    """Return a prediction as JSON has it: null where there is no answer."""
    return None if prediction == NO_ANSWER else int(prediction)


def said(prediction: int | None) -> str:
    """Return a prediction as people read it."""
    return "no answer" if prediction in (None, NO_ANSWER) else str(prediction)


def unanswered(predictions: NDArray[np.int64]) -> int:
    """Return how many recordings got no answer."""
    return int((predictions == NO_ANSWER).sum())
