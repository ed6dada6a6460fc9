"""What O'Connor & Welling (2016) published, in percent error, and how ours is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eventsnn.reproduce.judges import Beside
from eventsnn.reproduce.paper import Figure, Judge, Result, Row, Verdict

FEW, MANY = 4, 20  # epochs of the ablations and of the networks
TOLERANCE = {FEW: 0.4, MANY: 0.25}  # percentage points, single seeds of a noisy curve
FAILED = 50.0  # percent error beyond which a row has failed to learn

# Row, key of its result: published percent error.
PUBLISHED: dict[tuple[str, str], float] = {
    ("relu", "test_error"): 1.81,
    ("relu", "train_error"): 0.23,
    ("standard", "test_error"): 2.68,
    ("standard", "train_error"): 1.588,
    ("standard-swap", "relu_test_error"): 2.79,
    ("standard-swap", "relu_train_error"): 1.678,
    ("relu-swap", "standard_test_error"): 1.92,
    ("relu-swap", "standard_train_error"): 0.254,
    ("fractional", "test_error"): 2.34,
    ("fractional", "train_error"): 0.926,
    ("fractional-swap", "relu_test_error"): 2.20,
    ("fractional-swap", "relu_train_error"): 0.878,
    ("relu-swap", "fractional_test_error"): 1.92,
    ("relu-swap", "fractional_train_error"): 0.254,
    ("noreset", "test_error"): 2.44,
    ("noreset", "train_error"): 1.462,
    ("noreset-swap", "relu_test_error"): 2.47,
    ("noreset-swap", "relu_train_error"): 1.510,
    ("relu-swap", "noreset_test_error"): 3.15,
    ("relu-swap", "noreset_train_error"): 1.888,
    ("rand-shift", "test_error"): 2.76,
    ("rand-shift", "train_error"): 1.684,
    ("rand-shift-swap", "relu_test_error"): 2.88,
    ("rand-shift-swap", "relu_train_error"): 1.742,
    ("baseline", "test_error"): 3.38,
    ("baseline-fractional", "test_error"): 3.10,
    ("smooth", "test_error"): 2.85,
    ("smooth-fractional", "test_error"): 3.07,
    ("depth-first", "test_error"): 3.38,
    ("depth-first-no-hold", "test_error"): 81.47,
    ("zero-reset", "test_error"): 87.87,
    ("rand-reset", "test_error"): 3.15,
    ("T-5", "test_error"): 4.41,
    ("T-20", "test_error"): 2.65,
}
# What the networks are compared with at half of the paper's eta, too (see docs/howto/reproduce.md).
HALVED = ("standard", "fractional", "noreset", "rand-shift", "T-5")
PUBLISHED |= {
    (f"{name}-half{swap}", figure): PUBLISHED[f"{name}{swap}", figure]
    for name in HALVED
    for swap, prefix in (("", ""), ("-swap", "relu_"))
    for figure in (f"{prefix}test_error", f"{prefix}train_error")
    if (f"{name}{swap}", figure) in PUBLISHED
}


@dataclass(frozen=True)
class ByEpochs(Judge):
    """Judges a test error by the tolerance of its epochs; what failed in the paper must fail."""

    epochs: int

    def judge(self, figure: Figure, rows: Mapping[str, Result]) -> Verdict:
        """Return "within" or "outside", "fails too" or "does not fail"; "diverges" without one."""
        ours = rows[figure.row][figure.key]
        if figure.value > FAILED:
            failed = ours is None or ours > FAILED
            return _verdict(failed, "fails too", "does not fail")
        if ours is None:
            return Verdict("missed", "diverges")
        tolerance = TOLERANCE[self.epochs]
        near = abs(ours - figure.value) <= tolerance
        return _verdict(near, "within", "outside", tolerance=tolerance)


def _verdict(met: bool, good: str, bad: str, **details: float) -> Verdict:
    return Verdict("met", good, details) if met else Verdict("missed", bad, details)


def figures_of(rows: Sequence[Row]) -> tuple[Figure, ...]:
    """Return every published figure; a row's epochs choose its tolerance."""
    epochs = {row.name: row.options.get("epochs", MANY) for row in rows}
    return tuple(
        Figure(row, key, value, ByEpochs(epochs[row]) if key.endswith("test_error") else Beside())
        for (row, key), value in PUBLISHED.items()
    )
