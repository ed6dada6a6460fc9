"""The cache's file: an open format, and never believed when a byte is out of place."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from safetensors.numpy import load_file

from eventsnn.data.cache_file import Writer, read_batch
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
def test_any_changed_byte_is_refused_or_leads_no_kernel_astray(written, place, change):
    data = bytearray(written.read_bytes())
    data[place] ^= change
    path = written.with_name("changed.safetensors")
    path.write_bytes(data)
    try:
        batch = read_batch(path, KEY, "made")
    except DataError:
        return
    assert place >= 1024, "a change in the header went unnoticed"
    start = batch.start.tolist()
    assert int(batch.unit.max()) < 24 and start[0] == 0 and start == sorted(start)
    assert start[-1] == len(batch.t) == len(batch.unit) == 18


def test_the_cache_of_another_source_is_refused_and_a_missing_one_is_not_there(written):
    with pytest.raises(DataError, match="no complete cache of this source"):
        read_batch(written, KEY[::-1], "made")
    with pytest.raises(FileNotFoundError):
        read_batch(written.with_name("absent"), KEY, "made")


def test_leaving_a_writer_unfinished_leaves_no_file(tmp_path):
    with Writer(tmp_path / "made.safetensors") as writer:
        writer.append(made())
        assert len(list(tmp_path.iterdir())) >= 1
    assert not list(tmp_path.iterdir())
