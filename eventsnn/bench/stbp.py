"""What a training step of STBP costs: sensor-800-10 on 60 steps of 5 ms, forward, back and Adam."""

from __future__ import annotations

from typing import Any

import numpy as np

from eventsnn.bench.control import HIDDEN, Case
from eventsnn.events import EventBatch
from eventsnn.rules.learned import Batch
from eventsnn.rules.stbp import STBP
from eventsnn.rules.stbp.options import STBPOptions

_BATCH = 64
_STEPS, _STEP_US = 60, 5_000


def stbp_cases(events: EventBatch, result: dict[str, Any]) -> list[Case]:
    """Return a minibatch of STBP on one thread.

    The rate is so low that the weights, and with them the activity, stay what they were.
    ``result`` is told additions a sample, and how many times more a dense sweep has.
    """
    batch = events.part(0, min(len(events), _BATCH))
    options = STBPOptions(
        n_steps=_STEPS, step_us=_STEP_US, batch=_BATCH, rate=1e-12, weight_decay=0.0
    )
    rule, rng = STBP(options), np.random.default_rng(0)
    network = rule.network((batch.n_units, HIDDEN, 1 + int(batch.label.max())))
    state, _ = rule.start(network, batch, rng)
    whole = Batch(batch, np.arange(len(batch)), whole=True)
    told = rule.costs(rule.learn(state, whole, rng)[0])
    adds = sum(told["operations_per_recording"]) + sum(told["backward_operations_per_recording"])
    result["stbp_hidden_spikes"] = told["spikes_per_recording"][1]
    result["stbp_additions"] = adds
    result["stbp_dense_sweeps"] = sum(told["dense_sweep_per_recording"].values()) / adds

    def step() -> None:
        nonlocal state
        state, _ = rule.learn(state, whole, rng)

    state, _ = rule.start(network, batch, rng)
    return [Case("stbp_training_step", step, len(batch.t))]
