"""A run that learns nothing says what is wrong; recipes follow what recordings show."""

import json

import numpy as np
import pytest

import eventsnn as es
from eventsnn.data.facts import USUAL, Facts, augmentation_for, facts_of
from eventsnn.data.images import Images
from eventsnn.data.readers.film_file import write_film
from eventsnn.options import flat
from eventsnn.train.health import complaints
from eventsnn.train.options import followed, make_options

OWN = {"init_spikes": 0.15, "silent_pull": 1.0, "rate": 0.001}
GOOD = np.stack([np.arange(40) % 4, np.arange(40) % 4])


def row(*spikes, loss=1.0):
    return {"spikes_per_recording": [900.0, *spikes, 0.0], "loss": loss}


def test_a_good_run_is_not_complained_of():
    rows = [row(300.0, 40.0, loss=2.0 / k) for k in range(1, 6)]
    assert complaints(rows, (64, 50, 20, 4), GOOD, OWN) == {}


def test_a_silent_layer_is_named_with_a_remedy_that_the_rule_has():
    found = complaints([row(300.0, 0.25)], (64, 50, 20, 4), GOOD, OWN)
    assert list(found) == ["layer 2"]
    assert found["layer 2"] == (
        "layer 2 of 20 neurons fires 0.25 spikes a recording, too few to learn from; raise "
        "--init-spikes (0.15) or raise --silent-pull (1)"
    )
    assert (
        "--threshold (20)"
        in complaints([row(0.0, 9.0)], (64, 50, 20, 4), GOOD, {"threshold": 20.0})["layer 1"]
    )


def test_a_runaway_is_told_from_a_busy_layer():
    busy, away = row(9_000.0, 40.0), row(90_000.0, 40.0)
    assert complaints([busy, busy], (64, 50, 20, 4), GOOD, OWN) == {}
    found = complaints([row(5_000.0, 40.0), away], (64, 50, 20, 4), GOOD, OWN)
    assert "1,800 spikes a neuron and recording, 18 times" in found["layer 1"]
    assert "lower --rate (0.001)" in found["layer 1"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (np.full(40, 2), "class 2 is the answer to 100% of the test recordings, of which 25%"),
        (np.where(np.arange(40) < 30, -1, 1), "silent on 75%"),
    ],
)
def test_answers_that_say_nothing_are_told(said, told):
    found = complaints([row(300.0, 40.0)], (64, 50, 20, 4), np.stack([GOOD[0], said]), OWN)
    assert list(found) == ["output"] and told in found["output"]


def test_one_class_in_the_test_half_is_no_fault_of_the_network():
    same = np.zeros((2, 40), np.int64)
    assert complaints([row(300.0, 40.0)], (64, 50, 20, 4), same, OWN) == {}


def test_a_loss_that_rests_is_told_after_some_epochs():
    rows = [row(300.0, 40.0, loss=2.3) for _ in range(4)]
    assert complaints(rows[:3], (64, 50, 20, 4), GOOD, OWN) == {}
    assert (
        "not fallen in 4 epochs (2.3 to 2.3)"
        in complaints(rows, (64, 50, 20, 4), GOOD, OWN)["loss"]
    )


def streams(n=6, duration=2_000_000, events=30, shape=(2, 96, 80)):
    rng = np.random.default_rng(0)
    return [
        es.EventStream(
            np.sort(rng.integers(0, duration, events)),
            rng.integers(0, int(np.prod(shape)), events), shape, label=k % 2, duration=duration,
        )
        for k in range(n)
    ]  # fmt: skip


def test_facts_are_those_of_the_training_half():
    data = es.DataSet.from_streams("mine", streams(7), streams(2, 500_000))
    found = facts_of(data)
    assert found == Facts((2, 96, 80), 30.0, 2e6, 2e6, 2, 7) and not found.images
    assert str(found) == "7 recordings of 96x80x2, median 2 s and 30 events"
    assert found.times_usual == 6.25 and not found.of_digits
    assert USUAL.times_usual == 1 and USUAL.of_digits


def test_the_recipe_of_digits_stays_and_that_of_long_recordings_follows_them():
    digits = facts_of(es.open_data("digits", limit=20))
    for rule in ("adjoint", "hm2bp", "stbp", "herding"):
        given = {"rule": rule, "layers": (2312, 50, 10)}
        assert make_options(given, digits) == make_options(given)
    facts = facts_of(es.DataSet.from_streams("mine", streams(), streams()))
    given = {"rule": "adjoint", "layers": "96x80x2-4c5-2p-2"}
    changed = followed(make_options(given), make_options(given, facts))
    assert changed["init_spikes"] == pytest.approx(0.15 * 6.25, abs=0.01)
    assert changed["tau_us"] == 60_000 and changed["spike_cost"] == 0
    assert changed["shift"] == pytest.approx(1.3 * 80 / 34, abs=0.1)
    asked = make_options(given | {"tau_us": 7_000.0, "shift": 0.5}, facts)
    assert asked.own.tau_us == 7_000 and asked.augmentation.shift == 0.5
    assert make_options({"rule": "hm2bp", "layers": (9, 2)}, facts).own.grid.step_us == 3704
    assert not make_options({"rule": "hm2bp", "layers": (9, 2)}, facts).own.encode.stabilize


def test_a_line_of_channels_is_not_moved_about():
    line = Facts((1, 1, 78), 4_000.0, 4e5, 9e5, 10, 2700)
    usual = {"shift": 1.3, "rotate": 8.0, "drop": 0.05, "elastic": 0.7}
    assert augmentation_for(line, usual) == {"drop": 0.05}
    assert augmentation_for(USUAL, usual) == usual


def test_a_run_tells_what_its_recipe_followed_and_keeps_its_complaints(tmp_path, call):
    write_film(tmp_path / "a.events", [es.EventBatch.from_streams(streams(20, 900_000))])
    words = ["train", "--rule", "adjoint", "--data", f"events:{tmp_path / 'a.events'}"]
    words += ["--layers", "15360-6-2", "--epochs", 1, "--init-spikes", 0.01, "--json"]
    code, out, err = call(*words, "--out", tmp_path / "run")
    assert code == 0
    said = " ".join(err.split())
    assert "recipe for 16 recordings of 96x80x2, median 0.9 s and 30 events: " in said
    assert "warning: epoch 1: layer 1 of 6 neurons fires" in said
    warned = json.loads(out)["history"][0]["warnings"]
    assert "raise --init-spikes (0.01)" in warned["layer 1"]


@pytest.mark.parametrize(
    ("rule", "of_images", "of_recordings"),
    [
        ("deep-spiking", {"epochs": 4, "eta": 0.01}, {"eta": 0.02, "fractional": True}),
        ("hm2bp", {"grid_steps": 400, "step_us": 1000}, {"grid_steps": 540, "step_us": 600}),
        ("lee2016", {"tau_us": 20_000.0}, {"tau_us": 200_000.0}),
        ("stbp", {"epochs": 10}, {"epochs": 30, "step_us": 10_000}),
    ],
)
def test_a_recipe_knows_images_by_what_they_are_and_not_by_their_word(
    rule, of_images, of_recordings
):
    pictures = Images(np.zeros((4, 3, 8, 8), np.uint8), np.arange(4))
    images = facts_of(es.DataSet("cifar10:PATH", pictures, pictures))
    for facts, expected in ((images, of_images), (USUAL, of_recordings)):
        options = make_options({"rule": rule, "layers": (192, 5, 4)}, facts)
        found = flat(options.own) | flat(options)
        assert {name: found[name] for name in expected} == expected
