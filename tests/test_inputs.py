"""The words for data and inputs: what is meant is read, everything else is one clear line."""

import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from eventsnn.data.dataset import DataSet
from eventsnn.data.facts import facts_of
from eventsnn.data.inputs import open_inputs
from eventsnn.data.source import open_data, open_images
from eventsnn.errors import UserError
from eventsnn.train.options import completed, make_options

SENSOR = (2, 34, 34)
EVENTS = [(5, 1, 2, 0), (9, 33, 0, 1)]
UNITS = [2 * 34 + 1, 34 * 34 + 33]


def structured(**kinds: str) -> np.ndarray:
    return np.array(EVENTS, [(name, kinds.get(name, "i8")) for name in "txyp"])


def recording(path: Path) -> Path:
    words = (x << 32 | y << 24 | p << 23 | t for t, x, y, p in EVENTS)
    path.write_bytes(b"".join(word.to_bytes(5, "big") for word in words))
    return path


def saved(path: Path, save=np.save, *arrays, **named) -> Path:
    with path.open("wb") as file:
        save(file, *arrays, **named)
    return path


def refused(message: str, call, *words, **more) -> None:
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        call(*words, **more)
    assert "\n" not in str(caught.value)


def test_events_are_read_from_every_file_that_can_hold_them(tmp_path):
    columns = {name: structured()[name] for name in "xypt"}
    files = [
        recording(tmp_path / "a.bin"),
        recording(tmp_path / "A.BIN"),
        saved(tmp_path / "a.npy", np.save, structured()),
        saved(tmp_path / "B.NPY", np.save, structured(t="u4", x="u2", y="u1", p="?")),
        saved(tmp_path / "a.npz", np.savez, structured()),
        saved(tmp_path / "b.npz", np.savez_compressed, **columns),
        saved(tmp_path / "renamed.npy", np.savez, structured()),
    ]
    for file in files:
        data = open_inputs(str(file), SENSOR).data
        assert (data[0].t.tolist(), data[0].unit.tolist()) == ([5, 9], UNITS), file


def test_a_path_that_is_no_utf8_and_one_from_home_are_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    name = os.fsdecode(b"\xff\xfe.npy")
    saved(tmp_path / name, np.save, np.ones((2, 3, 3), np.uint8))
    assert len(open_inputs(str(tmp_path / name), (3, 3)).data) == 2
    assert len(open_inputs("~/" + name, (3, 3)).data) == 2
    assert len(open_images("~/" + name, "train")) == 2


def test_images_are_read_from_npz_files_too(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    file = saved(tmp_path / "a.NPZ", np.savez, images)
    assert open_inputs(str(file), (3, 4)).data.images.tolist() == images.tolist()
    assert open_images(str(file), "train").images.tolist() == images.tolist()
    two = saved(tmp_path / "two.npz", np.savez, a=images, b=images)
    refused("two.npz: holds 2 arrays (a, b); give a file of one", open_images, str(two), "train")
    refused("holds the arrays a, b; give one, or t, x, y, p", open_inputs, str(two), (3, 4))


def test_an_array_that_claims_more_than_the_file_holds_is_not_allocated(tmp_path):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000, 784), }"
    header += b" " * (118 - 1 - len(header)) + b"\n"
    data = b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header + bytes(100)
    (tmp_path / "huge.npy").write_bytes(data)
    message = "promises 784000000000 bytes of data"
    refused(message, open_inputs, str(tmp_path / "huge.npy"), (28, 28))
    refused(message, open_images, str(tmp_path / "huge.npy"), "train")


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_broken_renamed_and_pickled_arrays_are_one_line(tmp_path, suffix):
    file = tmp_path / f"a.{suffix}"
    good = saved(tmp_path / "good.npy", np.save, structured()).read_bytes()
    pickled = saved(tmp_path / "p.npy", np.save, np.array([{}])).read_bytes()
    with zipfile.ZipFile(tmp_path / "z", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("events.npy", good)
    for data in (b"", b"PK", good[:-3], good[:40], good + b"x", pickled, b"x,y,t\n1,2,3\n"):
        file.write_bytes(data)
        refused(f"a.{suffix}: ", open_inputs, str(file), SENSOR)
        refused(f"a.{suffix}: ", open_images, str(file), "train")
    file.write_bytes((tmp_path / "z").read_bytes())
    refused("packed with method 14", open_inputs, str(file), SENSOR)


@pytest.mark.parametrize(
    ("kind", "times", "message"),
    [
        ("f8", [0.0123, 0.5], "t of event 0 is 0.0123; times are whole microseconds. Are these"),
        ("i8", [2_200_000_000, 2_200_000_005], "subtract the first time"),
        ("u4", [2_200_000_000, 2_200_000_005], "subtract the first time"),
        (
            "u4",
            [4_000_000_000, 3_999_999_990],
            "event 1 at 3999999990 us comes after event 0 at 40",
        ),
    ],
)
def test_times_that_cannot_be_say_what_is_wrong_with_the_files_own(tmp_path, kind, times, message):
    events = structured(t=kind)
    events["t"] = times
    file = saved(tmp_path / "a.npy", np.save, events)
    refused(message, open_inputs, str(file), SENSOR)


def test_what_is_no_input_says_what_is_there_and_what_to_give(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    refused(
        "input '.': a folder; give a .aedat4, .bin, .csv, .dat, .es, .h5, .hdf5, .npy, .npz, "
        ".raw or .wav file in it",
        open_inputs,
        ".",
        SENSOR,
    )
    refused("such as nmnist:.", open_inputs, ".", SENSOR)
    refused(
        "input 'a.txt': no .aedat4, .bin, .csv, .dat, .es, .h5, .hdf5, .npy, .npz, .raw or .wav "
        "file; give one",
        open_inputs,
        "a.txt",
        SENSOR,
    )
    refused(
        f"input 'b.npy': no such file (looked for {tmp_path}/b.npy)", open_inputs, "b.npy", SENSOR
    )
    refused("not a data set such as nmnist", open_inputs, "nmnits:x", SENSOR)
    refused("a path cannot hold the letter NUL", open_inputs, "a\0.npy", SENSOR)
    refused("no path of this machine", open_inputs, "\ud800", SENSOR)
    refused("cannot be read (File name too long)", open_inputs, "x" * 300, SENSOR)
    with (tmp_path / "long.bin").open("wb") as file:
        file.truncate(1 << 40)  # a hole: nothing is written
    refused("bytes is no N-MNIST recording", open_inputs, "long.bin", SENSOR)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("NMNIST:data", "unknown kind 'NMNIST'; did you mean nmnist:data?"),
        ("nmnits:data", "did you mean nmnist:data?"),
        ("n-mnist:data", "did you mean nmnist:data?"),
        ("Digits", "did you mean digits?"),
        ("event:x", "did you mean events:x?"),
        (
            "cats",
            "unknown kind 'cats'; give one of camera:PATH, cifar10:PATH, digits, events:FILE, ",
        ),
        ("", "unknown kind ''; give one of camera:PATH, cifar10:PATH, digits, "),
        ("nmnist", "the path is missing; give nmnist:PATH"),
        ("events:", "the path is missing; give events:PATH"),
        ("film:mnist:", "the path is missing; give film:mnist:PATH"),
        ("digits:x", "digits takes no path; give just digits"),
        ("film:cats:x", "can film digits or mnist:PATH; give film:mnist:PATH"),
        ("mnist:a\0b", "a path cannot hold the letter NUL"),
        ("mnist:\ud800", "no path of this machine"),
        ("events:~nobody-has-this-name/x", "no path of this machine"),
        ("tonic:", "tonic has no data set ''; known are ASLDVS, "),
        ("tonic:NMIST:x", "did you mean NMNIST or SMNIST? known are ASLDVS"),
        ("tonic:shd", "the path is missing; give tonic:shd:PATH"),
        (7, "data 7: give a word, one of camera:PATH, cifar10:PATH, digits, events:FILE"),
        (None, "data None: give a word"),
    ],
)
def test_a_word_that_is_no_data_set_is_answered_with_what_was_meant(word, message):
    refused(message, open_data, word)


def test_a_path_without_its_kind_says_how_to_open_it(tmp_path):
    word = str(tmp_path)
    kinds = ("camera", "cifar10", "events", "folder", "hdf5", "mnist", "nmnist")
    words = "say what is there: " + " or ".join(f"{kind}:{word}" for kind in kinds)
    refused(words, open_data, word)
    refused(f"images {word!r}: say what is there: mnist:{word}", open_images, word, "train")
    refused("images 'Digits': did you mean digits?", open_images, "Digits", "train")


def test_a_relative_path_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ("nmnist", "mnist", "film:mnist", "events"):
        refused(f"{tmp_path}/absent", open_data, f"{kind}:absent")


def test_home_is_filled_in_for_every_kind(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("nmnist", "mnist", "film:mnist", "events"):
        refused(f"{tmp_path}/absent: no such", open_data, f"{kind}:~/absent")


def test_a_word_of_the_home_folder_is_kept_with_an_absolute_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for half in ("Train", "Test"):
        (tmp_path / "n" / half / "3").mkdir(parents=True)
        recording(tmp_path / "n" / half / "3" / "1.bin")
    kept = open_data("nmnist:~/n").identity.absolute
    assert kept == f"nmnist:{tmp_path}/n"
    monkeypatch.setenv("HOME", "/nowhere")
    assert open_data(kept).train.t.tolist() == [5, 9]


@pytest.mark.parametrize("limit", [0, -1, 1.5, "3"])
def test_a_limit_is_a_whole_number(limit):
    refused(f"limit is {limit!r}; give at least 1", open_data, "digits", limit=limit)


def test_real_vectors_are_refused_by_rules_that_take_events_for_that_reason(shared):
    word = f"mnist:{shared}/data/mnist"
    data = open_data(word, limit=300)
    assert isinstance(data, DataSet)
    for rule in ("adjoint", "eventprop"):
        message = f"real vectors, rule {rule} takes events; film them (film:{word})"
        refused(message, completed, make_options({"data": word, "rule": rule}), data)
    message, facts = "drop is 0.2, which changes events", facts_of(data)
    refused(message, completed, make_options({"data": word, "drop": 0.2}, facts), data)
    assert completed(make_options({"data": word}, facts), data).layers == (784, 200, 10)
