"""Everything that decides what a training run computes; saved with every checkpoint."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from eventsnn.data.dataset import DataSet, labels_of
from eventsnn.data.facts import USUAL, Facts
from eventsnn.data.images import Images
from eventsnn.data.readers import readers
from eventsnn.data.view import SensorView
from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers
from eventsnn.options import (
    Declared,
    declared,
    flat,
    inline,
    made,
    option,
    read_json,
    renamed,
    take,
)
from eventsnn.rules import find_rule, rules, words
from eventsnn.rules.rule import Rule
from eventsnn.text import shown
from eventsnn.train.apart import parted
from eventsnn.train.augment import Augmentation
from eventsnn.train.distort import check_distortion
from eventsnn.train.forms import DATA_HELP, LAYERS
from eventsnn.train.one_pass import OnePass
from eventsnn.train.trainable import check_trainable

DEFAULT_RULE = "deep-spiking"
OWN_RULE = "adjoint"
"""What learns recordings of one's own where nothing is said."""
_SAMPLES, _FEWEST, _MOST = 55_000, 2, 60
"""Samples that a run shows where its epochs are not given, and its epochs at least and at most."""


@dataclass(frozen=True)
class TrainOptions:
    """A training run: what every rule has, and the options of its own.

    Attributes
    ----------
    view : SensorView
        What is seen of recordings.
    augmentation : Augmentation
        How recordings are changed as they stream in.
    own : RuleOptions
        Options of the rule; its default ones where none are given.
    network : Network or None
        In place of layers.
    """

    data: str = option("digits", DATA_HELP)
    rule: str = option(
        DEFAULT_RULE, f"Learning rule; of recordings in folders {OWN_RULE}.", choices=words
    )
    layers: Layers = option(
        (),
        "Layers, e.g. 2312-200-10, 34x34x2-12c5-2p-10, 2312-64r-10 (docs/reference/layers.md); "
        "default: one hidden layer of 200.",
        form=LAYERS,
    )
    epochs: int = option(
        0,
        f"Passes over the data; default: such that {_SAMPLES:,} samples are shown, at least "
        f"{_FEWEST} and at most {_MOST} passes.",
        least=1,
    )
    limit: int | None = option(None, "Use only so many samples of each half.", least=1)
    view: SensorView = inline(SensorView)
    seed: int = option(0, "Of weights, order and shifts.", least=0, most=(1 << 64) - 1)
    augmentation: Augmentation = inline(Augmentation)
    skip: int = option(0, "Leave out so many training samples from the first on.", least=0)
    hold_out: float = option(
        0.0,
        "Share of the training samples that is kept apart and not learned: to judge runs and to "
        "choose early stops by; the same ones whatever the seed.",
        least=0,
        below=1,
    )
    one_pass: OnePass = inline(OnePass)
    own: Any = None
    network: Network | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)
        if self.network is not None and self.layers:
            raise UserError("layers and a network are given; leave one of them out")
        object.__setattr__(self, "rule", _kept(self.rule))
        kind = find_rule(self.rule).Options
        if self.own is None:
            object.__setattr__(self, "own", kind())
        elif type(self.own) is not kind:
            raise UserError(f"own is {shown(self.own)}; give {kind.__name__}, of rule {self.kind}")

    @property
    def kind(self) -> str:
        """The rule's name; ``rule`` is the word that runs keep."""
        return find_rule(self.rule).kind

    def to_json(self) -> dict[str, Any]:
        """Return the options as plain JSON: a run's own, and those of its rule in a group."""
        json: dict[str, Any] = self.own.to_json(self.kind)
        return flat(self) | json

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrainOptions:
        """Read ``to_json``'s output, also that of older versions, which had those of all rules.

        Raises
        ------
        UserError
            That names the option and its value.
        """
        rule = KNOWN["rule"].taken(values.get("rule", DEFAULT_RULE))
        kind, groups = find_rule(rule), {_group(one) for one in rules().values()}
        for name in groups & set(values):
            if not isinstance(values[name], dict):
                raise UserError(f"options {name} are {shown(values[name])}")
        outer = {name: value for name, value in values.items() if name not in groups}
        # Runs of version 0.1.0 knew no gradient rules.
        every = kind.Options.of_older(renamed(known(rule), outer | values.get(_group(kind), {})))
        unknown = sorted(set(every) - set(known(rule)))
        if unknown:
            raise UserError(f"unknown option {shown(unknown[0])}")
        # A name of both is the run's outside of the group, and the rule's in it: its seed.
        run = {name: outer[name] for name in KNOWN if name in outer}
        own = {name: every[name] for name in declared(kind.Options) if name in every}
        made_own = made(kind.Options, read_json(kind.Options, own))
        return made(cls, read_json(cls, run) | {"own": made_own})


def _group(rule: type[Rule[Any, Any]]) -> str:
    """Return the name of a rule's options in JSON."""
    return rule.Options.group or rule.kind


def _kept(word: str) -> str:
    """Return the word of a rule that a run keeps: its first one, as checkpoints have it."""
    rule = find_rule(word)
    return rule.aliases[0] if rule.aliases else rule.kind


KNOWN = declared(TrainOptions)
"""Options that a run has by every rule."""


def usual_rule(data: Any) -> str:
    """Return what learns a data set, by its word, where no rule is named."""
    reader = readers().get(data.partition(":")[0]) if isinstance(data, str) else None
    return OWN_RULE if reader is not None and reader.own else DEFAULT_RULE


def options_of(rule: str) -> dict[str, Declared]:
    """Return the options that a rule adds, by name.

    One that a run has, too, is the run's: its seed.
    """
    own = declared(find_rule(rule).Options)
    return {name: one for name, one in own.items() if name not in KNOWN}


def known(rule: str = DEFAULT_RULE) -> dict[str, Declared]:
    """Return every option of every rule by name; where two have one, that of ``rule``."""
    found = KNOWN | options_of(rule)
    for other in rules():
        found = options_of(other) | found
    return found


def former_names(rule: str = DEFAULT_RULE) -> dict[str, Declared]:
    """Return the options that had another name once, by that name."""
    every = known(rule)
    found = {old: one for one in every.values() for old in one.said.former}
    return {old: one for old, one in found.items() if old not in every}


def recipe(
    rule: str, given: Mapping[str, Any] | None = None, facts: Facts = USUAL
) -> dict[str, Any]:
    """Return where the defaults of a run by a rule differ from those that are declared.

    Parameters
    ----------
    rule : str
    given : mapping, optional
        What is given: a recipe may depend on data and layers.
    facts : Facts
        Of the data; those of filmed digits before they are known.
    """
    usual = {"data": TrainOptions.data, "layers": (), "facts": facts}
    return find_rule(rule).Options.recipe(usual | dict(given or {}))


def make_options(given: dict[str, Any], facts: Facts = USUAL) -> TrainOptions:
    """Return the recipe of the rule and the data with everything else that was given."""
    rule = KNOWN["rule"].taken(given.get("rule", usual_rule(given.get("data"))))
    network = {name: value for name, value in given.items() if name == "network"}
    given = renamed(known(rule), {name: v for name, v in given.items() if name not in network})
    _check_own(rule, given)
    given = taken(given, rule)
    values = recipe(rule, given | network, facts) | {"rule": rule} | given | network
    return made(TrainOptions, values | {"own": made(find_rule(rule).Options, values)})


def taken(given: dict[str, Any], rule: str = DEFAULT_RULE) -> dict[str, Any]:
    """Return options as they are kept; UserError where one is unknown or cannot be."""
    all_of_them = known(rule)
    given = renamed(all_of_them, given)
    unknown = sorted(set(given) - set(all_of_them))
    if unknown:
        raise UserError(f"unknown options {unknown}{_meant(unknown[0], all_of_them)}")
    return {name: all_of_them[name].taken(value) for name, value in given.items()}


_ELSEWHERE = {
    "lr": "rate",
    "learning_rate": "rate",
    "batch_size": "batch",
    "random_state": "seed",
    "tau": "tau_us",
}
"""What options are called by other libraries."""


def _meant(name: str, known: Mapping[str, Any]) -> str:
    """Return a hint at the option that a name may mean, "" where none is near."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    meant = _ELSEWHERE.get(name) or (near[0] if near else "")
    return f"; did you mean {meant}?" if meant in known else ""


def _check_own(rule: str, given: dict[str, Any]) -> None:
    """Refuse options that only other rules have."""
    for name in sorted(set(given) - set(KNOWN) - set(options_of(rule))):
        others = [other for other in rules() if name in options_of(other)]
        if others:
            have = "rules {} have" if len(others) > 1 else "rule {} has"
            raise UserError(
                f"rule {find_rule(rule).kind} has no {name}, {have.format(' and '.join(others))}; "
                "leave it out, or give another --rule"
            )


def followed(usual: TrainOptions, found: TrainOptions) -> dict[str, Any]:
    """Return the options, by name, in which a recipe followed the data, and not the usual ones."""
    then, now = (flat(one.own) | flat(one) for one in (usual, found))
    return {name: value for name, value in now.items() if then.get(name) != value}


def completed(options: TrainOptions, data: DataSet) -> TrainOptions:
    """Fill in what depends on the data, or refuse what does not fit them."""
    if isinstance(data.train, Images):
        _check_images(options, data.spec)
    layers = options.layers
    if not layers and options.network is None:
        # Of data without labels, which are refused for that, there are no classes.
        layers = (data.n_inputs, 200, max(data.n_classes, 1))
    if options.view and options.view != data.view:
        raise UserError(
            f"data {data.spec!r}: are not seen with {options.view}; open them so: "
            "data.viewed(...), or open_data(word, ...)"
        )
    options = replace(options, data=data.spec, layers=layers, view=data.view)
    check_trainable(options, data)
    usual = min(max(_FEWEST, round(_SAMPLES / len(data.train))), _MOST)
    epochs = options.epochs or usual
    if options.one_pass:
        rest, _ = parted(len(data.train), options.skip, options.hold_out)
        epochs = options.one_pass.parts(options.epochs, labels_of(data.train)[rest])
        if getattr(options.own, "patience", 0):
            raise UserError("patience: a run that is one pass ends with the stream; leave it out")
    own = options.own.completed(epochs)
    return replace(options, epochs=epochs, own=own)


def _check_images(options: TrainOptions, spec: str) -> None:
    """Refuse what real vectors cannot be learned with."""
    if Images not in find_rule(options.rule).takes:
        others = " or ".join(kind for kind, one in rules().items() if Images in one.takes)
        raise UserError(
            f"data {spec!r}: real vectors, rule {options.kind} takes events; film them "
            f"(film:{spec}), or give --rule {others}"
        )
    check_distortion(options.augmentation, spec)
