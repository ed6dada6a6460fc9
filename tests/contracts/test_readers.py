"""Every reader that is found keeps the contract: those of the room, and one of this file."""

import os
import struct
from pathlib import Path
from typing import ClassVar

import h5py
import numpy as np
import pytest
from scipy.io import wavfile

import eventsnn
from eventsnn.data.dataset import DataSet, labels_of, sensor_of
from eventsnn.data.inputs import open_inputs
from eventsnn.data.readers import readers
from eventsnn.data.readers.film_file import write_film
from eventsnn.data.readers.reader import Reader
from eventsnn.data.word import word_of
from eventsnn.events import EventBatch, EventStream
from eventsnn.registry import Registry

try:
    import faery
except ImportError:  # an extra of the tests, without which files of cameras are left out here
    assert "CI" not in os.environ
    faery = None


class Beats(Reader):
    """``beats-of-a-test:FILE``: a byte an event, which is its time."""

    kind: ClassVar[str] = "beats-of-a-test"
    forms: ClassVar[tuple[str, ...]] = ("beats-of-a-test:FILE",)
    suffixes: ClassVar[tuple[str, ...]] = (".beats",)

    def open(self, word, limit, progress):
        whole = self.file(Path(word.path), (1, 1, 1))
        return DataSet(word.spec, whole, whole)

    def file(self, path, shape):
        try:
            times = np.frombuffer(path.read_bytes(), np.uint8).astype(np.int64)
        except OSError as error:
            raise eventsnn.DataError(f"{path}: {error.strerror}") from error
        zeros = np.zeros(len(times), np.int32)
        stream = EventStream(np.sort(times), zeros, (1, 1, 1), label=0, source=str(path))
        return EventBatch.from_streams([stream], str(path))


FOUND = readers() | {Beats.kind: Beats}


@pytest.fixture(autouse=True)
def joined():
    """The one of this file is there while a test of it runs."""
    eventsnn.register(Beats)
    assert readers() == FOUND
    yield
    for registry in Registry.known:
        registry.leave(Beats)


def some_recordings():
    rng = np.random.default_rng(0)
    streams = [
        EventStream(
            np.sort(rng.integers(0, 500, 9)), rng.integers(0, 32, 9), (2, 4, 4), label=k % 2
        )
        for k in range(6)
    ]
    return EventBatch.from_streams(streams)


def idx(folder):
    """MNIST's four files, of pictures of 4 x 4."""
    for half, n in (("train", 4), ("t10k", 3)):
        pixels, labels = bytes(range(n * 16)), bytes(k % 2 for k in range(n))
        head = struct.pack(">4I", 0x803, n, 4, 4)
        (folder / f"{half}-images-idx3-ubyte").write_bytes(head + pixels)
        head = struct.pack(">2I", 0x801, n)
        (folder / f"{half}-labels-idx1-ubyte").write_bytes(head + labels)


def nmnist(folder):
    """Two recordings a half; five bytes an event: x, y, p and 23 bits of time."""
    for half in ("Train", "Test"):
        for label in "01":
            (folder / half / label).mkdir(parents=True)
            events = bytes([3, 4, 0, 0, 5, 6, 7, 0x80, 0, 9])
            (folder / half / label / f"{int(label) + 1:05}.bin").write_bytes(events)


def cifar10(folder):
    """Two pictures a file of the binary version: a byte for the class, then the pixels."""
    folder.mkdir()
    for name in [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]:
        (folder / f"{name}.bin").write_bytes(b"\0" + bytes(3072) + b"\1" + bytes([9]) * 3072)


def speech(folder):
    """Two words of two speakers, twice: hisses of a tenth of a second."""
    folder.mkdir()
    hiss = np.random.default_rng(0).integers(-9000, 9000, 800).astype(np.int16)
    for name in ("0_ann_3", "1_ann_3", "0_bob_7", "1_bob_7"):
        wavfile.write(folder / f"{name}.wav", 8000, hiss)


def camera_file(path, columns):
    """EVT3, by faery."""
    events = np.zeros(len(columns["t"]), faery.EVENTS_DTYPE)
    for name, field in (("t", "t"), ("x", "x"), ("y", "y"), ("p", "on")):
        events[field] = columns[name]
    stream = faery.events_stream_from_array(events, dimensions=(4, 4))
    stream.to_file(path.with_suffix(".raw"), version="evt3")


def hdf5_file(path, columns):
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        for name, column in columns.items():
            file[f"events/{name}"] = column


@pytest.fixture
def words(tmp_path):
    """A word for each kind, with data behind it."""
    idx(tmp_path)
    nmnist(tmp_path / "n")
    cifar10(tmp_path / "c")
    speech(tmp_path / "w")
    write_film(tmp_path / "f.events", [some_recordings()])
    (tmp_path / "a.beats").write_bytes(b"\x09\x03\x05")
    for name in ("0/a", "0/b", "1/a", "1/b"):
        (tmp_path / "own" / name[0]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / f"{name}.csv").write_text("t,x,y,p\n1,0,1,1\n5,2,3,0\n")
    columns = {"t": [1, 5, 7], "x": [0, 2, 3], "y": [1, 3, 0], "p": [1, 0, 1]}
    for name in ("0/a", "0/b", "1/a", "1/b"):
        for kind, write in (("cam", camera_file if faery else None), ("h5", hdf5_file)):
            if write is None:
                continue
            (tmp_path / kind / name[0]).mkdir(parents=True, exist_ok=True)
            write(tmp_path / kind / name, columns)
    cameras = {"camera": f"camera:{tmp_path / 'cam'}"} if faery else {}
    return cameras | {
        "hdf5": f"hdf5:{tmp_path / 'h5'}",
        "digits": "digits",
        "film": "film:digits",
        "mnist": f"mnist:{tmp_path}",
        "cifar10": f"cifar10:{tmp_path / 'c'}",
        "nmnist": f"nmnist:{tmp_path / 'n'}",
        "events": f"events:{tmp_path / 'f.events'}",
        "folder": f"folder:{tmp_path / 'own'}",
        "motion": "motion:16x16",
        "speech": f"speech:{tmp_path / 'w'}",
        "speaker": f"speaker:ann:{tmp_path / 'w'}",
        "beats-of-a-test": f"beats-of-a-test:{tmp_path / 'a.beats'}",
    }


def test_all_are_found(words):
    ours = [kind for kind, one in FOUND.items() if one.__module__.startswith("eventsnn.")]
    assert len(ours) >= 7 and FOUND["beats-of-a-test"] is Beats
    # tonic's data sets are read in a test of their own.
    assert set(FOUND) - set(words) == ({"tonic"} if faery else {"tonic", "camera"})


def test_both_halves_are_labelled_alike_and_the_absolute_word_opens_them(
    words, monkeypatch, tmp_path
):
    for kind, spec in words.items():
        data = eventsnn.open_data(spec, limit=3)
        assert len(data.train) and len(data.train) <= 3 and len(data.test) <= 3, kind
        assert sensor_of(data.train) == sensor_of(data.test)
        assert labels_of(data.train).min() >= 0
        # Only what the virtual camera made is emulated, and says so.
        assert (
            data.emulated
            == data.note.startswith("emulated")
            == (kind in ("digits", "film", "motion"))
        )
        monkeypatch.chdir(tmp_path.parent)
        again = eventsnn.open_data(data.identity.absolute, limit=3)
        assert again.identity.digest == data.identity.digest


@pytest.mark.parametrize("kind", FOUND)
def test_its_words_look_as_it_says_and_one_without_data_is_one_clear_error(kind, tmp_path):
    reader = FOUND[kind]
    assert reader.forms and all(form.split(":")[0] == kind for form in reader.forms)
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in reader.suffixes)
    for form in reader.forms:
        if form.endswith(("PATH", "FILE")):
            absent = form.replace("NAME", "NMNIST")[:-4] + str(tmp_path / "absent")
            assert word_of(absent, reader.names).rest == str(tmp_path / "absent")
            with pytest.raises(eventsnn.UserError) as refused:
                eventsnn.open_data(absent)
            assert "absent" in str(refused.value) and "\n" not in str(refused.value)


def test_pictures_are_filmed_and_files_are_read_by_their_suffix(words, tmp_path):
    filmed = [kind for kind, reader in FOUND.items() if reader.pictures and kind in words]
    for kind in filmed:
        images = FOUND[kind]().images(word_of(words[kind], FOUND[kind].names))
        assert all(len(half) and half.images.dtype == np.uint8 for half in images)
    assert {"digits", "mnist"} <= set(filmed)
    files = {".bin": next((tmp_path / "n").rglob("*.bin")), ".beats": tmp_path / "a.beats"}
    files[".csv"] = tmp_path / "own" / "0" / "a.csv"
    files |= {".raw": tmp_path / "cam" / "0" / "a.raw", ".h5": tmp_path / "h5" / "0" / "a.h5"}
    others = {
        ".wav",
        ".dat",
        ".aedat4",
        ".es",
        ".hdf5",
    }  # the last four: tests/test_camera_files.py
    suffixes = {suffix for reader in FOUND.values() for suffix in reader.suffixes}
    assert suffixes == set(files) | others
    sound = open_inputs(str(tmp_path / "w" / "0_ann_3.wav"), (1, 1, 78)).data
    assert len(sound) == 1 and len(sound.t) > 10
    for file in files.values():
        data = open_inputs(str(file), (2, 34, 34)).data
        assert len(data) == 1 and len(data.t) in (2, 3)
