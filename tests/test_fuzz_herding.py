"""Whatever the event-driven backprop MLP is given, it answers, or refuses in one line."""

import numpy as np
import pytest
from doors import NASTY, fuzz, knock
from hypothesis import given
from hypothesis import strategies as st

from eventsnn.events import EventBatch, EventStream
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.deep_spiking.options import QUANTIZERS

GOOD = [np.full((4, 3), 0.4), np.full((3, 2), -0.3)]
OPTIONS = {
    "n_steps": [1, 3],
    "eta": [0.01, 0.5],
    "fractional": [True, False],
    "smooth_grads": [True, False],
    "forward_quantizer": sorted(QUANTIZERS),
    "back_quantizer": sorted(QUANTIZERS),
    "test_quantizer": ["rect-herding", "herding"],
    "depth_first": [True, False],
    "hold_error": [True, False],
    "dtype": ["float64", "float32", "integer"],
    "seed": [0, 7],
    "step_by": ["count", "time"],
    "ties": ["auto", "unit", "heap"],
}
NUMBERS = [0.0, -1.5, 3.0, 1e-320, 1e30, 1e308, float("nan"), float("inf"), -float("inf")]


def arrays(shapes):
    """Return arrays of a shape that fits, or of another, of numbers that may be nasty."""
    shape = st.sampled_from(shapes)
    values = st.sampled_from([*NUMBERS[:3] * 4, *NUMBERS])
    dtype = st.sampled_from([float, float, np.float32, np.int8, object, complex, "U3"])
    return st.builds(filled, shape, st.lists(values, min_size=1, max_size=5), dtype)


def filled(shape, values, dtype):
    array = np.resize(np.array(values), shape)
    with np.errstate(all="ignore"):
        try:
            return array.astype(dtype)
        except (OverflowError, ValueError):
            return array


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Compile before the clock of the first case runs."""
    stream = EventStream([0], [0], (1, 2, 2), 0)
    for dtype in OPTIONS["dtype"]:
        net = HerdingMLP(GOOD, dtype=dtype)
        for x in (np.ones(4), stream):
            net.train_one(x, 0)
        batch = EventBatch.from_streams([stream])
        net.train(batch, [0])


nasty = st.sampled_from(NASTY)
VECTORS = st.one_of(nasty, arrays([(4,), (4,), (4,), (3,), (2, 4), (0, 4), (), (1, 1, 4)]))
TARGETS = st.one_of(st.integers(-1, 3), nasty, arrays([(2,), (2,), (3,), (1, 2), ()]))


def small_net(data):
    """Draw a network that can be, of any mode."""
    chosen = {name: data.draw(st.sampled_from(values)) for name, values in OPTIONS.items()}
    chosen["smooth_grads"] &= chosen["dtype"] != "integer"
    return HerdingMLP(GOOD, **chosen)


@fuzz
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_constructor_makes_a_network_that_runs_or_refuses(data):
    weights = data.draw(
        st.one_of(
            st.just(GOOD),
            nasty,
            st.tuples(arrays([(4, 3), (4, 2), (4,)]), arrays([(3, 2), (2, 2)])).map(list),
        )
    )
    fields = {
        name: data.draw(st.one_of(st.sampled_from(values), nasty))
        for name, values in OPTIONS.items()
        if data.draw(st.booleans())
    }
    if fields.get("n_steps") is None or data.draw(st.booleans()):
        fields.pop("n_steps", None)
    net = knock("HerdingMLP", HerdingMLP, weights, **fields)
    if net is not None and net.options.n_steps <= 100:
        out = knock("HerdingMLP.predict of what was made", net.predict, np.ones(net.sizes[0]))
        assert out is None or np.isfinite(out).all()


@fuzz
@given(data=st.data())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_predict_and_train_one_answer_with_numbers_or_refuse(data):
    net = small_net(data)
    x = data.draw(VECTORS)
    out = knock("HerdingMLP.predict", net.predict, x)
    assert out is None or np.isfinite(out).all()
    out = knock("HerdingMLP.train_one", net.train_one, x, data.draw(TARGETS))
    assert out is None or np.isfinite(out).all()
    if out is not None:
        assert all(np.isfinite(weight).all() for weight in net.weights)


@fuzz
@given(data=st.data())
def test_batches_are_read_where_they_are_and_nowhere_else(data):
    net = small_net(data)
    streams = [EventStream([0, 3, 5], [0, 1, 3], (1, 2, 2), k % 2, 10) for k in range(3)]
    batch = EventBatch.from_streams(streams, "mine")
    for _ in range(data.draw(st.integers(0, 2))):
        array = getattr(batch, data.draw(st.sampled_from(["t", "unit", "start", "label"])))
        info = np.iinfo(array.dtype)
        values = [0, 1, 3, 5, 9, 10, info.min, info.max, info.max // 2]
        array[data.draw(st.integers(0, len(array) - 1))] = data.draw(st.sampled_from(values))
    order = data.draw(st.one_of(st.lists(st.integers(0, 2), max_size=4), nasty))
    knock("HerdingMLP.train", net.train, batch, order)
    knock("HerdingMLP.outputs", net.outputs, batch, order, data.draw(st.sampled_from([1, 2, 0])))
    knock("HerdingMLP.record", net.record, batch, data.draw(st.one_of(st.integers(0, 2), nasty)))


@fuzz
@given(data=st.data())
def test_states_are_taken_whole_or_refused(data):
    net = small_net(data)
    arrays_of = net.snapshot()
    name = data.draw(st.sampled_from(sorted(arrays_of)))
    good = arrays_of[name]
    spoiled = [good.astype(np.float16), good[..., :1], good * np.nan, good.tolist(), good - 1]
    arrays_of[name] = data.draw(st.one_of(st.sampled_from(spoiled), nasty))
    before = net.snapshot()
    if knock("HerdingMLP.restore", net.restore, arrays_of) is None:
        assert all(np.isfinite(weight).all() for weight in net.weights)
    assert list(net.snapshot()) == list(before)
    knock("HerdingMLP.restore of anything", net.restore, data.draw(nasty))
