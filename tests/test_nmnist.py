"""N-MNIST's files: decoded as two other readers do, from folders and zips alike."""

import os
import re
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from doors import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsnn.data.images import Images
from eventsnn.data.readers.nmnist import recordings as nmnist
from eventsnn.data.readers.nmnist.files import locate
from eventsnn.errors import DataError, UserError
from eventsnn.files import unpack

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
    from eventsnn.data.readers import mnist

    batch = nmnist.load(shared / "data" / "nmnist", "train")
    labels = mnist.load(shared / "data" / "mnist", "train").labels
    number = nmnist.indices(shared / "data" / "nmnist", "train")
    assert number.tolist() == list(range(1, 551))
    assert batch.label.tolist() == labels[number - 1].tolist()


def test_the_image_behind_each_recording_has_its_number_less_one(tmp_path):
    tree(tmp_path)
    images = Images(np.arange(10 * 4, dtype=np.uint8).reshape(10, 2, 2), np.zeros(10, int), "m")
    behind = nmnist.images_behind(images, tmp_path, "train")
    assert behind[:, 0, 0].tolist() == [0, 4, 36]
    few = Images(images.images[:9], images.labels[:9], "m")
    with pytest.raises(
        DataError, match="m: has 9 images, but recording 10 of the half train films"
    ):
        nmnist.images_behind(few, tmp_path, "train")


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


def junk(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"junk")


def test_hidden_and_other_files_are_passed_over_and_counted_in_one_line(tmp_path):
    root = tree(tmp_path / "folder")
    junk(
        root / "Train", ".DS_Store", "0/._00001.bin", ".git/x", "__MACOSX/x", "0/notes.txt", "READ"
    )
    archive = zipped(tmp_path / "z" / "train.zip")
    with zipfile.ZipFile(archive, "a") as more:
        more.mkdir("__MACOSX")
        for name in ("__MACOSX/Train/0/00001.bin", "__MACOSX/Train/0/._00001.bin", "Train/.x"):
            more.writestr(name, b"junk")
        more.writestr("Train/3/a.txt", b"junk")
        more.writestr("__MACOSX/Test/0/._00001.bin", b"of the other half")
    for path, said in (
        (root, "Train: files passed over: 4 hidden and 2 that are no .bin (0/notes.txt)"),
        (archive, "Train: files passed over: 3 hidden and 1 that are no .bin (3/a.txt)"),
    ):
        with pytest.warns(UserWarning, match=re.escape(said)) as warned:
            assert nmnist.load(path, "train", cache=False).label.tolist() == [0, 3, 7]
        assert len(warned) == 1


def test_hidden_files_that_change_do_not_read_the_recordings_anew(tmp_path, monkeypatch):
    root = tree(tmp_path)
    nmnist.load(root, "train")
    junk(root, "Train/0/.DS_Store", "Train/notes.txt")
    monkeypatch.setattr(nmnist, "_batches", lambda *_: pytest.fail("the source was read again"))
    nmnist.load(root, "train")


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


@settings(max_examples=examples(30), deadline=None)
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
        ("Train/3/2.BIN", "Train/3/00002.bin and Train/3/2.BIN are the same recording"),
        ("Train/8/00010.bin", "Train/7/00010.bin and Train/8/00010.bin have one number"),
        ("Train/00011.bin", "00011.bin: a recording in no class; put it into the folder"),
        ("Train/00011.BIN", "00011.BIN: a recording in no class; put it into the folder"),
        ("Train/7/b/00011.bin", "Train/7/b: a folder inside the class '7'; move its recordings"),
        ("Train/7/b/notes.txt", "Train/7/b: a folder inside the class '7'; move its recordings"),
        ("Train/9/notes.txt", "Train/9: holds no recordings; fetch class 9 again, or remove"),
        ("Train/Train/7/00011.bin", "Train/Train/7: a folder inside the class 'Train'"),
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


@pytest.mark.parametrize("name", ["Train/9/", "Train/7/b/"])
def test_an_empty_folder_is_not_passed_over(tmp_path, name):
    (tree(tmp_path / "tree") / name).mkdir()
    archive = zipped(tmp_path / "zip" / "train.zip")
    with zipfile.ZipFile(archive, "a") as members:
        members.mkdir(name)
    for path in (tmp_path / "tree", archive):
        with pytest.raises(DataError, match=rf"{name[:-1]}: (holds no rec|a folder inside)"):
            nmnist.load(path, "train")


def test_a_recording_that_gets_out_of_place_is_noticed_though_there_is_a_cache(tmp_path):
    root = tree(tmp_path)
    nmnist.load(root, "train")
    junk(root, "Train/7/b/00011.bin")
    with pytest.raises(DataError, match="a folder inside the class"):
        nmnist.load(root, "train")


def test_upper_and_lower_case_are_one(tmp_path):
    names = {"TRAIN/7/00010.BIN": 1, "TRAIN/3/00002.Bin": 2, "TRAIN/0/00001.bin": 3}
    root = tree(tmp_path / "folder", {name: synthetic(seed) for name, seed in names.items()})
    packed = {"TRAIN.ZIP": "", "data.ZIP": "", "train.zip": "N-MNIST/"}
    for name, prefix in packed.items():
        (tmp_path / name[:2]).mkdir()
        with zipfile.ZipFile(tmp_path / name[:2] / name, "w") as archive:
            for file, seed in names.items():
                archive.writestr(prefix + file, synthetic(seed))
    expected = contents(nmnist.load(tree(tmp_path / "usual"), "train"))
    for path in (root, tmp_path / "TR", tmp_path / "da" / "data.ZIP", tmp_path / "tr"):
        assert contents(nmnist.load(path, "train")) == expected


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_one_archive_of_both_zips_is_read(tmp_path, method):
    halves = [
        zipped(tmp_path / "z" / f"{half}.zip", "N-MNIST/", half) for half in ("Train", "Test")
    ]
    archive = tmp_path / "download.zip"
    with zipfile.ZipFile(archive, "w", method) as members:
        members.writestr("readme.txt", "what it is")
        members.writestr("__MACOSX/._Train.zip", "junk")
        for half in halves:
            members.write(half, f"N-MNIST/{half.name}")
    folder = tree(tmp_path / "folder")
    for half in ("train", "test"):
        assert contents(nmnist.load(archive, half)) == contents(nmnist.load(folder, half))
        assert nmnist.indices(archive, half).tolist() == nmnist.indices(folder, half).tolist()
    with zipfile.ZipFile(archive, "a") as members:
        members.write(halves[0], "train.zip")
    with pytest.raises(DataError, match=r"holds N-MNIST/Train\.zip and train\.zip; leave one"):
        nmnist.load(archive, "train")
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("Train.zip", halves[0].read_bytes()[:-30])
    with pytest.raises(DataError, match=r"download\.zip:Train\.zip: no readable zip"):
        nmnist.load(archive, "train")


@pytest.mark.parametrize("half", ["Train", "Test"])
def test_the_word_for_one_half_finds_the_other_beside_it(tmp_path, half):
    zipped(tmp_path / "zips" / "Train.zip")
    zipped(tmp_path / "zips" / "Test.zip", split="Test")
    tree(tmp_path / "folders")
    usual = [contents(nmnist.load(tmp_path / "folders", split)) for split in ("train", "test")]
    for path in (tmp_path / "zips" / f"{half}.zip", tmp_path / "folders" / half):
        assert [contents(nmnist.load(path, split)) for split in ("train", "test")] == usual


def test_a_half_alone_says_what_belongs_beside_it(tmp_path):
    archive = zipped(tmp_path / "z" / "Train.zip")
    tree(tmp_path / "f", {"Train/0/00001.bin": synthetic(1)})
    for path in (archive, tmp_path / "f" / "Train"):
        assert len(nmnist.load(path, "train"))
        with pytest.raises(
            DataError, match=r"one half of N-MNIST only; put Test/ or test\.zip besi"
        ):
            nmnist.load(path, "test")


def test_a_zip_without_the_folder_of_its_half_is_told_by_its_name(tmp_path):
    expected = contents(nmnist.load(tree(tmp_path / "folder"), "train"))
    (tmp_path / "z").mkdir()
    for prefix in ("", "N-MNIST/", "a/b/", ".\\"):
        for name in ("Train.zip", "all.zip"):
            with zipfile.ZipFile(tmp_path / "z" / name, "w") as archive:
                for file, seed in TREE.items():
                    if file.startswith("Train"):
                        archive.writestr(prefix + file.removeprefix("Train/"), synthetic(seed))
        assert contents(nmnist.load(tmp_path / "z", "train")) == expected
        with pytest.raises(DataError, match=r"with no Train/ or Test/ above it; .* train\.zip"):
            nmnist.load(tmp_path / "z" / "all.zip", "train")
    (tmp_path / "folder" / "Train").rename(tmp_path / "folder" / "mine")
    with pytest.raises(DataError, match="mine: holds classes, but no Train/ or Test/ above them"):
        nmnist.load(tmp_path / "folder" / "mine", "train")


def test_backslashes_in_a_zip_are_folders(tmp_path):
    expected = contents(nmnist.load(tree(tmp_path / "folder"), "train"))
    with zipfile.ZipFile(tmp_path / "w.zip", "w") as archive:
        for file, seed in TREE.items():
            archive.writestr(file.replace("/", "\\"), synthetic(seed))
    assert contents(nmnist.load(tmp_path / "w.zip", "train")) == expected


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("9/00011.bin", r"holds 9/00011\.bin with no Train/ or Test/ above it"),
        ("copy/Train/9/00011.bin", "holds Train/ and copy/Train/; leave one of them"),
    ],
)
def test_a_zip_that_holds_a_half_twice_is_refused(tmp_path, extra, message):
    archive = zipped(tmp_path / "train.zip")
    with zipfile.ZipFile(archive, "a") as members:
        members.writestr(extra, synthetic(7))
    with pytest.raises(DataError, match=message):
        nmnist.load(archive, "train")


def test_two_places_that_differ_in_case_only_are_refused(tmp_path):
    tree(tmp_path, {"Train/0/00001.bin": synthetic(1), "train/0/00002.bin": synthetic(2)})
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system does not tell upper from lower case")
    with pytest.raises(DataError, match="holds Train and train; leave one of them there"):
        nmnist.load(tmp_path, "train")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99])
def test_a_zip_packed_in_another_way_says_how_to_pack_it(tmp_path, method):
    archive = tmp_path / "train.zip"
    known = zipfile.ZIP_DEFLATED if method == 99 else method
    with zipfile.ZipFile(archive, "w", known) as members:
        members.writestr("Train/0/00001.bin", synthetic(1))
    if method == 99:
        data = archive.read_bytes()
        archive.write_bytes(data.replace(b"\x08\0", b"\x63\0"))
    with pytest.raises(DataError, match=f"packed with method {method}, .*; pack it anew with defl"):
        nmnist.load(archive, "train")


def test_a_zip_that_unpacks_to_far_more_than_it_is_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "_SMALL_BYTES", 100_000)
    archive, inner = tmp_path / "bomb.zip", tmp_path / "Train.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
        for i in range(1, 5):
            members.writestr(f"Train/0/{i:05d}.bin", encode([GOOD]) * 40_000)
    with pytest.raises(DataError, match=r"bomb\.zip: \d+ bytes that unpack to 800000, which no"):
        nmnist.load(archive, "train")
    with zipfile.ZipFile(inner, "w") as members:
        members.writestr("Train/0/00001.bin", bytes(700_000))
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
        members.write(inner, "Train.zip")
    with pytest.raises(DataError, match=r"bomb\.zip:Train\.zip: \d+ bytes that unpack to 700"):
        nmnist.load(archive, "train")


def test_a_name_that_is_no_utf8_is_a_name_like_any_other(tmp_path):
    root = tree(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")))
    again = contents(nmnist.load(root, "train"))
    assert contents(nmnist.load(root, "train")) == again
    junk(root, os.fsdecode(b"Train/0/\xff.bin"))
    with pytest.raises(DataError, match="is no number from 1"):
        nmnist.load(root, "train")


def test_a_recording_longer_than_any_is_not_read(tmp_path):
    root = tree(tmp_path)
    with (root / "Train" / "0" / "00001.bin").open("wb") as file:
        file.truncate((1 << 26) + 1)  # a hole: nothing is written
    with pytest.raises(DataError, match="67108865 bytes is no N-MNIST recording"):
        nmnist.load(root, "train")


def test_what_is_no_regular_file_is_not_waited_for(tmp_path):
    root = tree(tmp_path)
    os.mkfifo(root / "Train" / "0" / "00009.bin")
    with pytest.raises(DataError, match=r"00009\.bin: no regular file; take it away"):
        nmnist.load(root, "train")
    with pytest.raises(DataError, match=r"00009\.bin: neither a folder nor a file"):
        nmnist.load(root / "Train" / "0" / "00009.bin", "train")
    (root / "Train" / "0" / "00009.bin").unlink()
    (root / "Train" / "0" / "00009.bin").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"00009\.bin: cannot be read \(No such file"):
        nmnist.load(root, "train")


def test_missing_and_empty_places_say_what_belongs_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"{tmp_path}/absent: no such folder or zip; .*Train/"):
        nmnist.load("absent", "train")
    with pytest.raises(DataError, match=r"holds neither Test/ nor test\.zip; put one of N-MNIST"):
        nmnist.load(tmp_path, "test")
    zipped(tmp_path / "all.zip")
    with pytest.raises(
        DataError, match=rf"; all\.zip is there: to read it, give {tmp_path}/all.zip"
    ):
        nmnist.load(tmp_path, "test")
    (tmp_path / "Test" / "3").mkdir(parents=True)
    with pytest.raises(DataError, match=r"Test: holds no recordings; put .*<index>\.bin there"):
        nmnist.load(tmp_path, "test")
    with pytest.raises(
        DataError, match=r"all\.zip: holds no recordings of the half test; put Test/"
    ):
        nmnist.load(tmp_path / "all.zip", "test")
    with pytest.raises(UserError, match="no split 'valid'; give train or test"):
        nmnist.load(tmp_path, "valid")
    for path, message in (("a\0b", "cannot hold the letter NUL"), ("\ud800", "no path of this")):
        with pytest.raises(DataError, match=message):
            nmnist.load(path, "train")


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
    added.parent.rmdir()
    assert contents(nmnist.load(root, "train")) == first
    assert len(list(cache.iterdir())) == 2


def later(path: Path) -> None:
    """Let a file be changed a second after it was."""
    stamp = path.stat().st_mtime_ns + 1_000_000_000
    os.utime(path, ns=(stamp, stamp))


def test_an_edit_of_equal_size_is_read_anew_from_a_folder_and_from_a_zip(tmp_path):
    def pack(seed: int) -> None:
        with zipfile.ZipFile(tmp_path / "one.zip", "w") as members:
            members.writestr("Train/0/00001.bin", synthetic(seed))

    root = tree(tmp_path / "folder")
    file = root / "Train" / "0" / "00001.bin"
    pack(3)
    for path in (root, tmp_path / "one.zip"):
        assert (
            nmnist.load(path, "train")[0].t.tolist() == nmnist.decode(synthetic(3), "")[0].tolist()
        )
    file.write_bytes(synthetic(8))
    later(file)
    size = (tmp_path / "one.zip").stat().st_size
    pack(8)
    later(tmp_path / "one.zip")
    assert (tmp_path / "one.zip").stat().st_size == size
    for path in (root, tmp_path / "one.zip"):
        assert (
            nmnist.load(path, "train")[0].t.tolist() == nmnist.decode(synthetic(8), "")[0].tolist()
        )


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
