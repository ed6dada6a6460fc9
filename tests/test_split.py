"""Halves: of every class a share is held out; what has no label is of no class."""

import json
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from eventsnn.data.camera.saccade import film
from eventsnn.data.film_cache import film_cached
from eventsnn.data.images import Images
from eventsnn.data.inputs import open_inputs
from eventsnn.data.readers.digits import digit_images
from eventsnn.data.readers.film_file import read_film, write_film
from eventsnn.data.source import open_data, open_images
from eventsnn.data.split import held_out, only_in_one
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream

SHAPE = (1, 1, 40)


def recordings(labels) -> EventBatch:
    """One event each, whose unit is the number of the recording."""
    return EventBatch.from_streams(
        [EventStream([0], [i], SHAPE, label, 9) for i, label in enumerate(labels)]
    )


def opened(path: Path, labels, **options):
    write_film(path, [recordings(labels)])
    return open_data(f"events:{path}", **options)


def test_every_fifth_digit_is_held_out_as_ever():
    halves = [open_images("digits", split) for split in ("train", "test")]
    target, numbers = load_digits().target, np.arange(1797)
    for half, mine in zip(halves, [numbers % 5 != 4, numbers % 5 == 4], strict=True):
        assert half.labels.tolist() == target[mine].tolist()
        assert np.array_equal(half.images, digit_images()[0][mine])
    assert [len(half) for half in halves] == [1438, 359]


def test_labels_in_turn_leave_every_class_in_both_halves(tmp_path):
    data = opened(tmp_path / "f", [0, 1, 2, 3, 4] * 5)
    assert Counter(data.train.label.tolist()) == dict.fromkeys(range(5), 4)
    assert Counter(data.test.label.tolist()) == dict.fromkeys(range(5), 1)
    assert sorted([*data.train.unit, *data.test.unit]) == list(range(25))
    whole = recordings([0, 1, 2, 3, 4] * 5)
    for half in (data.train, data.test):
        assert half.label.tolist() == whole.label[half.unit].tolist()


def test_classes_one_after_the_other_are_split_alike(tmp_path):
    data = opened(tmp_path / "f", [0] * 10 + [1] * 20 + [2] * 5)
    assert Counter(data.test.label.tolist()) == {0: 2, 1: 4, 2: 1}


@given(st.lists(st.integers(-1, 4), max_size=40), st.integers(0, 3))
def test_a_fifth_of_each_class_is_held_out_and_never_all(labels, seed):
    chosen = held_out(np.array(labels, np.int64), seed=seed)
    assert chosen.shape == (len(labels),)
    held = Counter(label for label, out in zip(labels, chosen, strict=True) if out)
    for label, n in Counter(labels).items():
        assert held[label] < n
        assert (n < 2) == (held[label] == 0)
        assert n < 5 or abs(held[label] - n / 5) <= 0.5


def test_what_is_held_out_of_a_class_does_not_depend_on_the_others():
    alone = held_out(np.zeros(20, np.int64))
    mixed = held_out(np.array([0, 1, 2, 2] * 20))
    assert mixed[::4].tolist() == alone.tolist()
    # Trained networks rely on it.
    assert np.flatnonzero(alone).tolist() == [5, 11, 12, 15]
    assert held_out(np.zeros(20, np.int64), seed=6).tolist() != alone.tolist()


def test_every_class_counts_from_0_on_and_what_has_no_label_is_none():
    def said(train, test):
        return only_in_one(np.array(train, np.int64), np.array(test, np.int64))

    assert said([0, 1, -1], [1, 0, 0]) == said([-1], []) == ""
    assert said([1, 0], [1]) == (
        "the test half has no recording of class 0, of which no accuracy tells"
    )
    assert said([1, -1], [1, 0]) == (
        "the training half has no recording of class 0, which the test half has"
    )
    many = "recording of class 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..., which"
    assert many in said([], range(11)) and "9, which" in said([], range(10))


def test_a_class_in_one_half_only_is_told(tmp_path):
    with pytest.warns(UserWarning, match=r"f': the test half has no recording of class 1, 7, of"):
        opened(tmp_path / "f", [0] * 5 + [1, 7])
    with pytest.warns(UserWarning, match="g': the training half has no recording of class 1"):
        opened(tmp_path / "g", [0] * 9 + [1] * 9, limit=3)  # of class 0, all three


def test_all_classes_in_both_halves_is_nothing_to_tell(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened(tmp_path / "f", [0, 1] * 5)
        opened(tmp_path / "g", [None] * 10)


@pytest.mark.parametrize("labels", [[0], [0, 1, 2]])
def test_recordings_of_which_none_can_be_held_out_are_refused(tmp_path, labels):
    with pytest.raises(UserError, match="no two of one class; a data set needs two"):
        opened(tmp_path / "f", labels)


def test_own_recordings_are_not_called_emulated(tmp_path, call):
    data = opened(tmp_path / "f", [0, 1] * 5)
    assert not data.emulated and "emulated" not in data.note and not data.identity.emulated
    film = tmp_path / "film"
    assert call("film", "digits", "--limit", 20, "--out", film)[0] == 0
    data = open_data(f"events:{film}")
    assert data.emulated and data.note.startswith("emulated") and data.identity.emulated


def test_the_file_of_a_film_in_the_cache_says_that_it_is_emulated(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENTSNN_CACHE", str(tmp_path))
    open_data("digits", limit=5)
    heads = [file.read_bytes()[8:1024] for file in tmp_path.glob("film-*.safetensors")]
    assert [json.loads(head)["__metadata__"]["emulated"] for head in heads] == ["1", "1"]


def test_pictures_of_the_same_bytes_and_another_shape_have_films_of_their_own(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("EVENTSNN_CACHE", str(tmp_path))
    bars = np.zeros((1, 16, 4), np.uint8)
    bars[:, 4:12] = 255
    label = np.zeros(1, np.int64)
    for shape in ((1, 16, 4), (1, 4, 16)):
        pictures = bars.reshape(shape)
        expected, found = film(pictures, seed=34), film_cached(Images(pictures, label), 0, None)
        np.testing.assert_array_equal(found.unit, expected.unit)
    # The pictures that were there have changed: their film is deleted.
    assert len(list(tmp_path.glob("film-*"))) == 1


def test_each_picture_of_a_long_film_has_noise_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENTSNN_CACHE", str(tmp_path))
    pictures = np.zeros((1001, 4, 4), np.uint8)
    pictures[:, 1:3] = 255
    found = film_cached(Images(pictures, np.zeros(1001, np.int64)), 7, None)
    last, expected = found[1000], film(pictures[:1], seed=34, first_index=1007)[0]
    np.testing.assert_array_equal(last.t, expected.t)
    np.testing.assert_array_equal(last.unit, expected.unit)


@pytest.fixture
def own_film(tmp_path, call) -> Path:
    """Six pictures without labels, filmed by the command line."""
    np.save(tmp_path / "own.npy", digit_images()[0][:6])
    code, _, err = call("film", tmp_path / "own.npy", "--out", tmp_path / "own.film")
    assert code == 0, err
    return tmp_path / "own.film"


def test_filmed_pictures_without_labels_stay_without(own_film):
    assert read_film(own_film).label.tolist() == [-1] * 6
    data = open_data(f"events:{own_film}")
    assert data.n_classes == 0
    assert [stream.label for stream in data.test] == [None]


def test_nothing_is_learned_or_evaluated_without_labels(own_film, call, tmp_path):
    for layers in (["--layers", "2312-8-10"], []):
        words = ("train", "--data", f"events:{own_film}", "--out", tmp_path / "run", *layers)
        code, _, err = call(*words, "--epochs", 1)
        assert code == 2 and "recording 0 of the training half has no label" in err


def test_recordings_without_labels_can_be_simulated(own_film, call):
    network = Path(__file__).parents[1] / "examples" / "network.toml"
    code, out, err = call("simulate", network, f"events:{own_film}", "--index", 0, "--json")
    assert code == 0, err
    assert json.loads(out)["label"] is None


def test_pictures_without_labels_are_of_no_class(tmp_path):
    np.save(tmp_path / "own.npy", np.zeros((2, 5, 4), np.uint8))
    assert open_images(str(tmp_path / "own.npy"), "train").labels.tolist() == [-1, -1]
    found = open_inputs(str(tmp_path / "own.npy"), (5, 4))
    assert isinstance(found.data, Images) and found.data.labels.tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, -2], "label 1 is -2; classes count from 0"),
        ([0, 1 << 40], "label 1 is 1099511627776"),
        ([0.0, 1.0], "labels of dtype float64"),
        ([[0], [1, 2]], "labels is no array"),
    ],
)
def test_pictures_of_no_possible_class_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        Images(np.zeros((2, 5, 4), np.uint8), labels)
