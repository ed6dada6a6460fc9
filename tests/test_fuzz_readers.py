"""Doors of the readers: whatever a file, a folder or a word holds, it is read or is one clear line.

Where a case is accepted, a count in plain Python says that nothing was left out.
"""

import contextlib
import gzip
import io
import os
import shutil
import struct
import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tonic.datasets
from doors import NASTY, NASTY_NUMBERS, NASTY_TEXT, fuzz, knock, knock_command, spoiled_bytes
from hypothesis import given
from hypothesis import strategies as st

from eventsnn.commands import events as commands_events
from eventsnn.commands import simulate as commands_simulate
from eventsnn.commands import train as commands_train
from eventsnn.data import film_cache
from eventsnn.data.inputs import open_inputs
from eventsnn.data.readers import mnist, readers
from eventsnn.data.readers.nmnist import recordings as nmnist
from eventsnn.data.readers.tonic import datasets as ours
from eventsnn.data.readers.tonic.samples import Samples
from eventsnn.data.source import open_data, open_images
from eventsnn.errors import UserError

GOOD = [(3, 2, 0, 5), (33, 0, 1, 5), (0, 33, 1, 70_000), (9, 9, 0, 8_000_000)]


def encode(events):
    return b"".join((x << 32 | y << 24 | p << 23 | t).to_bytes(5, "big") for x, y, p, t in events)


RAW = encode(GOOD)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", SyntaxWarning)  # numpy evaluates what a header says
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.fixture
def fresh(tmp_path):
    """A folder that is emptied at each call."""
    folder = tmp_path / "fresh"

    def empty() -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    return empty


# Recordings


@fuzz
@given(data=st.data())
def test_a_spoiled_recording(data, tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(data.draw(spoiled_bytes(RAW)))
    read = knock("nmnist: a .bin file", open_inputs, str(file), (2, 34, 34))
    if read is not None:
        raw = file.read_bytes()
        assert len(read.data[0]) * 5 == len(raw)
        assert max(raw[0::5] + raw[1::5]) < 34
        times = [int.from_bytes(raw[i + 2 : i + 5], "big") % 2**23 for i in range(0, len(raw), 5)]
        assert times == sorted(times) == read.data[0].t.tolist()


PARTS = [
    *("Train", "Test", "train", "N-MNIST", "0", "3", "9", "10", "ten", "-1", "٣"),
    *(".git", "__MACOSX", "a.bin", "Train.zip", os.fsdecode(b"\xff")),
]
FILES = [
    *("00001.bin", "00002.bin", "00001.BIN", "1.bin", "3.Bin", "0.bin", "x.bin", ".bin", "²"),
    *("._00001.bin", ".DS_Store", "notes.txt", "00001", "00001.bin.gz", "4.bin ", "Test.zip"),
    os.fsdecode(b"\xfe.bin"),
]


@st.composite
def trees(draw):
    """Draw names of files and their bytes: mostly a right tree, and something beside it."""
    tree = {f"Train/{label}/{number:05d}.bin": RAW for number, label in ((1, 3), (2, 0), (3, 3))}
    tree |= {"Test/1/00001.bin": RAW}
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["add", "add", "file", "remove", "rename", "spoil"]))
        name = draw(st.sampled_from(sorted(tree))) if tree else ""
        match kind:
            case "add":
                parts = draw(st.lists(st.sampled_from(PARTS), max_size=3))
                tree["/".join([*parts, draw(st.sampled_from(FILES))])] = RAW
            case "file":
                folder = draw(st.sampled_from(["", "Train/", "Train/3/", "Train/0/b/"]))
                tree[folder + draw(st.sampled_from(FILES))] = RAW
            case "rename" if name:
                parts = name.split("/")
                parts[draw(st.integers(0, len(parts) - 1))] = draw(st.sampled_from(PARTS + FILES))
                tree["/".join(parts)] = tree.pop(name)
            case "spoil" if name:
                tree[name] = draw(spoiled_bytes(tree[name]))
            case _ if name:
                del tree[name]
    return tree


def recordings_in(names, half):
    """Count the recordings of a half that are no system's business, by their names alone."""
    found = 0
    for name in names:
        parts = name.replace("\\", "/").split("/")
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        folders = [part.lower() for part in parts[:-1]]
        halves = [folder for folder in folders if folder in ("train", "test")]
        found += not hidden and name.lower().endswith(".bin") and halves[:1] == [half]
    return found


@fuzz
@given(data=st.data())
def test_a_tree_of_strange_names(data, fresh):
    root, tree = fresh(), data.draw(trees())
    for name, raw in tree.items():
        try:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(raw)
        except OSError:  # a file stands where a folder should be
            continue
    names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    for half in ("train", "test"):
        read = knock("nmnist: a folder tree", nmnist.load, root, half, cache=False)
        if read is not None:
            top = [n for n in names if n.split("/")[0].lower() == half]
            assert len(read) == recordings_in(top, half)


@fuzz
@given(data=st.data())
def test_a_zip_of_strange_members(data, fresh):
    file, tree = fresh() / data.draw(st.sampled_from(["a.zip", "Train.zip"])), data.draw(trees())
    names = []
    with zipfile.ZipFile(file, "w") as archive:
        for name, raw in tree.items():
            name = name.encode("utf-8", "replace").decode()
            name = name.replace("/", data.draw(st.sampled_from(["/", "/", "/", "//", "\\", "/./"])))
            member = zipfile.ZipInfo(
                data.draw(st.sampled_from(["", "", "", "N-MNIST/", "/"])) + name
            )
            member.compress_type = data.draw(st.sampled_from([0, 8, 8, 8, 12, 14]))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                archive.writestr(member, raw)
            names.append(member.filename)
        if data.draw(st.booleans()):
            archive.mkdir(
                data.draw(st.sampled_from(["Train/", "Train/7", "Train/3/b", ".x", "Test"]))
            )
    for half in ("train", "test"):
        read = knock("nmnist: a zip of members", nmnist.load, file, half, cache=False)
        if read is not None and recordings_in(names, "train") + recordings_in(names, "test"):
            clean = [name.replace("/./", "/") for name in names]
            assert len(read) == recordings_in(clean, half)


def packed(tree, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, raw in tree.items():
            archive.writestr(name, raw)
    return out.getvalue()


ZIPS = [
    packed({"Train/3/00001.bin": RAW * 1, "Test/0/00001.bin": RAW}),
    packed({"3/00001.bin": RAW}, zipfile.ZIP_STORED),
    packed({"Train.zip": packed({"3/00001.bin": RAW})}, zipfile.ZIP_STORED),
    packed({"x/train.zip": packed({"Train/3/00001.bin": RAW})}),
    packed({"Train/3/00001.bin": RAW}, zipfile.ZIP_LZMA),
    packed({"Train/3/00001.bin": RAW}, zipfile.ZIP_BZIP2),
]


@fuzz
@given(data=st.data())
def test_a_spoiled_zip(data, tmp_path):
    (tmp_path / "train.zip").write_bytes(data.draw(spoiled_bytes(data.draw(st.sampled_from(ZIPS)))))
    read = knock("nmnist: a spoiled zip", nmnist.load, tmp_path, "train", cache=False)
    # The checksum of a member stands behind it and in the directory: what is read is what was.
    assert read is None or (len(read) == 1 and read.t.tolist() == [t for *_, t in GOOD])


# Images


IMAGES = np.random.default_rng(0).integers(0, 256, (2, 3, 4), np.uint8)
IDX = struct.pack(">4I", 0x803, 2, 3, 4) + IMAGES.tobytes()
LABELS = struct.pack(">2I", 0x801, 2) + bytes([7, 1])


@fuzz
@given(data=st.data())
def test_spoiled_idx_files(data, fresh):
    folder = fresh()
    for part, good in (("images-idx3", IDX), ("labels-idx1", LABELS)):
        raw = data.draw(st.sampled_from([good, good[:4] + bytes(8), b""]) | spoiled_bytes(good))
        if data.draw(st.booleans()):
            raw = gzip.compress(raw, mtime=0)
            raw = data.draw(st.one_of(st.just(raw), spoiled_bytes(raw)))
        suffix = data.draw(st.sampled_from(["", ".gz", ".GZ"]))
        (folder / f"train-{part}-ubyte{suffix}").write_bytes(raw)
    read = knock("mnist: IDX files", mnist.load, folder, "train")
    if read is not None:
        assert len(read.images) == len(read.labels) > 0


def saved(save, *arrays, **named):
    out = io.BytesIO()
    save(out, *arrays, **named)
    return out.getvalue()


COLUMNS = {name: np.array([event["xypt".index(name)] for event in GOOD]) for name in "xypt"}
EVENTS = np.array([(t, x, y, p) for x, y, p, t in GOOD], [(name, "i8") for name in "txyp"])
ARRAYS = [
    *(saved(np.save, EVENTS), saved(np.savez, EVENTS), saved(np.savez_compressed, **COLUMNS)),
    *(saved(np.save, IMAGES), saved(np.savez, IMAGES), saved(np.save, np.array([{}, 1]))),
]


KINDS = ["u4", "u1", "f4", "f8", "?", "U3", "c8", "2i4", "M8[us]", ">i2", "V3"]
NAMES = ["T", "X", "pol", "ts", "time", "", "é", "label"]


@st.composite
def strange_arrays(draw):
    """Draw an array of events as programs may save it: none to three faults."""
    names, kinds = list(draw(st.permutations("txyp"))), ["i8"] * 4
    faults = draw(
        st.lists(st.sampled_from(["name", "kind", "drop", "value", "shape", "none"]), max_size=3)
    )
    field = st.integers(0, 3)
    if "name" in faults:
        names[draw(field)] = draw(st.sampled_from(NAMES))
    if "kind" in faults:
        kinds[draw(field)] = draw(st.sampled_from(KINDS))
    keep = slice(draw(st.integers(0, 4)) if "drop" in faults else 0, None)
    events = np.zeros(0 if "none" in faults else 4, list(zip(names, kinds, strict=True))[keep])
    for name in [name for name in "txyp" if name in events.dtype.names and "2i4" not in kinds]:
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            events[name] = EVENTS[name][: len(events)]
    if "value" in faults and len(events) and events.dtype.names:
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            name = draw(st.sampled_from(events.dtype.names))
            events[name][draw(field)] = draw(st.sampled_from(NASTY_NUMBERS))
    return events.reshape(-1, 1) if "shape" in faults else events


@st.composite
def strange_images(draw):
    """Draw a stack of images as programs may save it."""
    shape = draw(st.sampled_from([(2, 3, 4), (2, 3, 4), (0, 3, 4), (3, 4), (), (1, 2, 3, 4)]))
    return np.ones(shape, draw(st.sampled_from(["u1", "u1", "i8", "f4", "?", "U1", "V2"])))


@st.composite
def array_files(draw):
    """Draw a suffix and the bytes of an array file: spoiled, or right and of strange content."""
    if draw(st.booleans()):
        array = draw(strange_arrays() | strange_images())
        name = draw(st.sampled_from(["arr_0", "t", "x" * 300, "[/x]", "a/b", ""]))
        raw = draw(st.sampled_from([saved(np.save, array), saved(np.savez, **{name: array})]))
        if array.dtype.names and draw(st.booleans()):
            raw = saved(np.savez, **{f or "-": array[f] for f in array.dtype.names})
    else:
        raw = draw(spoiled_bytes(draw(st.sampled_from(ARRAYS))))
    return draw(st.sampled_from([".npy", ".npz", ".NPY"])), raw


@fuzz
@given(data=st.data())
def test_a_strange_array_file(data, fresh, call, monkeypatch):
    suffix, raw = data.draw(array_files())
    file = fresh() / f"a{suffix}"
    file.write_bytes(raw)
    shape = data.draw(st.sampled_from([(2, 34, 34), (3, 4), (1, 1, 40), (12,)]))
    knock("simulate: an array file", open_inputs, str(file), shape)
    knock("film: an array file", open_images, str(file), "train")


@pytest.fixture
def doors_only(monkeypatch):
    """Let commands end where their data are open; film nothing."""

    def opened(call):
        def instead(*words, **more):
            call(*words, **more)
            raise UserError("the data are open")

        return instead

    monkeypatch.setattr(film_cache, "film_cached", lambda images, *_: nmnist_batch(len(images)))
    monkeypatch.setattr(commands_simulate, "open_inputs", opened(open_inputs))
    monkeypatch.setattr(commands_train, "open_data", opened(open_data))
    monkeypatch.setattr(commands_events.sources, "open_images", opened(open_images))


def nmnist_batch(n):
    stream = open_stream()
    return type(stream).from_streams([stream[0]] * n)


def open_stream():
    batch = nmnist._batch(
        np.frombuffer(RAW, np.uint8).copy(),
        [nmnist.Recording(1, 0, "a", len(RAW))],
        SimpleNamespace(path="a", where=str),
    )
    return batch


NETWORK = """
[[population]]
name = "input"
shape = [2, 34, 34]

[[population]]
name = "out"
shape = [2]
neuron = "if"
threshold = 1.0

[[connection]]
from = "input"
to = "out"
topology = "dense"
weight = 0.1
"""


@fuzz
@given(data=st.data())
def test_a_strange_array_file_on_the_command_line(data, fresh, call, doors_only):
    suffix, raw = data.draw(array_files())
    folder = fresh()
    file = folder / f"a{suffix}"
    file.write_bytes(raw)
    (folder / "net.toml").write_text(NETWORK)
    if data.draw(st.booleans()):
        knock_command("simulate NET FILE", call, "simulate", folder / "net.toml", file)
    else:
        knock_command("film FILE", call, "film", file, "--out", folder / "film")


# Words


@st.composite
def words(draw, places):
    """Draw a word for data: kinds, paths and nasty text in any order."""
    pieces = [*readers(), *places, "tonic:NMNIST", "tonic:shd", "film:mnist", "film:digits"]
    pieces += ["Digits", "nmnits", "..", ".", "~", "~nobody", "a" * 300, os.fsdecode(b"\xff"), "/"]
    piece = st.sampled_from(pieces) | st.sampled_from(NASTY_TEXT) | st.text(max_size=5)
    between = st.sampled_from([":", ":", ":", "::", "", " ", "/"])
    word = draw(piece)
    for _ in range(draw(st.integers(0, 2))):
        word += draw(between) + draw(piece)
    return word


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Data of each kind, and a home without any."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError()))
    for name in ("n/Train/3/1.bin", "n/Test/3/1.bin"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(RAW)
    (tmp_path / "m").mkdir()
    for half in ("train", "t10k"):
        (tmp_path / "m" / f"{half}-images-idx3-ubyte").write_bytes(IDX)
        (tmp_path / "m" / f"{half}-labels-idx1-ubyte").write_bytes(LABELS)
    (tmp_path / "z.zip").write_bytes(packed({"Train/1/1.bin": RAW, "Test/1/1.bin": RAW}))
    os.mkfifo(tmp_path / "fifo")
    return ["n", "m", "z.zip", "fifo", str(tmp_path / "n"), str(tmp_path / "m"), "n/Train"]


@fuzz
@given(data=st.data())
def test_a_strange_word_for_data(data, call, places, doors_only):
    right = [
        "nmnist:n",
        "mnist:m",
        "nmnist:z.zip",
        "nmnist:n/Train",
        "film:mnist:m",
        "nmnist:Z.zip",
    ]
    word = data.draw(st.sampled_from(right) | st.sampled_from(NASTY) | words(places))
    limit = data.draw(st.none() | st.sampled_from([1, 2, *NASTY]))
    if limit is None and str(word).startswith("motion"):
        limit = 1  # all of it takes a minute to film
    knock("open_data", open_data, word, limit=limit)


@fuzz
@given(data=st.data())
def test_a_strange_word_for_data_on_the_command_line(data, call, places, doors_only):
    word = data.draw(words(places))
    door = data.draw(st.sampled_from(["train --data", "simulate NET WORD", "film WORD"]))
    if door.startswith("train") or word.startswith("-"):
        knock_command("train --data", call, "train", f"--data={word}", "--out", "run")
    elif door.startswith("film"):
        knock_command(door, call, "film", word)
    else:
        Path("net.toml").write_text(NETWORK)
        knock_command(door, call, "simulate", "net.toml", word)


# tonic


@fuzz
@given(data=st.data())
def test_strange_samples_of_tonic(data):
    class Set:
        sensor_size = data.draw(
            st.sampled_from([(34, 34, 2)] * 4 + [(700, 1, 1), (0, 1, 1), ("a",) * 3])
        )
        location_on_system = "somewhere"
        targets = data.draw(
            st.sampled_from([[0, 1], [1, 1], ["a", "b"], [0, "a"], [None, {}], [[1], [0]]])
        )

        def __init__(self, train=True):
            pass

        def __len__(self):
            return 2

        def __getitem__(self, index):
            strange = data.draw(st.sampled_from(["", "", "events", "target"]))
            events = data.draw(strange_arrays() if strange else st.just(EVENTS))
            if strange == "target":
                return events, data.draw(st.sampled_from(NASTY))
            return data.draw(st.just(events) | st.sampled_from(NASTY)), self.targets[index]

    name = data.draw(st.sampled_from(["POKERDVS", "NMNIST", "SMNIST"]))
    shape = data.draw(st.sampled_from([None] * 5 + [(2, 34, 34), (2, 3), "abc"]))

    def read():
        return list(Samples(Set(), name, "train", shape, None).batches(None))

    batches = knock("tonic: samples", read)
    assert batches is None or sum(len(batch) for batch in batches) == 2


@fuzz
@given(data=st.data())
def test_spoiled_files_of_tonic(data, fresh, monkeypatch):
    root = fresh()
    for kind in (tonic.datasets.NMNIST, tonic.datasets.POKERDVS):
        monkeypatch.setattr(kind, "_check_exists", lambda self: True)
    (root / "NMNIST" / "Train" / "1").mkdir(parents=True)
    (root / "POKERDVS" / "pips_train" / "he").mkdir(parents=True)
    (root / "NMNIST" / "Train" / "1" / "1.bin").write_bytes(data.draw(spoiled_bytes(RAW)))
    rows = np.array([[t, x, y, p] for x, y, p, t in GOOD])
    spoiled = data.draw(spoiled_bytes(saved(np.save, rows)))
    (root / "POKERDVS" / "pips_train" / "he" / "1.npy").write_bytes(spoiled)
    knock("tonic: a .bin file", ours.load, "NMNIST", root, cache=False)
    knock("tonic: a .npy file", ours.load, "POKERDVS", root, cache=False)
