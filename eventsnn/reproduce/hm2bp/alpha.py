"""The factor alpha of one synapse while a small network learns: the paper's Fig. 5b.

The paper takes e = alpha o_j o_i with alpha frozen (eq. 25), and shows that alpha hardly moves
over 25 epochs, in a network of 10 inputs and one output. What its inputs were is not told: here
they are Bernoulli trains, and the output learns to fire 35 times.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from eventsnn.data.images import Images
from eventsnn.network.layer_string import parse_layers
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.rules.hm2bp import HM2BP, reference
from eventsnn.rules.hm2bp.encoder import Encoder
from eventsnn.rules.hm2bp.options import GridOptions, HM2BPOptions
from eventsnn.rules.hm2bp.trains import Trains
from eventsnn.rules.learned import Batch, Epoch


def alpha_of_a_synapse(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Train 10-1 and return alpha of one synapse in each epoch."""
    inputs, samples = options["inputs"], options["samples"]
    own = HM2BPOptions(
        grid=GridOptions(output_threshold=options["threshold"], inhibition=0.0),
        sample_weights=False, decay_strength=0.0, rate=options["rate"], seed=context.seed,
    )  # fmt: skip
    rng = np.random.default_rng([context.seed, 5])
    grey = rng.integers(100, 256, (samples, 1, inputs)).astype(np.uint8)
    data = Images(grey, np.zeros(samples, np.int64), "trains")
    rule = HM2BP(own)
    network = rule.network(parse_layers(f"{inputs}-1"))
    state, _ = rule.start(network, data, rng)
    layer, synapse = network.layers[0], int(rng.integers(inputs))
    found, counts = [], []
    for epoch in range(options["epochs"]):
        context.report(epoch, options["epochs"], "")
        x = _trains(own, data, inputs)
        y = reference.run(layer, state.weights[0].astype(np.float64), x)
        e = reference.spsp(reference.synapses_of(layer.topology), x, y, layer.steps)
        pairs = int(x[synapse].sum()) * int(y.sum())
        found.append(float(e[synapse]) / pairs if y.any() else None)
        counts.append(int(y.sum()))
        state = rule.begin_epoch(state, Epoch(epoch))
        state, _ = rule.learn(state, Batch(data, rng.permutation(samples)), rng)
    alphas = [alpha for alpha in found if alpha is not None]
    late = alphas[len(alphas) // 2 :]
    return {
        "alpha": found,
        "counts": counts,
        "alpha_last": alphas[-1],
        "alpha_spread": 100 * (max(late) - min(late)) / alphas[-1],
    }


def _trains(own: HM2BPOptions, data: Images, inputs: int) -> Any:
    """Return the trains of the first sample, bool (inputs, T)."""
    trains = Trains.room(inputs, own.grid.grid_steps)
    Encoder(own, data, inputs).encode(0, trains)
    x = np.zeros((inputs, own.grid.grid_steps), np.bool_)
    step, unit = trains.times()
    x[unit, step] = True
    return x
