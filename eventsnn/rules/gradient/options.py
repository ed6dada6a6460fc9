"""What decides a run of a gradient rule, beside the data and the sizes of the layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from eventsnn.errors import UserError
from eventsnn.losses import losses
from eventsnn.losses.loss import Loss, Reads
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers, chain
from eventsnn.neurons.neuron import Neuron
from eventsnn.neurons.readout import Readout
from eventsnn.optimizers import optimizers
from eventsnn.optimizers.optimizer import Optimizer
from eventsnn.optimizers.schedules import Schedule, rate_at
from eventsnn.options import Form, option, take
from eventsnn.rules.rule_options import RuleOptions
from eventsnn.text import shown


def _losses() -> tuple[str, ...]:
    return tuple(losses())


def _optimizers() -> tuple[str, ...]:
    return tuple(optimizers())


def _folders(named: Any) -> tuple[str, ...]:
    """Return the folders of trained networks; one word may stand without a list."""
    names = (named,) if isinstance(named, str) else tuple(named)
    wrong = [name for name in names if not (isinstance(name, str) and name)]
    if wrong:
        raise UserError(f"teacher is {shown(wrong[0])}; give the folder of a trained network")
    return names


FOLDERS = Form((str, list, tuple), "a word in quotes, or a list of them", _folders, repeated=True)
"""Trained networks."""


@dataclass(frozen=True)
class GradientOptions(RuleOptions, ABC):
    """What rules have in common that learn by gradients, in minibatches."""

    group = "gradient"
    of_layers: ClassVar[tuple[str, ...]] = (
        "tau_us",
        "readout_tau_us",
        "threshold",
        "refractory_us",
    )
    """Options of the neurons that a layer string makes."""

    batch: int = option(64, "Recordings an update.", least=1)
    optimizer: str = option("adam", "Optimizer.", choices=_optimizers)
    rate: float = option(0.0015, "Peak learning rate.", above=0, most=1e6)
    scaled: bool = option(
        False,
        "Multiply the rate of each connection by the root mean square of its initial weights.",
    )
    output_rate: float = option(1.0, "Factor on the rate of the weights into the output.", above=0)
    schedule: Schedule = option("cosine", "How the rate falls.")
    warmup: float = option(
        0.0, "Share of the run in which the rate rises to its peak.", least=0, below=1
    )
    momentum: float = option(0.9, "Of sgd.", least=0, below=1)
    weight_decay: float = option(
        0.01, "Decoupled: share of a weight lost in an update, times the rate.", least=0, most=1e6
    )
    average: float = option(
        0.0,
        "Share of the run over which weights are averaged, with exponentially falling weight; the "
        "average is the network that is evaluated and saved. 0: the weights as they stand.",
        least=0,
        below=1,
    )
    clip: float = option(0.0, "Largest Euclidean norm of all gradients together; 0: any.", least=0)
    loss: str = option("cross-entropy", "Loss.", choices=_losses)
    reads: Reads = option(
        "integral",
        "What the loss reads: potentials of a readout, or spike counts of LIF neurons.",
        choices=("integral", "maximum", "final", "counts"),
    )
    gain: float = option(1.0, "Scores a unit of output.", above=0, most=1e6)
    smoothing: float = option(0.05, "Label smoothing.", least=0, below=1)
    silent_pull: float = option(
        1.0,
        "Pull on the weights of neurons that were silent throughout a batch.",
        least=0,
        most=1e6,
        former=("wake",),
    )
    tau_us: float = option(
        30_000.0, "Time constant of hidden neurons.", unit="microseconds", above=0
    )
    readout_tau_us: float = option(
        30_000.0, "Time constant of the output.", unit="microseconds", above=0
    )
    threshold: float = option(1.0, "Potential at which a hidden neuron fires.", above=0)
    refractory_us: float = option(
        0.0, "How long a neuron that fired stays silent.", unit="microseconds", least=0
    )
    init_spikes: float = option(
        1.0,
        "Spikes a neuron and recording with which a run starts: initial weights are scaled until a "
        "few recordings give that many.",
        above=0,
    )
    init_output: float = option(
        0.015, "Standard deviation of the initial weights into a readout.", above=0, most=1e6
    )
    start_from: str = option(
        "",
        "Trained network to go on from: its weights, layers and neurons; empty: the initial "
        "weights are drawn.",
    )
    teacher: tuple[str, ...] = option(
        (),
        "Trained network whose probabilities are part of the target of the cross-entropy (Hinton, "
        "Vinyals & Dean 2015); give several for their mean.",
        form=FOLDERS,
    )
    teacher_share: float = option(0.5, "Their part of the target.", above=0, most=1)
    validate: float = option(
        0.0,
        "Share of the training recordings kept apart to choose the best epoch.",
        least=0,
        below=1,
    )
    patience: int = option(
        0, "Epochs without a better validation after which a run stops; 0: never.", least=0
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)
        share = self.teacher_share
        lone = share != GradientOptions.teacher_share and not self.teacher
        check(not lone, "teacher_share", share, "teacher too, whose share it is")
        fits = not self.teacher or self.loss == "cross-entropy"
        check(fits, "loss", self.loss, "cross-entropy, or no teacher")
        kept = self.weight_decay * self.rate < 1
        most = f"less than {1 / self.rate:g}, so that a weight does not change its sign"
        check(kept, "weight_decay", self.weight_decay, most)
        check(not self.patience or self.validate > 0, "patience", self.patience, "validate too")
        self.make_loss()
        self.make_optimizer()
        self.hidden()
        Readout(self.readout_tau_us)

    def make_loss(self) -> Loss:
        """Return the loss, with the parameters that it takes from here."""
        kind = losses()[self.loss]
        return kind(**{name: getattr(self, name) for name in kind.options})

    def make_optimizer(self) -> Optimizer:
        """Return the optimizer, with the parameters that it takes from here."""
        kind = optimizers()[self.optimizer]
        return kind(**{name: getattr(self, name) for name in kind.options})

    def rate_at(self, progress: float) -> float:
        """Return the learning rate when that share of the run is done."""
        return rate_at(self.schedule, self.rate, progress, self.warmup)

    @abstractmethod
    def hidden(self) -> Neuron:
        """Return the neuron model of hidden populations."""

    def network(self, layers: Layers) -> Network:
        """Return the network of a layer string, as the loss needs it."""
        spiking = self.make_loss().reads in ("counts", "first_spike")
        output = self.hidden() if spiking else Readout(self.readout_tau_us)
        return chain(layers, self.hidden(), output)

    @classmethod
    def of_older(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return what the JSON of an older run says by the names and forms of today."""
        # One teacher, or none as an empty word.
        return values | {"teacher": values["teacher"] or ()} if "teacher" in values else values


def check(good: bool, name: str, value: Any, remedy: str) -> None:
    """Raise UserError with the name, the value and what to give, unless it is good."""
    if not good:
        raise UserError(f"{name} is {shown(value)}; give {remedy}")
