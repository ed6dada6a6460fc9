"""A study: what a sweep tries, how often, and by what it judges; read from a TOML file."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from eventsnn.data.facts import USUAL, Facts
from eventsnn.errors import UserError
from eventsnn.files.unpack import read_text
from eventsnn.options import declared, option, renamed, take
from eventsnn.sweep.hashed import hashed
from eventsnn.sweep.pruners import pruners
from eventsnn.sweep.read_space import read_space
from eventsnn.sweep.samplers import Sampler, samplers
from eventsnn.sweep.samplers.sampler import Points
from eventsnn.sweep.space import Point, Space
from eventsnn.text import cut, named, shown
from eventsnn.train.model import with_start
from eventsnn.train.options import TrainOptions, known, make_options, taken, usual_rule

USUAL_TRIALS = 20
USUAL_SHARE = 0.2
"""Of the training half, held out to judge by."""

_CHECKED = 500
"""Trials whose options are checked before anything runs; others when their turn comes."""

_TABLES = ("train", "space")


@dataclass(frozen=True)
class StudyOptions:
    """What a study file says outside of its tables."""

    name: str = option("", "What the study is called; default: the name of its file.")
    trials: int = option(
        0,
        f"Trials in all; default: {USUAL_TRIALS}, of a grid every point.",
        least=1,
        most=1_000_000,
    )
    seed: int = option(0, "Of what is tried and of each trial.", least=0)
    sampler: str = option("random", "What is tried.", choices=lambda: tuple(samplers()))
    goal: Literal["accuracy", "front"] = option(
        "accuracy",
        "What is best: the most accurate on what is held out, or (front) all that nothing beats "
        "in both accuracy and operations.",
    )
    pruner: str = option("none", "Which trials are given up.", choices=lambda: tuple(pruners()))
    unpruned_trials: int = option(5, "So many first trials are never given up.", least=0)
    unpruned_epochs: int = option(1, "During so many first epochs no trial is given up.", least=0)

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        take(self)
        if pruners()[self.pruner].prunes and self.goal == "front":
            raise UserError(
                f"pruner is {self.pruner}, and goal is front: who shall give up trials by two "
                'goals; give pruner = "none" or goal = "accuracy"'
            )


@dataclass(frozen=True)
class SweepStudy:
    """A study.

    Attributes
    ----------
    source : str
        Where it was read, for messages.
    asked : StudyOptions
    train : dict
        Options of every trial.
    space : Space
    tables : dict
        What the file held, as plain JSON.
    """

    source: str
    asked: StudyOptions
    train: dict[str, Any]
    space: Space
    tables: dict[str, Any]

    @cached_property
    def sampler(self) -> Sampler:
        """What chooses the points."""
        found: Sampler = samplers()[self.asked.sampler]()
        return found

    @cached_property
    def points(self) -> Points | None:
        """The point of each trial, where it follows from the trial's number."""
        return self.sampler.points(self.space, self._seed)

    @cached_property
    def most(self) -> int | None:
        """How many trials there can be; None: any number."""
        try:
            return self.sampler.most(self.space)
        except UserError as error:
            raise UserError(f"{self.source}: {error}") from error

    @property
    def _seed(self) -> str:
        return f"{self.asked.name}\0{self.asked.seed}"

    @cached_property
    def trials(self) -> int:
        """How many trials are asked for."""
        most = self.most
        if most is not None and self.asked.trials > most:
            raise UserError(
                f"{self.source}: trials is {self.asked.trials:,}, and the grid has {most:,} "
                "points; give at most so many, or leave trials out"
            )
        return self.asked.trials or (USUAL_TRIALS if most is None else most)

    def seed_of(self, number: int, what: str = "training") -> int:
        """Return the seed of a trial: a hash of the study's name and seed, and of its number."""
        return hashed(self._seed, number, what)

    def given(self, number: int, point: Point) -> dict[str, Any]:
        """Return the options of a trial, by name."""
        return {"hold_out": USUAL_SHARE, "seed": self.seed_of(number)} | self.train | point

    def options(self, number: int, point: Point, facts: Facts = USUAL) -> TrainOptions:
        """Return the options of a trial as a run has them; UserError where they cannot be."""
        return make_options(with_start(self.given(number, point)), facts)

    def where(self, number: int | None, point: Point) -> str:
        """Return how a message tells a point."""
        what = ", ".join(f"{name} {shown(value)}" for name, value in point.items())
        trial = "with" if number is None else f"trial {number} with"
        return cut(f"{self.source}: {trial} {what}", 600)

    def checked(self, total: int) -> Iterator[tuple[int | None, Point]]:
        """Yield what is checked before anything runs: trials, or points that have every value."""
        if self.points is None:
            for point in self.space.edges():
                yield None, point
            return
        for number in range(min(total, _CHECKED)):
            yield number, self.points(number)

    def check(self, total: int) -> None:
        """Refuse options that cannot be trained with.

        Raises
        ------
        UserError
            With the file, the key or the trial, the value and the remedy.
        """
        for number, point in self.checked(total):
            self._check(number, point)

    def _check(self, number: int | None, point: Point) -> None:
        try:
            self.options(number or 0, point)
        except UserError as error:
            raise UserError(f"{self.where(number, point)}: {error}") from error


def read_study(path: Path) -> SweepStudy:
    """Read a study from its file.

    Raises
    ------
    UserError
        Naming the file, the key and the value.
    """
    text = read_text(path)
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not TOML ({error})") from error
    return study_of(tables, str(path), path.stem)


def study_of(tables: Mapping[str, Any], source: str, name: str) -> SweepStudy:
    """Return the study that tables describe; ``name`` where they give none."""
    try:
        asked = _asked(tables, name)
        train = tables.get("train", {})
        for word in _TABLES:
            if not isinstance(tables.get(word, {}), dict):
                raise UserError(f"{word} is {shown(tables[word])}; give a table, [{word}]")
        space = tables.get("space", {})
        rule = _rule(train, space)
        names = known(rule)
        tried = renamed(names, space)
        both = sorted(set(renamed(names, train)) & set(tried))
        if both:
            raise UserError(f"space.{both[0]}: is given in [train], too; leave one of them out")
        found = read_space(tried, names)
        try:
            options = taken(train, rule)
        except UserError as error:
            raise UserError(f"[train]: {error}") from error
        if not options.get("hold_out", USUAL_SHARE):
            raise UserError("[train]: hold_out is 0, and a sweep judges by it; give such as 0.2")
        if options.get("epochs", 1) < 1:
            raise UserError(f"[train]: epochs is {options['epochs']}; give at least 1")
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    return SweepStudy(source, asked, options, found, dict(tables))


def _asked(tables: Mapping[str, Any], name: str) -> StudyOptions:
    names = declared(StudyOptions)
    given = {key: value for key, value in tables.items() if key not in _TABLES}
    for key in given:
        if key in names:
            continue
        if key in known():
            raise UserError(f"{named(key)}: is an option of train; give it in [train] or [space]")
        near = difflib.get_close_matches(key, [*names, *_TABLES], n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join([*names, *_TABLES])}"
        raise UserError(f"{named(key)} is unknown; {hint}")
    if type(given.get("trials")) is int and given["trials"] < 1:
        raise UserError(f"trials is {given['trials']}; give at least 1, or leave it out")
    if given.get("name") == "":
        raise UserError("name is ''; give one, or leave it out for that of the file")
    return StudyOptions(**({"name": name} | given))


def _rule(train: Mapping[str, Any], space: Mapping[str, Any]) -> str:
    """Return the rule whose options go first: that of [train], or the first one of [space]."""
    tried = space.get("rule")
    if isinstance(tried, dict):
        tried = tried.get("values")
    rule = tried[0] if isinstance(tried, list) and tried else train.get("rule")
    rule = usual_rule(train.get("data")) if rule is None else rule
    found: str = known()["rule"].taken(rule)
    return found
