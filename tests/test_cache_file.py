"""The cache's file: an open format, and never believed when a byte is out of place."""

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from safetensors.numpy import load_file

from eventsnn.data import cache_file
from eventsnn.data.cache_file import Writer, read_batch, read_file
from eventsnn.errors import DataError
from eventsnn.events import EventBatch, EventStream

KEY = "0123456789abcdef"
SHAPE = (2, 3, 4)


def made() -> EventBatch:
    """Three synthetic recordings of 5, 6 and 7 events."""
    rng = np.random.default_rng(0)
    return EventBatch.from_streams(
        [
            EventStream(np.sort(rng.integers(0, 1000, n)), rng.integers(0, 24, n), SHAPE, n, 1000)
            for n in (5, 6, 7)
        ]
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cache") / "made.safetensors"
    with Writer(path) as writer:
        writer.append(made())
        writer.finish(KEY)
    return path


def contents(of: EventBatch):
    return [array.tolist() for array in (of.t, of.unit, of.start, of.label, of.duration)]


def test_the_file_is_a_valid_safetensors_file_with_aligned_arrays(written):
    tensors, batch = load_file(written), read_batch(written, KEY, "made")
    names = ("t", "unit", "start", "label", "duration")
    assert [tensors[name].tolist() for name in names] == contents(batch) == contents(made())
    assert [tensors[name].dtype for name in names] == ["i4", "u2", "i8", "i8", "i8"]
    header = json.loads(written.read_bytes()[8:1024])
    assert all(header[name]["data_offsets"][0] % 8 == 0 for name in ("t", "start", "label"))
    assert all(getattr(batch, name).flags.aligned for name in names)
    assert batch.shape == SHAPE and batch.source == "made"


def test_numba_compiles_no_second_kernel_for_mapped_arrays(written):
    @njit
    def total(t, unit, start):
        return t.sum() + unit.sum() + start.sum()

    for batch in (made(), read_batch(written, KEY, "made")):
        total(batch.t, batch.unit, batch.start)
    assert len(total.signatures) == 1


def patch(at: int, value: bytes):
    def damage(data: bytes) -> bytes:
        where = at if at >= 0 else len(data) + at
        return data[:where] + value + data[where + len(value) :]

    return damage


def i64(value: int) -> bytes:
    return value.to_bytes(8, "little", signed=True)


DAMAGES = {
    "empty": lambda data: b"",
    "half a header": lambda data: data[:100],
    "truncated": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "all zeros": lambda data: bytes(len(data)),
    "huge header length": patch(0, b"\xff" * 8),
    "other header length": patch(0, i64(512)),
    "no JSON": patch(8, b"!"),
    "other dtype": lambda data: data.replace(b'"I32"', b'"F32"'),
    "other key": lambda data: data.replace(b'"key": "', b'"key": "0', 1)[: len(data)],
    "hostile offsets": lambda data: data.replace(b'"data_offsets": [0', b'"data_offsets": [9', 1),
    "infinite length": lambda data: data.replace(b'"shape": [18]', b'"shape": [1e999]'),
    "no sensor": lambda data: data.replace(b'"2,3,4"', b'"2,-3,4"').replace(b"  ", b" ", 1),
    "nested JSON": lambda data: data[:8] + b"[" * 1016 + data[1024:],
    # 18 events: 72 + 36 bytes and 4 of padding, then start (4), label (3), duration (3).
    "unit outside the sensor": patch(1024 + 72, b"\xff\xff"),
    "first start not 0": patch(1024 + 112, i64(1)),
    "start runs backwards": patch(1024 + 112 + 8, i64(1 << 40)),
    "start is negative": patch(1024 + 112 + 8, i64(-5)),
    "last start not the end": patch(1024 + 112 + 24, i64(17)),
    "label below -1": patch(-48, i64(-2)),
    "negative duration": patch(-8, i64(-1)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_file_that_is_not_exactly_as_written_is_refused(written, tmp_path, damage):
    data = written.read_bytes()
    assert len(data) == 1024 + 112 + 8 * 10 and damage(data) != data
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(damage(data))
    with pytest.raises(DataError, match=r"damaged\.safetensors: .*; delete it"):
        read_batch(path, KEY, "made")


@settings(deadline=None)
@given(st.integers(0, 1024 + 112 + 80 - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(written, place, change):
    data = bytearray(written.read_bytes())
    data[place] ^= change
    path = written.with_name("changed.safetensors")
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"changed\.safetensors: .*; delete it"):
        read_batch(path, KEY, "made")


def save(path: Path, batch: EventBatch, **options) -> Path:
    with Writer(path, **options) as writer:
        writer.append(batch)
        writer.finish(KEY)
    return path


def without_digest(data: bytes) -> bytes:
    """Return the file as versions before the digest wrote it."""
    head = re.sub(rb', "emulated": "[01]", "digest": "[0-9a-f]+"', b"", data[8:1024])
    assert len(head) < 1016
    return data[:8] + head.ljust(1016) + data[1024:]


@pytest.mark.parametrize("mapped_bytes", [0, 1 << 40], ids=["mapped", "read"])
@pytest.mark.parametrize("old", [False, True], ids=["digest", "no digest"])
def test_a_file_that_is_mapped_holds_what_one_that_is_read_holds(
    written, tmp_path, monkeypatch, mapped_bytes, old
):
    path = tmp_path / "made.safetensors"
    path.write_bytes(without_digest(written.read_bytes()) if old else written.read_bytes())
    monkeypatch.setattr(cache_file, "MAPPED_BYTES", mapped_bytes)
    found = read_file(path, KEY, "made")
    assert contents(found.batch) == contents(made())
    found.batch.t[:] = 0
    assert contents(read_batch(path, KEY, "made")) == contents(made())
    assert found.emulated is (None if old else False)
    changed = bytearray(path.read_bytes())
    changed[-8] ^= 1
    path.write_bytes(changed)
    if old:
        read_batch(path, KEY, "made")  # nothing in the file could tell
    else:
        with pytest.raises(DataError, match="has changed since it was written"):
            read_batch(path, KEY, "made")


def test_a_file_says_whether_its_recordings_are_emulated(tmp_path):
    for emulated in (True, False):
        path = save(tmp_path / "made.safetensors", made(), emulated=emulated)
        assert read_file(path, KEY, "made").emulated is emulated
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"emulated": "0"', b'"emulated": "1"'))
    with pytest.raises(DataError, match="has changed since it was written"):
        read_file(path, KEY, "made")


NO_EVENTS = {"t": [], "unit": [], "start": [0, 0]}
WRONG_EVENTS = {
    "a time that falls": ({"t": [5, 3]}, "event 1 of recording 0 at 3 us comes after one at 5 us"),
    "a negative time": ({"t": [-1, 3]}, "event 0 of recording 0 is at -1 us; times start at 0"),
    "a short duration": ({"duration": [3]}, "duration 3 us of recording 0 ends before its last"),
    "a unit outside": ({"unit": [0, 24]}, "unit of event 1 of recording 0 is 24, outside"),
    "a label below unknown": ({"label": [-2]}, "label of recording 0 is -2"),
    "a negative duration": (
        {"t": [], "unit": [], "start": [0, 0], "duration": [-1]},
        "is -1; give",
    ),
}


@pytest.mark.parametrize(("wrong", "message"), WRONG_EVENTS.values(), ids=WRONG_EVENTS.keys())
def test_wrong_events_are_refused_even_where_the_digest_is_right(tmp_path, wrong, message):
    good = {"t": [0, 3], "unit": [0, 1], "start": [0, 2], "label": [0], "duration": [9]} | wrong
    dtypes = {"t": np.int32, "unit": np.uint16}
    arrays = {name: np.array(value, dtypes.get(name, np.int64)) for name, value in good.items()}
    path = save(tmp_path / "made.safetensors", made().with_events(**arrays))
    with pytest.raises(DataError, match=message) as caught:
        read_batch(path, KEY, "made")
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("pieces", [[18], [1, 17], [5, 1, 2, 10]])
def test_the_digest_does_not_depend_on_the_pieces_in_which_a_file_is_written(
    tmp_path, written, monkeypatch, pieces
):
    monkeypatch.setattr("eventsnn.data.digest.BLOCK_BYTES", 7)
    streams = [EventStream([i], [i % 24], SHAPE, 0, 100) for i in range(18)]
    paths = [tmp_path / "whole", tmp_path / "pieces"]
    save(paths[0], EventBatch.from_streams(streams))
    with Writer(paths[1]) as writer:
        for first, last in itertools.pairwise(np.cumsum([0, *pieces])):
            writer.append(EventBatch.from_streams(streams[first:last]))
        writer.finish(KEY)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(read_batch(paths[1], KEY, "made")) == 18


CUT_WHILE_OPEN = """
import os, sys
from pathlib import Path
from eventsnn.data.cache_file import read_batch
batch = read_batch(Path(sys.argv[1]), "0123456789abcdef", "made")
os.truncate(sys.argv[1], 0)
print(int(batch.t.sum()))
"""


def test_a_small_file_may_be_cut_off_while_it_is_in_use(written, tmp_path):
    path = tmp_path / "made.safetensors"
    path.write_bytes(written.read_bytes())
    words = [sys.executable, "-c", CUT_WHILE_OPEN, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(int(made().t.sum()))), done.stderr


def test_a_file_is_on_the_disk_whole_before_it_has_its_name(tmp_path, monkeypatch):
    path, calls = tmp_path / "made.safetensors", []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(handle):
        calls.append(("fsync", os.fstat(handle).st_size, path.exists()))
        fsync(handle)

    def watched_replace(self, target):
        calls.append(("replace", self.stat().st_size, path.exists()))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    save(path, made())
    size = 1024 + 112 + 80
    assert calls == [("fsync", size, False), ("replace", size, False)]


def test_the_cache_of_another_source_is_refused_and_a_missing_one_is_not_there(written):
    with pytest.raises(DataError, match="not a complete file of these recordings"):
        read_batch(written, KEY[::-1], "made")
    with pytest.raises(FileNotFoundError):
        read_batch(written.with_name("absent"), KEY, "made")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_pipe_in_the_place_of_a_cache_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "made")
    with pytest.raises(DataError, match="not a regular file; delete it"):
        read_batch(tmp_path / "made", KEY, "made")
    assert not cache_file.holds_emulated(tmp_path / "made", KEY)


def test_leaving_a_writer_unfinished_leaves_no_file(tmp_path):
    with Writer(tmp_path / "made.safetensors") as writer:
        writer.append(made())
        assert len(list(tmp_path.iterdir())) >= 1
    assert not list(tmp_path.iterdir())
