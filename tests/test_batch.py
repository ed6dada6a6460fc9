"""A batch made by hand is checked at the door; what comes out of a checked one is not again."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from doors import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsnn.errors import DataError
from eventsnn.events import EventBatch, EventStream, batch_checked

SHAPE = (2, 3, 4)
GOOD = {
    "t": [5, 9, 9, 0, 3],
    "unit": [0, 23, 4, 7, 1],
    "start": [0, 3, 3, 5],
    "label": [1, -1, 0],
    "duration": [10, 0, 4],
}


def batch(shape=SHAPE, **changed):
    return EventBatch(**{k: np.array(v) for k, v in (GOOD | changed).items()}, shape=shape)


def contents(of):
    return [array.tolist() for array in (of.t, of.unit, of.start, of.label, of.duration)]


def test_a_batch_made_by_hand_has_the_dtypes_of_the_class():
    made = batch()
    assert contents(made) == list(GOOD.values())
    dtypes = [made.t.dtype, made.unit.dtype, made.start.dtype, made.label.dtype]
    assert [*dtypes, made.duration.dtype] == ["i4", "u2", "i8", "i8", "i8"]
    assert batch((1, 257, 256)).unit.dtype == "i4"
    assert [stream.label for stream in made] == [1, None, 0]


def test_arrays_of_the_right_dtype_are_kept_and_not_copied():
    made = batch()
    again = EventBatch(made.t, made.unit, made.start, made.label, made.duration, SHAPE)
    assert np.shares_memory(again.t, made.t) and np.shares_memory(again.unit, made.unit)


WRONG = {
    "a unit beyond the sensor": (
        {"unit": [0, 24, 4, 7, 1]},
        "unit of event 1 of recording 0 is 24",
    ),
    "a negative unit": ({"unit": [0, 2, 4, 7, -1]}, "unit of event 4 is -1; give 0 to 65535"),
    "a unit that wraps in 16 bits": ({"unit": [65536, 2, 4, 7, 1]}, "unit of event 0 is 65536"),
    "a time that falls": ({"t": [5, 9, 8, 0, 3]}, "event 2 of recording 0 at 8 us comes after one"),
    "a negative time": ({"t": [5, 9, 9, -1, 3]}, "event 0 of recording 2 is at -1 us; times start"),
    "a time that wraps in 32 bits": ({"t": [5, 9, 2**32, 0, 3]}, "t of event 2 is 4294967296"),
    "a time in parts": ({"t": [5, 9, 9, 0, 3.5]}, "t of event 4 is 3.5; give finite whole numbers"),
    "no time": ({"t": [5, 9, 9, 0, np.nan]}, "t of event 4 is nan"),
    "an end before the last event": (
        {"duration": [9, 0, 4]},
        "duration 9 us of recording 0 ends before its last event at 9 us; give at least 10",
    ),
    "a negative duration": ({"duration": [10, -1, 4]}, "duration of recording 1 is -1; give 0 to"),
    "no duration": ({"duration": [10, np.nan, 4]}, "duration of recording 1 is nan"),
    "a duration of 2^31": ({"duration": [10, 2**31, 4]}, "duration of recording 1 is 2147483648"),
    "a label of text": (
        {"label": ["cat", "dog", "cat"]},
        "label has dtype <U3; give whole numbers",
    ),
    "a label that is none": ({"label": [1, np.nan, 0]}, "label of recording 1 is nan; give finite"),
    "half a label": ({"label": [1, 0.5, 0]}, "label of recording 1 is 0.5; give finite whole"),
    "a label below unknown": ({"label": [1, -2, 0]}, "label of recording 1 is -2; give -1 to"),
    "a start beyond the events": (
        {"start": [0, 3, 6, 5]},
        "recording 2 starts at event 6 and ends",
    ),
    "a negative start": ({"start": [0, -1, 3, 5]}, "recording 0 starts at event 0 and ends before"),
    "a start that is not 0": ({"start": [1, 3, 3, 5]}, "start goes from 1 to 5; give 0 to 5"),
    "an end that is not the end": ({"start": [0, 3, 3, 6]}, "start goes from 0 to 6; give 0 to 5"),
    "a start too few": ({"start": [0, 3, 5]}, "3 labels, 3 durations and 3 starts"),
    "no start": ({"start": []}, "3 labels, 3 durations and 0 starts"),
    "a duration too few": ({"duration": [10, 4]}, "3 labels, 2 durations and 4 starts"),
    "a unit too few": ({"unit": [0, 1, 2, 3]}, "5 times but 4 units; give one unit an event"),
    "times in a table": ({"t": [[5, 9, 9, 0, 3]]}, "t has shape (1, 5); give one value an event"),
    "one label for all": ({"label": 1}, "label has shape (); give one value a recording"),
    "an object": ({"unit": [0, None, 4, 7, 1]}, "unit has dtype object; give whole numbers"),
    "a sensor of nothing": ({"shape": (2, 0, 4)}, "a sensor is (polarities, height, width)"),
}


@pytest.mark.parametrize(("changed", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_batch_made_by_hand_is_refused_by_place_and_value(changed, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        batch(**changed)
    assert "\n" not in str(caught.value)


def test_rows_of_unequal_length_are_no_array():
    rest = {name: np.array(GOOD[name]) for name in ("unit", "start", "label", "duration")}
    with pytest.raises(DataError, match="t is no array"):
        EventBatch(t=[[1], [2, 3]], **rest, shape=SHAPE)


@pytest.mark.parametrize("block", [1, 2, 3, 100])
@settings(deadline=None, max_examples=examples(60))
@given(st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=5))
def test_the_first_fall_of_time_is_found_across_the_borders_of_blocks(block, recordings):
    sizes = [len(times) for times in recordings]
    t = np.array([t for times in recordings for t in times], np.int32)
    start = np.cumsum([0, *sizes])
    falls = any(times != sorted(times) for times in recordings)
    n = len(recordings)
    arrays = (t, np.zeros(len(t), np.uint16), start, np.zeros(n, int), np.full(n, 10), (1, 1, 1))
    before = batch_checked._BLOCK
    batch_checked._BLOCK = block
    try:
        if not falls:
            assert len(EventBatch(*arrays)) == n
            return
        with pytest.raises(DataError) as caught:
            EventBatch(*arrays)
    finally:
        batch_checked._BLOCK = before
    recording = next(i for i, times in enumerate(recordings) if times != sorted(times))
    times = recordings[recording]
    event = next(i for i in range(1, len(times)) if times[i] < times[i - 1])
    assert f"event {event} of recording {recording} at {times[event]} us" in str(caught.value)


def test_parts_and_selections_of_a_checked_batch_are_not_checked_again(monkeypatch):
    whole, made = batch(), []
    check = batch_checked._check_events
    monkeypatch.setattr(batch_checked, "_check_events", lambda *a: made.append(a) or check(*a))
    assert contents(whole.part(0, 2)) == [[5, 9, 9], [0, 23, 4], [0, 3, 3], [1, -1], [10, 0]]
    assert contents(whole.select([2, 0, 2]))[0] == [0, 3, 5, 9, 9, 0, 3]
    assert not made
    with pytest.raises(DataError, match="comes after one"):
        replace(whole, t=[9, 5, 9, 0, 3])
    assert len(made) == 1


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("cat", "label is 'cat'; give the number of a class"),
        (float("nan"), "label is nan; give the number of a class"),
        (0.5, "label is 0.5; give the number of a class"),
        (2**31, "label 2147483648; give at most 2147483647"),
        (2**70, "give at most"),
        (-1, "label -1; classes count from 0"),
        ([1], "label is [1]; give the number of a class"),
    ],
)
def test_a_label_that_is_no_class_is_refused(label, message):
    with pytest.raises(DataError, match=re.escape(message)):
        EventStream([0], [0], SHAPE, label)


@pytest.mark.parametrize(
    ("duration", "message"),
    [
        (float("nan"), "duration is nan; give whole microseconds"),
        (0.3, "duration is 0.3; give whole microseconds"),
        (-7, "duration is -7 us; give at least 6"),
        ("6", "duration is '6'; give whole microseconds"),
        (2**63, "duration is"),
        (5, "duration 5 us ends before event 0 at 5 us; give at least 6"),
    ],
)
def test_a_duration_that_is_none_is_refused(duration, message):
    with pytest.raises(DataError, match=re.escape(message)):
        EventStream([5], [0], SHAPE, duration=duration)


def test_a_class_and_a_duration_are_kept_as_python_numbers():
    stream = EventStream([5], [0], SHAPE, np.float32(3.0), 3e5)
    assert (stream.label, stream.duration) == (3, 300_000)
    assert type(stream.label) is int and type(stream.duration) is int


def test_arrays_in_the_wrong_places_are_told_in_one_short_line():
    rows = np.arange(100_000)
    with pytest.raises(DataError, match="shape int64 array") as caught:
        EventStream(rows, rows, rows, rows)
    assert len(str(caught.value)) < 300
    with pytest.raises(DataError, match="5 is no EventStream"):
        EventBatch.from_streams([5])


def test_times_in_seconds_are_answered_with_the_unit():
    with pytest.raises(DataError, match=r"t of event 1 is 0\.25; .* whole numbers of microseconds"):
        EventStream([0.0, 0.25], [0, 1], SHAPE)


def test_half_precision_is_read_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert EventStream(np.array([1, 2], np.float16), [0, 1], SHAPE).t.tolist() == [1, 2]
        with pytest.raises(DataError, match="t of event 1 is inf"):
            EventStream(np.array([1, np.inf], np.float16), [0, 1], SHAPE)
