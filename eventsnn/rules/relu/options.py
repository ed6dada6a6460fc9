"""What can be chosen about ReLU networks on frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eventsnn.data.facts import Facts, augmentation_for, batch_for
from eventsnn.losses.cross_entropy import CrossEntropy
from eventsnn.optimizers.adam import Adam
from eventsnn.optimizers.schedules import Schedule, rate_at
from eventsnn.options import option, take
from eventsnn.rules.rule_options import RuleOptions


@dataclass(frozen=True)
class ReLUOptions(RuleOptions):
    """Options of the rule ``relu``."""

    frames: int = option(
        1, "Frames that a recording is cut into, of equal length; all are seen.", least=1, most=64
    )
    values: Literal["counts", "binary"] = option(
        "counts",
        "What a pixel of a frame is: its number of events, or whether it had one.",
    )
    until_us: int = option(
        0,
        "Frames end there, and later events are not seen; 0: where the recording ends.",
        unit="microseconds",
        least=0,
        most=1 << 40,
    )
    sparsity: float = option(
        0.0,
        "Share of the first layer's weights that is 0 in the end: the smallest are taken away "
        "while it learns (Zhu & Gupta 2017).",
        least=0,
        below=1,
    )
    prune_until: float = option(
        0.6, "Share of the run in which that share is reached, as a cubic.", above=0, most=1
    )
    batch: int = option(64, "Recordings an update.", least=1)
    rate: float = option(0.0015, "Peak learning rate, of Adam.", above=0, most=1e6)
    schedule: Schedule = option("cosine", "How the rate falls.")
    weight_decay: float = option(
        0.01, "Decoupled: share of a weight lost in an update, times the rate.", least=0, most=1e6
    )
    smoothing: float = option(0.05, "Label smoothing.", least=0, below=1)
    dropout: float = option(
        0.2,
        "Share of the hidden neurons that is silenced, drawn anew for each recording.",
        least=0,
        below=1,
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)

    def make_loss(self) -> CrossEntropy:
        """Return the loss, of the output's sums."""
        return CrossEntropy(reads="final", smoothing=self.smoothing)

    def make_optimizer(self) -> Adam:
        """Return the optimizer."""
        return Adam(weight_decay=self.weight_decay)

    def rate_in(self, progress: float) -> float:
        """Return the learning rate when that share of the run is done."""
        return rate_at(self.schedule, self.rate, progress)

    def sparsity_at(self, progress: float) -> float:
        """Return the share of weights that is 0 when that share of the run is done."""
        left = max(0.0, 1 - progress / self.prune_until)
        return self.sparsity * (1 - left**3)

    @classmethod
    def recipe(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the augmentation that the spike adjoint's dense networks have."""
        facts: Facts = given["facts"]
        usual = {"shift": 1.3, "rotate": 8.0, "scale": 0.08, "drop": 0.05}
        usual |= {"elastic": 0.7, "scatter": 0.5}
        return augmentation_for(facts, usual) | {"batch": batch_for(facts, cls.batch)}
