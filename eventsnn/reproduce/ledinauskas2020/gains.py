"""What a layer does to the norm of the gradient, by the steepness of the surrogate.

Networks of equal layers with normalised currents; no data are learned. The gain is that of the
gradient by the normalised currents, the geometric mean over layers (or blocks of two) and networks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.rules.ledinauskas2020.reference import (
    DenseSynapses,
    Floats,
    NormedLayer,
    NormedRun,
    NormOf,
    SteppedNeuron,
    backward,
    forward,
)
from eventsnn.surrogates.fast_sigmoid import FastSigmoid

SAMPLES = 32


class GainCase(NamedTuple):
    """A network of which gains are taken, and what is kept of the reset."""

    steps: int
    decay: float
    detached: bool = False
    soft: bool = False
    shortcut: str = ""

    @property
    def name(self) -> str:
        """As it stands in a result."""
        said = f"T {self.steps}, decay {self.decay:g}, {'detached' if self.detached else 'kept'}"
        return self.shortcut or said

    def neuron(self, alpha: float) -> SteppedNeuron:
        """Return its neurons, of threshold 1."""
        return SteppedNeuron(self.decay, 1.0, self.soft, self.detached, FastSigmoid(1 / alpha))


def one_step(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Integrate h and its square over normal currents: the gain of one step, as it must be."""
    x, step = np.linspace(-12.0, 12.0, 2_400_001, retstep=True)
    density = np.exp(-np.square(x) / 2) / math.sqrt(2 * math.pi)
    fires = 0.5 * math.erfc(1 / math.sqrt(2))
    found: Result = {"fires": fires}
    for k, alpha in enumerate(options["alphas"]):
        context.report(k, len(options["alphas"]), f"alpha {alpha:g}")
        h = FastSigmoid(1 / alpha).derivative(x - 1)
        mean, square = (float((density * v).sum() * step) for v in (h, np.square(h)))
        found[f"mean slope, alpha {alpha:g}"] = mean
        found[f"gain squared, alpha {alpha:g}"] = square / (fires * (1 - fires))
    return found


def plain(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Take the gains of plain layers for every case and alpha."""
    cases = [GainCase(*case) for case in options["cases"]]
    return _all(context, options, cases)


def residual(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Take the gains of blocks of two layers, by where shortcuts end."""
    cases = [GainCase(10, 0.9, shortcut=word) for word in options["shortcuts"]]
    return _all(context, options, cases)


def _all(context: RowContext, options: Mapping[str, Any], cases: list[GainCase]) -> Result:
    """Work off cases and alphas; what is found is kept, so that a stopped row goes on."""
    file = context.folder / "gains.json"
    found: Result = json.loads(file.read_text()) if file.exists() else {}
    alphas = options["alphas"]
    total = len(cases) * len(alphas) * options["networks"]
    for n, case in enumerate(cases):
        if f"{case.name}, spikes" in found:
            continue
        gains, spikes = np.zeros(len(alphas)), 0.0
        for draw in range(options["networks"]):
            rng = np.random.default_rng([context.seed, draw])
            layers, sent = _network(case, options, rng)
            readout = np.eye(options["width"])
            target = rng.standard_normal((SAMPLES, options["width"]))
            with np.errstate(over="ignore", invalid="ignore"):
                ran = forward(sent, layers, readout, case.neuron(1.0), NormOf())
                for k, alpha in enumerate(alphas):
                    done = (n * options["networks"] + draw) * len(alphas) + k
                    context.report(done, total, case.name)
                    more = readout, ran.logits - target
                    gains[k] += math.log(_gain(case, ran, layers, more, alpha))
            spikes += float(np.mean([s.mean() for s in ran.s]))
        for alpha, gain in zip(alphas, gains, strict=True):
            found[f"{case.name}, alpha {alpha:g}"] = math.exp(gain / options["networks"])
        found[f"{case.name}, spikes"] = spikes / options["networks"]
        context.folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found))
    return found | {"monotone": _monotone(found, cases, alphas)}


def _network(
    case: GainCase, options: Mapping[str, Any], rng: np.random.Generator
) -> tuple[list[NormedLayer], Floats]:
    """Return layers with normal weights of variance 2 / fan-in, and what the input sends."""
    width, layers = options["width"], list[NormedLayer]()
    blocks = bool(case.shortcut)
    for k in range(1 + 2 * options["depth"] if blocks else options["depth"]):
        w = rng.standard_normal((width, width)) * math.sqrt(2 / width)
        ends = blocks and k and k % 2 == 0
        past = {case.shortcut: (k - 1,)} if ends and case.shortcut in ("before", "after") else {}
        one = DenseSynapses(k, w, np.ones(width), np.zeros(width))
        layers.append(NormedLayer((one,), **past))
    x = rng.standard_normal((SAMPLES, width))
    return layers, np.broadcast_to(x, (case.steps, *x.shape))


def _gain(
    case: GainCase,
    ran: NormedRun,
    layers: list[NormedLayer],
    more: tuple[Floats, Floats],
    alpha: float,
) -> float:
    readout, by_logits = more
    e = backward(ran, layers, readout, by_logits, case.neuron(alpha), NormOf()).potentials
    norms = [float(np.linalg.norm(one)) for one in (e[2::2] if case.shortcut else e)]
    return float((norms[0] / norms[-1]) ** (1 / (len(norms) - 1)))


def _monotone(found: Result, cases: list[GainCase], alphas: list[float]) -> bool:
    """Return whether gains of plain layers, and of shortcuts before, fall as alpha rises."""
    rows = [[found[f"{case.name}, alpha {a:g}"] for a in alphas] for case in cases]
    # Behind a neuron the gain goes to 1 from above, and its last digits are noise.
    return all(b < a + 0.01 for row in rows for a, b in pairwise(row))
