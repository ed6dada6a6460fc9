"""Saved states: what is not of one piece, or of another network, is refused at the door."""

from dataclasses import fields, replace

import numpy as np
import pytest
from doors import fuzz, knock, spoiled_bytes
from hypothesis import given
from hypothesis import strategies as st

from eventsnn.engines import State, simulate
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventStream
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.topology.dense import Dense
from eventsnn.topology.sparse import Sparse

NAMES = [field.name for field in fields(State) if field.name not in ("described", "worked_off")]
NAN, INF = float("nan"), float("inf")


def network_of(predicting):
    rng = np.random.default_rng(0)
    each = np.array([[0, 700, 900, 900, 8], [700, 650, 1, 0, 3]])
    populations = (
        Population("input", (4,)),
        Population("p", (5,), LIF(5_000.0, 1.0, "subtract", 70)),
        Population("q", (2,), CubaLIF(5_000.0, 900.0, 0.3) if predicting else LIF(900.0, 0.5)),
        Population("r", (2,), Readout(5_000.0)),
    )
    connections = (
        Connection("input", "p", Dense(4, 5), 500),
        Connection("p", "p", Dense(5, 5), rng.integers(1, 900, (5, 5))),
        Connection("p", "q", Dense(5, 2), 90),
        Connection("q", "p", Dense(2, 5), each),
        Connection("q", "r", Dense(2, 2)),
    )
    shapes = [c.topology.weight_shape for c in connections]
    weights = [rng.normal(m, 0.3, s) for m, s in zip((0.6, 0, 0.9, -0.1, 1), shapes, strict=True)]
    return Network(populations, connections), weights


def events(begin, end):
    rng = np.random.default_rng(1)
    t, unit = np.sort(rng.integers(0, 5_000, 80)), rng.integers(0, 4, 80)
    part = (t >= begin) & (t < end)
    return EventStream(t[part], unit[part], (1, 1, 4), duration=end)


CASES = {}
for kind in (False, True):
    network, weights = network_of(kind)
    half = simulate(network, weights, events(0, 2_500), state=State.start(network)).state
    CASES[kind] = network, weights, half


def go_on(case, state):
    network, weights, _ = case
    return simulate(network, weights, events(2_500, 5_000), state=state, event_budget=20_000)


def spoiled(state, name, place, value):
    array = getattr(state, name).copy()
    array[place] = value
    return replace(state, **{name: array})


@pytest.mark.parametrize("predicting", CASES)
def test_the_state_that_a_run_left_is_taken(predicting, tmp_path):
    case = CASES[predicting]
    assert len(case[2].log_t) > 10 and len(case[2].synapse_t) > 3
    case[2].save(tmp_path / "s.npz")
    one, two = (go_on(case, s) for s in (case[2], State.load(tmp_path / "s.npz")))
    assert len(one.spikes["p"]) > 10
    for name in ("p", "q"):
        np.testing.assert_array_equal(one.spikes[name].t, two.spikes[name].t)


CHANGED = [
    ("t", (), NAN, "nan"),
    ("t", (), -1.0, r"t\[0\] is -1.0"),
    ("t", (), 2.0**60, r"t\[0\] is 1.15"),
    ("sizes", 1, -5, r"sizes\[1\] is -5"),
    ("sizes", 1, 6, "log_unit|made for populations"),
    ("sizes", 1, 2**40, r"sizes\[1\] is 1099511627776"),
    ("x", 0, NAN, r"x\[0\] is nan"),
    ("x", 7, 3.0, r"x\[7\] is 3.0"),
    ("times", 0, NAN, r"times\[0\] is nan"),
    ("times", 0, 1e300, r"times\[0\] is 1e\+300"),
    ("times", 0, -9.0, r"times\[0\] is -9.0"),
    ("times", 5, INF, r"times\[5\] is inf"),
    ("log_t", 1, NAN, r"log_t\[1\] is nan"),
    ("log_t", 1, 1e9, r"log_t\[1\] is 1000000000.0"),
    ("log_t", 1, 2_499.0, r"log_t\[2\] is .* before the one before"),
    ("log_t", 0, 0.0, r"log_t\[0\] is 0.0"),
    ("log_unit", 0, 4, r"log_unit\[0\] is 4"),
    ("log_unit", 0, -1, r"log_unit\[0\] is -1"),
    ("log_at", 1, 10**6, "log_at does not rise from 0"),
    ("log_at", 0, 1, "log_at does not rise from 0"),
    ("cursor", 0, 10**9, r"cursor\[0\] is 1000000000"),
    ("cursor", 0, -1, r"cursor\[0\] is -1"),
    ("cursor", 1, 1, r"cursor\[1\] is 1"),
    ("synapse_t", 0, NAN, r"synapse_t\[0\] is nan"),
    ("synapse_t", 0, 7.0, r"synapse_t\[0\] is 7.0"),
    ("synapse_t", -1, 1e9, r"synapse_t\[\d+\] is 1000000000.0"),
    ("synapse_target", 0, 10**6, r"synapse_target\[0\] is 1000000"),
    ("synapse_target", 0, -3, r"synapse_target\[0\] is -3"),
    ("synapse_weight", 0, INF, r"synapse_weight\[0\] is inf"),
    ("synapse_at", 1, 10**6, "synapse_at does not rise from 0"),
]


@pytest.mark.parametrize(("name", "place", "value", "message"), CHANGED, ids=str)
def test_one_changed_value_is_named(name, place, value, message, tmp_path):
    case = CASES[False]
    wrong = spoiled(case[2], name, place, value)
    with pytest.raises(UserError, match=message):
        go_on(case, wrong)
    wrong.save(tmp_path / "s.npz")
    with pytest.raises(UserError, match=message):
        go_on(case, State.load(tmp_path / "s.npz"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["shorter", "longer", "float16", "text", "column", "scalar"])
def test_an_array_of_another_length_or_type_is_refused(name, how, tmp_path):
    case = CASES[True]
    array = getattr(case[2], name)
    changed = {
        "shorter": array.reshape(-1)[:-1],
        "longer": np.append(array, array.reshape(-1)[-1:]),
        "float16": array.astype(np.float16),
        "text": array.astype(str),
        "column": array.reshape(-1, 1),
        "scalar": array.reshape(-1)[-1:].reshape(()) if name != "t" else array.astype(int),
    }[how]
    wrong = replace(case[2], **{name: changed})
    with pytest.raises(UserError, match="state: "):
        go_on(case, wrong)
    wrong.save(tmp_path / "s.npz")
    with pytest.raises(UserError, match=r"state: "):
        go_on(case, State.load(tmp_path / "s.npz"))


@pytest.mark.parametrize("predicting", CASES)
def test_a_run_may_end_where_its_state_stands_and_not_before(predicting):
    network, weights, half = CASES[predicting]
    nothing = EventStream([], [], (1, 1, 4), duration=2_500)
    run = simulate(network, weights, nothing, state=half)
    assert run.counts.spikes.sum() == 0 and run.duration.tolist() == [2_500]
    for name in NAMES:
        np.testing.assert_array_equal(getattr(run.state, name), getattr(half, name))
    with pytest.raises(
        UserError, match=r"would end at 2499\.0 us, but the state stands at 2500\.0"
    ):
        simulate(network, weights, nothing, state=half, until_us=2_499)


def test_times_between_microseconds_are_refused_where_no_neuron_spikes_there():
    case = CASES[False]
    for name in ("log_t", "synapse_t"):
        last = getattr(case[2], name)[-1]
        with pytest.raises(UserError, match=rf"{name}\[\d+\] is {last - 0.5}"):
            go_on(case, spoiled(case[2], name, -1, last - 0.5))


def test_a_state_of_longer_delays_is_refused():
    network, weights, state = CASES[False]
    short = [replace(c, delay_us=np.minimum(c.delay_us, 5)) for c in network.connections]
    other = Network(network.populations, tuple(short))
    forged = replace(state, network=State.start(other).network)
    with pytest.raises(UserError, match="which no run of this network leaves"):
        go_on((other, weights, state), forged)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": np.array(2)}, "a state of version 2, this eventsnn reads 1"),
        ({"version": np.array("x")}, "not a saved state"),
        ({"version": None}, "not a saved state"),
        ({"cursor": None}, "lacks cursor"),
        ({"more": np.zeros(1)}, "unknown array more"),
        ({"x": np.array([None])}, "x: holds pickled"),
    ],
    ids=str,
)
def test_a_file_that_is_no_state_is_refused(tmp_path, change, message):
    path = tmp_path / "s.npz"
    CASES[False][2].save(path)
    with np.load(path) as file:
        arrays = {**file, **change}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(DataError, match=message) as refused:
        State.load(path)
    assert str(refused.value).startswith(str(path))


def load_and_go_on(case, path):
    return go_on(case, State.load(path))


@fuzz
@given(data=st.data())
def test_a_spoiled_state_runs_on_or_is_refused(data, tmp_path_factory):
    case = CASES[data.draw(st.booleans())]
    state, path = case[2], tmp_path_factory.getbasetemp() / "spoiled.npz"
    for _ in range(data.draw(st.integers(1, 2))):
        name = data.draw(st.sampled_from(NAMES))
        array = np.array(getattr(state, name))
        if array.size and data.draw(st.integers(0, 3)):
            flat = array.reshape(-1)
            old = float(flat[data.draw(st.integers(0, array.size - 1))])
            values = [0, -1, 1, 2**31 - 1, 2**31, 2**62, -(2**63), 1e308, 1e-320, NAN, INF, -INF]
            value = data.draw(st.sampled_from([*values, old + 1, old - 1, old + 0.5, 2 * old]))
            with np.errstate(all="ignore"):
                flat[data.draw(st.integers(0, array.size - 1))] = np.array(value).astype(
                    array.dtype
                )
        else:
            kinds = [np.float64, np.float32, np.int64, np.int32, np.uint8, "<U3", complex]
            with np.errstate(all="ignore"):
                array = array.astype(data.draw(st.sampled_from(kinds)))
            if data.draw(st.booleans()):
                array = array.reshape(-1)[: data.draw(st.integers(0, 9))]
        state = replace(state, **{name: array})
    state.save(path)
    knock("State.load, values", load_and_go_on, case, path)
    state.save(path)
    path.write_bytes(data.draw(spoiled_bytes(path.read_bytes())))
    knock("State.load, bytes", load_and_go_on, case, path)


def test_a_state_of_another_network_of_equal_sizes_is_refused():
    def network(neuron=None, delay=0, topology=None, name="p"):
        neuron = neuron or LIF(20.0)
        return Network(
            (Population("input", (1, 1, 4)), Population(name, (3,), neuron)),
            (Connection("input", name, topology or Dense(4, 3), delay),),
        )

    weights = [np.full((4, 3), 0.4)]
    state = simulate(network(), weights, events(0, 2_500), state=State.start(network())).state
    rest = events(2_500, 5_000)
    assert simulate(network(name="other"), weights, rest, state=state).counts is not None
    for other in (
        network(LIF(5.0)),
        network(LIF(20.0, reset="zero")),
        network(LIF(20.0, threshold=2.0)),
        network(IF()),
        network(delay=9),
    ):
        with pytest.raises(UserError, match="made for another network of these sizes"):
            simulate(other, weights, rest, state=state)
    sparse = [
        network(topology=Sparse(3, np.array([0, 1, 2, 2, 2]), np.array([0, target])))
        for target in (1, 2)
    ]
    state = simulate(sparse[0], [np.ones(2)], events(0, 9), state=State.start(sparse[0])).state
    with pytest.raises(UserError, match="made for another network"):
        simulate(sparse[1], [np.ones(2)], rest, state=state)


def test_a_state_that_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    state = CASES[False][2]

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left") as refused:
        state.save(tmp_path / "s.npz")
    assert refused.value.filename == str(tmp_path / "s.npz")
    assert list(tmp_path.iterdir()) == []
