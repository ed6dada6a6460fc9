"""Every sampler and pruner that is found keeps its contract: those of the rooms and two of here."""

import importlib
import os

import pytest

import eventsnn
from eventsnn.registry import Registry
from eventsnn.sweep.pruners import Pruner, pruners
from eventsnn.sweep.read_space import read_space
from eventsnn.sweep.samplers import Sampler, samplers
from eventsnn.sweep.study import study_of
from eventsnn.train.options import known

if "CI" not in os.environ:
    pytest.importorskip("optuna", reason="an extra: pip install 'eventsnn[sweep]'")
optuna = importlib.import_module("optuna")
optuna.logging.set_verbosity(optuna.logging.ERROR)


class Corners(Sampler):
    """The ends of each option."""

    kind = "corners-of-a-test"

    def points(self, space, seed):
        names = [one.name for one in space.dimensions]
        return lambda number: space.point(
            lambda one: one.edges()[-(number >> names.index(one.name) & 1)]
        )


class Hasty(Pruner):
    """Whatever is not the best."""

    kind = "hasty-of-a-test"

    def optuna(self, trials, epochs):
        return optuna.pruners.PercentilePruner(
            0.1, n_startup_trials=trials, n_warmup_steps=epochs + 1
        )


SAMPLERS, PRUNERS = samplers() | {Corners.kind: Corners}, pruners() | {Hasty.kind: Hasty}
SPACE = read_space(
    {
        "batch": {"low": 1, "high": 9, "step": 2},
        "loss": ["cross-entropy", "mean-square"],
        "rate": {"low": 0.001, "high": 0.1, "log": True, "points": 4},
        "dropout": {"values": [0.1, 0.2], "when": {"loss": "mean-square"}},
    },
    known("adjoint"),
)
GRID = SPACE.grid


@pytest.fixture(autouse=True)
def joined():
    """Those of this file are there while a test of it runs."""
    eventsnn.register(Corners)
    eventsnn.register(Hasty)
    assert samplers() == SAMPLERS and pruners() == PRUNERS
    yield
    for registry in Registry.known:
        registry.leave(Corners)
        registry.leave(Hasty)


def test_all_are_found_and_a_study_may_name_them():
    assert len(SAMPLERS) >= 5 and len(PRUNERS) >= 3
    for sampler in SAMPLERS:
        for pruner in PRUNERS:
            tables = {"sampler": sampler, "pruner": pruner, "space": {"batch": [8, 16]}}
            assert study_of(tables, "here", "name").asked.sampler == sampler


def asked(sampler, space=SPACE, seed=7):
    """The first twelve points that a sampler gives, one after the other."""
    draw, found = sampler.points(space, f"study {seed}"), []
    if draw is not None:
        return [draw(number) for number in range(12)]
    study = optuna.create_study()
    for number in range(12):
        study.sampler = sampler.optuna(1000 * seed + number)
        trial = study.ask()
        found.append(space.point(lambda one, trial=trial: one.suggested(trial)))
        study.tell(trial, found[-1]["rate"])
    return found


@pytest.mark.parametrize("kind", SAMPLERS)
def test_points_lie_in_the_space_and_follow_from_study_and_number(kind):
    sampler = SAMPLERS[kind]()
    found = asked(sampler)
    assert found == asked(sampler) and len({str(point) for point in found}) > 3
    assert all(point in GRID for point in found)
    if kind != Corners.kind:
        assert found != asked(sampler, seed=8)
    most = sampler.most(SPACE)
    assert most in (None, len(GRID))


@pytest.mark.parametrize("kind", PRUNERS)
def test_first_trials_and_first_epochs_are_never_given_up(kind):
    pruner = PRUNERS[kind]()
    study = optuna.create_study(direction="maximize", pruner=pruner.optuna(3, 2))
    given_up = []
    for number in range(6):
        trial = study.ask()
        for epoch in range(1, 6):
            trial.report(0.9 - 0.1 * number, epoch)
            if trial.should_prune():
                given_up.append((number, epoch))
                break
        study.tell(trial, 0.9 - 0.1 * number)
    assert given_up == ([(number, 3) for number in (3, 4, 5)] if pruner.prunes else [])
