"""Figures that ours stand beside.

The paper's own are two accuracies of others' tables. The gains were measured by an independent
program of the same definition: they check ours, and are no figures of the paper.
"""

from __future__ import annotations

from eventsnn.reproduce.judges import AtLeast, Shown, Within
from eventsnn.reproduce.paper import Figure

ALPHAS = (0.5, 1, 2, 3, 5, 10, 20, 50, 100)

CASES: tuple[tuple[int, float, bool], ...] = (
    (1, 0.9, False),
    (10, 0.5, False),
    (10, 0.5, True),
    (10, 0.9, False),
    (10, 0.9, True),
    (30, 0.9, False),
    (30, 0.9, True),
    (10, 0.99, False),
)
"""Steps, decay, whether the reset is detached."""

_PLAIN = {
    (1, 0.9, False): (1.453, 1.077, 0.774, 0.634, 0.490, 0.340, 0.235, 0.138, 0.095),
    (10, 0.5, False): (1.785, 1.227, 0.843, 0.682, 0.525, 0.369, 0.270, 0.168, 0.110),
    (10, 0.5, True): (1.932, 1.341, 0.903, 0.716, 0.542, 0.376, 0.271, 0.168, 0.110),
    (10, 0.9, False): (2.107, 1.396, 0.947, 0.761, 0.580, 0.405, 0.286, 0.175, 0.117),
    (10, 0.9, True): (2.331, 1.617, 1.074, 0.843, 0.626, 0.421, 0.290, 0.177, 0.118),
    (30, 0.9, False): (None, 1.819, 1.124, 0.885, 0.669, 0.463, 0.325, 0.195, 0.130),
    (30, 0.9, True): (3.305, 2.184, 1.386, 1.063, 0.765, 0.499, 0.339, 0.197, 0.131),
    (10, 0.99, False): (2.194, 1.411, 0.960, 0.770, 0.589, 0.412, 0.291, 0.180, 0.122),
}
"""None: it left single precision. Ours is in double precision, and finite there."""

_RESIDUAL = {
    "none": (4.781, 2.045, 0.937, 0.600, 0.351, 0.178, 0.086, 0.031),
    "before": (4.031, 1.849, 0.912, 0.622, 0.398, 0.225, 0.134, 0.062),
    "after": (2.010, 1.295, 1.067, 1.026, 1.006, 0.998, 0.997, 1.000),
}

_SQUARED = {
    0.5: 2.0645807, 1: 1.1469734, 2: 0.5960650, 3: 0.4005727, 5: 0.2412888, 10: 0.1208112,
    20: 0.0604201, 100: 0.0120848,
}  # fmt: skip

ELSEWHERE = "another size of network, JPEG-coded pictures and a recipe of which nothing is known"


def figures() -> tuple[Figure, ...]:
    """Return every figure, with its judge."""
    from eventsnn.reproduce.ledinauskas2020.gains import GainCase

    found = [
        Figure("one-step", f"gain squared, alpha {alpha:g}", value, Within(1e-4 * value))
        for alpha, value in _SQUARED.items()
    ]
    for case, values in _PLAIN.items():
        for alpha, gain in zip(ALPHAS, values, strict=True):
            key = f"{GainCase(*case).name}, alpha {alpha:g}"
            if gain is None:
                found.append(Figure("gain-plain", key, 5.0, AtLeast(5.0)))
            else:
                found.append(Figure("gain-plain", key, gain, Within(0.1 * gain)))
    for word, blocks in _RESIDUAL.items():
        for alpha, gain in zip(ALPHAS, blocks, strict=False):
            key = f"{word}, alpha {alpha:g}"
            found.append(Figure("gain-residual", key, gain, Within(0.1 * gain)))
    found.append(Figure("steps", "T 30 above T 10", 0.0, Within(2.0)))
    found.append(Figure("ann", "points above the spiking network", 0.0, AtLeast(0.0)))
    found.append(Figure("cifar10", "test_accuracy", 90.2, Shown(ELSEWHERE)))
    return tuple(found)
