"""What HerdingMLP refuses, in one line that names the place, the value and the remedy."""

import numpy as np
import pytest

from eventsnn.data.images import Images
from eventsnn.data.source import open_data
from eventsnn.errors import DataError, DivergedError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.deep_spiking.options import HerdingOptions

SMALL = [np.ones((4, 3)), np.ones((3, 2))]


def one_line(message):
    return rf"^[^\n]*{message}[^\n]*$"


@pytest.mark.parametrize(
    ("weights", "fields", "message"),
    [
        (None, {}, "weights is None; give a list of arrays"),
        ("abc", {}, "weights is 'abc'"),
        (3.5, {}, "weights is 3.5"),
        (np.float64(1), {}, "weights is 1.0"),
        (np.zeros((0, 2, 2)), {}, "no weights were given"),
        (["ab"], {}, "weights\\[0\\] has dtype <U2; give real numbers"),
        ([[[1, 2], [3]]], {}, "weights\\[0\\] is no array of one shape"),
        ([np.ones((2, 2)) * 1j], {}, "weights\\[0\\] has dtype complex128"),
        (
            [np.array([[1e39]])],
            {"dtype": "float32"},
            "weights\\[0\\]\\[0, 0\\] is 1e\\+39; float32",
        ),
        (
            [np.array([[1e15]])],
            {"dtype": "integer"},
            "1000000000000000.0; integer mode holds at most",
        ),
        (SMALL, {"options": "fast"}, "options is 'fast'; give HerdingOptions"),
        (SMALL, {"n_steps": "ten"}, "n_steps is 'ten'; give a whole number from 1"),
        (SMALL, {"n_steps": 2.5}, "n_steps is 2.5"),
        (SMALL, {"n_steps": True}, "n_steps is True"),
        (SMALL, {"n_steps": 10**30}, "n_steps is 1000000000000000000000000000000; give"),
        (SMALL, {"eta": None}, "eta is None; give a number, more than 0"),
        (SMALL, {"eta": True}, "eta is True"),
        (SMALL, {"eta": 10**4000}, "eta is 1000000"),
        (SMALL, {"seed": 1.5}, "seed is 1.5; give a whole number"),
        (SMALL, {"fractional": "no"}, "fractional is 'no'; give true or false"),
        (SMALL, {"hold_error": 1}, "hold_error is 1; give true or false"),
        (SMALL, {"dtype": ["float64"]}, "dtype is \\['float64'\\]; choose one of"),
        (SMALL, {"ties": "java"}, "ties is 'java'; choose one of auto, unit, heap"),
        (SMALL, {"back_quantizer": []}, "back_quantizer is \\[\\]; choose one of"),
        (SMALL, {"dtype": "integer", "eta": 1e-300}, "integer mode needs T\\^2/eta from 2 to"),
    ],
)
def test_networks_of_wrong_things_are_refused(weights, fields, message):
    with pytest.raises(UserError, match=one_line(message)):
        HerdingMLP(weights, **fields)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ("abcd", "x has dtype <U4; give real numbers"),
        (None, "x has dtype object"),
        ([[1, 2], [3], 4], "x is no array of one shape"),
        (np.ones(4) * 1j, "x has dtype complex128"),
        (np.ones((1, 2, 4)), "x has shape \\(1, 2, 4\\)"),
        (np.ones((0, 4)), "x has shape \\(0, 4\\)"),
        (np.ones((2, 5)), "x: 5 inputs, but the network takes 4"),
        ([1, 2, np.nan, 4], "x\\[2\\] is nan; give finite values"),
        (EventStream([0], [0], (1, 1, 5)), "5 inputs, but the network takes 4"),
    ],
)
def test_samples_of_wrong_things_are_refused(x, message):
    net = HerdingMLP(SMALL)
    with pytest.raises(UserError, match=one_line(message)):
        net.predict(x)
    if np.ndim(np.asarray(x, object)) != 2:  # only predict takes many vectors
        with pytest.raises(UserError, match=one_line(message)):
            net.train_one(x, 0)


def batch_of(n, shape=(1, 2, 2)):
    streams = [EventStream([0, 3, 5], [0, 1, 3], shape, k % 2, 10) for k in range(n)]
    return EventBatch.from_streams(streams, "mine")


@pytest.mark.parametrize(
    "many", [batch_of(3), Images(np.zeros((3, 2, 2), np.uint8), np.zeros(3, int))]
)
def test_predicting_many_recordings_says_what_to_call(many):
    with pytest.raises(UserError, match=r"of 3 samples, where one is asked for; .* outputs"):
        HerdingMLP(SMALL).predict(many)
    with pytest.raises(UserError, match="of 3 samples, where one is asked for"):
        HerdingMLP(SMALL).train_one(many, 0)


@pytest.mark.parametrize("y", ["a", [1, np.nan], 0.5, -1, 2, np.inf, [[1, 0]], None, [1, "a"]])
def test_targets_that_are_none_are_refused(y):
    with pytest.raises(UserError, match=one_line("y")):
        HerdingMLP(SMALL).train_one(np.ones(4), y)


def test_data_orders_threads_and_numbers_that_are_none_are_refused():
    net, batch = HerdingMLP(SMALL), batch_of(3)
    for data in (None, "digits", [batch[0]], open_data("digits", limit=40)):
        for call in (net.train, net.outputs, net.record):
            with pytest.raises(UserError, match="give an EventBatch or Images"):
                call(data, 0)
    for order in ("a", [[0]], [0.5], [[0], [1, 2]], None, [True]):
        for call in (net.train, net.outputs):
            with pytest.raises(UserError, match="order"):
                call(batch, order)
    for threads in (0, -1, "two", 1.5, True, None):
        with pytest.raises(UserError, match=f"threads is {threads!r}; give a whole number"):
            net.outputs(batch, [0], threads)
    with pytest.raises(UserError, match="order"):
        net.record(batch, "a")
    assert net.outputs(batch, [])[0].shape == (0, 2)


def test_a_sensor_of_another_size_is_refused_and_named():
    with pytest.raises(UserError, match="mine: 6 inputs, but the network takes 4; give"):
        HerdingMLP(SMALL).train(batch_of(2, (1, 2, 3)), [0])


@pytest.mark.parametrize(
    ("field", "at", "value", "message"),
    [
        ("unit", 4, 60_000, "recording 1: unit of event 1 is 60000; the network takes 0 to 3"),
        ("start", 2, 10**9, "recording 1: start says events 3 to 999999999; there are 9"),
        ("start", 1, -5, "recording 1: start says events -5 to 5; there are 9"),
        ("t", 5, 1, "recording 1: event 2 at 1 us comes after event 1 at 3 us"),
    ],
)
@pytest.mark.parametrize("step_by", ["count", "time"])
def test_a_batch_that_was_overwritten_is_refused_before_it_is_read(
    field, at, value, message, step_by
):
    batch, net = batch_of(3), HerdingMLP(SMALL, step_by=step_by)
    getattr(batch, field)[at] = value
    for call in (net.train, net.outputs):
        with pytest.raises(DataError, match=f"^mine: {message}; the batch was changed since$"):
            call(batch, [1])
    with pytest.raises(DataError, match=message):
        net.record(batch, 1)


@pytest.mark.parametrize("step_by", ["count", "time"])
def test_times_out_of_order_are_never_learned(step_by):
    net = HerdingMLP(SMALL, step_by=step_by)
    with pytest.raises(DataError, match="event 1 at 2 us comes after event 0 at 7 us"):
        net.train_one(EventStream([7, 2], [0, 1], (1, 2, 2)), 0)
    with pytest.raises(DataError):
        arrays = ([7, 2], [0, 1], [0, 2], [0], [10])
        net.train(EventBatch(*(np.array(a) for a in arrays), (1, 2, 2)), [0])
    stream = EventStream([2, 7], [0, 1], (1, 2, 2))
    stream.t[:] = [7, 2]
    with pytest.raises(DataError):
        net.train_one(stream, 0)
    assert net.n_trained == 0


def test_weights_that_leave_the_numbers_are_an_error_and_no_answer():
    net = HerdingMLP([np.full((2, 1), -1.7e308), np.ones((1, 2))], n_steps=1)
    with pytest.raises(DivergedError, match="at sample 0 weights or potentials are no longer"):
        net.train_one([1.0, 1.0], 0)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("weight0", lambda a: np.full_like(a, np.nan), r"state weight0\[0, 0\] is nan"),
        ("phi_back", lambda a: np.full_like(a, -np.inf), r"state phi_back\[0\] is -inf"),
        ("weight1", lambda a: a.T.copy(), r"state weight1: \(2, 3\), this network needs \(3, 2\)"),
        ("weight1", lambda a: a.astype(np.float32), "state weight1: float32, needs float64"),
        ("tally", lambda a: None, "state tally: nothing"),
        ("tally", lambda a: a.tolist(), "state tally: nothing"),
        ("n_trained", lambda a: a - 1, r"state n_trained\[0\] is -1"),
    ],
)
def test_a_snapshot_that_is_none_is_refused_and_nothing_changes(name, spoil, message):
    net = HerdingMLP(SMALL)
    before = net.snapshot()
    with pytest.raises(UserError, match=message):
        net.restore(before | {name: spoil(before[name])})
    with pytest.raises(UserError, match="state is 3"):
        net.restore(3)
    for key, array in net.snapshot().items():
        np.testing.assert_array_equal(array, before[key])


def test_options_that_are_numpy_numbers_are_taken():
    options = HerdingOptions(n_steps=np.int64(4), eta=np.float32(0.5), fractional=np.bool_(True))
    assert HerdingMLP(SMALL, options).train_one(np.ones(4), 1).shape == (2,)
