"""The spike traffic that one sample causes in a network that its rule runs itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.losses.answers import answers, told


@dataclass(frozen=True, eq=False)
class RuleTraffic:
    """What one input set in motion.

    Attributes
    ----------
    name : str
        The input.
    t : list of float64 arrays
        For each population, input first, the time of every spike: microseconds of the
        input event that set it off; for real vectors the step, from 0.
    unit : list of int32 arrays
        The neuron of every spike.
    output : float64 array (n_out,)
        The score of each class.
    label : int or None
    duration : float
        Microseconds of the recording; steps for real vectors.
    adds : int64 array (n_layers,)
        Synaptic additions.
    time_unit : str
        "us" or "step".
    sizes : tuple of int
        Units of each population.
    """

    name: str
    t: list[NDArray[np.float64]]
    unit: list[NDArray[np.int32]]
    output: NDArray[np.float64]
    label: int | None
    duration: float
    adds: NDArray[np.int64]
    time_unit: str
    sizes: tuple[int, ...]

    def to_json(self, busiest: int = 5) -> dict[str, Any]:
        """Return the traffic as plain JSON, with the ``busiest`` units a population."""
        layers = []
        for p, (t, unit) in enumerate(zip(self.t, self.unit, strict=True)):
            count = np.bincount(unit)
            top = np.argsort(-count, kind="stable")[:busiest]
            layers.append(
                {
                    "population": "input" if p == 0 else f"layer {p}",
                    "spikes": len(unit),
                    "active_units": int((count > 0).sum()),
                    "busiest_units": [[int(u), int(count[u])] for u in top if count[u]],
                    "first_spike": float(t.min()) if t.size else None,
                    "synaptic_adds": int(self.adds[p]) if p < len(self.adds) else 0,
                }
            )
        return {
            "input": self.name,
            "label": self.label,
            "prediction": told(int(answers(self.output))),
            "output": [float(v) for v in self.output],
            "events": len(self.unit[0]),
            "spikes": [len(unit) for unit in self.unit],
            "operations": [int(n) for n in self.adds],
            "latency_to_first_output_spike": layers[-1]["first_spike"],
            "time_unit": self.time_unit,
            "duration": self.duration,
            "layers": layers,
        }
