"""STBP beside PyTorch's dense backpropagation through time, in one run, outside the tests.

    python docs/compare_stbp_with_torch.py [--rounds N] [--data nmnist:PATH]

sensor-800-10 on 60 steps of 5 ms, batch 64, one thread each: the same spikes, weights and loss.
Printed are milliseconds a sample of a whole step (forward, back, Adam), each beside the control of
its round, and how far the gradients are apart, in float32 and in float64. PyTorch gets its spikes
as a tensor that is there already. Without PyTorch the script says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from statistics import median
from typing import Any

import numpy as np

import eventsnn
from eventsnn.bench import networks
from eventsnn.bench.control import HIDDEN, Control, seconds
from eventsnn.events import EventBatch
from eventsnn.rules.learned import Batch
from eventsnn.rules.stbp import STBP, walk
from eventsnn.rules.stbp.options import STBPOptions
from eventsnn.rules.stbp.plan import GridLane
from eventsnn.rules.stbp.state import STBPState

STEPS, BATCH, CLASSES = 60, 64, 10


def made(batch: EventBatch, dtype: str) -> tuple[STBP, STBPState]:
    """Return the rule and its first state."""
    options = STBPOptions(n_steps=STEPS, step_us=5_000, batch=BATCH, rate=1e-9, dtype=dtype)
    rule = STBP(options)
    network = rule.network((batch.n_units, HIDDEN, CLASSES))
    return rule, rule.start(network, batch, np.random.default_rng(0))[0]


def as_tensor(rule: STBP, state: STBPState, batch: EventBatch) -> np.ndarray:
    """Return the spikes of every sample and step, (samples, steps, inputs)."""
    lane, out = GridLane(state.plan, False), np.zeros((len(batch), STEPS, batch.n_units))
    for i in range(len(batch)):
        walk.encoded(lane, rule.sample(batch, np.array([i]), None), slice(0, 1), False)
        at, unit = lane.sent.at[0], lane.sent.unit[0]
        for t in range(STEPS):
            out[i, t, unit[at[t] : at[t + 1]]] = 1
    return out


def torch_model(torch: Any, arrays: list[np.ndarray], dtype: Any) -> tuple[list[Any], Any]:
    """Return parameters, and what runs spikes through them and returns rates."""

    class Spike(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, u: Any) -> Any:
            ctx.save_for_backward(u)
            return (u >= 0.5).to(u.dtype)

        @staticmethod
        def backward(ctx: Any, by: Any) -> Any:
            (u,) = ctx.saved_tensors
            return by * ((u - 0.5).abs() < 0.5).to(u.dtype)

    w1, w2, b1, b2 = (torch.tensor(a, dtype=dtype, requires_grad=True) for a in arrays)

    def rates(sent: Any) -> Any:
        u1 = o1 = torch.zeros(len(sent), HIDDEN, dtype=dtype)
        u2 = o2 = total = torch.zeros(len(sent), CLASSES, dtype=dtype)
        for t in range(STEPS):
            u1 = 0.2 * u1 * (1 - o1) + sent[:, t] @ w1 + b1
            o1 = Spike.apply(u1)
            u2 = 0.2 * u2 * (1 - o2) + o1 @ w2 + b2
            o2 = Spike.apply(u2)
            total = total + o2
        return total / STEPS

    return [w1, w2, b1, b2], rates


def compared(torch: Any, batch: EventBatch, rounds: int) -> None:
    """Print gradients and times beside each other."""
    torch.set_num_threads(1)
    target = np.eye(CLASSES)[np.asarray(batch.label[:BATCH])]
    whole, times = Batch(batch, np.arange(BATCH), whole=True), []
    for dtype in ("float64", "float32"):
        rule, state = made(batch, dtype)
        real = getattr(torch, dtype)
        params, run = torch_model(torch, [np.asarray(p) for p in state.params], real)
        sent = torch.tensor(as_tensor(rule, state, batch.part(0, BATCH)), dtype=real)
        wanted, adam = torch.tensor(target, dtype=real), torch.optim.Adam(params, 1e-9)

        def step(run: Any = run, sent: Any = sent, wanted: Any = wanted, adam: Any = adam) -> None:
            adam.zero_grad()
            (0.5 * (run(sent) - wanted).square().sum() / BATCH).backward()
            adam.step()

        step()
        sample = rule.sample(batch, np.arange(BATCH), None)
        ours = rule.gradients(state, sample, lambda rates, part: (rates - target[part]) / BATCH)
        pairs = [(a, p.grad.numpy()) for a, p in zip(ours, params, strict=True)]
        apart = max(np.abs(a - b).max() / np.abs(b).max() for a, b in pairs)
        print(f"{dtype}: gradients differ by {apart:.1e} of the largest")
        control = Control.over(batch)
        rng = np.random.default_rng(0)
        for number in range(rounds + 1 if dtype == "float32" else 0):
            loop = seconds(control.run) / len(batch.t) * 1e9
            theirs = seconds(step) / BATCH * 1e3
            begin = time.perf_counter()
            state, _ = rule.learn(state, whole, rng)
            times += [(loop, theirs, (time.perf_counter() - begin) / BATCH * 1e3)] * (number > 0)
    loop, theirs, mine = (median(t) for t in zip(*times, strict=True))
    ratio = median(b / c for _, b, c in times)
    print(f"control {loop:.1f} ns; PyTorch {theirs:.3f} ms a sample, over events {mine:.3f} ms")
    print(f"{ratio:.1f} times faster (median of the rounds)")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--data", default="")
    given = parser.parse_args()
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed; pip install torch")
        return
    import torch

    data = eventsnn.open_data(given.data).train if given.data else networks.poisson(BATCH)
    compared(torch, data.part(0, BATCH), given.rounds)


if __name__ == "__main__":
    main()
