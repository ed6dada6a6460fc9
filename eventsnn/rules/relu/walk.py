"""Recordings through a ReLU network, and back; what was done is counted."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.rules.relu import kernels
from eventsnn.rules.relu.frames import Frames
from eventsnn.rules.relu.state import ReLUState
from eventsnn.threads import in_threads

Float = NDArray[np.float32]


class Signals(NamedTuple):
    """What each layer sent, float32 (n_recordings, size) each; the last are the output's sums."""

    frames: Frames
    sent: list[Float]
    kept: list[Float]


def everyone(state: ReLUState, n: int) -> list[Float]:
    """Return what hidden signals are multiplied by where no neuron is silenced."""
    return [np.ones((n, size), np.float32) for size in state.sizes[1:-1]]


def forward(state: ReLUState, frames: Frames, kept: list[Float], threads: int = 1) -> Signals:
    """Run recordings; threads take some each and change no bit."""
    n = len(frames.seen)
    sent = [np.empty((n, size), np.float32) for size in state.sizes[1:]]
    ends = np.linspace(0, n, max(1, min(threads, n)) + 1).astype(int).tolist()

    def some(rows: tuple[int, int]) -> None:
        gain = np.float32(state.gain)
        kernels.first_layer(frames, gain, state.weights[0], state.biases[0], rows, sent[0])
        for k, (below, out) in enumerate(pairwise(sent)):
            kernels.rectify(below, kept[k], rows)
            kernels.upper_layer(below, state.weights[k + 1], state.biases[k + 1], rows, out)

    in_threads(some, list(pairwise(ends)), threads)
    return Signals(frames, sent, kept)


def gradients(state: ReLUState, passed: Signals, error: Float) -> list[Float]:
    """Return the gradients of weights and biases by the errors of the output's sums."""
    grown = [np.zeros_like(p) for p in state.params]
    layers = len(state.weights)
    for k in range(layers - 1, 0, -1):
        below = passed.sent[k - 1]
        down = np.empty_like(below)
        into = (grown[k], grown[layers + k], down)
        kernels.upper_back(below, state.weights[k], error, passed.kept[k - 1], into)
        error = down
    kernels.first_back(passed.frames, np.float32(state.gain), error, (grown[0], grown[layers]))
    return grown


def senders(state: ReLUState, passed: Signals) -> list[NDArray[np.int64]]:
    """Return in how many recordings each sender of each layer was not 0, int64 (n_senders,)."""
    first = np.bincount(passed.frames.pixels, minlength=len(state.weights[0]))
    return [first, *((sent > 0).sum(0) for sent in passed.sent[:-1])]


def operations(state: ReLUState, spoke: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return operations into each layer: senders and weights that are not 0."""
    pairs = zip(spoke, state.weights, strict=True)
    return np.array([int(n @ np.count_nonzero(w, axis=1)) for n, w in pairs], np.int64)
