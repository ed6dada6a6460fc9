"""Events at the door: what is refused, and operations that lose nothing."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsnn.errors import DataError
from eventsnn.events import EventBatch, EventStream, merge, unit_dtype

SHAPE = (2, 5, 7)


@st.composite
def streams(draw: st.DrawFn, shape: tuple[int, int, int] = SHAPE, least: int = 0) -> EventStream:
    size = draw(st.integers(least, 30))
    gaps = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    last = shape[0] * shape[1] * shape[2] - 1
    units = draw(st.lists(st.integers(0, last), min_size=size, max_size=size))
    label = draw(st.none() | st.integers(0, 9))
    spare = draw(st.integers(0, 5))
    times = list(np.cumsum(gaps)) if size else []
    end = int(times[-1]) + 1 if times else 0
    return EventStream(np.array(times), np.array(units), shape, label, end + spare)


def same(a: EventStream, b: EventStream) -> bool:
    return (
        a.t.tolist() == b.t.tolist()
        and a.unit.tolist() == b.unit.tolist()
        and (a.shape, a.label, a.duration) == (b.shape, b.label, b.duration)
    )


def pairs(stream: EventStream) -> list[tuple[int, int]]:
    return sorted(zip(stream.t.tolist(), stream.unit.tolist(), strict=True))


@settings(deadline=None)
@given(streams(), st.permutations(list("xytp")))
def test_structured_arrays_convert_by_field_name_in_any_order(stream, names):
    events = stream.to_structured()
    permuted = np.empty(len(events), [(name, np.int32) for name in names])
    for name in names:
        permuted[name] = events[name]
    back = EventStream.from_structured(
        permuted, SHAPE, label=stream.label, duration=stream.duration
    )
    assert same(back, stream)


def test_the_unit_is_the_c_order_index_of_polarity_y_x():
    grid = np.arange(2 * 5 * 7).reshape(SHAPE)
    p, y, x = (part.ravel() for part in np.indices(SHAPE))
    events = np.zeros(70, [("p", bool), ("t", np.uint64), ("y", np.uint8), ("x", np.int16)])
    events["p"], events["y"], events["x"], events["t"] = p, y, x, np.arange(70)
    stream = EventStream.from_structured(events, SHAPE)
    assert stream.unit.tolist() == grid[p, y, x].tolist()
    assert (stream.polarity.tolist(), stream.y.tolist(), stream.x.tolist()) == (
        p.tolist(),
        y.tolist(),
        x.tolist(),
    )
    assert (stream.t.dtype, stream.unit.dtype) == (np.int64, np.int32)


def test_a_field_may_be_missing_where_the_sensor_has_one_of_it():
    events = np.array([(0, 3, 1)], [("t", int), ("x", int), ("p", int)])
    assert EventStream.from_structured(events[["t", "x"]], (1, 1, 700)).unit.tolist() == [3]
    assert EventStream.from_structured(events, (2, 1, 7)).unit.tolist() == [7 + 3]
    assert EventStream.from_structured(events[["t", "p"]], (2, 1, 1)).unit.tolist() == [1]
    with pytest.raises(DataError, match="p of event 0 is 1, outside the sensor; give 0 to 0"):
        EventStream.from_structured(events, (1, 1, 7))


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("y", "the row of the events is missing, and the sensor has 5 of them; call its field y"),
        ("x", "the column of the events is missing, and the sensor has 7 of them; call its"),
        ("p", "the polarity of the events is missing, and the sensor has 2 of them; call its"),
        ("t", "the time of the events is missing; call its field t or ts or time"),
    ],
)
def test_a_missing_field_is_refused_where_the_sensor_has_more_than_one(missing, message):
    events = EventStream([0, 9], [1, 69], SHAPE).to_structured()
    kept = events[[name for name in "xytp" if name != missing]]
    with pytest.raises(DataError, match=message):
        EventStream.from_structured(kept, SHAPE)


@pytest.mark.parametrize("name", ["p", "P", "pol", "polarity", "Polarity", "on", "ON"])
def test_the_polarity_is_read_under_each_of_its_usual_names(name):
    events = np.zeros(3, [("t", int), ("x", int), ("y", int), (name, bool)])
    events["x"], events[name] = [4, 5, 6], [True, False, True]
    stream = EventStream.from_structured(events, SHAPE)
    assert stream.unit.tolist() == [35 + 4, 5, 35 + 6]


@pytest.mark.parametrize(
    "names", [("ts", "x", "y"), ("timestamp", "X", "Y"), ("TIME", "column", "row")]
)
def test_times_and_places_are_read_under_their_usual_names(names):
    t, x, y = names
    events = np.zeros(2, [(y, int), (x, int), (t, int), ("pol", int), ("track_id", "U9")])
    events[t], events[x], events[y], events["pol"] = [3, 8], [6, 0], [4, 1], [0, 1]
    stream = EventStream.from_structured(events, SHAPE)
    assert stream.t.tolist() == [3, 8] and stream.unit.tolist() == [4 * 7 + 6, 35 + 7]


def test_a_field_is_known_by_its_numpy_title():
    kinds = [(("t", "f0"), int), (("x", "f1"), int), (("y", "f2"), int), (("polarity", "f3"), int)]
    events = np.zeros(1, kinds)
    events["f0"], events["f1"], events["f2"], events["f3"] = 9, 2, 3, 1
    stream = EventStream.from_structured(events, SHAPE)
    assert stream.t.tolist() == [9] and stream.unit.tolist() == [35 + 3 * 7 + 2]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (["t", "x", "y", "p", "polarity"], "both 'p' and 'polarity' may be the polarity"),
        (["t", "x", "y", "p", "P"], "both 'p' and 'P' may be the polarity"),
        (["t", "timestamp", "x", "y", "p"], "both 't' and 'timestamp' may be the time"),
        (["t", "x", "y", "p", ("on", "f4")], "both 'p' and 'f4' may be the polarity"),
        (["t", "x", ("y", "p")], "field 'p' has a title that says something else"),
    ],
)
def test_fields_that_may_be_the_same_are_refused(kinds, message):
    with pytest.raises(DataError, match=message):
        EventStream.from_structured(np.zeros(2, [(kind, int) for kind in kinds]), SHAPE)


@settings(deadline=None)
@given(streams(), st.data())
def test_pieces_cut_by_time_merge_to_the_whole(stream, data):
    cut = data.draw(st.integers(0, stream.duration))
    first, second = stream.slice_time(0, cut), stream.slice_time(cut, stream.duration)
    assert (first.duration, second.duration) == (cut, stream.duration - cut)
    moved = EventStream(second.t + cut, second.unit, SHAPE, stream.label, stream.duration)
    assert same(merge([first, moved]), stream)


@settings(deadline=None)
@given(streams(), st.data())
def test_pieces_cut_by_count_merge_to_the_whole(stream, data):
    cut = data.draw(st.integers(0, len(stream)))
    pieces = [stream.slice_count(0, cut), stream.slice_count(cut, len(stream))]
    assert len(pieces[0]) == cut
    assert same(merge(pieces), stream)


def test_a_time_slice_holds_its_start_and_not_its_stop():
    stream = EventStream(np.array([0, 10, 10, 20]), np.array([1, 2, 3, 4]), SHAPE)
    piece = stream.slice_time(10, 20)
    assert (piece.t.tolist(), piece.unit.tolist(), piece.duration) == ([0, 0], [2, 3], 10)


@settings(deadline=None)
@given(streams(), streams(), streams())
def test_merging_keeps_every_event_and_the_order_of_simultaneous_ones(a, b, c):
    # The oracle: Python's stable sort of (time, number of the stream).
    tagged = [
        (int(t), number, int(u))
        for number, stream in enumerate([a, b, c])
        for t, u in zip(stream.t, stream.unit, strict=True)
    ]
    tagged.sort(key=lambda event: event[:2])
    merged = merge([a, b, c])
    assert merged.t.tolist() == [t for t, _, _ in tagged]
    assert merged.unit.tolist() == [unit for _, _, unit in tagged]
    assert merged.duration == max(a.duration, b.duration, c.duration)


@settings(deadline=None)
@given(streams(), st.integers(-8, 8), st.integers(-8, 8))
def test_a_shift_there_and_back_keeps_exactly_what_stayed_inside(stream, dx, dy):
    shifted = stream.shift(dx, dy)
    kept = [
        (t, p, y, x)
        for t, p, y, x in zip(
            stream.t.tolist(),
            stream.polarity.tolist(),
            stream.y.tolist(),
            stream.x.tolist(),
            strict=True,
        )
        if 0 <= x + dx < 7 and 0 <= y + dy < 5
    ]
    assert shifted.x.tolist() == [x + dx for *_, x in kept]
    assert shifted.y.tolist() == [y + dy for _, _, y, _ in kept]
    back = shifted.shift(-dx, -dy)
    columns = [back.t.tolist(), back.polarity.tolist(), back.y.tolist(), back.x.tolist()]
    assert list(zip(*columns, strict=True)) == kept
    assert len(stream.shift(1 << 40, 0)) == 0


@settings(deadline=None)
@given(streams())
def test_polarities_split_and_put_back_are_the_whole(stream):
    off, on = stream.split_polarity()
    assert off.shape == on.shape == (1, 5, 7)
    lifted = [
        EventStream(part.t, part.unit + 35 * p, SHAPE, stream.label, stream.duration)
        for p, part in enumerate([off, on])
    ]
    assert pairs(merge(lifted)) == pairs(stream)


@settings(deadline=None)
@given(st.lists(streams(), min_size=1, max_size=6), st.data())
def test_a_batch_gives_back_its_streams_whole_and_selected(recordings, data):
    batch = EventBatch.from_streams(recordings)
    assert len(batch) == len(recordings) and batch.n_units == 70
    assert all(same(a, b) for a, b in zip(batch, recordings, strict=True))
    assert same(batch[-1], recordings[-1])
    chosen = data.draw(st.lists(st.integers(-len(batch), len(batch) - 1), max_size=8))
    selected = batch.select(chosen)
    assert len(selected) == len(chosen)
    assert all(same(a, recordings[i]) for a, i in zip(selected, chosen, strict=True))
    assert (selected.t.dtype, selected.unit.dtype) == (batch.t.dtype, batch.unit.dtype)


@settings(deadline=None)
@given(st.lists(streams(), min_size=1, max_size=6), st.data())
def test_a_part_of_a_batch_shares_its_events(recordings, data):
    batch = EventBatch.from_streams(recordings)
    first = data.draw(st.integers(0, len(batch)))
    last = data.draw(st.integers(first, len(batch)))
    part = batch.part(first, last)
    assert len(part) == last - first
    assert all(same(a, b) for a, b in zip(part, recordings[first:last], strict=True))
    assert not len(part.t) or np.shares_memory(part.t, batch.t)


@pytest.mark.parametrize(("first", "last"), [(-1, 1), (1, 0), (0, 3)])
def test_a_part_of_recordings_that_do_not_exist_is_refused(first, last):
    batch = EventBatch.from_streams([EventStream([0], [0], (1, 1, 1))] * 2)
    with pytest.raises(IndexError, match="of 2"):
        batch.part(first, last)


def test_addresses_take_16_bits_where_they_fit():
    assert unit_dtype((2, 34, 34)) is np.uint16
    assert unit_dtype((1, 256, 256)) is np.uint16
    assert unit_dtype((1, 256, 257)) is np.int32
    stream = EventStream(np.array([0]), np.array([65535]), (1, 256, 256))
    assert EventBatch.from_streams([stream])[0].unit.tolist() == [65535]


def test_a_batch_index_outside_is_an_index_error():
    batch = EventBatch.from_streams([EventStream(np.array([0]), np.array([0]), SHAPE)])
    with pytest.raises(IndexError, match="recording 1 of 1"):
        batch[1]


@pytest.mark.parametrize(
    ("t", "unit", "message"),
    [
        ([0, 5, 3], [0, 1, 2], "event 2 at 3 us comes after event 1 at 5 us; sort"),
        ([-4, 5], [0, 1], "event 0 is at -4 us; times start at 0"),
        ([0.0, np.nan], [0, 1], "t of event 1 is nan; give finite whole numbers"),
        ([0.0, np.inf], [0, 1], "t of event 1 is inf; give finite whole numbers"),
        ([0.0, 1.5], [0, 1], "t of event 1 is 1.5; give finite whole numbers"),
        ([0.0, 1e300], [0, 1], "t of event 1 is 1e+300; give finite whole numbers"),
        (np.array([1, 2**63], np.uint64), [0, 1], "t of event 1 is 9223372036854775808; give"),
        ([0, 1], [0, 70], "unit of event 1 is 70, outside the sensor; give 0 to 69"),
        ([0, 1], [-1, 0], "unit of event 0 is -1, outside the sensor; give 0 to 69"),
        ([0, 1, 2], [0, 1], "3 times but 2 units; give one unit an event"),
        ([[0], [1]], [0, 1], "t has shape (2, 1); give one value an event"),
        (["a"], [0], "t has dtype <U1; give whole numbers"),
    ],
)
def test_wrong_events_are_refused_with_index_and_value(t, unit, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        EventStream(np.asarray(t), np.asarray(unit), SHAPE, source="file.bin")
    assert str(caught.value).startswith("file.bin: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("x", 7, "x of event 1 is 7, outside the sensor; give 0 to 6"),
        ("y", 5, "y of event 1 is 5, outside the sensor; give 0 to 4"),
        ("p", 2, "p of event 1 is 2; give truth values, 0 and 1, or -1 and 1"),
        ("y", -1, "y of event 1 is -1, outside the sensor; give 0 to 4"),
        ("t", -1, "event 1 at -1 us comes after event 0 at 0 us"),
    ],
)
def test_a_field_outside_the_sensor_is_named_even_where_the_unit_would_fit(name, value, message):
    events = np.zeros(2, [(field, int) for field in "typx"])
    events[name][1] = value
    with pytest.raises(DataError, match=re.escape(message)):
        EventStream.from_structured(events, SHAPE)


@pytest.mark.parametrize(
    "shape", [(2, 5), (0, 5, 7), (2, 5, 7.5), (2, None, 7), (2, 1 << 20, 1 << 20)]
)
def test_a_shape_that_is_no_sensor_is_refused(shape):
    with pytest.raises(DataError, match="a sensor is \\(polarities, height, width\\)"):
        EventStream(np.array([0]), np.array([0]), shape)


def test_other_wrong_arguments_are_refused_with_their_value():
    stream = EventStream(np.array([0, 9]), np.array([0, 1]), SHAPE)
    other = EventStream(np.array([0]), np.array([0]), (1, 5, 7))
    long = EventStream(np.array([1 << 31]), np.array([0]), SHAPE, source="long.bin")
    cases = [
        (lambda: EventStream(stream.t, stream.unit, SHAPE, 0, 9), "duration 9 us ends before"),
        (
            lambda: EventStream(stream.t, stream.unit, SHAPE, -3),
            "label -3; classes count from 0, None stands for an unknown one",
        ),
        (lambda: stream.slice_time(5, 2), "time slice [5, 2) us; need 0 <= start <= stop"),
        (lambda: stream.slice_count(-1, 2), "count slice [-1, 2); need 0 <= start <= stop"),
        (lambda: merge([]), "no streams were given"),
        (lambda: merge([stream, other]), "the sensors differ ([(1, 5, 7), (2, 5, 7)])"),
        (lambda: EventBatch.from_streams([]), "no recordings; give at least one"),
        (lambda: EventBatch.from_streams([stream, other]), "the sensors differ"),
        (lambda: EventBatch.from_streams([long]), "long.bin: lasts 2147483649 us"),
        (
            lambda: EventStream.from_structured(np.zeros(2), SHAPE),
            "an array of events has named fields t, x, y, p; this one has the dtype float64",
        ),
    ]
    for wrong, message in cases:
        with pytest.raises(DataError, match=re.escape(message)):
            wrong()


def test_a_stream_does_not_share_memory_with_what_it_was_made_from():
    t, unit = np.array([0, 1]), np.array([0, 1], np.int32)
    stream = EventStream(t, unit, SHAPE)
    t[0], unit[0] = 5, 69
    assert (stream.t.tolist(), stream.unit.tolist()) == ([0, 1], [0, 1])
