"""Any readout read while its recording streams in, by its definition, neuron by neuron."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.measure.anytime_kernel import Arrivals, Read
from eventsnn.neurons.neuron import Neuron


def read_any(
    neuron: Neuron,
    arrivals: Arrivals,
    weights: NDArray[Any],
    times: NDArray[np.float64],
    out: Read,
) -> None:
    """Fill ``out`` as ``read_out`` does, of a model that has no kernel for it.

    ``weights`` are (n_in, n_units), ``times`` (n_recordings, n_checks).
    """
    rows = weights.tolist()
    for r, checks in enumerate(times.tolist()):
        cells = [neuron.of(j).start() for j in range(weights.shape[1])]
        e, stop = int(arrivals.start[r]), int(arrivals.start[r + 1])
        for k, check in enumerate(checks):
            while e < stop and arrivals.t[e] < check:
                last = e
                while last < stop and arrivals.t[last] == arrivals.t[e]:
                    last += 1
                came = [rows[unit] for unit in arrivals.unit[e:last].tolist()]
                for j, cell in enumerate(cells):
                    neuron.of(j).receive(
                        cell, float(arrivals.t[e]), [row[j] for row in came], False
                    )
                e = last
            for j, cell in enumerate(cells):
                read = neuron.of(j).readout(cell, check)
                if read is not None:
                    out.final[r, k, j], out.maximum[r, k, j], _, out.integral[r, k, j] = read
