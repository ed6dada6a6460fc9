"""Names of classes: kept with what was learned, and other data are numbered by them."""

import json

import numpy as np
import pytest

import eventsnn as es
from eventsnn.data.classes import numbered_as
from eventsnn.errors import DataError, UserError
from eventsnn.train.saved_run import load_run

NAMES = ("circle", "swipe", "wave")


def recording(seed, label):
    rng = np.random.default_rng([seed, label])
    t = np.sort(rng.integers(0, 90_000, 60))
    return {"t": t, "x": 2 * label + rng.integers(0, 2, 60), "y": rng.integers(0, 4, 60)}


def folder(root, names, seed, n=6):
    for name in names:
        place = root / name
        place.mkdir(parents=True)
        for k in range(n):
            np.savez(place / f"{k}.npz", **recording(100 * seed + k, NAMES.index(name)))
    (root / "sensor.toml").write_text("height = 4\nwidth = 6\n")
    return f"folder:{root}"


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A model that learned three gestures, and the folder of them."""
    here = tmp_path_factory.mktemp("classes")
    word, out = folder(here / "tri", NAMES, 1), here / "run"
    model = es.Classifier("4x6x2-30-3", rule="adjoint", epochs=30, seed=1)
    model.fit(es.open_data(word)).save(out)
    return out, here


def told(call, *words):
    code, out, err = call(*map(str, words), "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_folder_without_a_class_is_evaluated_by_the_names_of_the_others(learned, call):
    model, here = learned
    assert load_run(model).data.names == NAMES
    whole = told(call, "evaluate", model)
    assert whole["accuracy"] == 1.0 and whole["class_names"] == list(NAMES)
    fewer = folder(here / "two", NAMES[1:], 2)
    found = told(call, "evaluate", model, "--data", fewer, "--split", "all")
    assert found["accuracy"] == 1.0 and found["class_names"] == list(NAMES)
    rows = np.array(found["confusion"])
    assert rows[0].sum() == 0 and rows[1, 1] == rows[2, 2] == 6


def test_a_class_that_was_never_learned_is_refused_by_its_name(learned, call):
    model, here = learned
    (here / "other").mkdir()
    word = folder(here / "other" / "x", ("swipe",), 3)
    (here / "other" / "x" / "tap").mkdir()
    np.savez(here / "other" / "x" / "tap" / "0.npz", **recording(7, 0))
    code, _, err = call("evaluate", str(model), "--data", word, "--split", "all")
    assert code == 2 and "has tap; leave it out" in err and "circle, swipe, wave" in err
    start = ["train", "--start-from", str(model), "--data", word, "--out", str(here / "next")]
    code, _, err = call(*start)
    assert code == 2 and "has tap; leave it out" in err


def test_a_run_that_starts_from_another_keeps_the_numbers_of_its_classes(learned, call, tmp_path):
    model, _ = learned
    word = folder(tmp_path / "two", NAMES[1:], 4)
    start = ["train", "--start-from", model, "--data", word, "--epochs", "1"]
    assert told(call, *start, "--out", tmp_path / "next")["test_accuracy"] == 1.0


def test_answers_have_the_names_of_their_classes(learned, call):
    model, here = learned
    code, out, _ = call("simulate", str(model), f"folder:{here / 'tri'}", "--index", "0")
    label = int(out.split("label ")[1][0])
    assert code == 0 and f"prediction {label} ({NAMES[label]})" in out
    found = told(call, "simulate", model, f"folder:{here / 'tri'}", "--index", "0")
    assert found["prediction_name"] == NAMES[found["prediction"]]
    code, out, _ = call("evaluate", str(model), "--mistakes")
    assert code == 0 and all(name in out for name in NAMES)


def test_a_loaded_model_and_simulate_number_other_data_by_name(learned, call, tmp_path):
    model, _ = learned
    word = folder(tmp_path / "two", NAMES[1:], 5)
    data, known = es.open_data(word), es.load(model)
    assert data.test.label.min() == 0 and known.score(data) == 1.0
    for k in range(2):
        found = told(call, "simulate", model, word, "--index", k)
        assert found["label"] == found["prediction"] == NAMES.index(found["prediction_name"]) >= 1
    with pytest.raises(UserError, match="has tap; leave it out"):
        known.score(es.DataSet.from_streams("x", streams([0]), streams([0]), classes=("tap",)))


def streams(labels):
    columns = [recording(k, label) for k, label in enumerate(labels)]
    return [
        es.EventStream.from_arrays(**given, height=4, width=6, label=label)
        for given, label in zip(columns, labels, strict=True)
    ]


def test_names_are_given_to_recordings_of_ones_own():
    data = es.DataSet.from_streams("mine", streams([0, 1, 2]), streams([2]), classes=NAMES)
    assert data.classes == NAMES and data.identity.names == NAMES
    back = numbered_as(data, ("wave", "circle", "swipe"), "model")
    assert back.train.label.tolist() == [1, 2, 0] and back.test.label.tolist() == [0]
    assert data.train.label.tolist() == [0, 1, 2]
    again = es.DataSet.from_streams("mine", streams([0, 1, 2]), streams([2]))
    assert numbered_as(again, NAMES, "model") is again
    assert "names of classes circle, swipe, wave, now none" in data.identity.changes(again.identity)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a", "b"), "2 names of classes, and labels up to 2"),
        (("a", "b", "a"), "twice the same"),
        (("a", "", "c"), "give a text each"),
        (("a", 2, "c"), "give a text each"),
    ],
)
def test_names_that_do_not_fit_are_refused(names, said):
    with pytest.raises(UserError, match=said):
        es.DataSet.from_streams("mine", streams([0, 1, 2]), streams([2]), classes=names)


def test_folders_that_are_numbers_need_no_names(tmp_path):
    for number in (0, 1):
        (tmp_path / "d" / str(number)).mkdir(parents=True)
        for k in range(5):
            np.savez(tmp_path / "d" / str(number) / f"{k}.npz", **recording(k, number))
    assert es.open_data(f"folder:{tmp_path / 'd'}").classes == ()


def test_names_of_a_file_are_read_without_trust():
    data = es.DataSet.from_streams("mine", streams([0, 1]), streams([1]), classes=("a", "b"))
    saved = data.identity.to_json()
    assert type(data.identity).from_json(saved, "x") == data.identity
    old = {name: value for name, value in saved.items() if name != "names"}
    assert type(data.identity).from_json(old, "x").names == ()
    with pytest.raises(DataError, match="which are no names"):
        type(data.identity).from_json(saved | {"names": [1]}, "x")
