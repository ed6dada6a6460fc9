"""Everything that decides what a training run computes; saved with every checkpoint."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from eventsnn.data.dataset import DataSet
from eventsnn.data.images import Images
from eventsnn.errors import UserError
from eventsnn.given import plain_scalars
from eventsnn.network.layer_string import Layers, parse_layers
from eventsnn.rules.deep_spiking.options import HerdingOptions
from eventsnn.rules.gradient.options import GradientOptions
from eventsnn.train.augment import Augmentation
from eventsnn.train.trainable import check_trainable

RULES = ("herding", "adjoint", "eventprop")
_SAMPLES = 55_000


@dataclass(frozen=True)
class TrainOptions:
    """A training run.

    Attributes
    ----------
    data : str
        Word that opens the data set, see ``eventsnn.data.source``.
    rule : str
        Learning rule.
    layers : tuple of int or str
        Layers, input first, see ``train.layers``; empty: one hidden layer of 200.
    epochs : int
        Passes over the training data; 0: so many that about 55,000 samples are seen.
    limit : int or None
        Use only the first samples of each half.
    seed : int
        Of the initial weights, the order of the samples, the shifts.
    init_scale : float
        Standard deviation of the initial weights of the first layer.
    upper_scale : float
        The same for the layers above; 0: as the first.
    eta_decay : float
        Factor on eta after each epoch; 0: such that eta ends at a tenth.
    skip : int
        Leave out the first training samples.
    shift, rotate, scale, elastic, scatter, jitter_us, drop : float
        How recordings are changed as they stream in, see ``train.augment.Augmentation``.
    herding : HerdingOptions
        Options of the rule herding.
    gradient : GradientOptions
        Options of the other rules.
    """

    data: str = "digits"
    rule: str = "herding"
    layers: Layers = ()
    epochs: int = 0
    limit: int | None = None
    seed: int = 0
    init_scale: float = 0.01
    upper_scale: float = 0.0
    eta_decay: float = 1.0
    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    elastic: float = 0.0
    scatter: float = 0.0
    jitter_us: float = 0.0
    drop: float = 0.0
    skip: int = 0
    herding: HerdingOptions = field(default_factory=HerdingOptions)
    gradient: GradientOptions = field(default_factory=GradientOptions)

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        plain_scalars(self)
        if self.rule not in RULES:
            raise UserError(f"rule {self.rule!r}; choose one of {', '.join(RULES)}")
        if self.epochs < 0:
            raise UserError(f"epochs is {self.epochs}; give at least 1")
        if self.skip < 0:
            raise UserError(f"skip is {self.skip}; give 0 or more")
        if self.seed < 0:
            raise UserError(f"seed is {self.seed}; give 0 or more")
        if not (math.isfinite(self.init_scale) and self.init_scale > 0):
            raise UserError(f"init_scale is {self.init_scale}; give a positive number")
        if not 0 <= self.upper_scale < math.inf:
            raise UserError(f"upper_scale is {self.upper_scale}; give 0 or a positive number")
        if not 0 <= self.eta_decay <= 1:
            raise UserError(f"eta_decay is {self.eta_decay}; give more than 0 and at most 1")
        if self.herding.integer and self.eta_decay != 1:
            raise UserError("integer mode has a fixed eta; leave eta_decay at 1")
        _ = self.augmentation

    @property
    def augmentation(self) -> Augmentation:
        """How recordings are changed as they stream in."""
        return Augmentation(**{f.name: getattr(self, f.name) for f in fields(Augmentation)})

    def to_json(self) -> dict[str, Any]:
        """Return the options as plain JSON."""
        return asdict(self) | {"layers": list(self.layers)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrainOptions:
        """Read ``to_json``'s output; raises UserError where a field is unknown."""
        try:
            herding = HerdingOptions(**values["herding"])
            # Runs of version 0.1.0 knew no gradient rules, or had one teacher or an empty word.
            told = values.get("gradient", {})
            told = with_teachers(told | {"teacher": told.get("teacher") or ()})
            gradient = GradientOptions(**told)
            text = "-".join(str(part) for part in values["layers"])
            layers = parse_layers(text) if text else ()
            parts = {"herding": herding, "gradient": gradient, "layers": layers}
            return cls(**(values | parts))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"options of another version or damaged: {error}") from error

    def at_epoch(self, epoch: int) -> HerdingOptions:
        """Return the network's options in that epoch, counted from 0."""
        return replace(self.herding, eta=self.herding.eta * self.eta_decay**epoch)


FIELDS = {f.name for f in fields(TrainOptions)} - {"herding", "gradient"}
HERDING_FIELDS = {f.name for f in fields(HerdingOptions)} - {"seed"}
GRADIENT_FIELDS = {f.name for f in fields(GradientOptions)}


def recipe(rule: str, data: str, layers: Layers = ()) -> dict[str, Any]:
    """Return the defaults of a rule for data and layers; ``docs/decisions.md`` argues them."""
    if rule == "eventprop":
        return {
            "reads": "maximum",
            "dropout": 0.0,
            "batch": 32,
            "rate": 0.05,
            "scaled": True,
            "init_output": 0.3,
            "init_spikes": 2.0,
        }
    if rule == "adjoint" and any(isinstance(part, str) for part in layers[1:]):
        return {
            "batch": 32,
            "rate": 0.001,
            "output_rate": 0.3,
            "init_output": 0.001,
            "init_spikes": 0.15,
            "spike_cost": 1e-6,
            "near": 0.7,
            "dropout": 0.0,
            "shift": 1.3,
            "rotate": 8.0,
            "scale": 0.08,
            "elastic": 0.5,
            "drop": 0.05,
        }
    if rule == "adjoint":
        return {
            "near": 0.7,
            "shift": 1.3,
            "rotate": 8.0,
            "scale": 0.08,
            "elastic": 0.7,
            "scatter": 0.5,
            "drop": 0.05,
        }
    if data.startswith("mnist:"):
        return {"epochs": 4, "n_steps": 10, "eta": 0.01, "dtype": "float32"}
    return {
        "dtype": "float32",
        "n_steps": 10,
        "eta": 0.02,
        "eta_decay": 0.0,
        "fractional": True,
        "upper_scale": 0.03,
        "shift": 1.0,
        "rotate": 8.0,
        "scale": 0.08,
        "drop": 0.1,
    }


def make_options(given: dict[str, Any]) -> TrainOptions:
    """Return the recipe of the rule and the data with everything else that was given."""
    given, rule = with_teachers(given), given.get("rule", "herding")
    _check_known(rule, given)
    values = recipe(rule, given.get("data", "digits"), given.get("layers", ()))
    if given.get("dtype") == "integer":
        values["eta_decay"] = 1.0  # eta is the scale of the whole state
    values |= given
    own = {name: values[name] for name in FIELDS & set(values)}
    herding = {name: values[name] for name in HERDING_FIELDS & set(values)}
    gradient = {name: values[name] for name in GRADIENT_FIELDS & set(values)}
    return TrainOptions(
        herding=HerdingOptions(**herding, seed=own.get("seed", 0)),
        gradient=GradientOptions(**gradient),
        **own,
    )


def with_teachers(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options with ``teacher`` as a tuple; one word may stand without a list."""
    named = given.get("teacher")
    if named is None:
        return given
    names = (named,) if isinstance(named, str) else tuple(named)
    wrong = [name for name in names if not (isinstance(name, str) and name)]
    if wrong:
        raise UserError(f"teacher is {wrong[0]!r}; give the folder of a trained network")
    return given | {"teacher": names}


def _check_known(rule: str, given: dict[str, Any]) -> None:
    """Refuse options that no rule, or only another one, has."""
    unknown = sorted(set(given) - FIELDS - HERDING_FIELDS - GRADIENT_FIELDS)
    if unknown:
        raise UserError(f"unknown options {unknown}")
    other = GRADIENT_FIELDS if rule == "herding" else HERDING_FIELDS | _HERDING_ONLY
    stray = sorted(set(given) & other)
    if stray:
        raise UserError(f"rule {rule} has no {stray[0]}; leave it out, or give another --rule")


_HERDING_ONLY = {"init_scale", "upper_scale", "eta_decay"}


def completed(options: TrainOptions, data: DataSet) -> TrainOptions:
    """Fill in what depends on the data, or refuse what does not fit them."""
    if isinstance(data.train, Images):
        _check_images(options, data.spec)
    layers = options.layers or (data.n_inputs, 200, data.n_classes)
    check_trainable(layers, data)
    epochs = options.epochs or max(2, round(_SAMPLES / len(data.train)))
    decay = options.eta_decay or 0.1 ** (1 / epochs)
    return replace(options, data=data.spec, layers=layers, epochs=epochs, eta_decay=decay)


def _check_images(options: TrainOptions, spec: str) -> None:
    """Refuse what real vectors cannot be learned with."""
    if options.rule != "herding":
        raise UserError(
            f"data {spec!r}: real vectors, rule {options.rule} takes events; film them "
            f"(film:{spec}), or give --rule herding"
        )
    change = options.augmentation
    given = [f.name for f in fields(Augmentation) if getattr(change, f.name)]
    if given:
        raise UserError(
            f"{given[0]} is {getattr(change, given[0])}, which changes events; data {spec!r} has "
            "none, leave it out"
        )
