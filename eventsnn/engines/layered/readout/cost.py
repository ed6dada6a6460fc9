"""What the reverse walk of a dense connection into a readout costs."""

from __future__ import annotations

import numpy as np

from eventsnn.engines.layered.layer import Cost, Passage


def of_walk(work: Passage, n_out: int) -> Cost:
    """Count the walk of a piece: each delivery reads all adjoints and adds them to a gradient."""
    # Near spikes are walked with the spikes among them, once more.
    walks = [work.came, *([] if work.close is None else [work.close])]
    none = np.zeros(len(work.came.instants), np.int64)
    adds, decays = none.copy(), none.copy()
    for walk in walks:
        adds += np.diff(walk.start) * n_out
        # Each instant decays an adjoint and takes up its share of the integral.
        decays += 2 * n_out * walk.instants
    return Cost(none, adds, adds, none, decays)
