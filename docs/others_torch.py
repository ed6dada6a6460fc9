"""What PyTorch takes for the networks of ``compare_with_others.py``: bins, a loop over them, BPTT.

Input events are rows that ``embedding_bag`` sums, one bag a bin, or a dense tensor of counts. A
layer is v <- decay v + input, a spike where v reaches the threshold, minus the threshold; its
derivative backwards is that of a fast sigmoid. One thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding_bag

from eventsnn.bench import networks
from eventsnn.events import EventBatch

torch.set_num_threads(1)
Run = Callable[[], float]
"""Does the work once; returns the hidden spikes of all recordings."""


class Spike(torch.autograd.Function):
    """A step forwards, the slope of a fast sigmoid backwards."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Step."""
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """Return the derivative."""
        (x,) = ctx.saved_tensors
        return grad / (1 + 10 * x.abs()) ** 2


class Bags:
    """Events of recordings in so many bins each.

    Parameters
    ----------
    events : EventBatch
    bins : int
    us : float
        Microseconds of a bin.
    """

    def __init__(self, events: EventBatch, bins: int, us: float) -> None:
        n = len(events)
        recording = np.repeat(np.arange(n), np.diff(events.start))
        at = recording * bins + np.minimum(events.t // us, bins - 1).astype(np.int64)
        self.n, self.bins, self.inputs, self.us = n, bins, events.n_units, us
        self.unit = torch.from_numpy(events.unit.astype(np.int64))
        counts = np.bincount(at, minlength=n * bins)
        self.offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)[:-1]]))
        self.at, self.label = torch.from_numpy(at), torch.from_numpy(events.label.astype(np.int64))

    def summed(self, weights: Tensor) -> Tensor:
        """Return what arrives: (n, bins, n_out), by ``embedding_bag``."""
        out = embedding_bag(self.unit, weights, self.offsets, mode="sum")
        return out.reshape(self.n, self.bins, -1)

    def multiplied(self, weights: Tensor) -> Tensor:
        """Return the same by a product with a dense tensor of counts, which is made here."""
        counts = torch.zeros(self.n * self.bins, self.inputs)
        counts.index_put_((self.at, self.unit), torch.ones(len(self.at)), accumulate=True)
        return (counts @ weights).reshape(self.n, self.bins, -1)


def lif(arrives: Tensor, decay: float) -> Tensor:
    """Return the spikes of a layer: (n, bins, n_out)."""
    v, spikes = torch.zeros_like(arrives[:, 0]), []
    for now in arrives.unbind(1):  # a slice a step would have a gradient of the whole, each
        v = v * decay + now
        spikes.append(Spike.apply(v - 1))
        v = v - spikes[-1]
    return torch.stack(spikes, 1)


def batches(events: EventBatch, size: int) -> list[EventBatch]:
    """Cut recordings into batches."""
    return [events.part(a, min(a + size, len(events))) for a in range(0, len(events), size)]


def dense_network(
    events: EventBatch, weights: networks.Weights, bins: int, batch: int, how: str
) -> Run:
    """Return sensor-800-10: ``forward``, or learning by ``embedding_bag`` or ``dense`` BPTT."""
    us = math.ceil(int(events.duration.max()) / bins)
    w = [torch.from_numpy(np.array(one)).requires_grad_(how != "forward") for one in weights]
    optimizer = torch.optim.Adam(w, lr=1e-12)
    decay = math.exp(-us / networks.TAU_US)
    given = [Bags(part, bins, us) for part in batches(events, batch)]

    def run() -> float:
        total = 0.0
        for bags in given:
            with torch.set_grad_enabled(how != "forward"):
                arrives = bags.multiplied(w[0]) if how == "dense" else bags.summed(w[0])
                hidden = lif(arrives, decay)
                answer = lif(hidden @ w[1], decay).sum(1)
            total += float(hidden.detach().sum())
            if how != "forward":
                optimizer.zero_grad()
                cross_entropy(answer, bags.label).backward()
                optimizer.step()
        return total

    return run


def recurrent_network(
    events: EventBatch, weights: networks.Weights, batch: int, us: float = 1000.0
) -> Run:
    """Return BPTT of 700-256 recurrent-20 current-based neurons, in bins of ``us``: gradients."""
    w = [torch.from_numpy(np.array(one)).requires_grad_() for one in weights]
    bins = math.ceil(int(events.duration.max()) / us)
    a, b = math.exp(-us / 20_000), math.exp(-us / 5_000)
    given = [Bags(part, bins, us) for part in batches(events, batch)]

    def step(bags: Bags) -> float:
        arrives, total = bags.summed(w[0]).unbind(1), 0.0
        v, i = torch.zeros(bags.n, 256), torch.zeros(bags.n, 256)
        spikes, u, best = torch.zeros(bags.n, 256), torch.zeros(bags.n, 20), []
        for now in arrives:
            i = i * b + now + spikes @ w[1]
            v = v * a + i * (1 - a)
            spikes = Spike.apply(v - 1)
            v = v * (1 - spikes)
            total += float(spikes.detach().sum())
            u = u * a + spikes @ w[2]
            best.append(u)
        for one in w:
            one.grad = None
        cross_entropy(torch.stack(best, 1).amax(1), bags.label).backward()
        return total

    return lambda: sum(step(bags) for bags in given)
