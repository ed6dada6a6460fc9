"""What can be chosen about the event-driven backprop MLP, and its random numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from eventsnn.errors import UserError
from eventsnn.given import plain_scalars
from eventsnn.text import shown

MOST_STEPS = 1 << 20
MOST_SCALE = 1 << 40
"""Of integer mode, so that sums of a million spikes stay within 64 bits."""

_MASK = (1 << 64) - 1
_DTYPES: dict[str, type] = {"float64": np.float64, "float32": np.float32, "integer": np.int64}
_WORDS = {"dtype": tuple(_DTYPES), "step_by": ("count", "time"), "ties": ("auto", "unit", "heap")}


@dataclass(frozen=True)
class QuantizerKind:
    """One row of the paper's table of quantizers.

    Attributes
    ----------
    signed : bool
        Whether -1 spikes are sent below -1/2.
    start : "zero", "keep", "random" or "clip"
        The potentials at the start of a sample: 0, the previous sample's, uniform in
        [-1/2, 1/2), or the previous sample's where these are above 0, and else 0.
    """

    signed: bool
    start: Literal["zero", "keep", "random", "clip"]

    @staticmethod
    def named(name: str) -> QuantizerKind:
        """Return the quantizer of that name."""
        if not (isinstance(name, str) and name in QUANTIZERS):
            raise UserError(f"quantizer {shown(name)}; choose one of {', '.join(QUANTIZERS)}")
        return QUANTIZERS[name]


QUANTIZERS = {
    "herding": QuantizerKind(True, "zero"),
    "noreset-herding": QuantizerKind(True, "keep"),
    "rect-herding": QuantizerKind(False, "zero"),
    "noreset-rect-herding": QuantizerKind(False, "keep"),
    # Not of the paper: what was not sent yet is kept, and nothing of what a ReLU cuts off.
    "clipped-noreset-rect-herding": QuantizerKind(False, "clip"),
    "rand-shift-herding": QuantizerKind(True, "random"),
    "rand-shift-rect-herding": QuantizerKind(False, "random"),
}


@dataclass(frozen=True)
class HerdingOptions:
    """Options of the paper's network; the defaults are its standard recipe.

    Attributes
    ----------
    n_steps : int
        T, how often a sample is presented, or into how many steps its events are cut.
    eta : float
        Learning rate; a weight moves by ``eta / T^2`` a spike pair.
    fractional : bool
        Update at every error spike (FSGD) instead of after the sample (SGD).
    smooth_grads : bool
        Use the un-quantized drive instead of spike counts in the weight update.
    forward_quantizer, back_quantizer, test_quantizer : str
        Names in QUANTIZERS; ``test_quantizer`` serves predictions.
    depth_first : bool
        Send each spike to the end before the next of its batch is considered.
    hold_error : bool
        Let error spikes of a step cancel before they are released.
    dtype : "float64", "float32" or "integer"
        Integer mode scales all state by T^2/eta, so that nothing is multiplied.
    seed : int
        Of the random shifts.
    step_by : "count" or "time"
        How a recording's events are cut into T steps: into equal numbers of events, or
        into equal times of its duration. Real vectors are presented T times instead.
    ties : "auto", "unit" or "heap"
        What happens at equality, which the paper leaves open. "unit": of equal potentials the
        lower unit's spike leaves first, and a potential of exactly -1/2 stays. "heap", as the
        authors' program in integer mode: equal ones leave in the order of a binary heap, and
        signed quantizers send exactly -1/2 away. "auto": "heap" in integer mode, else "unit".
    """

    n_steps: int = 10
    eta: float = 0.01
    fractional: bool = False
    smooth_grads: bool = False
    forward_quantizer: str = "rect-herding"
    back_quantizer: str = "noreset-herding"
    test_quantizer: str = "rect-herding"
    depth_first: bool = False
    hold_error: bool = True
    dtype: str = "float64"
    seed: int = 0
    step_by: str = "count"
    ties: str = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        plain_scalars(self)
        _check_whole("n_steps", self.n_steps, 1, MOST_STEPS)
        _check_whole("seed", self.seed, -(1 << 63), (1 << 64) - 1)
        if not (_is_real(self.eta) and math.isfinite(self.eta) and self.eta > 0):
            raise UserError(f"eta is {shown(self.eta)}; give a positive learning rate, e.g. 0.01")
        for name in ("fractional", "smooth_grads", "depth_first", "hold_error"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise UserError(f"{name} is {shown(getattr(self, name))}; give True or False")
        for name, words in _WORDS.items():
            word = getattr(self, name)
            if not (isinstance(word, str) and word in words):
                raise UserError(f"{name} {shown(word)}; choose one of {', '.join(words)}")
        for name in (self.forward_quantizer, self.back_quantizer, self.test_quantizer):
            QuantizerKind.named(name)
        if self.predict.start in ("keep", "clip"):
            raise UserError(
                f"test_quantizer {self.test_quantizer!r} would make a prediction depend on the "
                "one before it; choose one that starts each sample anew, e.g. rect-herding"
            )
        if self.integer and self.smooth_grads:
            raise UserError(
                "integer mode has no smooth_grads: a drive times an error is a true "
                "multiplication; leave one of the two out"
            )
        scale = self.n_steps**2 / self.eta
        if self.integer and not 2 <= scale <= MOST_SCALE:
            raise UserError(
                f"integer mode needs T^2/eta from 2 to {MOST_SCALE}, this is {scale:.4g}; "
                "change n_steps or eta"
            )

    @property
    def integer(self) -> bool:
        """Whether all state is integer."""
        return self.dtype == "integer"

    @property
    def numpy_dtype(self) -> Any:
        """The numpy type of weights and potentials."""
        return _DTYPES[self.dtype]

    @property
    def one(self) -> Any:
        """What a spike is worth: 1, or T^2/eta (truncated) in integer mode."""
        return int(truncated(self.n_steps**2 / self.eta)) if self.integer else 1.0

    @property
    def heap(self) -> bool:
        """Whether equality is treated as by the authors' integer mode."""
        return self.integer if self.ties == "auto" else self.ties == "heap"

    @property
    def rate(self) -> Any:
        """How far a pair of one input spike and one error spike moves a weight, scaled."""
        return 1 if self.integer else self.numpy_dtype(self.eta / self.n_steps**2)

    @property
    def forward(self) -> QuantizerKind:
        """The forward quantizer in training."""
        return QuantizerKind.named(self.forward_quantizer)

    @property
    def backward(self) -> QuantizerKind:
        """The quantizer of the error."""
        return QuantizerKind.named(self.back_quantizer)

    @property
    def predict(self) -> QuantizerKind:
        """The forward quantizer in predictions."""
        return QuantizerKind.named(self.test_quantizer)

    def stream(self, sample: int, layer: int, side: int) -> int:
        """Return the key of the random shifts of one quantizer in one sample."""
        return splitmix(splitmix(self.seed & _MASK) ^ (sample * 4096 + layer * 2 + side))


def _is_real(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    # Python's whole numbers know no end, floats do.
    return isinstance(value, float | np.integer | np.floating) or (
        isinstance(value, int) and abs(value) < 1 << 1000
    )


def _check_whole(name: str, value: Any, low: int, high: int) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not (whole and low <= value <= high):
        raise UserError(f"{name} is {shown(value)}; give a whole number from {low} to {high}")


def truncated(values: Any) -> Any:
    """Cut float64 values down to whole numbers, toward zero, as the authors' integer mode.

    What lies below a whole number only by the rounding of a product or quotient is that number:
    weights of integer mode, divided by K and multiplied again, stay what they are.
    """
    return np.trunc(np.float64(values) * (1 + 2.0**-50))


def splitmix(x: int) -> int:
    """Scramble 64 bits (the SplitMix64 output function, Steele et al. 2014)."""
    x = (x + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def uniform(key: int, unit: int) -> float:
    """Return the random shift of a unit, uniform in [-1/2, 1/2), 53 random bits."""
    return (splitmix((key + unit) & _MASK) >> 11) * 2.0**-53 - 0.5
