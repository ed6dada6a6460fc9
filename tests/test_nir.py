"""Graphs of NIR: what is written is read again to the bit; what others wrote means what it says."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck

import eventsnn as es
from eventsnn.errors import DataError, UserError

nir = pytest.importorskip("nir")

SEEN = {"database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}


def drawn(network, seed=0, dtype=np.float32, scale=1.0):
    """Weights of a network, drawn."""
    rng = np.random.default_rng(seed)
    return {
        c.name: (scale * rng.normal(size=c.topology.weight_shape)).astype(dtype)
        for c in network.connections
        if c.topology.default_weights() is None
    }


def events(shape, n=400, seed=1, until=100_000):
    rng = np.random.default_rng(seed)
    units = rng.integers(0, int(np.prod(shape)), n)
    return es.EventStream(np.sort(rng.integers(0, until, n)), units, shape)


def same_record(one, other, network):
    fire = [p for p in network.populations if p.neuron is not None and p.spiking]
    for p in fire:
        a, b = one.spikes[p.name], other.spikes[p.name]
        assert np.array_equal(a.t, b.t) and np.array_equal(a.unit, b.unit), p.name


def there_and_back(tmp_path, network, weights, stream, **how):
    """Write, read, and compare: descriptions, weights to the bit, and spikes."""
    path = tmp_path / "net.nir"
    es.nir.write(path, network, weights, **how)
    again, found = es.nir.read(path)
    assert again.to_toml() == network.to_toml()
    assert set(weights) <= set(found) | {c.name for c in network.connections if not c.learns}
    for name, array in weights.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array), name
    one, other = (es.simulate(net, w, stream) for net, w in ((network, weights), (again, found)))
    assert str(one) == str(other)  # spikes and additions
    same_record(one, other, network)
    nir.read(path)  # the package nir takes it, with its own checks of types
    return path


def test_a_dense_network_comes_back(tmp_path):
    network = es.layers("2x4x3-7-5", es.LIF(20_000, 1.5, "zero", 1_000), es.Readout(30_000))
    there_and_back(tmp_path, network, drawn(network), events((3, 2, 4)))


def test_a_convolution_with_pools_comes_back(tmp_path):
    network = es.layers("8x8x2-4c3-2p-5", es.LIF(20_000), es.Readout())
    there_and_back(tmp_path, network, drawn(network), events((2, 8, 8)))


def test_a_recurrent_current_based_network_with_delays_comes_back(tmp_path):
    cell = es.CubaLIF(20_000, 5_000, refractory_us=500, bias=0.1)
    delays = np.broadcast_to(np.arange(1, 7) * 100, (5, 6))
    network = es.Network(
        (
            es.Population("in", (1, 1, 5)),
            es.Population("cells/of 'mine'", 6, cell),
            es.Population("out", 2, es.Readout(10_000.000_000_001)),
        ),
        (
            es.Connection("in", "cells/of 'mine'", es.Dense(5, 6), delay_us=delays),
            es.Connection("cells/of 'mine'", "cells/of 'mine'", es.Dense(6, 6), delay_us=1_500),
            es.Connection("cells/of 'mine'", "out", es.Dense(6, 2), fixed=True),
        ),
    )
    weights = drawn(network, dtype=np.float64, scale=4.0)
    there_and_back(tmp_path, network, weights, events((1, 1, 5)), spike="dirac", time_unit="ms")


def test_synapses_one_by_one_come_back_also_several_of_a_pair(tmp_path):
    rng = np.random.default_rng(3)
    shape, order = es.Sparse.from_pairs(rng.integers(0, 4, 30), rng.integers(0, 3, 30), 4, 3)
    network = es.Network(
        (es.Population("in", 4), es.Population("out", 3, es.IF(2.0))),
        (es.Connection("in", "out", shape),),
    )
    weights = {"in->out": rng.normal(size=30)[order]}
    there_and_back(tmp_path, network, weights, events((1, 1, 4)))


def test_general_neurons_come_back_with_parameters_a_neuron(tmp_path):
    cell = es.GeneralLIF(
        [1e4, 2e4, 3e4], threshold=[-50, -51, -52], rest=-65, reset=-70, bias=[0, 1, 20],
        refractory_us=2_000, hold_v=False,
    )  # fmt: skip
    slow = es.GeneralLIF(1e4, tau_syn_us=[2e3, 3e3], reset="subtract", bias=0.1)
    network = es.Network(
        (es.Population("in", 4), es.Population("a", 3, cell), es.Population("b", 2, slow)),
        (es.Connection("in", "a", es.Dense(4, 3)), es.Connection("a", "b", es.Dense(3, 2))),
    )
    there_and_back(tmp_path, network, drawn(network, scale=5.0), events((1, 1, 4)))


def graph_of(*nodes, edges=None, **named):
    """A graph: nodes in a row, or by name with edges."""
    if not named:
        return nir.NIRGraph.from_list(*nodes)
    return nir.NIRGraph(named, edges)


def lif(n, tau=0.02, r=1.0, v_leak=0.0, thr=1.0, reset=0.0):
    full = lambda v: np.full(n, v)  # noqa: E731
    return nir.LIF(full(tau), full(r), full(v_leak), full(thr), full(reset))


def stepped(weight, tau, r, threshold, spikes, dt, reset="zero"):
    """Forward Euler of tau dv/dt = -v + R I, as programs do it that hold a spike for a step."""
    v, out = np.zeros(len(weight)), []
    for k, row in enumerate(spikes):
        v = v + dt / tau * (-v + r * (weight @ row))
        fired = v > threshold
        out += [(k, int(j)) for j in np.flatnonzero(fired)]
        v = np.where(fired, v - threshold if reset == "subtract" else 0.0, v)
    return out


@pytest.mark.parametrize("reset", ["value", "subtract"])
def test_steps_of_euler_are_met_spike_for_spike_on_their_grid(reset):
    rng = np.random.default_rng(0)
    weight, dt = rng.normal(size=(6, 5)), 1e-3
    spikes = (rng.random((300, 5)) < 0.2).astype(float)
    # Programs of steps compare v at every step, neurons here when something arrives: at each step
    # something does, of a weight of 0. What a subtraction leaves above the threshold shows it.
    spikes[:, 0], weight[:, 0] = 1.0, 0.0
    graph = graph_of(nir.Linear(weight), lif(6, r=25.0))
    network, weights = es.nir.read(graph, time_unit="s", spike=1_000, steps="euler", reset=reset)
    k, unit = np.nonzero(spikes)
    record = es.simulate(network, weights, es.EventStream(k * 1_000, unit, (1, 1, 5)))
    found = record.spikes[network.populations[-1].name]
    ours = sorted(zip((found.t / 1_000).astype(int), found.unit, strict=True))
    word = "subtract" if reset == "subtract" else "zero"
    theirs = stepped(weight, 0.02, 25.0, 1.0, spikes, dt, word)
    assert len(theirs) > 50 and ours == theirs


def test_a_dirac_pulse_moves_v_by_r_w_over_tau():
    graph = graph_of(nir.Linear(np.array([[3.0]])), lif(1, tau=0.5, r=2.0))
    network, weights = es.nir.read(graph, time_unit="s", spike="dirac")
    assert weights["input->lif"] == 3.0 * 2.0 / 0.5
    network, weights = es.nir.read(graph, time_unit="ms", spike="dirac")
    assert network["lif"].neuron.tau_us == 500.0


def test_a_held_spike_is_dt_times_that_and_of_exponential_steps_what_v_keeps():
    graph = graph_of(nir.Linear(np.array([[3.0]])), lif(1, tau=0.02, r=2.0))
    _, weights = es.nir.read(graph, time_unit="s", spike=1_000)
    assert weights["input->lif"] == pytest.approx(3.0 * 2.0 * 1e-3 / 0.02)
    _, weights = es.nir.read(graph, time_unit="s", spike=1_000, steps="exponential")
    assert weights["input->lif"] == pytest.approx(3.0 * 2.0 * (1 - np.exp(-1 / 20)))


def test_v_above_the_threshold_is_not_v_at_it():
    graph = graph_of(nir.Linear(np.ones((1, 1), np.float32)), nir.IF(np.ones(1), np.ones(1)))
    stream = es.EventStream([10, 20], [0, 0], (1, 1, 1))
    how = {"time_unit": 1.0, "spike": 1.0}
    for fires, n in ((">", 0), (">=", 2)):
        network, weights = es.nir.read(graph, fires=fires, **how)
        assert weights["input->if"].dtype == np.float32
        first = es.simulate(network, weights, stream, until_us=15).spikes["if"]
        assert len(first.t) == min(n, 1)


def test_a_file_that_does_not_say_what_it_means_is_asked_about(tmp_path):
    graph = graph_of(nir.Linear(np.eye(2)), lif(2))
    nir.write(tmp_path / "a.nir", graph)
    with pytest.raises(UserError, match=r"a.nir: does not say its unit of time.*made_by"):
        es.nir.read(tmp_path / "a.nir")
    with pytest.raises(UserError, match="without spike"):
        es.nir.read(tmp_path / "a.nir", time_unit="s")
    with pytest.raises(UserError, match="made_by is torch; there are snntorch"):
        es.nir.read(tmp_path / "a.nir", made_by="torch")
    with pytest.raises(UserError, match="there is no dt"):
        es.nir.read(tmp_path / "a.nir", dt=1)


def test_a_file_that_another_program_changed_is_not_read_as_ours(tmp_path):
    network = es.layers("3-2", es.LIF(20_000), es.LIF(20_000))
    path = tmp_path / "a.nir"
    es.nir.write(path, network, drawn(network))
    graph = nir.read(path)
    graph.nodes["output"].tau = graph.nodes["output"].tau * 2
    nir.write(path, graph)
    with pytest.raises(DataError, match="node output is not as eventsnn wrote it"):
        es.nir.read(path)
    again, _ = es.nir.read(path, time_unit="s", spike=100)
    assert again["output"].neuron.tau_us == 40_000


def test_weights_that_another_program_changed_are_taken(tmp_path):
    network = es.layers("3-2", es.LIF(20_000), es.LIF(20_000))
    path, weights = tmp_path / "a.nir", drawn(network)
    es.nir.write(path, network, weights)
    graph = nir.read(path)
    graph.nodes["input->output"].weight = graph.nodes["input->output"].weight * 2
    nir.write(path, graph)
    _, found = es.nir.read(path)
    assert np.array_equal(found["input->output"], 2 * weights["input->output"])


REFUSED = [
    (es.Population("h", 3, es.neurons.GradedLIF(20_000)), es.Dense(4, 3), 0, "is a graded_lif"),
    (
        es.Population("h", 3, es.GeneralLIF(1e4, tau_syn_us=1e3, tau_inhibitory_us=2e3)),
        *(es.Dense(4, 3), 0, "population h: no node of NIR is a general_lif"),
    ),
    (
        es.Population("h", 3, es.LIF(1e4)),
        *(es.Dense(4, 3), np.arange(12).reshape(4, 3), "connection in->h: a Delay of NIR is one a"),
    ),
    (
        es.Population("h", 3, es.GeneralLIF(1e4), es.ConstantCurrent(1.0)),
        *(es.Dense(4, 3), 0, "population h: NIR has no generators of currents"),
    ),
]


@pytest.mark.parametrize(("target", "shape", "delay", "said"), REFUSED)
def test_what_nir_has_no_form_for_is_refused_by_name(tmp_path, target, shape, delay, said):
    network = es.Network(
        (es.Population("in", 4), target), (es.Connection("in", "h", shape, delay),)
    )
    with pytest.raises(UserError, match=said):
        es.nir.write(tmp_path / "a.nir", network, drawn(network))
    assert not list(tmp_path.iterdir())


def test_a_list_of_neurons_does_not_become_rows_and_columns(tmp_path):
    network = es.Network(
        (
            es.Population("in", 4),
            es.Population("h", (2, 2, 1), es.LIF(1e4)),
            es.Population("o", (1, 1, 2), es.LIF(1e4)),
        ),
        (
            es.Connection("in", "h", es.Dense(4, 4)),
            es.Connection("h", "o", es.Conv2d((2, 2, 1), 2, 2)),
        ),
    )
    with pytest.raises(UserError, match="population h is given a row of values and passes on rows"):
        es.nir.write(tmp_path / "a.nir", network, drawn(network))


def test_a_circle_without_a_delay_takes_a_step_or_is_asked_about():
    rec = graph_of(
        edges=[("in", "w"), ("w", "c"), ("c", "r"), ("r", "c"), ("c", "out")],
        **{"in": nir.Input(np.array([2])), "out": nir.Output(np.array([2]))},
        w=nir.Linear(np.eye(2)), r=nir.Linear(np.eye(2)), c=lif(2),
    )  # fmt: skip
    with pytest.raises(DataError, match="from c to c closes a circle without a delay"):
        es.nir.read(rec, time_unit="s", spike="dirac")
    network, _ = es.nir.read(rec, time_unit="s", spike="dirac", recurrent_delay_us=7)
    assert [c.delay_us for c in network.connections] == [0, 7]
    network, _ = es.nir.read(rec, time_unit="s", spike=100)
    assert [c.delay_us for c in network.connections] == [0, 100]


def test_graphs_in_graphs_are_laid_out():
    inner = graph_of(nir.Linear(np.eye(2)), lif(2))
    outer = graph_of(
        edges=[("in", "sub"), ("sub", "l"), ("l", "c"), ("c", "out")],
        **{"in": nir.Input(np.array([2])), "out": nir.Output(np.array([2]))},
        sub=inner, l=nir.Linear(np.eye(2)), c=lif(2),
    )  # fmt: skip
    network, _ = es.nir.read(outer, time_unit="s", spike="dirac")
    assert [p.name for p in network.populations] == ["in", "sub.lif", "c"]


def test_a_bias_leads_v_and_behind_a_synapse_is_asked_about():
    affine = nir.Affine(np.eye(2), np.array([0.5, 1.5]))
    network, _ = es.nir.read(graph_of(affine, lif(2, r=2.0)), time_unit="s", spike="dirac")
    assert network["lif"].neuron.target.tolist() == [1.0, 3.0]
    one = np.ones(2)
    slow = graph_of(affine, nir.CubaLIF(one, one, one, 0 * one, one))
    with pytest.raises(DataError, match=r"cubalif \(CubaLIF\): a bias comes through its synapse"):
        es.nir.read(slow, time_unit="s", spike="dirac")
    network, _ = es.nir.read(slow, time_unit="s", spike="dirac", settled=True)
    assert network["cubalif"].neuron.target.tolist() == [0.5, 1.5]


def test_a_neuron_led_above_its_threshold_leaves_the_others_of_its_node_alone():
    leak = np.array([2.0, 0.5, -0.3, 1.0])
    node = {"tau": 1e-3, "r": 10.0, "v_threshold": 1.0, "v_reset": 0.1}

    def spikes(v_leak, factor, stream):
        cell = nir.LIF(v_leak=v_leak, **{n: np.full(v_leak.shape, v) for n, v in node.items()})
        network, weights = es.nir.read(
            graph_of(nir.Input(np.array(v_leak.shape)), nir.Scale(factor), cell),
            time_unit="s", spike=100,
        )  # fmt: skip
        found = es.simulate(network, weights, stream, until_us=5_000).spikes["lif"]
        units = in_nir_order(network["lif"].shape, found.unit)
        return [found.t[units == k].tolist() for k in range(v_leak.size)]

    times, shape = [200, 400, 700, 2_000], (2, 1, 2)
    factor = np.array([0.1, 0.6, 1.4, 0.2])
    every = es.EventStream(np.repeat(times, 4), np.tile(np.arange(4), 4), shape)
    mixed = spikes(leak.reshape(shape), factor.reshape(shape), every)
    one = es.EventStream(times, [0] * 4, (1, 1, 1))
    alone = [spikes(leak[k : k + 1], factor[k : k + 1], one)[0] for k in range(4)]
    assert mixed == alone and mixed[1][0] == 200 and all(mixed)


def in_nir_order(shape, unit):
    """The number that NIR gives a neuron of (rows, columns, channels)."""
    if len(shape) != 3:
        return unit
    y, x, c = np.unravel_index(unit, shape)
    return np.ravel_multi_index((c, y, x), (shape[2], *shape[:2]))


def test_a_file_of_ours_says_that_its_neurons_subtract_where_all_of_them_do(tmp_path):
    from eventsnn.exchange.nir.hdf5 import read_raw
    from eventsnn.exchange.nir.own import convention_in

    said = []
    for reset in ("subtract", "zero"):
        network = es.layers("2-2-2", es.IF(1.0, "subtract"), es.IF(1.0, reset))
        es.nir.write(tmp_path / "a.nir", network, drawn(network))
        convention = convention_in(read_raw(tmp_path / "a.nir"), "a")
        mixed = [line for line in es.nir.unseen(network) if line.startswith("some neurons")]
        said.append((convention.reset, len(mixed)))
    assert said == [("subtract", 0), ("value", 1)]


def test_what_is_exported_is_told_and_what_others_do_not_see(tmp_path):
    from eventsnn.commands.exchange import adopt, export

    network = es.layers("3-2", es.LIF(20_000), es.LIF(20_000))
    network.save(tmp_path / "a.toml", drawn(network))
    told = export(tmp_path / "a.toml", "nir", tmp_path / "a.nir", {"spike": "1ms"})
    json.dumps(told)
    assert told["notes"][0].startswith("a spike is 1 for 1000 us")
    assert told["notes"][1].startswith("output: spikes subtract")
    nir.write(tmp_path / "b.nir", graph_of(nir.Linear(np.eye(2)), lif(2)))
    told = adopt(tmp_path / "b.nir", tmp_path / "c.nir", "nir-paper", {"reset": "subtract"})
    assert told["populations"][1]["neuron"].endswith("reset='subtract', refractory_us=0.0)")
    assert es.nir.read(tmp_path / "c.nir")[0]["lif"].neuron.reset == "subtract"
    assert nir.read(tmp_path / "c.nir").nodes["lif"].tau.tolist() == [0.02, 0.02]
    with pytest.raises(UserError, match="says already how its numbers are meant"):
        adopt(tmp_path / "c.nir", tmp_path / "d.nir", None, {})
    with pytest.raises(UserError, match="--to d: unknown; give c, nir"):
        export(tmp_path / "a.toml", "d", tmp_path / "a.d", {})
    with pytest.raises(UserError, match=r"ends in \.nir"):
        export(tmp_path / "a.toml", "nir", tmp_path / "a.h5", {})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small network that learned, as a folder and as a NIR file."""
    from eventsnn.commands.exchange import export

    folder = tmp_path_factory.mktemp("nir")
    rng = np.random.default_rng(5)
    streams = [blinks(label, rng) for label in (0, 1) * 20]
    network = es.layers("2x3x2-8-2", es.LIF(20_000), es.Readout(20_000))
    model = es.Classifier(network, "adjoint", epochs=1, seed=0)
    model.fit(es.DataSet.from_streams("blinks", streams, streams))
    model.save(folder / "run")
    export(folder / "run", "nir", folder / "net.nir", {})
    return folder, streams


def blinks(label, rng):
    """Events in one half of a small sensor."""
    units = rng.integers(0, 6, 60) + 6 * label
    return es.EventStream(np.sort(rng.integers(0, 50_000, 60)), units, (2, 2, 3), label)


def test_a_trained_network_says_the_same_from_its_nir_file(trained):
    folder, streams = trained
    one, other = es.load(folder / "run"), es.load(folder / "net.nir")
    assert one.score(streams) == other.score(streams) > 0.5
    assert np.array_equal(one.predict(streams), other.predict(streams))
    for name, array in one.weights_.items():
        assert np.array_equal(array, other.weights_[name])


def test_learning_goes_on_from_a_nir_file(trained):
    folder, streams = trained
    data = es.DataSet.from_streams("blinks", streams, streams)
    options = {"start_from": str(folder / "net.nir"), "epochs": 1, "rate": 1e-9, "seed": 3}
    network = es.nir.read(folder / "net.nir")[0]
    model = es.Classifier(network, "adjoint", **options).fit(data)
    before = es.load(folder / "run").weights_
    for name, array in model.weights_.items():
        assert np.allclose(array, before[name], atol=1e-6)


def test_the_commands_take_a_nir_file_as_a_model(trained, call, tmp_path, monkeypatch):
    folder, streams = trained
    monkeypatch.chdir(tmp_path)
    for k, stream in enumerate(streams[:8]):
        place = tmp_path / "mine" / str(stream.label)
        place.mkdir(parents=True, exist_ok=True)
        np.savez(place / f"{k}.npz", t=stream.t, **where(stream))
    file, data = str(folder / "net.nir"), ["--data", "folder:mine", "--split", "all", "--json"]
    told = json.loads(call("evaluate", file, *data)[1])
    assert told["recordings"] == 8 and told["accuracy"] > 0.5
    told = json.loads(call("measure", file, *data)[1])
    assert told["accuracy"] > 0.5 and told["energy"]
    told = json.loads(call("simulate", file, "mine/0/0.npz", "--json")[1])
    assert told["events"] == 60
    code, _, said = call("evaluate", file)
    assert code == 2 and "does not say what it learned from; give --data" in said


def where(stream):
    p, y, x = np.unravel_index(stream.unit, (2, 2, 3))
    return {"x": x, "y": y, "p": p}


def made_by_others(tmp_path, reset="value", inputs=5):
    """A file of another program, and one that says how it is meant."""
    rng = np.random.default_rng(0)
    graph = graph_of(
        *(nir.Linear(rng.normal(size=(6, inputs))), lif(6, r=25.0)),
        *(nir.Linear(rng.normal(size=(3, 6))), lif(3, tau=0.01, r=15.0)),
    )
    nir.write(tmp_path / "theirs.nir", graph)
    how = {"time_unit": "s", "spike": 1_000, "steps": "euler", "reset": reset}
    es.nir.adopt(tmp_path / "theirs.nir", tmp_path / "net.nir", **how)
    return tmp_path / "net.nir"


def test_a_check_meets_steps_of_euler_spike_for_spike_and_draws_it(tmp_path):
    from eventsnn.exchange.check import compared, told
    from eventsnn.exchange.check_figure import draw

    file = made_by_others(tmp_path)
    dt, ways = compared(file, events((1, 1, 5), 1_500, until=200_000), None)
    rows = {row["program"]: row for row in told(dt, ways)["ways"]}
    for node in ("lif", "lif_1"):
        found = rows["steps"]["nodes"][node]
        assert found["spikes"] == found["same"] > 10 and found["first_apart"] is None
    assert rows["on their grid"]["nodes"]["lif"]["first_apart"] is not None  # they have steps
    draw(ways, "lif_1", dt, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def grid_and_steps(file, stream, step_us=None):
    """Spikes on the grid of steps, and of forward Euler in these."""
    from eventsnn.exchange.check import compared

    ways = {way.name: way for way in compared(file, stream, step_us)[1]}
    return ways["on their grid"].steps, ways["steps"].steps


@pytest.mark.parametrize("kind", ["IF", "Threshold"])
@pytest.mark.parametrize(("fires", "n"), [(">", 0), (">=", 3)])
def test_v_at_the_threshold_fires_in_steps_where_the_file_says_so(tmp_path, kind, fires, n):
    one = np.ones(1)
    node = nir.IF(1_000 * one, one) if kind == "IF" else nir.Threshold(one)
    nir.write(tmp_path / "a.nir", graph_of(nir.Linear(np.ones((1, 1))), node))
    es.nir.adopt(tmp_path / "a.nir", tmp_path / "b.nir", time_unit="s", spike=1_000, fires=fires)
    stream = es.EventStream([0, 2_000, 5_000], [0] * 3, (1, 1, 1))
    if kind == "IF" and not n:  # it keeps what comes: the second is above
        stream = stream.between(0, 1_000)
    here, there = grid_and_steps(tmp_path / "b.nir", stream)
    name = kind.lower()
    assert here[name].sum() == n and np.array_equal(here[name], there[name])


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_a_check_of_a_file_of_ours_knows_its_nodes_units_and_reset(tmp_path, reset):
    network = es.Network(
        (
            es.Population("in", 4),
            es.Population("cells/1", (2, 2, 3), es.IF(4.0, reset)),
            es.Population("out", (2, 1, 2), es.IF(4.0, reset)),
        ),
        (
            es.Connection("in", "cells/1", es.Dense(4, 12)),
            es.Connection("cells/1", "out", es.Dense(12, 4)),
        ),
    )
    rng = np.random.default_rng(0)
    weights = {c.name: rng.integers(-3, 5, c.topology.weight_shape) for c in network.connections}
    weights = {name: w.astype(np.float32) for name, w in weights.items()}
    weights["in->cells/1"][0] = 0.0  # of what arrives at each step, where steps compare v
    weights["cells/1->out"] = np.abs(weights["cells/1->out"])
    es.nir.write(tmp_path / "a.nir", network, weights, spike=1_000)
    unit, step = np.nonzero(rng.random((4, 60)) < [[2.0], [0.3], [0.3], [0.3]])
    order = np.argsort(step, kind="stable")
    stream = es.EventStream(step[order] * 1_000, unit[order], (1, 1, 4))
    here, there = grid_and_steps(tmp_path / "a.nir", stream)
    assert list(here) == ["cells|1", "out"]
    assert here["cells|1"].sum() > 20 and len({int(n) for n in here["cells|1"].sum(0)}) > 3
    assert np.array_equal(here["cells|1"], there["cells|1"])


def test_steps_that_times_do_not_have_or_memory_does_not_hold_are_refused(tmp_path, monkeypatch):
    from eventsnn import memory

    file, stream = made_by_others(tmp_path), events((1, 1, 5), 30, until=900_000)
    for step, said in ((333.3, "whole microseconds"), (0.5, "whole microseconds")):
        with pytest.raises(UserError, match=f"--step-us {step} .*{said}"):
            grid_and_steps(file, stream, step)
    with pytest.raises(UserError, match=r"steps; give more, or a shorter --until-ms"):
        grid_and_steps(file, stream, 1.0)
    monkeypatch.setattr(memory, "room_bytes", lambda: 30_000)
    with pytest.raises(UserError, match=r"--step-us 1000: .* steps of 14 inputs and .* of memory"):
        grid_and_steps(file, stream)


def test_a_check_where_nothing_fires_is_refused(tmp_path, call):
    nir.write(tmp_path / "a.nir", graph_of(nir.Linear(np.ones((1, 5))), nir.I(np.ones(1))))
    es.nir.adopt(tmp_path / "a.nir", tmp_path / "b.nir", time_unit="s", spike=1_000)
    words = ("--data", recorded(tmp_path), "--figure", tmp_path / "a.png")
    code, _, said = call("exchange", "check", tmp_path / "b.nir", *words)
    assert code == 2 and "b.nir: none of its neurons fires" in said
    assert not (tmp_path / "a.png").exists()


def recorded(tmp_path):
    """A data set of four recordings of the same events."""
    stream = events((1, 1, 5), 300, until=50_000)
    place = tmp_path / "mine" / "0"
    place.mkdir(parents=True)
    for k in range(4):
        none = 0 * stream.unit
        np.savez(place / f"{k}.npz", t=stream.t, x=stream.unit, y=none, p=none)
    return f"folder:{tmp_path / 'mine'}"


def test_a_file_of_ours_that_is_adopted_keeps_how_its_answer_is_read(tmp_path):
    network = es.layers("3-2", es.LIF(20_000), es.LIF(20_000))
    answer = {"loss": "cross-entropy", "reads": "counts", "gain": 0.5}
    es.nir.write(tmp_path / "a.nir", network, drawn(network), answer=answer)
    es.nir.adopt(tmp_path / "a.nir", tmp_path / "b.nir", made_by="nir-paper")
    assert es.nir.answer_in(tmp_path / "b.nir") == answer


def test_a_check_says_why_programs_part(tmp_path, call):
    file = made_by_others(tmp_path, "subtract", inputs=10)
    words = ("--data", recorded(tmp_path), "--step-us", "500")
    code, out, said = call("exchange", "check", file, *words, "--json")
    assert code == 0, said
    told = json.loads(out)
    assert told["step_us"] == 500 and len(told["ways"]) >= 5
    assert any("moves v 0.5 times as far" in note for note in told["notes"])
    assert sum("subtract" in note for note in told["notes"]) == 1
    assert any("fires at the next step in" in note for note in told["notes"])
    code, _, said = call("exchange", "check", tmp_path / "theirs.nir", *words)
    assert code == 2 and "made_by" in said


@pytest.mark.parametrize("kind", ["snntorch", "norse", "sinabs"])
def test_a_program_that_is_installed_runs_the_graph_or_says_why_not(tmp_path, kind):
    from eventsnn.exchange.check import compared
    from eventsnn.exchange.programs import programs

    pytest.importorskip(programs()[kind].package)
    file = made_by_others(tmp_path)
    _, ways = compared(file, events((1, 1, 5), 300, until=50_000), None)
    way = next(way for way in ways if way.name == kind)
    if kind == "sinabs":  # it loses the first node of this graph
        assert not way.steps and "KeyError" in way.failed
        return
    assert not way.failed and {"lif", "lif_1"} <= set(way.steps)
    assert way.steps["lif"].shape[1] == 6 and 0 < way.steps["lif"].sum() < way.steps["lif"].size


def full(n, **parameters):
    return {name: np.full(n, value) for name, value in parameters.items()}


CHAINS = {
    "lif": lambda: lif(6, r=25.0, v_leak=0.2),
    "if": lambda: nir.IF(**full(6, r=1_000.0, v_threshold=1.3)),
    "threshold": lambda: nir.Threshold(np.full(6, 0.7)),
}


@pytest.mark.parametrize("kind", CHAINS)
def test_brian2_meets_spikes_that_are_held_while_v_decays(tmp_path, kind):
    pytest.importorskip("brian2")
    from eventsnn.exchange.check import compared

    rng = np.random.default_rng(0)
    first, back, bias = (rng.normal(size=s) for s in ((6, 5), (6, 6), 6))
    nodes = {
        "input": nir.Input(np.array([5])),
        "w": nir.Affine(first, 0.02 * bias if kind == "lif" else 0 * bias),
        "cells": CHAINS[kind](),
        "r": nir.Linear(0.3 * back),
        "late": nir.Delay(np.array([0.001, 0.002, 0.003, 0.0, 0.001, 0.005])),
        "w2": nir.Linear(rng.normal(size=(3, 6))),
        "out": lif(3, tau=0.01, r=15.0),
        "output": nir.Output(np.array([3])),
    }
    edges = ["input w", "w cells", "cells r", "r cells", "cells late", "late w2", "w2 out"]
    edges = [tuple(edge.split()) for edge in [*edges, "out output"]]
    nir.write(tmp_path / "a.nir", graph_of(edges=edges, **nodes))
    how = {"time_unit": "s", "spike": 1_000, "steps": "exponential"}
    es.nir.adopt(tmp_path / "a.nir", tmp_path / "b.nir", **how)
    ways = {w.name: w for w in compared(tmp_path / "b.nir", events((1, 1, 5), 900), None)[1]}
    here, there = ways["on their grid"].steps, ways["brian2"].steps
    assert not ways["brian2"].failed and set(here) == set(there) == {"cells", "out"}
    for name, steps in here.items():
        assert steps.sum() > 10 and np.array_equal(steps, there[name])


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (lambda: {}, "nothing in it is called as a node of neurons, such as lif"),
        (lambda: {"linear": np.ones((9, 6), bool)}, "nothing in it is called as a node"),
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_a_program_that_does_not_run_a_graph_says_why_not(tmp_path, monkeypatch, does, said):
    from eventsnn.exchange import check
    from eventsnn.exchange.programs.steps import EulerSteps

    class Other(EulerSteps):
        def run(self, task):
            return does()

    monkeypatch.setattr(check, "programs", lambda: {"other": Other})
    _, ways = check.compared(made_by_others(tmp_path), events((1, 1, 5), 30), None)
    assert not ways[-1].steps and said in ways[-1].failed


def test_the_side_of_a_batch_is_left_out_of_an_input():
    nodes = [nir.Input(np.array([1, 2])), nir.Linear(np.eye(2)), lif(2)]
    graph = nir.NIRGraph.from_list(nodes, type_check=False)
    network, _ = es.nir.read(graph, time_unit="s", spike="dirac")
    assert network["input"].size == 2


def test_at_least_twenty_foreign_graphs_are_read_or_refused_by_name():
    docs = Path(__file__).resolve().parents[1] / "docs"
    kept = json.loads((docs / "results" / "nir-foreign.json").read_text())
    assert sum("read" in r or "refused" in r for r in kept["graphs"]) >= 20
    exact = next(r for r in kept["paper"] if r["program"] == "lif_exact")
    assert exact["spikes"] == exact["here"] == exact["within_0"]


def test_a_subtraction_with_a_leak_elsewhere_than_0_is_refused():
    shape = np.ones(2)
    cells = nir.LIF(tau=shape * 0.02, r=shape * 200, v_leak=shape * 0.5, v_threshold=shape)
    graph = nir.NIRGraph.from_list([nir.Linear(np.eye(2)), cells], type_check=False)
    with pytest.raises(UserError, match="takes v_threshold from v"):
        es.nir.read(graph, time_unit="s", spike="dirac", reset="subtract")
    es.nir.read(graph, time_unit="s", spike="dirac", reset="value")
