"""N-MNIST's files: decoded as two other readers do, from folders and zips alike."""

import re
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsnn.data import nmnist
from eventsnn.data.nmnist_files import locate
from eventsnn.errors import DataError, UserError

Event = tuple[int, int, int, int]  # x, y, polarity, microseconds


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTSNN_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def encode(events: list[Event]) -> bytes:
    words = (x << 32 | y << 24 | p << 23 | t for x, y, p, t in events)
    return b"".join(word.to_bytes(5, "big") for word in words)


@st.composite
def recordings(draw: st.DrawFn) -> list[Event]:
    pixel = st.integers(0, 33)
    times = st.one_of(st.integers(0, 400_000), st.integers(0, (1 << 23) - 1))
    events = draw(st.lists(st.tuples(pixel, pixel, st.integers(0, 1), times), min_size=1))
    return sorted(events, key=lambda event: event[3])


def synthetic(seed: int, n: int = 50) -> bytes:
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, 300_000, n)).tolist()
    x, y, p = rng.integers(0, 34, n), rng.integers(0, 34, n), rng.integers(0, 2, n)
    return encode(list(zip(x.tolist(), y.tolist(), p.tolist(), t, strict=True)))


TREE = {"Train/7/00010.bin": 1, "Train/3/00002.bin": 2, "Train/0/00001.bin": 3} | {
    "Test/5/00001.bin": 4,
    "Test/1/00002.bin": 5,
}


def tree(root: Path, files: dict[str, bytes] | None = None) -> Path:
    for name, data in (files or {name: synthetic(seed) for name, seed in TREE.items()}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def zipped(path: Path, prefix: str = "", split: str = "Train") -> Path:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{prefix}{split}/", b"")
        for name, seed in TREE.items():
            if name.startswith(split):
                archive.writestr(prefix + name, synthetic(seed))
    return path


def contents(batch):
    arrays = batch.t, batch.unit, batch.start, batch.label, batch.duration
    return [array.tolist() for array in arrays]


@settings(deadline=None)
@given(recordings())
def test_bytes_decode_as_plain_integer_arithmetic_says(events):
    raw = encode(events)
    t, unit = nmnist.decode(raw, "recording")
    assert t.tolist() == [t for *_, t in events]
    assert unit.tolist() == [p * 34 * 34 + y * 34 + x for x, y, p, _ in events]
    assert (t.dtype, unit.dtype) == (np.int32, np.uint16)
    again = nmnist.decode(np.frombuffer(raw, np.uint8), "recording")
    assert (again[0].tolist(), again[1].tolist()) == (t.tolist(), unit.tolist())


def test_real_recordings_are_read_as_tonic_reads_them(shared):
    from tonic.io import read_mnist_file

    root = shared / "data" / "nmnist"
    dtype = np.dtype([(name, int) for name in "xytp"])
    for split, count in (("train", 550), ("test", 50)):
        batch = nmnist.load(root, split, cache=False)
        names = nmnist.recording_names(root, split)
        assert len(batch) == len(names) == count
        for i in range(0, count, 7):
            theirs = read_mnist_file(str(root / names[i]), dtype)
            ours = batch[i].to_structured()
            assert all(np.array_equal(ours[name], theirs[name]) for name in "xytp")
            assert batch[i].label == int(names[i].split("/")[1])


def test_real_recordings_film_the_mnist_image_of_their_number(shared):
    from eventsnn.data import mnist

    batch = nmnist.load(shared / "data" / "nmnist", "train")
    labels = mnist.load(shared / "data" / "mnist", "train").labels
    number = nmnist.indices(shared / "data" / "nmnist", "train")
    assert number.tolist() == list(range(1, 551))
    assert batch.label.tolist() == labels[number - 1].tolist()


def test_recordings_stand_in_the_order_of_their_numbers(tmp_path):
    batch = nmnist.load(tree(tmp_path), "train")
    assert nmnist.recording_names(tmp_path, "train") == [
        "Train/0/00001.bin",
        "Train/3/00002.bin",
        "Train/7/00010.bin",
    ]
    assert nmnist.indices(tmp_path, "train").tolist() == [1, 2, 10]
    assert batch.label.tolist() == [0, 3, 7]
    assert batch.shape == (2, 34, 34) and batch.unit.dtype == np.uint16
    for i, seed in enumerate([3, 2, 1]):
        t, unit = nmnist.decode(synthetic(seed), "")
        assert batch[i].t.tolist() == t.tolist() and batch[i].unit.tolist() == unit.tolist()
        assert batch[i].duration == t[-1] + 1
    assert nmnist.load(tmp_path, "test").label.tolist() == [5, 1]


@pytest.mark.parametrize("name", ["train.zip", "Train.zip"])
@pytest.mark.parametrize("prefix", ["", "N-MNIST/"])
def test_a_zip_gives_what_its_folder_gives(tmp_path, name, prefix):
    folder = nmnist.load(tree(tmp_path / "folder"), "train", cache=False)
    archive = zipped(tmp_path / "zips" / name, prefix)
    for path in (archive, archive.parent):
        for cache in (False, True, True):
            assert contents(nmnist.load(path, "train", cache=cache)) == contents(folder)
        assert nmnist.indices(path, "train").tolist() == [1, 2, 10]


@pytest.mark.parametrize("block", [1, 600])
def test_the_size_of_a_block_does_not_matter(tmp_path, monkeypatch, block):
    whole = nmnist.load(tree(tmp_path), "train", cache=False)
    monkeypatch.setattr(nmnist, "_BLOCK_BYTES", block)
    for cache in (False, True):
        assert contents(nmnist.load(tmp_path, "train", cache=cache)) == contents(whole)


def test_progress_counts_recordings_and_is_silent_with_a_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(nmnist, "_BLOCK_BYTES", 1)
    seen = []
    tree(tmp_path)
    for _ in range(2):
        nmnist.load(tmp_path, "train", progress=lambda *done: seen.append(done))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_files_that_are_no_recordings_are_passed_over(tmp_path):
    tree(tmp_path)
    for name in ("Train/.DS_Store", "Train/0/._00001.bin", "Train/0/notes.txt", "Train/README"):
        (tmp_path / name).write_bytes(b"junk")
    (tmp_path / "Train" / ".git").mkdir()
    assert len(nmnist.load(tmp_path, "train")) == 3
    archive = zipped(tmp_path / "z" / "train.zip")
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("__MACOSX/Train/0/00001.bin", b"junk")
        more.writestr("__MACOSX/Train/0/._00001.bin", b"junk")
    assert len(nmnist.load(archive, "train")) == 3


GOOD = (1, 2, 0, 100)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "holds no events"),
        (
            encode([GOOD, GOOD])[:-1],
            "9 bytes are no whole number of 5-byte events; it is truncated after event 0",
        ),
        (b"abc", "3 bytes are no whole number of 5-byte events; it is truncated within event 0"),
        (encode([GOOD, (3, 4, 1, 99)]), "event 1 at 99 us comes after event 0 at 100 us"),
        (encode([GOOD, GOOD, (34, 4, 1, 100)]), "x of event 2 is 34, outside the sensor of 34x34"),
        (encode([GOOD, (0, 240, 1, 100)]), "y of event 1 is 240, outside the sensor of 34x34"),
        (encode([(255, 255, 1, 0)]), "x of event 0 is 255"),
    ],
)
def test_a_wrong_recording_is_refused_by_file_event_and_value(tmp_path, raw, message):
    with pytest.raises(DataError, match=re.escape(message)):
        nmnist.decode(raw, "recording")
    tree(tmp_path)
    (tmp_path / "Train" / "3" / "00002.bin").write_bytes(raw)
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as members:
        for file in tmp_path.rglob("*.bin"):
            members.writestr(file.relative_to(tmp_path).as_posix(), file.read_bytes())
    for path in (tmp_path, archive):
        with pytest.raises(DataError, match=re.escape(message)) as caught:
            nmnist.load(path, "train")
        assert "Train/3/00002.bin: " in str(caught.value) and "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").iterdir()), "a refused source must leave no cache"


@settings(max_examples=30, deadline=None)
@given(recordings(), st.data())
def test_the_first_wrong_event_is_the_one_that_is_named(events, data):
    place = data.draw(st.integers(0, len(events) - 1))
    x, y, p, t = events[place]
    events[place] = (x, 34 + y, p, t)
    with pytest.raises(DataError, match=f"y of event {place} is {34 + y}, "):
        nmnist.decode(encode(events), "recording")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Train/ten/00001.bin", "folder 'ten' is no class of N-MNIST; name it 0 to 9"),
        ("Train/10/00001.bin", "folder '10' is no class"),
        ("Train/4/first.bin", "'first.bin' is no number from 1; name it like 00001.bin"),
        ("Train/4/00000.bin", "'00000.bin' is no number from 1"),
        ("Train/3/2.bin", "Train/3/00002.bin and Train/3/2.bin are the same recording"),
    ],
)
def test_a_file_out_of_place_is_refused_by_name(tmp_path, name, message):
    tree(tree(tmp_path / "tree"), {name: synthetic(9)})
    archive = zipped(tmp_path / "zip" / "train.zip")
    with zipfile.ZipFile(archive, "a") as members:
        members.writestr(name, synthetic(9))
    for path in (tmp_path / "tree", archive):
        with pytest.raises(DataError, match=re.escape(message)):
            nmnist.load(path, "train")


def test_missing_and_empty_places_say_what_belongs_there(tmp_path):
    with pytest.raises(DataError, match=r"absent: no such folder or zip; .*Train/"):
        nmnist.load(tmp_path / "absent", "train")
    with pytest.raises(DataError, match=r"holds neither Test/ nor test\.zip"):
        nmnist.load(tmp_path, "test")
    (tmp_path / "Test" / "3").mkdir(parents=True)
    with pytest.raises(DataError, match=r"Test: holds no recordings; put .*<index>\.bin there"):
        nmnist.load(tmp_path, "test")
    with pytest.raises(DataError, match=r"train\.zip: holds no recordings"):
        nmnist.load(zipped(tmp_path / "train.zip"), "test")
    with pytest.raises(UserError, match="no split 'valid'; give train or test"):
        nmnist.load(tmp_path, "valid")


def test_a_damaged_zip_is_refused_by_name(tmp_path):
    archive = zipped(tmp_path / "train.zip")
    data = bytearray(archive.read_bytes())
    name = b"Train/3/00002.bin"
    data[data.index(name) + len(name) + 40] ^= 0xFF
    archive.write_bytes(data)
    with pytest.raises(DataError, match=r"train\.zip:Train/3/00002\.bin: broken zip member"):
        nmnist.load(archive, "train")
    archive.write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"train\.zip: no readable zip"):
        nmnist.load(archive, "train")


def test_a_changed_source_is_read_anew_and_its_old_cache_removed(tmp_path):
    root = tree(tmp_path / "data")
    cache = tmp_path / "cache"
    first = contents(nmnist.load(root, "train"))
    nmnist.load(root, "test")
    assert len(list(cache.iterdir())) == 2
    (root / "Train" / "9").mkdir()
    added = root / "Train" / "9" / "00003.bin"
    added.write_bytes(synthetic(8))
    assert nmnist.load(root, "train").label.tolist() == [0, 3, 9, 7]
    added.write_bytes(synthetic(8, 60))
    assert len(nmnist.load(root, "train")[2]) == 60
    added.unlink()
    assert contents(nmnist.load(root, "train")) == first
    assert len(list(cache.iterdir())) == 2


def test_the_cache_is_used_while_the_source_is_unchanged(tmp_path, monkeypatch):
    root = tree(tmp_path)
    first = nmnist.load(root, "train")

    def read_again(*_: object) -> None:
        pytest.fail("the source was read again")

    monkeypatch.setattr(nmnist, "_batches", read_again)
    assert contents(nmnist.load(root, "train")) == contents(first)


def test_a_file_that_shrinks_while_being_read_is_refused(tmp_path):
    files = locate(tree(tmp_path), "train")
    assert len(files.recordings) == 3
    (tmp_path / "Train" / "3" / "00002.bin").write_bytes(synthetic(2)[:100])
    with pytest.raises(DataError, match=r"00002\.bin: 100 of 250 bytes; it changed"):
        list(nmnist._batches(files, None))
