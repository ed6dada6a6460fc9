"""What decides a run of a gradient rule, beside the data and the sizes of the layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from eventsnn.errors import UserError
from eventsnn.given import plain_scalars
from eventsnn.losses import losses
from eventsnn.losses.loss import Loss, Reads
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers, chain
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Neuron, Reset
from eventsnn.neurons.readout import Readout
from eventsnn.optimizers import optimizers
from eventsnn.optimizers.optimizer import Optimizer
from eventsnn.optimizers.schedules import SCHEDULES, Schedule, rate_at


@dataclass(frozen=True)
class GradientOptions:
    """Options of the rules ``adjoint`` and ``eventprop``.

    Attributes
    ----------
    batch : int
        Recordings of one update.
    optimizer : str
        ``adam``, ``sgd``, or the kind of another one.
    rate : float
        Peak learning rate.
    scaled : bool
        Multiply the rate of each connection by the root mean square of its initial weights.
    output_rate : float
        Factor on the rate of the weights into the output.
    schedule : "cosine", "constant", "linear" or "step"
    warmup : float
        Share of the run in which the rate rises to its peak.
    momentum : float
        Of sgd.
    weight_decay : float
        Decoupled: share of a weight lost in an update, times the rate.
    average : float
        Share of the run over which weights are averaged, with exponentially falling weight; the
        average is the network that is evaluated and saved. 0: the weights as they stand.
    clip : float
        Largest Euclidean norm of all gradients together; 0: any.
    dropout : float
        Share of the hidden neurons that is silenced, drawn anew for each recording.
    dropout_at : "all" or "last"
        Hidden populations in which it is: all that learn, or the last of them.
    loss : str
        ``cross-entropy``, ``count-target``, ``first-spike``, or the kind of another one.
    reads : "integral", "maximum", "final" or "counts"
        What the loss reads: potentials of a readout, or spike counts of LIF neurons.
    gain : float
        Scores per unit of output.
    smoothing : float
        Label smoothing.
    wake : float
        Pull on the weights of neurons that were silent throughout a batch.
    spike_cost : float
        Loss a hidden spike of a recording.
    spike_target : float
        Spikes a neuron and recording that each population that learns is drawn to (adjoint):
        with r of them a spike costs ``spike_cost * (r / spike_target - 1)``, so that it pays
        where there are fewer; 0: every spike costs ``spike_cost``.
    spike_fall : float
        Share of the run in which that target falls, geometrically, from ``init_spikes``.
    near : float
        Share of the threshold from which on a neuron that stays silent learns nevertheless
        (adjoint); 0: none does.
    near_weight : float
        How much, beside one that fired.
    tau_us, readout_tau_us : float
        Time constants of hidden neurons and of the output.
    tau_syn_us : float
        Of synaptic currents (eventprop).
    threshold : float
    reset : "subtract" or "zero"
    refractory_us : float
    init_spikes : float
        Spikes a neuron and recording with which a run starts: initial weights are scaled
        until a few recordings give that many.
    init_output : float
        SD of the initial weights into a readout.
    start_from : str
        Checkpoint of a trained network whose weights to begin with, as they are; empty: the
        initial weights are drawn.
    teacher : tuple of str
        Checkpoints of trained networks whose probabilities, their mean, are part of the target
        of the cross-entropy (Hinton, Vinyals & Dean 2015); empty: there are none.
    teacher_share : float
        Their part of the target.
    validate : float
        Share of the training recordings kept apart to choose the best epoch.
    patience : int
        Epochs without a better validation after which a run stops; 0: never.
    """

    batch: int = 64
    optimizer: str = "adam"
    rate: float = 0.0015
    scaled: bool = False
    output_rate: float = 1.0
    schedule: Schedule = "cosine"
    warmup: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 0.01
    average: float = 0.0
    clip: float = 0.0
    dropout: float = 0.2
    dropout_at: Literal["all", "last"] = "all"
    loss: str = "cross-entropy"
    reads: Reads = "integral"
    gain: float = 1.0
    smoothing: float = 0.05
    wake: float = 1.0
    spike_cost: float = 0.0
    spike_target: float = 0.0
    spike_fall: float = 0.0
    near: float = 0.0
    near_weight: float = 1.0
    tau_us: float = 30_000.0
    readout_tau_us: float = 30_000.0
    tau_syn_us: float = 5_000.0
    threshold: float = 1.0
    reset: Reset = "subtract"
    refractory_us: float = 0.0
    init_spikes: float = 1.0
    init_output: float = 0.015
    start_from: str = ""
    teacher: tuple[str, ...] = ()
    teacher_share: float = 0.5
    validate: float = 0.0
    patience: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        plain_scalars(self)
        _check(self.batch >= 1, "batch", self.batch, "at least 1")
        known = optimizers()
        _check(self.optimizer in known, "optimizer", self.optimizer, " or ".join(known))
        _check(self.schedule in SCHEDULES, "schedule", self.schedule, ", ".join(SCHEDULES))
        _check(self.loss in losses(), "loss", self.loss, ", ".join(losses()))
        for name in ("rate", "output_rate", "gain", "init_spikes", "init_output"):
            value = getattr(self, name)
            _check(0 < value < math.inf, name, value, "a number above 0")
        for name in ("warmup", "dropout", "smoothing", "validate", "near", "average", "spike_fall"):
            _check(0 <= getattr(self, name) < 1, name, getattr(self, name), "0 or more, below 1")
        for name in _FROM_ZERO:
            value = getattr(self, name)
            _check(0 <= value < math.inf, name, value, "0 or more")
        _check(self.dropout_at in ("all", "last"), "dropout_at", self.dropout_at, "all or last")
        placed = self.dropout_at == "all" or self.dropout > 0
        _check(placed, "dropout_at", self.dropout_at, "dropout too, or leave it out")
        aimless = self.spike_target > 0 and self.spike_cost == 0
        _check(not aimless, "spike_target", self.spike_target, "spike_cost too, which draws to it")
        fixed = self.spike_fall > 0 and not self.spike_target
        _check(not fixed, "spike_fall", self.spike_fall, "spike_target too, which it falls to")
        share = self.teacher_share
        _check(0 < share <= 1, "teacher_share", share, "more than 0, at most 1")
        lone = share != GradientOptions.teacher_share and not self.teacher
        _check(not lone, "teacher_share", share, "teacher too, whose share it is")
        fits = not self.teacher or self.loss == "cross-entropy"
        _check(fits, "loss", self.loss, "cross-entropy, or no teacher")
        _check(not self.patience or self.validate > 0, "patience", self.patience, "validate too")
        self.make_loss()
        self.make_optimizer()
        self.hidden("adjoint")
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

    def spike_target_at(self, progress: float) -> float:
        """Return the target of spikes when that share of the run is done; 0 if there is none."""
        left = max(0.0, 1 - progress / self.spike_fall) if self.spike_fall else 0.0
        return math.pow(self.init_spikes, left) * math.pow(self.spike_target, 1 - left)

    def hidden(self, rule: str) -> Neuron:
        """Return the neuron model of hidden populations."""
        if rule == "eventprop":
            return CubaLIF(self.tau_us, self.tau_syn_us, self.threshold, self.refractory_us)
        return LIF(self.tau_us, self.threshold, self.reset, self.refractory_us)

    def network(self, rule: str, layers: Layers) -> Network:
        """Return a chain of layers, as the loss needs it."""
        spiking = self.make_loss().reads in ("counts", "first_spike")
        output = self.hidden(rule) if spiking else Readout(self.readout_tau_us)
        return chain(layers, self.hidden(rule), output)


_FROM_ZERO = (
    "weight_decay",
    "clip",
    "wake",
    "spike_cost",
    "spike_target",
    "near_weight",
    "patience",
)


def _check(good: bool, name: str, value: Any, remedy: str) -> None:
    if not good:
        raise UserError(f"{name} is {value}; give {remedy}")
