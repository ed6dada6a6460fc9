"""Doors of events: whatever comes is taken as it is meant, or refused in one line."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from doors import NASTY, deep, fuzz, knock, knock_command, spoiled_bytes
from hypothesis import given
from hypothesis import strategies as st

from eventsnn.data import cache_file
from eventsnn.data.images import Images
from eventsnn.data.readers.film_file import open_film, write_film
from eventsnn.data.source import open_data
from eventsnn.events import EventBatch, EventStream

SHAPE = (2, 3, 4)
UNITS = 24


def made(n: int = 6) -> EventBatch:
    """Recordings of a few events, each of a class with another one."""
    rng = np.random.default_rng(0)
    return EventBatch.from_streams(
        [
            EventStream(np.sort(rng.integers(0, 900, k)), rng.integers(0, UNITS, k), SHAPE, k % 3)
            for k in range(3, n + 3)
        ]
    )


def check_stream(stream: EventStream) -> None:
    """Ask in plain Python whether a stream keeps what its class promises."""
    t, unit = stream.t.tolist(), stream.unit.tolist()
    assert t == sorted(t) and len(t) == len(unit)
    assert all(0 <= x < stream.duration for x in t)
    assert all(0 <= u < np.prod(stream.shape) for u in unit)
    assert stream.label is None or stream.label >= 0


def check_batch(batch: EventBatch) -> None:
    """Ask the same of a batch, and whether its arrays fit each other."""
    start = batch.start.tolist()
    assert start[0] == 0 and start == sorted(start) and start[-1] == len(batch.t)
    assert len(batch.t) == len(batch.unit)
    assert len(start) - 1 == len(batch.label) == len(batch.duration) == len(batch)
    for stream in batch:
        check_stream(stream)


WHOLE = st.integers(-2, 30) | st.sampled_from([2**31, 2**32, 2**53, 2**63 - 1, -(2**63)])
DTYPES = ["i1", "u1", "i2", ">i4", "i8", "u8", "f2", "f4", "f8", "?", "O", "U3", "c8", "M8[us]"]
STRANGE = st.sampled_from([*NASTY, deep(), np.zeros((2, 2)), np.float64("nan"), b"x"])


@st.composite
def columns(draw, n: int):
    """Draw an array that may hold one value an event, or does not."""
    kind = draw(st.sampled_from(["good", "good", "whole", "dtype", "length", "strange"]))
    good = np.sort(draw(st.lists(st.integers(0, 23), min_size=n, max_size=n)))
    if kind == "good":
        return np.array(good, draw(st.sampled_from(["i4", "i8", "u2", "f8"])))
    if kind == "whole":
        return draw(st.lists(WHOLE, min_size=n, max_size=n))
    if kind == "length":
        return np.arange(draw(st.integers(0, 9)))
    if kind == "strange":
        return draw(STRANGE)
    try:
        return np.array(good).astype(draw(st.sampled_from(DTYPES)))
    except (ValueError, TypeError):
        return np.array(good)


SENSORS = st.sampled_from([SHAPE, SHAPE, SHAPE, (1, 1, 24), [2, 3, 4], np.array(SHAPE)]) | STRANGE
LABELS = st.none() | st.integers(0, 9) | WHOLE | STRANGE
DURATIONS = st.sampled_from([-1, -1, 24, 1e5, 1000]) | WHOLE | STRANGE


@fuzz
@given(data=st.data())
def test_a_stream_of_anything_is_refused_or_keeps_its_promises(data):
    n = data.draw(st.integers(0, 6))
    words = [data.draw(s) for s in (columns(n), columns(n), SENSORS, LABELS, DURATIONS)]
    stream = knock("event stream", EventStream, *words)
    if stream is not None:
        check_stream(stream)
        assert stream.label == words[3]


@fuzz
@given(data=st.data())
def test_a_batch_of_anything_is_refused_or_keeps_its_promises(data):
    good = made(3)
    fields = {name: getattr(good, name) for name in ("t", "unit", "start", "label", "duration")}
    for name in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=2)):
        array = fields[name]
        match data.draw(st.sampled_from(["value", "value", "length", "dtype", "column"])):
            case "value" if isinstance(array, np.ndarray) and array.size:
                fields[name] = array.astype(np.int64)
                fields[name][data.draw(st.integers(0, array.size - 1))] = data.draw(WHOLE)
            case "length" if isinstance(array, np.ndarray) and array.size:
                fields[name] = array[: data.draw(st.integers(0, array.size))]
            case "dtype" if isinstance(array, np.ndarray):
                fields[name] = array.astype(data.draw(st.sampled_from(["f4", "f8", "u8", "O"])))
            case _:
                fields[name] = data.draw(columns(len(good.t)))
    shape = data.draw(SENSORS)
    batch = knock("event batch", EventBatch, **fields, shape=shape)
    if batch is not None:
        check_batch(batch)


@st.composite
def structured(draw):
    """Draw a structured array with some of the names that events have, and some they have not."""
    names = draw(
        st.lists(
            st.sampled_from([*"txyp", "ts", "pol", "on", "P", "timestamp", "row", "[/x]", "z"]),
            unique=True,
            min_size=1,
            max_size=6,
        )
    )
    kinds, odd = [], draw(st.sampled_from([False, False, True]))
    names = draw(st.permutations("txyp")) if draw(st.integers(0, 2)) else names
    for name in names:
        dtype = draw(st.sampled_from([*DTYPES, ("i4", (2,))] if odd else ["i4", "u2", "f8"]))
        title = draw(st.sampled_from(["", "y", "polarity", "\x1b[31m"])) if odd else ""
        field = (title, name) if title and title not in names else name
        kinds.append((field, *(dtype if isinstance(dtype, tuple) else (dtype,))))
    try:
        return np.zeros(draw(st.sampled_from([5, 1, 0, 7, (2, 2), ()])), kinds)
    except ValueError:  # two titles of one name
        return np.zeros(3)


@fuzz
@given(data=st.data())
def test_structured_arrays_of_anything_are_refused_or_read(data):
    events = data.draw(structured()) if data.draw(st.integers(0, 9)) else data.draw(STRANGE)
    shape = data.draw(st.sampled_from([SHAPE, SHAPE, (1, 1, 4), (1, 3, 4)]) | SENSORS)
    stream = knock("structured array", EventStream.from_structured, events, shape)
    if stream is not None:
        check_stream(stream)
        assert len(stream) == len(events)


@fuzz
@given(data=st.data())
def test_pictures_of_anything_are_refused_or_taken(data):
    images = data.draw(st.sampled_from([np.zeros((3, 2, 2), np.uint8)]) | columns(3))
    labels = data.draw(columns(3) | st.just(np.array([0, -1, 2])))
    found = knock("pictures", Images, images, labels)
    if found is not None:
        assert found.labels.min() >= -1 and found.labels.shape == (3,)


@cache
def good_file(folder: Path, emulated: bool) -> bytes:
    write_film(folder / "good", [made()], emulated=emulated)
    return (folder / "good").read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("mapped_bytes", [0, 1 << 40], ids=["mapped", "read"])
@fuzz
@given(data=st.data())
def test_spoiled_films_are_refused(folder, mapped_bytes, data):
    good = good_file(folder, data.draw(st.booleans()))
    spoiled = data.draw(spoiled_bytes(good))
    path = folder / f"film-{mapped_bytes}"
    path.unlink(missing_ok=True)  # one that is mapped must not be cut off
    path.write_bytes(spoiled)
    before = cache_file.MAPPED_BYTES
    cache_file.MAPPED_BYTES = mapped_bytes
    try:
        found = knock("film file", open_film, path)
    finally:
        cache_file.MAPPED_BYTES = before
    assert (found is None) == (spoiled != good)


@fuzz
@given(data=st.data())
def test_spoiled_films_that_were_never_signed_lead_nobody_astray(folder, data):
    """As films of older versions, whose bytes nobody has summed."""
    good = good_file(folder, False)
    entry = good.index(b', "emulated"')
    head = good[8:entry] + good[good.index(b"}", entry) : 1024].rstrip()
    old = good[:8] + head.ljust(1016) + good[1024:]
    spoiled = bytearray(old)
    for _ in range(data.draw(st.integers(0, 3))):
        spoiled[data.draw(st.integers(0, len(old) - 1))] ^= data.draw(st.integers(1, 255))
    path = folder / "old"
    path.write_bytes(spoiled)
    found = knock("film file without a digest", open_film, path)
    if found is not None:
        assert found.emulated is None
        check_batch(found.batch)
    elif bytes(spoiled) == old:
        raise AssertionError("a good old film was refused")


@fuzz
@given(data=st.data())
def test_spoiled_cache_files_are_read_anew(folder, data):
    path, key = folder / "cache.safetensors", "0123456789abcdef"
    if not path.with_suffix(".good").exists():
        with cache_file.Writer(path) as writer:
            writer.append(made())
            writer.finish(key)
        path.rename(path.with_suffix(".good"))
    good = path.with_suffix(".good").read_bytes()
    spoiled = data.draw(spoiled_bytes(good))
    path.write_bytes(spoiled)
    found = knock("cache file", cache_file.read_batch, path, key, "made")
    assert (found is None) == (spoiled != good)


def spoil(data, good: bytes) -> bytes:
    return data.draw(spoiled_bytes(good))


WORDS = ["", ":", "\x00", "~nobody", "\udcff", "[/x]", "x" * 300, ".", "..", "good", "good/", "/"]


@pytest.mark.filterwarnings("ignore:data 'events")  # a class in one half only
@fuzz
@given(data=st.data())
def test_films_of_anything_through_the_words_of_a_data_set(folder, data):
    good = good_file(folder, False)
    (folder / "some").write_bytes(data.draw(st.sampled_from([good, b""])) or spoil(data, good))
    name = data.draw(st.sampled_from([*["some"] * 30, *WORDS]))
    limit = data.draw(st.sampled_from([None, 1, 2, 99, 0, -1]))
    word = f"events:{folder}/{name}" if data.draw(st.integers(0, 9)) else f"events:{name}"
    found = knock("events: in Python", open_data, word, limit=limit)
    if found is not None:
        assert found.train.shape == SHAPE and len(found.train) + len(found.test) <= len(made())
        check_batch(found.train)
        check_batch(found.test)
        assert found.identity.changes(open_data(word, limit=limit).identity) == ""


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    """A network for the sensor of the films here."""
    path = tmp_path_factory.mktemp("network") / "network.toml"
    path.write_text(
        """
        [[population]]
        name = "input"
        shape = [2, 3, 4]
        [[population]]
        name = "output"
        shape = [3]
        neuron = { model = "lif", tau_us = 20000 }
        [[connection]]
        source = "input"
        target = "output"
        topology = { kind = "dense" }
        weights = { mean = 0.3, std = 0.1, seed = 1 }
        """
    )
    return path


@fuzz
@given(data=st.data())
def test_films_of_anything_on_the_command_line(folder, network, call, data):
    good = good_file(folder, False)
    written = data.draw(st.sampled_from([good, b""])) or spoil(data, good)
    (folder / "typed").write_bytes(written)
    word, fine = f"events:{folder / 'typed'}", written == good
    if not data.draw(st.integers(0, 4)):
        name = data.draw(st.sampled_from([w for w in WORDS if "\x00" not in w]))
        word, fine = f"events:{name}", False
    words = ("simulate", network, word, "--index", data.draw(st.sampled_from([0, 0, 1, 7])))
    code, _, err = knock_command("events: on the command line", call, *words, "--json")
    assert code == (0 if fine and words[-1] < 2 else 2), err


@fuzz
@given(data=st.data())
def test_pictures_of_anything_are_filmed_or_refused_on_the_command_line(folder, call, data):
    dtype = data.draw(st.sampled_from(["u1", "f4", "u1", "f8", "i8", "?", "c8", "U2"]))
    shape = data.draw(st.sampled_from([(2, 5, 4), (1, 1, 1), (0, 5, 4), (5, 4), (), (1, 2, 3, 4)]))
    images = np.ones(shape).astype(dtype)
    with (folder / "pictures.npy").open("wb") as file:
        np.save(file, images)
    if not data.draw(st.integers(0, 2)):
        spoiled = spoil(data, (folder / "pictures.npy").read_bytes())
        (folder / "pictures.npy").write_bytes(spoiled)
    words = ("film", folder / "pictures.npy", "--out", folder / "pictures.film", "--threads", 1)
    code, _, err = knock_command("film on the command line", call, *words)
    if code == 0:
        assert (open_film(folder / "pictures.film").batch.label == -1).all(), err
