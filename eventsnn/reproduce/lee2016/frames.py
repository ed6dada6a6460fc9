"""A ReLU network on frames of events: what the paper counts its operations against.

A frame is which units had an event within some milliseconds. One hidden layer of ReLUs, softmax,
cross-entropy, plain gradient descent, one frame at a time; only rows of units that are on are read
and written, in a fixed order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eventsnn.events import EventBatch
from eventsnn.kernels.compile import kernel, threaded


class FrameNetwork(NamedTuple):
    """Weights (n_in, hidden) and (hidden, n_out), biases, and room for a sample, all float32."""

    first: NDArray[np.float32]
    second: NDArray[np.float32]
    bias: NDArray[np.float32]
    out_bias: NDArray[np.float32]
    drive: NDArray[np.float32]
    delta: NDArray[np.float32]
    said: NDArray[np.float64]
    on: NDArray[np.int32]
    seen: NDArray[np.int64]

    @property
    def operations(self) -> int:
        """Multiply-accumulates of a frame: every weight once."""
        return int(self.first.size + self.second.size)


class FrameJob(NamedTuple):
    """What is presented: recordings, the frame of each (-1: every one), and the rate."""

    order: NDArray[np.int64]
    frame: NDArray[np.int64]
    length_us: float
    rate: float


def frame_network(sizes: tuple[int, int, int], rng: np.random.Generator) -> FrameNetwork:
    """Return a network with initial weights of He et al. (2015)."""
    n_in, hidden, n_out = sizes
    return FrameNetwork(
        rng.normal(0, (2 / n_in) ** 0.5, (n_in, hidden)).astype(np.float32),
        rng.normal(0, (2 / hidden) ** 0.5, (hidden, n_out)).astype(np.float32),
        np.zeros(hidden, np.float32),
        np.zeros(n_out, np.float32),
        np.zeros(hidden, np.float32),
        np.zeros(hidden, np.float32),
        np.zeros(n_out),
        np.zeros(n_in, np.int32),
        np.full(n_in, -1, np.int64),
    )


@kernel
def _frame(net, events, i, window, stamp):  # type: ignore[no-untyped-def]
    """List the units that are on in a window of a recording; return how many."""
    n, (begin, end) = np.int64(0), window
    for e in range(events[2][i], events[2][i + 1]):
        t, unit = np.float64(events[0][e]), np.int64(events[1][e])
        if begin <= t < end and net.seen[unit] != stamp:
            net.seen[unit] = stamp
            net.on[n] = unit
            n += 1
    return n


@kernel
def _forward(net, n):  # type: ignore[no-untyped-def]
    """Write the probabilities of the classes for the units that are on."""
    drive, said = net.drive, net.said
    for c in range(drive.size):
        drive[c] = net.bias[c]
    for k in range(n):
        row = net.first[net.on[k]]
        for c in range(drive.size):
            drive[c] += row[c]
    for o in range(said.size):
        said[o] = net.out_bias[o]
    for c in range(drive.size):
        if drive[c] > 0:
            for o in range(said.size):
                said[o] += drive[c] * net.second[c, o]
    most, total = said[0], 0.0
    for o in range(said.size):
        most = max(most, said[o])
    for o in range(said.size):
        said[o] = np.exp(said[o] - most)
        total += said[o]
    for o in range(said.size):
        said[o] /= total


@kernel
def _backward(net, n, rate):  # type: ignore[no-untyped-def]
    """Take a step; ``said`` are the errors of the output."""
    drive, delta, said = net.drive, net.delta, net.said
    for c in range(drive.size):
        back = 0.0
        if drive[c] > 0:
            for o in range(said.size):
                back += net.second[c, o] * said[o]
                net.second[c, o] -= rate * drive[c] * said[o]
        delta[c] = rate * back
        net.bias[c] -= delta[c]
    for o in range(said.size):
        net.out_bias[o] -= rate * said[o]
    for k in range(n):
        row = net.first[net.on[k]]
        for c in range(row.size):
            row[c] -= delta[c]


@threaded
def _learn(net, events, label, job):  # type: ignore[no-untyped-def]
    for k in range(job.order.size):
        i, begin = job.order[k], job.frame[k] * job.length_us
        n = _frame(net, events, i, (begin, begin + job.length_us), k)
        _forward(net, n)
        net.said[label[i]] -= 1.0
        _backward(net, n, job.rate)


@threaded
def _predict(net, events, job, out):  # type: ignore[no-untyped-def]
    for k in range(job.order.size):
        for frame in range(out.shape[1]):
            begin = frame * job.length_us
            stamp = k * out.shape[1] + frame
            n = _frame(net, events, job.order[k], (begin, begin + job.length_us), stamp)
            _forward(net, n)
            for o in range(net.said.size):
                out[k, frame, o] = net.said[o]


def learn_frames(net: FrameNetwork, data: EventBatch, job: FrameJob) -> None:
    """Learn a frame of each recording, one by one."""
    net.seen[:] = -1
    _learn(net, (data.t, data.unit, data.start), data.label, job)


def frame_probabilities(
    net: FrameNetwork, data: EventBatch, frames: int, length_us: float
) -> NDArray[np.float64]:
    """Return what is said of each frame: float64 (n_recordings, frames, n_out)."""
    net.seen[:] = -1
    out = np.zeros((len(data), frames, len(net.said)))
    order = np.arange(len(data))
    job = FrameJob(order, np.full(len(data), -1), length_us, 0.0)
    _predict(net, (data.t, data.unit, data.start), job, out)
    return out
