"""What can be chosen about the event-driven backprop MLP, and its random numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

from eventsnn.data.facts import augmentation_for
from eventsnn.errors import UserError
from eventsnn.options import flat, inline, option, take
from eventsnn.rules.rule_options import RuleOptions
from eventsnn.text import shown

MOST_STEPS = 1 << 20
MOST_SCALE = 1 << 40
"""Of integer mode, so that sums of a million spikes stay within 64 bits."""

_MASK = (1 << 64) - 1
_DTYPES: dict[str, type] = {"float64": np.float64, "float32": np.float32, "integer": np.int64}


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


def _quantizers() -> tuple[str, ...]:
    return tuple(QUANTIZERS)


@dataclass(frozen=True)
class HerdingOptions:
    """Options of the paper's network; the defaults are its standard recipe."""

    n_steps: int = option(
        10,
        "T, how often a sample is presented, or into how many steps its events are cut.",
        least=1,
        most=MOST_STEPS,
        flag="--steps",
    )
    eta: float = option(0.01, "Learning rate; a weight moves by eta / T^2 a spike pair.", above=0)
    fractional: bool = option(
        False, "Update at every error spike (FSGD) instead of after the sample (SGD)."
    )
    smooth_grads: bool = option(
        False,
        "Use the un-quantized drive instead of spike counts in the weight update.",
        flag="--smooth/--no-smooth",
    )
    forward_quantizer: str = option(
        "rect-herding", "Forward quantizer, in training.", choices=_quantizers
    )
    back_quantizer: str = option("noreset-herding", "Quantizer of the error.", choices=_quantizers)
    test_quantizer: str = option(
        "rect-herding", "Forward quantizer, in predictions.", choices=_quantizers
    )
    depth_first: bool = option(
        False,
        "Send each spike to the end before the next of its batch is considered.",
        flag="--depth-first/--breadth-first",
    )
    hold_error: bool = option(
        True,
        "Let error spikes of a step cancel before they are released.",
        flag="--hold/--no-hold",
    )
    dtype: str = option(
        "float64",
        "Of all state. Integer mode scales it by T^2/eta, so that nothing is multiplied.",
        choices=tuple(_DTYPES),
    )
    seed: int = option(0, "Of the random shifts.", least=-(1 << 63), most=(1 << 64) - 1)
    step_by: str = option(
        "count",
        "How a recording's events are cut into T steps: into equal numbers of events, or into "
        "equal times of its duration. Real vectors are presented T times instead.",
        choices=("count", "time"),
    )
    ties: str = option(
        "auto",
        "What happens at equality, which the paper leaves open. unit: of equal potentials the "
        "lower unit's spike leaves first, and a potential of exactly -1/2 stays. heap, as the "
        "authors' program in integer mode: equal ones leave in the order of a binary heap, and "
        "signed quantizers send exactly -1/2 away. auto: heap in integer mode, else unit.",
        choices=("auto", "unit", "heap"),
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)
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


@dataclass(frozen=True)
class DeepSpikingOptions(RuleOptions):
    """Options of the rule: of its network, of the weights that it starts from, and of eta."""

    group = "herding"

    init_scale: float = option(
        0.01, "Standard deviation of the initial weights of the first layer.", above=0
    )
    upper_scale: float = option(0.0, "The same for the layers above; 0: as the first.", least=0)
    eta_decay: float = option(
        1.0, "Factor on eta after each epoch; 0: such that eta ends at a tenth.", least=0, most=1
    )
    network: HerdingOptions = inline(HerdingOptions)

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)
        if self.network.integer and self.eta_decay != 1:
            raise UserError("integer mode has a fixed eta; leave eta_decay at 1")

    @classmethod
    def recipe(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the defaults of a run; ``docs/explanation/decisions-rules.md`` argues them."""
        if given["facts"].images:
            return {"epochs": 4, "n_steps": 10, "eta": 0.01, "dtype": "float32"}
        moved = {"shift": 1.0, "rotate": 8.0, "scale": 0.08, "drop": 0.1}
        online = bool(given.get("online"))
        changed = {} if online else augmentation_for(given["facts"], moved)
        return changed | {
            "dtype": "float32",
            "n_steps": 10,
            "eta": 0.01 if online else 0.02,
            "hold_error": not online,
            # In integer mode eta is the scale of the whole state.
            "eta_decay": 1.0 if given.get("dtype") == "integer" else 0.0,
            "fractional": True,
            "upper_scale": 0.03,
        }

    def completed(self, epochs: int) -> Self:
        """Fill in the decay with which eta ends at a tenth."""
        return replace(self, eta_decay=self.eta_decay or 0.1 ** (1 / epochs))

    def at_epoch(self, epoch: int) -> HerdingOptions:
        """Return the network's options in that epoch, counted from 0."""
        return replace(self.network, eta=self.network.eta * self.eta_decay**epoch)

    def to_json(self, kind: str) -> dict[str, Any]:
        """Return them as plain JSON: the network's in a group, as readers know it."""
        network = flat(self.network)
        own = {name: value for name, value in flat(self).items() if name not in network}
        return own | {self.group: network}


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
