"""What an engine cannot run as it was given is refused, never run as something like it."""

import gc
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from eventsnn.engines import State, simulate
from eventsnn.engines.layered import engine as feedforward
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import adjoint
from eventsnn.engines.layered.spiking import Firing
from eventsnn.errors import DataError, UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.measure.backward import backward
from eventsnn.measure.operations import operations
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.cuba_lif import CubaLIF
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.neuron import Neuron
from eventsnn.neurons.readout import Readout
from eventsnn.registry import Registry, number_of
from eventsnn.rules.deep_spiking.network import HerdingMLP
from eventsnn.rules.eventprop.gradients import ReadoutErrors, eventprop
from eventsnn.topology.conv2d import Conv2d
from eventsnn.topology.dense import Dense
from eventsnn.topology.pool2d import Pool2d

ENGINES = ["reference", "asynchronous", "feedforward", "auto"]


def chain(hidden, n_in=3, n=2, shape=None, output=None):
    populations = [Population("input", shape or (n_in,)), Population("hidden", (n,), hidden)]
    connections = [Connection("input", "hidden", Dense(n_in, n))]
    if output is not None:
        populations.append(Population("output", (2,), output))
        connections.append(Connection("hidden", "output", Dense(n, 2)))
    return Network(tuple(populations), tuple(connections))


EVENTS = EventStream([5, 9, 9], [0, 1, 2], (1, 1, 3), duration=100)
ONES = [np.ones((3, 2))]


# Neurons that fire by themselves, and models that are not what they look like.


@pytest.mark.parametrize("leads_on", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_population_that_fires_by_itself_fires_in_every_engine_that_runs_it(leads_on, dtype):
    # v = 1.5 (1 - exp(-t/tau)) reaches 1 after tau ln 3 = 10,986.1 us: 18 times in 200 ms.
    alone = Population("alone", (1,), CubaLIF(10_000.0, 5_000.0, 1.0, 0.0, 1.5))
    populations, connections, weights = (Population("input", (3,)), alone), (), []
    if leads_on:
        populations += (Population("after", (2,), IF(1.0)),)
        connections, weights = (Connection("alone", "after", Dense(1, 2)),), [np.ones((1, 2))]
    network = Network(populations, connections)
    stream = replace(EVENTS, duration=200_000)
    for engine in ("auto", "asynchronous", "reference"):
        record = simulate(network, weights, stream, engine=engine, dtype=dtype)
        np.testing.assert_allclose(
            record.spikes["alone"].t, np.arange(1, 19) * 10_000 * np.log(3), rtol=1e-6
        )
        if leads_on:
            assert record.counts.spikes[0].tolist() == [3, 18, 36]
    with pytest.raises(UserError, match="cannot run this network"):
        simulate(network, weights, stream, engine="feedforward", dtype=dtype)


def subclass_of(model):
    return type("Mine", (model,), {"receive": lambda self, cell, t, weights, due: None})


@pytest.mark.parametrize(
    ("model", "values"), [(IF, ()), (LIF, (9.0,)), (CubaLIF, (9.0, 5.0)), (Readout, ())]
)
def test_a_subclass_of_a_model_is_refused_and_never_run_as_its_parent(model, values):
    with pytest.raises(UserError, match=f"hidden: Mine is a subclass of {model.__name__}"):
        Population("hidden", (2,), subclass_of(model)(*values))


def test_a_subclass_of_a_topology_is_refused_and_never_run_as_its_parent():
    for shape, values in ((Dense, (3, 2)), (Conv2d, ((3, 3, 1), 2, 2)), (Pool2d, ((4, 4, 1), 2))):
        mine = type("Mine", (shape,), {})
        with pytest.raises(UserError, match=f"a->b: Mine is a subclass of {shape.__name__}"):
            Connection("a", "b", mine(*values))


@pytest.mark.parametrize("thing", ["lif", LIF, 3])
def test_what_is_no_neuron_model_is_refused(thing):
    with pytest.raises(UserError, match=r"population hidden: neuron is .*give an object such as"):
        Population("hidden", (2,), thing)


def test_two_models_of_one_kind_are_refused_and_one_defined_anew_replaces_the_first():
    class Base(Neuron):
        """Something with kinds of its own."""

    def define(name, kind, module="mine"):
        body = {"kind": kind, "__module__": module, "__qualname__": name}
        body |= {"receive": None, "table": None, "kernels": None}
        return type(name, (Base,), body)

    first = define("A", "a")
    again, other = define("A", "a"), define("B", "b")
    registry = Registry(Base, "eventsnn.neurons", anywhere=True)
    found = registry.all()
    assert list(found.items()) == [("a", again), ("b", other)]
    assert number_of(other(), found) == 1
    with pytest.raises(UserError, match="A: its class was defined anew"):
        number_of(first(), found)
    third = define("C", "b")
    with pytest.raises(UserError, match=r"base b: mine\.B and mine\.C both have this kind"):
        registry.all()
    Registry.known.remove(registry)
    del first, again, other, third, found, registry
    gc.collect()


@pytest.fixture
def twice():
    """A model of its own, from outside the package: it fires at every second delivery.

    It is forgotten afterwards: whoever asks for all models would find it.
    """

    @dataclass(frozen=True)
    class Twice(Neuron):
        kind: ClassVar[str] = "test_twice"

        def receive(self, cell, t, weights, due):
            cell.x[0] += len(weights)
            if cell.x[0] < 2:
                return None
            cell.x[0] = 0.0
            return 2.0

        def table(self):
            return LIF(9.0).table()

        @classmethod
        def kernels(cls, dtype):
            return LIF.kernels(dtype)

    yield Twice()
    del Twice
    gc.collect()


def test_a_model_from_outside_runs_by_its_own_kernels_and_learns_only_by_its_membrane(twice):
    network = chain(twice)
    assert feedforward.supports(network)
    record = simulate(network, ONES, EVENTS, engine="reference")
    assert record.spikes["hidden"].t.tolist() == [9.0, 9.0]
    # Its kernels are not what it says in Python, but they are its own: those of a lif.
    for engine in ("asynchronous", "feedforward"):
        record = simulate(network, ONES, EVENTS, engine=engine)
        assert record.spikes["hidden"].t.tolist() == [5.0, 5.0, 9.0, 9.0]
    batch = EventBatch.from_streams([EVENTS])
    with pytest.raises(UserError, match="hidden has test_twice neurons, which give no membrane"):
        layered.run(network, ONES, batch)
    with pytest.raises(UserError, match="input->hidden: it is a dense into test_twice neurons"):
        backward(network, ONES, batch)


# Shapes of sensors.


@pytest.mark.parametrize("engine", ENGINES)
def test_a_sensor_of_another_shape_with_as_many_units_is_refused(engine):
    network, weights = chain(IF(), 24, 2, (1, 6, 4)), [np.ones((24, 2))]
    stream = EventStream([5], [3], (1, 4, 6))
    with pytest.raises(UserError, match=r"\(1, 4, 6\).*\(1, 6, 4\)"):
        simulate(network, weights, stream, engine=engine)
    with pytest.raises(UserError, match=r"\(1, 4, 6\).*\(1, 6, 4\)"):
        simulate(network, weights, EventBatch.from_streams([stream]), engine=engine)
    with pytest.raises(UserError, match=r"\(1, 4, 6\).*\(1, 6, 4\)"):
        layered.run(network, weights, EventBatch.from_streams([stream]))


@pytest.mark.parametrize("shape", [(24,), (6, 4), (1, 6, 4)])
def test_plain_units_and_one_polarity_less_are_the_same_sensor(shape):
    network = chain(IF(), 24, 2, shape)
    record = simulate(network, [np.ones((24, 2))], EventStream([5], [3], (1, 6, 4)))
    assert record.counts.spikes.tolist() == [[1, 2]]


def test_channels_written_last_are_no_sensor_of_channels_first():
    network = chain(IF(), 34 * 34 * 2, 2, (34, 34, 2))
    with pytest.raises(UserError, match=r"\(2, 34, 34\).*\(34, 34, 2\)"):
        simulate(network, [np.ones((2312, 2))], EventStream([5], [3], (2, 34, 34)))


# Times.


def test_times_that_float64_would_round_are_refused():
    fine = EventStream([2**53 - 1], [0], (1, 1, 3))
    assert fine.duration == 2**53
    with pytest.raises(DataError, match=r"event 1 is at 9007199254740992 us.*[Nn]anoseconds\?"):
        EventStream([0, 2**53], [0, 0], (1, 1, 3))
    with pytest.raises(DataError, match=r"event 0 is at 1152921504606846976 us.*ubtract the first"):
        EventStream([2**60], [0], (1, 1, 3))
    with pytest.raises(DataError, match=r"duration is 9007199254740993 us.*nanoseconds"):
        EventStream([0], [0], (1, 1, 3), duration=2**53 + 1)
    with pytest.raises(DataError, match=r"duration.* 1\.5"):
        EventStream([0], [0], (1, 1, 3), duration=1.5)
    with pytest.raises(DataError, match=r"duration.*nan"):
        EventStream([0], [0], (1, 1, 3), duration=float("nan"))


@pytest.mark.parametrize("engine", ENGINES)
def test_the_last_times_that_are_whole_run_alike_in_every_engine(engine):
    stream = EventStream([2**53 - 9, 2**53 - 2], [0, 1], (1, 1, 3))
    record = simulate(chain(IF(), 3), ONES, stream, engine=engine)
    assert record.spikes["hidden"].t.tolist() == [2**53 - 9] * 2 + [2**53 - 2] * 2
    with pytest.raises(UserError, match=r"2\*\*53 us or later"):
        simulate(delayed(), ONES, stream, engine=engine, until_us=np.inf)
    with pytest.raises(UserError, match=r"until_us is 1\.8014398509481984e\+16"):
        simulate(chain(IF(), 3), ONES, stream, engine=engine, until_us=2.0**54)


def delayed():
    return Network(
        (Population("input", (3,)), Population("hidden", (2,), IF())),
        (Connection("input", "hidden", Dense(3, 2), 10),),
    )


# States.


def test_between_keeps_the_clock_and_slice_time_does_not():
    stream = EventStream([5, 9, 9, 40], [0, 1, 2, 0], (1, 1, 3), 4, 100)
    part = stream.between(9, 40)
    assert (part.t.tolist(), part.unit.tolist()) == ([9, 9], [1, 2])
    assert (part.duration, part.label) == (40, 4)
    assert stream.slice_time(9, 40).t.tolist() == [0, 0]
    assert stream.between(40, 100).t.tolist() == [40]
    with pytest.raises(DataError, match=r"between \[9, 5\) us"):
        stream.between(9, 5)


def test_several_recordings_with_one_state_are_refused():
    network = chain(LIF(50.0))
    state = simulate(network, ONES, EVENTS, until_us=9, state=State.start(network)).state
    batch = EventBatch.from_streams([EVENTS.between(9, 100)] * 2)
    for engine in ("auto", "asynchronous"):
        with pytest.raises(UserError, match="one recording, this batch has 2"):
            simulate(network, ONES, batch, state=state, engine=engine)
    with pytest.raises(UserError, match="one recording, this batch has 0"):
        simulate(network, ONES, batch.part(0, 0), state=state)
    assert simulate(network, ONES, batch.part(0, 1), state=state).duration.tolist() == [100]


def test_going_on_with_the_whole_recording_says_what_to_give():
    network = chain(LIF(50.0))
    state = simulate(network, ONES, EVENTS, until_us=7, state=State.start(network)).state
    with pytest.raises(UserError, match=r"1 of 3 events.*stream\.between\(7, stream\.duration\)"):
        simulate(network, ONES, EVENTS, state=state)
    with pytest.raises(UserError, match=r"end at 3\.0 us, but the state stands at 7\.0"):
        simulate(network, ONES, EVENTS.slice_time(0, 3), state=state)
    record = simulate(network, ONES, EVENTS.between(7, EVENTS.duration), state=state)
    assert record.spikes["hidden"].t.tolist() == [9.0, 9.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_state_at_rest_takes_the_dtype_of_the_weights(dtype):
    network, weights = chain(LIF(50.0), output=Readout(30.0)), [np.ones((3, 2)), np.ones((2, 2))]
    weights = [w.astype(dtype) for w in weights]
    record = simulate(network, weights, EVENTS.between(0, 9), state=State.start(network))
    assert record.state.x.dtype == dtype
    rest = simulate(network, weights, EVENTS.between(9, 100), state=record.state)
    whole = simulate(network, weights, EVENTS)
    np.testing.assert_array_equal(rest.readouts["output"].final, whole.readouts["output"].final)
    other = [w.astype(np.float64 if dtype == np.float32 else np.float32) for w in weights]
    with pytest.raises(UserError, match="go on with the same network and dtype"):
        simulate(network, other, EVENTS.between(9, 100), state=record.state)


# Weights and errors.

WRONG = [
    (lambda w: w.T, "shape"),
    (lambda w: w.astype(np.complex128), "dtype complex128"),
    (lambda w: w.astype(str), "dtype"),
    (lambda w: np.where(w == w.max(), np.nan, w), "element"),
    (lambda w: np.where(w == w.max(), np.inf, w), "element"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
@pytest.mark.parametrize("which", [0, 1])
def test_wrong_weights_are_refused_at_every_door_and_their_connection_is_named(
    change, message, which
):
    rng = np.random.default_rng(0)
    weights = [rng.normal(0.5, 1, (3, 4)), rng.normal(0.5, 1, (4, 2))]
    batch = EventBatch.from_streams([EVENTS])
    network = chain(LIF(50.0), n=4, output=LIF(50.0))
    current = chain(CubaLIF(20.0, 5.0), n=4, output=Readout(30.0))
    names = [c.name for c in network.connections]
    passed, record = layered.run(network, weights, batch), simulate(network, weights, batch)
    timed = simulate(current, weights, batch)
    wrong = [change(w) if i == which else w for i, w in enumerate(weights)]
    errors = {"output": ("counts", np.ones((1, 2)))}
    doors = [
        *(lambda e=e: simulate(network, wrong, batch, engine=e) for e in ENGINES),
        lambda: layered.run(network, wrong, batch),
        lambda: layered.run(network, dict(zip(names, wrong, strict=True)), batch),
        lambda: adjoint(passed, wrong, errors),
        lambda: eventprop(current, wrong, batch, timed, {"output": ReadoutErrors()}),
        lambda: backward(network, wrong, batch),
        lambda: operations(record, wrong, batch),
    ]
    for door in doors:
        with pytest.raises(UserError, match=f"weights of {names[which]}: {message}"):
            door()
    with pytest.raises(UserError, match="weights"):
        HerdingMLP(wrong, n_steps=2, eta=0.1)


def test_weights_of_two_dtypes_have_no_layered_run():
    weights = [np.ones((3, 2), np.float32), np.ones((2, 2))]
    with pytest.raises(UserError, match="weights of hidden->output: dtype float64"):
        layered.run(chain(IF(), output=IF()), weights, EventBatch.from_streams([EVENTS]))


def test_errors_by_name_give_the_gradients_of_errors_by_number():
    rng = np.random.default_rng(1)
    network, batch = chain(LIF(50.0), n=4, output=Readout(30.0)), EventBatch.from_streams([EVENTS])
    weights = [rng.normal(0.5, 1, (3, 4)), rng.normal(0.5, 1, (4, 2))]
    passed, given = layered.run(network, weights, batch), ("integral", np.ones((1, 2)))
    by_number = adjoint(passed, weights, {2: given}, spike_cost={1: 0.3})
    by_name = adjoint(passed, weights, {"output": given}, spike_cost={"hidden": 0.3})
    assert all(np.abs(g).max() > 0 for g in by_name.weights)
    for one, other in zip(by_number.weights, by_name.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        layered.outputs_of(passed, "output", "final"), layered.outputs_of(passed, 2, "final")
    )
    np.testing.assert_array_equal(passed.spikes("hidden"), passed.spikes(1))


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ({"outputs": ("final", np.ones((1, 2)))}, "no population is called 'outputs'"),
        ({7: ("final", np.ones((1, 2)))}, "no population has the number 7"),
        ({-1: ("final", np.ones((1, 2)))}, "no population has the number -1"),
        ({"input": ("counts", np.ones((1, 3)))}, "nothing leads to"),
        ({"output": ("counts", np.ones((1, 2)))}, "errors of output are by counts"),
        ({"output": ("final", np.ones((2, 2)))}, r"errors of output: shape \(2, 2\)"),
        ({"output": ("final", np.full((1, 2), np.nan))}, "errors of output.*finite"),
        ({2: ("final", np.ones((1, 2))), "output": ("final", np.ones((1, 2)))}, "given twice"),
    ],
)
def test_errors_that_belong_nowhere_are_refused(errors, message):
    network, batch = chain(LIF(50.0), output=Readout(30.0)), EventBatch.from_streams([EVENTS])
    weights = [np.ones((3, 2)), np.ones((2, 2))]
    with pytest.raises(UserError, match=message):
        adjoint(layered.run(network, weights, batch), weights, errors)


# Parameters.


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("threshold", [1e-46, 1e-40, 1e39])
def test_a_threshold_that_float32_does_not_hold_is_refused_and_runs_in_float64(threshold, engine):
    network = chain(IF(threshold))
    with pytest.raises(
        UserError,
        match=f"population hidden: threshold .* {threshold:.0e}, which float32".replace("+", "."),
    ):
        simulate(network, ONES, EVENTS, engine=engine, dtype=np.float32)
    with pytest.raises(UserError, match="float32"):
        layered.run(network, [np.ones((3, 2), np.float32)], EventBatch.from_streams([EVENTS]))
    record = simulate(network, ONES, EVENTS, engine=engine)
    assert record.counts.spikes.tolist() == [[3, 0 if threshold > 1 else 4]]


def test_the_kernels_of_the_fast_path_get_no_threshold_of_zero():
    # Registers are tested whole: the lanes behind the last neuron hold 0.
    with pytest.raises(UserError, match="threshold"):
        Firing.of(IF(1e-46), np.float32)
    firing = Firing.of(IF(1e-30), np.float32)
    assert firing.share_of(0.5) == np.float32(5e-31)
    for share in (1e-10, 0.0, 1.5, float("nan")):
        with pytest.raises(UserError, match="near: a share"):
            firing.share_of(share)
    network, batch = chain(IF(1e-30)), EventBatch.from_streams([EVENTS])
    for near in (1e-10, -0.5, 2.0, float("nan")):
        with pytest.raises(UserError, match="near"):
            layered.run(network, [np.zeros((3, 2), np.float32)], batch, near=near)


def test_a_bias_that_float32_does_not_hold_is_refused():
    network = chain(CubaLIF(20.0, 5.0, 1.0, 0.0, -1e39))
    with pytest.raises(UserError, match=r"bias of its cuba_lif neurons is -1e\+39"):
        simulate(network, ONES, EVENTS, dtype=np.float32)


NO_NUMBERS = [0, -1.0, float("nan"), 1e-310, None, "1", 1j, True, [1.0], 10**400]


@pytest.mark.parametrize("value", [*NO_NUMBERS, float("inf")])
@pytest.mark.parametrize(
    ("model", "given", "name"),
    [
        (IF, {}, "threshold"),
        (LIF, {"tau_us": 9.0}, "threshold"),
        (LIF, {}, "tau_us"),
        (CubaLIF, {"tau_syn_us": 9.0}, "tau_mem_us"),
        (CubaLIF, {"tau_mem_us": 9.0}, "tau_syn_us"),
        (CubaLIF, {"tau_mem_us": 9.0, "tau_syn_us": 9.0}, "threshold"),
        (Readout, {}, "tau_us"),
    ],
)
def test_a_parameter_that_is_no_positive_number_is_refused(model, given, name, value):
    if model is Readout and value == float("inf"):
        assert Readout(value).tau_us == value
        return
    with pytest.raises(UserError, match=f"neuron {model.kind}: {name} is"):
        model(**given, **{name: value})


@pytest.mark.parametrize("value", [-1, 0.5, float("nan"), float("inf"), 2.0**54, "3", None])
def test_a_refractory_time_of_no_whole_microseconds_is_refused(value):
    for model, given in (
        (IF, {}),
        (LIF, {"tau_us": 9.0}),
        (CubaLIF, dict.fromkeys(("tau_mem_us", "tau_syn_us"), 9.0)),
    ):
        with pytest.raises(UserError, match=f"neuron {model.kind}: refractory_us is"):
            model(**given, refractory_us=value)


@pytest.mark.parametrize("tau", [3e-308, 1e-3, 0.7, 1e9, 1e300])
def test_the_smallest_and_largest_time_constants_run_alike_in_every_engine(tau):
    network, weights = chain(LIF(tau, 1.5), output=Readout(tau)), [np.ones((3, 2)), np.ones((2, 2))]
    stream = EventStream([0, 1, 1, 9, 70, 2_000_000], [0, 1, 2, 0, 1, 2], (1, 1, 3))
    # A tiny one forgets at once: only the two events of one instant reach 1.5. A huge one
    # never does: 1, 3 (-1.5), 2.5 (-1.5), 2 (-1.5), 1.5 (-1.5).
    times = [1] if tau < 1 else [1, 9, 70, 2_000_000]
    for engine in ENGINES:
        record = simulate(network, weights, stream, engine=engine)
        expected = times if tau != 1e9 else record.spikes["hidden"].t[::2].tolist()
        assert record.spikes["hidden"].t[::2].tolist() == expected
        assert np.isfinite(record.readouts["output"].integral).all()
    passed = layered.run(network, weights, EventBatch.from_streams([stream]))
    found = adjoint(passed, weights, {"output": ("final", np.ones((1, 2)))})
    assert all(np.isfinite(g).all() for g in found.weights)


def test_a_herding_network_refuses_another_sensor_than_it_learned_from():
    net = HerdingMLP([np.full((6, 2), 0.1)], n_steps=2, eta=0.1)
    wide = EventStream([1, 2], [0, 5], (1, 2, 3), label=1)
    high = replace(wide, shape=(1, 3, 2))
    net.predict(high)  # it has learned from none
    net.train(EventBatch.from_streams([wide]), np.zeros(1, np.int64))
    batch = EventBatch.from_streams([high])
    for door in (
        lambda: net.predict(high),
        lambda: net.train_one(high, 1),
        lambda: net.train(batch, np.zeros(1, np.int64)),
        lambda: net.outputs(batch, np.zeros(1, np.int64)),
        lambda: net.record(batch, 0),
    ):
        with pytest.raises(UserError, match=r"\(1, 3, 2\).*\(1, 2, 3\)"):
            door()
    assert np.isfinite(net.predict(wide)).all()


def test_delays_add_up_on_the_way_to_the_last_time_that_is_whole():
    names = ["input", "a", "b"]
    network = Network(
        tuple(Population(name, (1,), IF() if k else None) for k, name in enumerate(names)),
        (Connection("input", "a", Dense(1, 1), 10), Connection("a", "b", Dense(1, 1), 5)),
    )
    weights = [np.ones((1, 1))] * 2
    fits = EventStream([2**53 - 16], [0], (1, 1, 1))
    record = simulate(network, weights, fits, until_us=np.inf)
    assert record.spikes["b"].t.tolist() == [2**53 - 1]
    with pytest.raises(UserError, match="delays of 15 us in all"):
        simulate(network, weights, replace(fits, t=fits.t + 1, duration=-1), until_us=np.inf)


def test_an_event_on_the_instant_at_which_a_state_stands_is_still_to_come():
    network = chain(IF())
    first = simulate(network, ONES, EVENTS.between(0, 9), state=State.start(network))
    assert first.state.t == 9
    assert first.spikes["hidden"].t.tolist() == [5, 5]
    record = simulate(network, ONES, EVENTS.between(9, 10), state=first.state)
    assert record.spikes["hidden"].t.tolist() == [9, 9]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_budget_is_of_spikes_that_neurons_fire_and_may_be_used_up(engine):
    network, weights = chain(IF(), n=1), [np.ones((3, 1))]
    record = simulate(network, weights, EVENTS, engine=engine, event_budget=2)
    assert record.counts.spikes.tolist() == [[3, 2]]
    with pytest.raises(UserError, match="more than 1 spikes; the busiest population is hidden"):
        simulate(network, weights, EVENTS, engine=engine, event_budget=1)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, int])
def test_parameters_of_any_kind_of_number_compute_as_floats(kind):
    neuron = LIF(kind(20), kind(1), refractory_us=kind(0))
    assert [type(v) for v in (neuron.tau_us, neuron.threshold, neuron.refractory_us)] == [float] * 3
    assert neuron == LIF(20.0)
    cell = neuron.start()
    neuron.receive(cell, 1.0, [1.1], False)
    assert type(cell.x[0]) is float
    assert cell.x[0] == pytest.approx(0.1)
