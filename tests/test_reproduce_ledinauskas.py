"""The rows of Ledinauskas et al.: gains are what they must be, rows stop and go on, twins learn."""

from dataclasses import replace

import numpy as np
import pytest

from eventsnn.data.dataset import DataSet
from eventsnn.data.images import Images
from eventsnn.network.layer_string import n_outputs, parts_of, text_of
from eventsnn.reproduce.ledinauskas2020 import training
from eventsnn.reproduce.ledinauskas2020.gains import one_step, plain, residual
from eventsnn.reproduce.ledinauskas2020.paper import PAPER
from eventsnn.reproduce.ledinauskas2020.twin import ReluUnit, relu
from eventsnn.reproduce.paper import RowContext
from eventsnn.rules.ledinauskas2020.reference import (
    DenseSynapses,
    NormedLayer,
    NormOf,
    backward,
    forward,
)


def pictures(n, seed):
    """A class is a bright row."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (n, 5, 5))
    pixels[np.arange(n), np.arange(n) % 3] += 150
    return Images(pixels.astype(np.uint8), np.arange(n) % 3, "rows")


@pytest.fixture
def context(tmp_path):
    data = DataSet("rows", pictures(240, 0), pictures(60, 1))
    return RowContext(data, 0, tmp_path, {}, {}, lambda *_: None)


def judged(name, found):
    figures = [f for f in PAPER.published if f.row == name and f.key in found]
    assert figures
    return [f.judge.judge(f, {name: found}).outcome for f in figures]


def test_the_gain_of_one_step_is_the_integral(context):
    found = one_step(context, PAPER.row("one-step").options)
    assert judged("one-step", found) == ["met"] * 8


def test_gains_fall_as_alpha_rises_and_are_those_of_an_independent_program(context, tmp_path):
    row = PAPER.row("gain-plain")
    few = {"alphas": [0.5, 2, 10], "cases": [[1, 0.9, False], [10, 0.9, False], [10, 0.9, True]]}
    found = plain(context, row.options | few)
    assert judged("gain-plain", found) == ["met"] * 9 and found["monotone"]
    assert 0.85 < found["T 10, decay 0.9, kept, alpha 2"] < 1.05
    assert found["T 10, decay 0.9, detached, alpha 2"] > found["T 10, decay 0.9, kept, alpha 2"]
    again = replace(context, folder=tmp_path / "b")
    row = PAPER.row("gain-residual")
    found = residual(again, row.options | {"alphas": [0.5, 2, 10]})
    assert judged("gain-residual", found) == ["met"] * 9
    assert found["before, alpha 10"] < 0.3 < 0.95 < found["after, alpha 10"] < 1.05
    # What was kept is found again.
    assert residual(again, row.options | {"alphas": [0.5, 2, 10]}) == found


@pytest.mark.parametrize("deep", [1, 2, 5, 6])
def test_a_stack_has_so_many_layers_with_shortcuts_or_without(deep):
    for shortcut in (False, True):
        layers = training.stacked(25, deep, 8, 3, shortcut)
        assert len(parts_of(layers)) == deep + 1 and n_outputs(layers) == 3
        assert ("[" in text_of(layers)) == (shortcut and deep > 2)


DEPTH = {
    "depth": 3, "width": 12, "shortcuts": ["plain", "before", "after"], "norms": ["pooled", "none"],
    "alphas": [2], "seeds": 1, "images": 150, "held": 30, "test": 60, "epochs": 12, "rate": 0.02,
}  # fmt: skip


def test_networks_of_a_depth_learn_and_a_row_that_is_stopped_goes_on_to_the_same(context, tmp_path):
    whole = training.depth(context, DEPTH)
    assert len(whole["runs"]) == 6 and {run["seed"] for run in whole["runs"]} == {0}
    assert max(run["test"] for run in whole["runs"] if run["norm"] == "pooled") > 80
    assert whole["plain, pooled, chosen alpha"] == 2

    def stops(done, total, note):
        if done > 3500:
            raise KeyboardInterrupt

    cut = replace(context, folder=tmp_path / "cut", report=stops)
    with pytest.raises(KeyboardInterrupt):
        training.depth(cut, DEPTH)
    assert training.depth(replace(cut, report=lambda *_: None), DEPTH) == whole


def test_choices_are_made_on_training_images_that_are_not_learned(context):
    learn, held, test = training.parts_of(context.data, DEPTH)
    train = context.data.train.images
    np.testing.assert_array_equal(learn.images, train[:150])
    np.testing.assert_array_equal(held.images, train[200:230])
    np.testing.assert_array_equal(test.images, context.data.test.images)


def test_a_network_learns_runs_at_other_steps_and_is_compared_with_its_relu_twin(context, tmp_path):
    options = {"layers": "25-16-[16-16]-3", "images": 200, "test": 60, "epochs": 8, "batch": 20,
               "n_steps": 10, "rate": 0.01}  # fmt: skip
    found = training.learned(context, options)
    assert found["test_accuracy"] > 80
    later = replace(
        context,
        folder=tmp_path / "later",
        found={"images": found},
        folders={"images": context.folder},
    )
    steps = training.by_steps(later, {"network": "images", "steps": [1, 10, 30], "test": 60})
    assert steps["T 10"] == pytest.approx(found["test_accuracy"], abs=1e-3)
    assert steps["T 30 above T 10"] == pytest.approx(steps["T 30"] - steps["T 10"])
    assert steps["T 1, additions an image"] < steps["T 30, additions an image"] / 8
    twin = relu(later, {"network": "images", "images": 200, "test": 60})
    assert twin["test_accuracy"] > 80
    above = twin["test_accuracy"] - found["test_accuracy"]
    assert twin["points above the spiking network"] == pytest.approx(above)


def test_the_gradient_of_the_twin_is_that_of_central_differences():
    rng = np.random.default_rng(0)

    def layers(w):
        ones, zeros = np.ones(6), np.full(6, 0.1)
        return [
            NormedLayer((DenseSynapses(0, w, ones, zeros),)),
            NormedLayer((DenseSynapses(1, w[:, ::-1][:6], ones, zeros),), before=(1,)),
        ]

    w, readout = rng.standard_normal((6, 6)), rng.standard_normal((6, 2))
    x, by = rng.standard_normal((1, 7, 6)), rng.standard_normal((7, 2))

    def value(moved):
        return float((forward(x, layers(moved), readout, ReluUnit(), NormOf()).logits * by).sum())

    ran = forward(x, layers(w), readout, ReluUnit(), NormOf())
    g = backward(ran, layers(w), readout, by, ReluUnit(), NormOf())
    total = g.weights[0][0] + g.weights[1][0][:, ::-1]
    for at in [(0, 0), (2, 3), (5, 1), (4, 4)]:
        up, down = w.copy(), w.copy()
        up[at] += 1e-6
        down[at] -= 1e-6
        assert (value(up) - value(down)) / 2e-6 == pytest.approx(total[at], abs=1e-8)


def test_tables_and_figures_are_made_of_whatever_was_run(context, tmp_path):
    few = {"cases": [[1, 0.9, False]], "alphas": [1, 2], "width": 40}
    gains = plain(context, PAPER.row("gain-plain").options | few)
    runs = training.depth(replace(context, folder=tmp_path / "d"), DEPTH | {"epochs": 1})
    rows = {
        "gain-plain": gains | {"title": "gains"},
        "depth-4": runs | {"title": "depth"},
        "one-step": {"fires": 0.16, "title": "one step"},
    }
    compared = {"row": "gain-plain", "figure": "a", "ours": 1.0, "published": 1.1,
                "difference": -0.1, "verdict": "met", "tolerance": 0.11}  # fmt: skip
    result = {"paper": PAPER.name, "rows": rows, "comparison": [compared]}
    titles = [table.title for table in PAPER.tables(result)]
    assert titles == ["gains", "depth", "depth, every run", "Other rows"]
    for run, cell in zip(runs["runs"], PAPER.tables(result)[1].rows[0][1:], strict=False):
        assert cell == f"{run['test']:.4g}"
    for run in runs["runs"]:
        run["test"] = None
    assert "stops (1 of 1)" in PAPER.tables(result)[1].rows[0]
    files = PAPER.figures(result, tmp_path)
    assert files == ["ledinauskas2020-gains.svg", "ledinauskas2020-depth.svg"]
    assert all((tmp_path / file).stat().st_size > 1000 for file in files)
