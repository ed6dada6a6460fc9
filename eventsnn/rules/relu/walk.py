"""Recordings through a ReLU network, and back; what was done is counted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from operator import call
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.ranks.ranks import Ranks
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

    def some(rows: tuple[int, int]) -> None:
        gain = np.float32(state.gain)
        kernels.first_layer(frames, gain, state.weights[0], state.biases[0], rows, sent[0])
        for k, (below, out) in enumerate(pairwise(sent)):
            kernels.rectify(below, kept[k], rows)
            kernels.upper_layer(below, state.weights[k + 1], state.biases[k + 1], rows, out)

    in_threads(some, _shared(n, threads), threads)
    return Signals(frames, sent, kept)


def errors_of(state: ReLUState, passed: Signals, error: Float, threads: int = 1) -> list[Float]:
    """Return the errors of each layer, by those of the output's sums; threads change no bit."""
    found = [error]
    ends = _shared(len(error), threads)
    for k in range(len(state.weights) - 1, 0, -1):
        below, weight, kept = passed.sent[k - 1], state.weights[k], passed.kept[k - 1]
        down = np.empty_like(below)

        def some(rows: tuple[int, int], args: Any = (below, weight, found[0], kept),
                 down: Float = down) -> None:  # fmt: skip
            kernels.errors_below(*args, rows, down)

        in_threads(some, ends, threads)
        found.insert(0, down)
    return found


def gradients(
    state: ReLUState,
    passed: Signals,
    errors: list[Float],
    columns: Callable[[int], slice],
    threads: int = 1,
) -> list[Float]:
    """Return the gradients of weights and biases, of the ``columns`` of each layer's neurons.

    Sums are made recording after recording; threads take some neurons each.
    """
    grown = [np.zeros_like(p) for p in state.params]
    layers, tasks = len(state.weights), list[Callable[[], None]]()
    for k, error in enumerate(errors):
        own, into = columns(error.shape[1]), (grown[k], grown[layers + k])
        for a, b in _shared(own.stop - own.start, threads):
            span = own.start + a, own.start + b
            if k:
                task = partial(kernels.upper_gradient, passed.sent[k - 1], error, span, into)
            else:
                gain = np.float32(state.gain)
                task = partial(kernels.first_gradient, passed.frames, gain, error, span, into)
            tasks.append(task)
    in_threads(call, tasks, threads)
    return grown


def together(ranks: Ranks, passed: Signals, errors: list[Float]) -> tuple[Signals, list[Float]]:
    """Return signals and errors of the recordings of all ranks, in order; none are kept silent."""
    if ranks.size == 1:
        return passed, errors
    frames, many = passed.frames, len(passed.sent)
    message = [frames.pixels, frames.values, np.diff(frames.start), frames.seen]
    message += [one.reshape(-1) for one in (*passed.sent, *errors)]
    every = zip(*ranks.gathered(message), strict=True)
    pixel, value, sizes, seen, *rest = (np.concatenate(parts) for parts in every)
    widths = [one.shape[1] for one in passed.sent] * 2
    rows = [one.reshape(-1, width) for one, width in zip(rest, widths, strict=True)]
    whole = Frames(pixel, value, np.concatenate([[0], np.cumsum(sizes)]), seen)
    return Signals(whole, rows[:many], []), rows[many:]


def _shared(n: int, threads: int) -> list[tuple[int, int]]:
    """Return what each thread takes of n things in order."""
    ends = np.linspace(0, n, max(1, min(threads, n)) + 1).astype(int).tolist()
    return list(pairwise(ends))


def senders(state: ReLUState, passed: Signals) -> list[NDArray[np.int64]]:
    """Return in how many recordings each sender of each layer was not 0, int64 (n_senders,)."""
    first = np.bincount(passed.frames.pixels, minlength=len(state.weights[0]))
    return [first, *((sent > 0).sum(0) for sent in passed.sent[:-1])]


def operations(state: ReLUState, spoke: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return operations into each layer: senders and weights that are not 0."""
    pairs = zip(spoke, state.weights, strict=True)
    return np.array([int(n @ np.count_nonzero(w, axis=1)) for n, w in pairs], np.int64)
