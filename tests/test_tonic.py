"""tonic's data sets: its own readers run, on small synthetic files in its formats."""

import os
import re
import sys
import urllib.error
from pathlib import Path

import h5py
import numpy as np
import pytest
import tonic.datasets
from scipy.io import savemat

from eventsnn.data.readers.nmnist import recordings as nmnist
from eventsnn.data.readers.tonic import datasets as ours
from eventsnn.data.readers.tonic import samples as tonic_samples
from eventsnn.errors import DataError, UserError


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    monkeypatch.setenv("EVENTSNN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tonic take a few files for a complete data set."""
    for name in ("NMNIST", "POKERDVS", "DVSGesture", "NCALTECH101", "SHD", "SSC"):
        monkeypatch.setattr(getattr(tonic.datasets, name), "_check_exists", lambda self: True)


def encode(events: list[tuple[int, int, int, int]]) -> bytes:
    words = (x << 32 | y << 24 | p << 23 | t for x, y, p, t in events)
    return b"".join(word.to_bytes(5, "big") for word in words)


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def heidelberg(path: Path, times: list[list[float]], units: list[list[int]], labels: list[int]):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, rows, kind in (("times", times, "f8"), ("units", units, "i4")):
            made = file.create_dataset(f"spikes/{name}", len(rows), h5py.vlen_dtype(kind))
            for i, row in enumerate(rows):
                made[i] = np.array(row, kind)
        file["labels"] = np.array(labels)
        file["extra/keys"] = np.array([b"zero", b"one"])
        file["extra/speaker"] = np.array([0, 0])


def test_nmnist_through_tonic_is_nmnist_read_directly(tmp_path, complete):
    root = tmp_path / "NMNIST"
    for number, label in enumerate([3, 1, 1], 1):
        events = [(number, 2, 0, 5), (33, label, 1, 300 + number)]
        write(root / f"Train/{label}/{number:05d}.bin", encode(events))
    theirs = ours.load("nmnist", tmp_path, "train")
    direct = nmnist.load(root, "train")
    assert theirs.shape == direct.shape and theirs.label.tolist() == [1, 1, 3]
    for a, b in zip(theirs, direct.select([1, 2, 0]), strict=True):
        assert (a.t.tolist(), a.unit.tolist(), a.label) == (b.t.tolist(), b.unit.tolist(), b.label)
        assert a.duration == b.duration


def test_poker_cards_have_txyp_fields_and_are_ordered_by_class(tmp_path, complete):
    root = tmp_path / "POKERDVS" / "pips_test"
    rows = {
        "sp/1": [[1000, 34, 2, 1]],
        "cl/1": [[7, 1, 2, 0], [9, 3, 34, 1]],
        "he/1": [[5, 0, 0, 0]],
    }
    for name, events in rows.items():
        save(root / f"{name}.npy", np.array(events))
    batch = ours.load("POKERDVS", tmp_path, "test")
    assert batch.shape == (2, 35, 35) and batch.label.tolist() == [0, 1, 3]
    assert batch.t.tolist() == [0, 2, 0, 0], "a camera's clock counts from the first event"
    assert batch.unit.tolist() == [2 * 35 + 1, 35 * 35 + 34 * 35 + 3, 0, 35 * 35 + 2 * 35 + 34]


def test_gestures_are_converted_from_milliseconds_in_order_of_their_paths(tmp_path, complete):
    for user, label in (("user02_led", 1), ("user01_led", 10), ("user01_led", 2)):
        events = np.array([[1, 127, 0, 3000], [5, 6, 1, 3002 + label]])
        save(tmp_path / "DVSGesture" / "ibmGestureTrain" / user / f"{label}.npy", events)
    batch = ours.load("DVSGesture", tmp_path, "train")
    assert batch.shape == (2, 128, 128)
    assert batch.label.tolist() == [10, 2, 1]
    assert batch.t.tolist() == [0, 12_000, 0, 4_000, 0, 3_000]
    assert batch.unit.tolist()[:2] == [127 * 128 + 1, 128 * 128 + 6 * 128 + 5]


@pytest.mark.parametrize(
    ("name", "split", "file"),
    [("SHD", "test", "shd_test.h5"), ("SSC", "valid", "ssc_valid.h5")],
)
def test_spiking_speech_has_700_units_and_ignores_tonics_polarity(
    tmp_path, complete, name, split, file
):
    heidelberg(tmp_path / name / file, [[0.25, 0.5], [0.125]], [[699, 0], [3]], [1, 0])
    batch = ours.load(name, tmp_path, split)
    assert batch.shape == (1, 1, 700)
    assert batch.t.tolist() == [250_000, 500_000, 125_000], "silence before a sound is kept"
    assert batch.unit.tolist() == [699, 0, 3] and batch.label.tolist() == [1, 0]


def test_columns_of_matlab_files_become_events_from_the_top_left(tmp_path, monkeypatch):
    monkeypatch.setattr(tonic.datasets.ASLDVS, "_check_exists", lambda self: True)
    (tmp_path / "ASLDVS" / "c").mkdir(parents=True)
    columns = {"ts": [[70], [90]], "x": [[239], [0]], "y": [[179], [0]], "pol": [[1], [0]]}
    savemat(tmp_path / "ASLDVS" / "c" / "c_0001.mat", columns)
    batch = ours.load("ASLDVS", tmp_path, "all")
    assert batch.shape == (2, 180, 240) and batch.label.tolist() == [2]
    assert batch.t.tolist() == [0, 20]
    assert batch.unit.tolist() == [180 * 240 + 239, 179 * 240]


def test_spoken_digits_are_the_single_ones(tmp_path):
    (tmp_path / "NTIDIGITS18").mkdir()
    with h5py.File(tmp_path / "NTIDIGITS18" / "n-tidigits.hdf5", "w") as file:
        file["train_labels"] = np.array([b"man-a-7", b"man-a-12", b"man-a-z"])
        for name, seconds in (("man-a-7", 0.5), ("man-a-12", 1.0), ("man-a-z", 1.5)):
            file[f"train_addresses/{name}"] = np.array([63])
            file[f"train_timestamps/{name}"] = np.array([seconds])
    batch = ours.load("NTIDIGITS18", tmp_path, "train")
    assert batch.shape == (1, 1, 64) and batch.label.tolist() == [7, 10]
    assert batch.t.tolist() == [500_000, 1_500_000] and batch.unit.tolist() == [63, 63]


def test_sets_without_halves_are_cut_by_class_and_named_classes_sorted(tmp_path, complete):
    for label in ("zebra", "ant"):
        for i in range(20):
            event = encode([(10, 0, 0, 5), (10 + i, 3, 1, 100)])
            write(tmp_path / "NCALTECH101" / "Caltech101" / label / f"image_{i:04d}.bin", event)
    halves = {
        split: ours.load("NCALTECH101", tmp_path, split) for split in ("train", "test", "all")
    }
    assert {split: len(half) for split, half in halves.items()} == {
        "train": 36,
        "test": 4,
        "all": 40,
    }
    assert halves["test"].label.tolist() == [0, 0, 1, 1]
    assert halves["test"].shape == halves["train"].shape == (2, 240, 256)
    # tonic moves every recording to the corner; events 9 and 19 of each class are "test".
    assert halves["test"].unit.tolist()[1::2] == [240 * 256 + 3 * 256 + i for i in (9, 19)] * 2
    few = ours.load("NCALTECH101", tmp_path, "train", limit=4, shape=(2, 4, 20))
    assert few.label.tolist() == [0, 0, 1, 1] and few.shape == (2, 4, 20)
    with pytest.raises(DataError, match=r"x of event 1 is 10, outside the sensor"):
        ours.load("NCALTECH101", tmp_path, "train", shape=(2, 4, 10))


def test_sequential_mnist_comes_sorted_though_tonic_does_not_sort_it(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 28, 28), np.uint8)
    header = [(2051).to_bytes(4, "big"), (2).to_bytes(4, "big"), *[(28).to_bytes(4, "big")] * 2]
    write(tmp_path / "smnist" / "train-images-idx3-ubyte", b"".join(header) + images.tobytes())
    labels = (2049).to_bytes(4, "big") + (2).to_bytes(4, "big") + bytes([4, 9])
    write(tmp_path / "smnist" / "train-labels-idx1-ubyte", labels)
    batch = ours.load("SMNIST", tmp_path, "train")
    theirs, _ = tonic.datasets.SMNIST(str(tmp_path))[1]
    assert (np.diff(theirs["t"]) < 0).any(), "tonic sorts by itself now: drop the special case"
    assert sorted(zip(theirs["t"].tolist(), theirs["x"].tolist(), strict=True)) == sorted(
        zip(batch[1].t.tolist(), batch[1].x.tolist(), strict=True)
    )
    assert batch.label.tolist() == [4, 9]


def test_an_edit_of_equal_size_is_read_anew(tmp_path, complete):
    file = tmp_path / "NMNIST" / "Train" / "1" / os.fsdecode(b"\xff1.bin")
    for stamp, x in ((1, 5), (2, 9)):
        write(file, encode([(x, 1, 0, 9)]))
        os.utime(file, ns=(stamp, stamp))
        assert ours.load("NMNIST", tmp_path)[0].x.tolist() == [x]


def test_the_cache_follows_the_files_and_progress_counts_recordings(
    tmp_path, complete, monkeypatch
):
    monkeypatch.setattr(tonic_samples, "_BLOCK_EVENTS", 1)
    file = tmp_path / "SHD" / "shd_train.h5"
    heidelberg(file, [[0.25], [0.5]], [[1], [2]], [0, 1])
    seen = []
    for _ in range(2):
        batch = ours.load("SHD", tmp_path, "train", progress=lambda *done: seen.append(done))
        assert batch.unit.tolist() == [1, 2]
    assert seen == [(1, 2), (2, 2)]
    heidelberg(file, [[0.25], [0.5], [0.5]], [[1], [2], [30]], [0, 1, 1])
    assert ours.load("SHD", tmp_path, "train").unit.tolist() == [1, 2, 30]
    assert ours.load("SHD", tmp_path, "train", cache=False).unit.tolist() == [1, 2, 30]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("NMNIST", "train.zip"),
        ("SHD", "shd_train.h5.zip"),
        ("DVSGesture", "ibmGestureTrain.tar.gz"),
        ("CIFAR10DVS", "CIFAR10DVS.zip"),
        ("NCALTECH101", "N-Caltech101-archive.zip"),
        ("POKERDVS", "pips_train.tar.gz"),
        ("DVSLip", "DVS-Lip.zip"),
        ("SMNIST", "train-images-idx3-ubyte and train-labels-idx1-ubyte"),
    ],
)
def test_without_a_network_the_error_says_which_file_belongs_where(tmp_path, capsys, name, file):
    with pytest.raises(DataError) as caught:
        ours.load(name, tmp_path, "train")
    message = str(caught.value)
    assert re.search(rf"{tmp_path}/(?i:{name}): {name} is not complete there", message)
    assert f"fetch {file} " in message and "unpack it there" in message and "\n" not in message
    assert capsys.readouterr().out == "", "standard output belongs to the machine interface"


def test_a_download_that_arrives_broken_is_an_error_of_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tonic.dataset.download_and_extract_archive",
        lambda *_, **__: (_ for _ in ()).throw(RuntimeError("File not found or\ncorrupted.")),
    )
    with pytest.raises(DataError, match=r"\(File not found or corrupted\.\)"):
        ours.load("SHD", tmp_path, "train")


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("DVSGestures", "train", "no data set 'DVSGestures'; did you mean DVSGesture? known are "),
        ("zzz", "train", "no data set 'zzz'; known are ASLDVS, CIFAR10DVS, "),
        ("", "train", "no data set ''; known are ASLDVS, CIFAR10DVS, "),
        ("EBSSA", "train", "tonic's EBSSA has no classes to learn; choose one of ASLDVS"),
        ("DSEC", "train", "tonic's DSEC has no classes"),
        ("SHD", "valid", "tonic's SHD has no split 'valid'; give train or test"),
        ("SSC", "all", "tonic's SSC has no split 'all'; give train or test or valid"),
        ("ASLDVS", "valid", "tonic's ASLDVS has no split 'valid'; give train or test or all"),
    ],
)
def test_unknown_names_and_splits_are_answered_with_the_known_ones(tmp_path, name, split, message):
    with pytest.raises(UserError, match=re.escape(message)):
        ours.load(name, tmp_path, split)


@pytest.mark.parametrize(
    ("written", "name"),
    [("N-MNIST", "NMNIST"), ("dvs_gesture", "DVSGesture"), ("CIFAR10-DVS", "CIFAR10DVS")],
)
def test_case_and_hyphens_of_a_name_do_not_matter(written, name):
    assert ours.known(written) == name


def test_every_name_offered_is_one_that_tonic_has():
    assert {"NMNIST", "POKERDVS", "DVSGesture", "SHD", "SSC", "CIFAR10DVS"} <= set(ours.names())
    assert all(hasattr(tonic.datasets, name) for name in ours.names())


def test_a_limit_below_one_is_refused(tmp_path):
    with pytest.raises(UserError, match="limit 0: give at least 1"):
        ours.load("SHD", tmp_path, limit=0)


def test_wrong_recordings_are_refused_by_file_or_number(tmp_path, complete):
    file = tmp_path / "NMNIST" / "Train" / "1" / "00001.bin"
    write(file, encode([(1, 1, 0, 9), (1, 1, 0, 5)]))
    with pytest.raises(DataError, match=r"1/00001\.bin: event 1 at 5 us comes after"):
        ours.load("NMNIST", tmp_path)
    write(file, encode([(1, 34, 0, 9)]))
    with pytest.raises(DataError, match=r"1/00001\.bin: y of event 0 is 34, outside"):
        ours.load("NMNIST", tmp_path)
    write(file, b"")
    with pytest.raises(DataError, match=r"1/00001\.bin: holds no events"):
        ours.load("NMNIST", tmp_path)
    write(file, encode([(1, 1, 0, 9)])[:-1])
    with pytest.raises(DataError, match=r"1/00001\.bin: tonic cannot read it"):
        ours.load("NMNIST", tmp_path)
    heidelberg(tmp_path / "SHD" / "shd_train.h5", [[0.1], [0.2]], [[1], [700]], [0, 1])
    with pytest.raises(DataError, match="tonic SHD recording 1: x of event 0 is 700"):
        ours.load("SHD", tmp_path)
    (tmp_path / "SHD" / "shd_train.h5").write_bytes(b"no HDF5")
    with pytest.raises(DataError, match=r"SHD: SHD is not complete there"):
        ours.load("SHD", tmp_path)


def test_samples_that_are_not_one_labelled_event_array_are_refused(tmp_path, complete, monkeypatch):
    write(tmp_path / "NMNIST" / "Train" / "1" / "00001.bin", encode([(1, 1, 0, 9)]))
    events = np.zeros(1, [(name, int) for name in "xytp"])
    for sample, message in (
        (((events, "imu", "frames"), 0), "tonic gives tuple, not one array of events"),
        ((events["x"], 0), "tonic gives ndarray, not one array of events"),
        ((events, {"bbox": 1}), "its target is {'bbox': 1}, not a class"),
        ((events, np.zeros(2)), "not a class"),
        ((events, 0.5), "its target is 0.5, not a class"),
        ((events, "cat"), "its target is 'cat', not a class"),
    ):
        monkeypatch.setattr(tonic.datasets.NMNIST, "__getitem__", lambda self, i, s=sample: s)
        with pytest.raises(DataError, match=re.escape(message)):
            ours.load("NMNIST", tmp_path, cache=False)


def one_sample(monkeypatch, sample):
    monkeypatch.setattr(tonic.datasets.POKERDVS, "__getitem__", lambda self, i: sample)


@pytest.fixture
def poker(tmp_path, complete) -> Path:
    save(tmp_path / "POKERDVS" / "pips_train" / "he" / "1.npy", np.zeros((1, 4), int))
    return tmp_path


@pytest.mark.parametrize("kind", ["u4", "u8", "i8", "f8"])
def test_a_late_event_is_named_by_the_files_own_times(poker, monkeypatch, kind):
    events = np.zeros(3, [("t", kind), ("x", "u1"), ("y", "u1"), ("p", "?")])
    events["t"] = [4_000_000_000, 3_999_999_990, 4_000_000_005]
    one_sample(monkeypatch, (events, 0))
    message = r"event 1 at 3999999990 us comes after event 0 at 4000000000 us"
    with pytest.raises(DataError, match=message):
        ours.load("POKERDVS", poker, cache=False)


@pytest.mark.parametrize("kind", ["u4", "i8", "f8"])
def test_a_clock_that_starts_late_counts_from_the_first_event(poker, monkeypatch, kind):
    events = np.zeros(3, [("t", kind), ("x", "u1"), ("y", "u1"), ("p", "?")])
    events["t"] = [2_200_000_000, 2_200_000_000, 2_200_000_007]
    one_sample(monkeypatch, (events, 3))
    batch = ours.load("POKERDVS", poker, cache=False)
    assert batch.t.tolist() == [0, 0, 7] and batch.label.tolist() == [3]
    assert events["t"][0] == 2_200_000_000, "tonic's own array stays as it is"


@pytest.mark.parametrize("target", [2**31, 2**64, -1, True, [1, [2]], np.array([1]), float("nan")])
def test_a_target_that_is_no_class_is_refused(poker, monkeypatch, target):
    one_sample(monkeypatch, (np.zeros(1, [(name, int) for name in "xytp"]), target))
    with pytest.raises(DataError, match="not a class"):
        ours.load("POKERDVS", poker, cache=False)


def test_a_zero_dimensional_target_is_a_class(poker, monkeypatch):
    one_sample(monkeypatch, (np.zeros(1, [(name, int) for name in "xytp"]), np.array(2, np.int32)))
    assert ours.load("POKERDVS", poker, cache=False).label.tolist() == [2]


@pytest.mark.parametrize("shape", ["abc", (2, 3), (2, 0, 1)])
def test_a_shape_that_is_no_sensor_is_refused(poker, shape):
    with pytest.raises(DataError, match="a sensor is"):
        ours.load("POKERDVS", poker, shape=shape, cache=False)


def test_a_missing_reader_package_is_named(tmp_path, complete, monkeypatch):
    def needs_package(self, index):
        raise ModuleNotFoundError("No module named 'aedat'", name="aedat")

    write(tmp_path / "NMNIST" / "Train" / "1" / "00001.bin", encode([(1, 1, 0, 9)]))
    monkeypatch.setattr(tonic.datasets.NMNIST, "__getitem__", needs_package)
    with pytest.raises(UserError, match="tonic needs the package aedat to read NMNIST; install it"):
        ours.load("NMNIST", tmp_path)


def test_without_tonic_the_error_names_the_extra_that_brings_it(call, monkeypatch):
    monkeypatch.delitem(sys.modules, "tonic.datasets")
    monkeypatch.setitem(sys.modules, "tonic", None)  # as where it is not installed
    code, out, err = call("train", "--data", "tonic:DVSGesture:somewhere")
    assert code == 2 and not out and err.count("\n") == 1
    assert "package tonic, which" in err and "pip install 'eventsnn[tonic]' (tonic is GPL" in err
