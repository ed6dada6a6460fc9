"""Times on a coarse grid: one delivery with a count, the record of the same events one by one."""

from dataclasses import replace

import numpy as np
import pytest

import eventsnn as es
from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import adjoint
from eventsnn.engines.layered.dense.forward import DenseLayer
from eventsnn.events.windows import windows_of
from eventsnn.losses.cross_entropy import CrossEntropy
from eventsnn.rules.adjoint.dynamics import dynamics
from eventsnn.rules.eventprop.gradients import ReadoutErrors, errors_of, eventprop

SHAPE, UNITS, HIDDEN, STEP = (2, 5, 6), 60, 37, 5_000
NEURONS = [
    es.LIF(20_000.0),
    es.IF(1.0, "zero"),
    es.LIF(20_000.0, 1.0, "zero", 7_000),
    es.GeneralLIF(20_000.0, refractory_us=3_000),
    es.CubaLIF(20_000.0, 5_000.0, refractory_us=2_000),
]
ENGINES = ("feedforward", "asynchronous", "reference")


def recordings(n=4, seed=0):
    rng = np.random.default_rng(seed)
    streams = []
    for label in range(n):
        m = int(rng.integers(500, 900))
        t, unit = np.sort(rng.integers(0, 50_000, m)), rng.integers(0, UNITS, m)
        streams.append(es.EventStream(t, unit, SHAPE, label % 3, 50_000))
    return es.EventBatch.from_streams(streams)


def one_by_one(batch):
    """The same events at the same times, each a delivery."""
    return replace(batch, grid_us=0)


def network(neuron, topology=None, delay_us=0):
    topology = topology or es.Dense(UNITS, HIDDEN)
    populations = (
        es.Population("in", SHAPE),
        es.Population("h", (topology.n_out,), neuron),
        es.Population("out", (3,), es.Readout(30_000.0)),
    )
    last = es.Connection("h", "out", es.Dense(topology.n_out, 3), 1_000)
    return es.Network(populations, (es.Connection("in", "h", topology, delay_us), last))


def drawn(net, dtype=np.float64, seed=1):
    """Weights into the hidden neurons that add up without rounding, whatever the order."""
    rng = np.random.default_rng(seed)
    shapes = [c.topology.weight_shape for c in net.connections]
    first = rng.integers(-3, 8, shapes[0]) / 64
    return [first.astype(dtype), rng.normal(0, 1, shapes[1]).astype(dtype)]


def assert_close(a, b, tolerance=1e-12):
    for name in a.spikes:
        for field in ("start", "t", "unit"):
            left, right = (getattr(r.spikes[name], field) for r in (a, b))
            np.testing.assert_array_equal(left, right)
    for field in ("final", "maximum", "integral"):
        left, right = (getattr(r.readouts["out"], field) for r in (a, b))
        np.testing.assert_allclose(left, right, tolerance, tolerance)


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda n: n.kind)
def test_every_engine_gives_the_record_of_the_events_one_by_one(neuron):
    net, grid = network(neuron), recordings().on_grid(STEP)
    weights = drawn(net)
    expected = es.simulate(net, weights, one_by_one(grid), engine="reference")
    assert len(expected.spikes["h"].t) > 500
    pairs = [len(set(zip(one.t.tolist(), one.unit.tolist(), strict=True))) for one in grid]
    assert max(pairs) < min(len(one) for one in grid)
    for engine in ENGINES if not neuron.kind.startswith("cuba") else ENGINES[1:]:
        record = es.simulate(net, weights, grid, engine=engine)
        assert_close(record, expected)
        np.testing.assert_array_equal(record.counts.deliveries[:, 0], pairs)
        np.testing.assert_array_equal(record.counts.spikes[:, 0], pairs)
        np.testing.assert_array_equal(record.counts.synaptic_adds[:, 0], np.multiply(pairs, HIDDEN))


@pytest.mark.parametrize("neuron", NEURONS[:4], ids=lambda n: f"{n.kind}-{n.refractory_us}")
def test_the_engines_agree_to_the_last_bit_of_float32(neuron):
    net, grid = network(neuron), recordings(seed=2).on_grid(STEP)
    rng = np.random.default_rng(3)
    weights = [rng.normal(0.03, 0.1, (UNITS, HIDDEN)).astype(np.float32), drawn(net, np.float32)[1]]
    fast, queue = (es.simulate(net, weights, grid, engine=engine) for engine in ENGINES[:2])
    assert len(fast.spikes["h"].t) > 500
    for field in ("t", "unit", "value"):
        left, right = (getattr(r.spikes["h"], field) for r in (fast, queue))
        np.testing.assert_array_equal(left, right)
    np.testing.assert_array_equal(fast.counts.synaptic_adds, queue.counts.synaptic_adds)


@pytest.mark.parametrize(
    ("topology", "delay_us"),
    [(es.Conv2d((5, 6, 2), 4, (2, 2), planar=True), 0), (es.Dense(UNITS, HIDDEN), 700)],
    ids=["convolution", "delay"],
)
def test_elsewhere_events_of_a_step_are_delivered_one_by_one_at_its_beginning(topology, delay_us):
    net, grid = network(NEURONS[0], topology, delay_us), recordings().on_grid(STEP)
    for engine in ENGINES[:2]:
        record = es.simulate(net, drawn(net), grid, engine=engine)
        assert record.counts.spikes[:, 0].tolist() == [len(one) for one in grid]
        assert_close(record, es.simulate(net, drawn(net), one_by_one(grid), engine=engine), 0)


def test_a_layer_that_does_not_know_counts_is_sent_the_events_one_by_one(monkeypatch):
    net, grid = network(NEURONS[0]), recordings().on_grid(STEP)
    monkeypatch.setattr(DenseLayer, "counts", False)
    for stop in (None, "margin:0.01"):
        ours, theirs = (
            es.simulate(net, drawn(net), batch, until_us=stop, engine="feedforward")
            for batch in (grid, one_by_one(grid))
        )
        assert len(ours.spikes["h"].t) > 0
        assert_close(ours, theirs, 0)
        np.testing.assert_array_equal(ours.counts.synaptic_adds, theirs.counts.synaptic_adds)


@pytest.mark.parametrize("neuron", [*NEURONS[:3], None], ids=["lif", "if", "refractory", "none"])
def test_the_adjoint_is_that_of_the_events_one_by_one(neuron):
    grid, errors = recordings().on_grid(STEP), np.sin(np.arange(12.0)).reshape(4, 3)
    net = network(neuron or NEURONS[0])
    if neuron is None:
        net = es.Network(
            (net.populations[0], net.populations[2]),
            (es.Connection("in", "out", es.Dense(UNITS, 3)),),
        )
    weights = drawn(net) if neuron else [np.random.default_rng(1).normal(0, 1, (UNITS, 3))]
    found = []
    for batch in (grid, one_by_one(grid)):
        passed = layered.run(net, weights, batch, near=0.7 if neuron else 0.0)
        end = net.index("out")
        grads = adjoint(passed, weights, {end: ("integral", errors)}, near_weight=0.5)
        more = dynamics(passed, weights, grads).values()
        found.append([*grads.weights, *(np.array(one.threshold) for one in more)])
        found[-1] += [np.array(one.tau_us) for one in more if one.tau_us]
    for ours, theirs in zip(*found, strict=True):
        scale = np.abs(theirs).max()
        assert scale > 0
        np.testing.assert_allclose(ours, theirs, 0, 1e-12 * scale)


def test_eventprop_is_that_of_the_events_one_by_one():
    grid = recordings().on_grid(STEP)
    net = network(NEURONS[4])
    loop = es.Connection("h", "h", es.Dense(HIDDEN, HIDDEN), 1_000)
    net = es.Network(net.populations, (*net.connections, loop))
    weights = [*drawn(net), np.random.default_rng(5).normal(0, 0.1, (HIDDEN, HIDDEN))]
    found = []
    for batch in (grid, one_by_one(grid)):
        record = es.simulate(net, weights, batch)
        errors = errors_of(CrossEntropy("maximum"), record, "out", batch.label).errors
        assert isinstance(errors["out"], ReadoutErrors)
        found.append(eventprop(net, weights, batch, record, errors).weights)
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, 0, 1e-12 * np.abs(theirs).max())


def test_a_run_in_pieces_and_one_that_stops_give_the_bits_of_a_whole_run():
    net, grid = network(NEURONS[0]), recordings(1).on_grid(STEP)
    weights, state, parts = drawn(net), True, []
    whole = es.simulate(net, weights, grid[0], engine="asynchronous")
    for begin in range(0, 50_000, 12_500):
        piece = grid[0].between(begin, begin + 12_500)
        parts.append(es.simulate(net, weights, piece, state=state))
        state = parts[-1].state
    t, unit = (np.concatenate([getattr(p.spikes["h"], f) for p in parts]) for f in ("t", "unit"))
    np.testing.assert_array_equal(t, whole.spikes["h"].t)
    np.testing.assert_array_equal(unit, whole.spikes["h"].unit)
    for engine in ENGINES[:2]:
        stopped = es.simulate(net, weights, grid, until_us="margin:0.01", engine=engine)
        again = es.simulate(net, weights, grid, until_us=stopped.duration, engine=engine)
        assert stopped.duration[0] < 50_000
        np.testing.assert_array_equal(stopped.spikes["h"].t, again.spikes["h"].t)
        np.testing.assert_array_equal(stopped.counts.synaptic_adds, again.counts.synaptic_adds)


def test_what_is_measured_of_a_run_counts_deliveries():
    net, grid = network(NEURONS[0]), recordings(1).on_grid(STEP)
    weights = drawn(net)
    record = es.simulate(net, weights, grid)
    counted = es.operations(record, weights, grid)
    assert counted.synaptic_operations[0, 0] == record.counts.synaptic_adds[0, 0]
    nonzero = (weights[0] != 0).sum(1)
    pairs = set(zip(grid.t.tolist(), grid.unit.tolist(), strict=True))
    assert counted.effective[0, 0] == sum(nonzero[unit] for _, unit in pairs)
    course = es.potentials(record, weights, grid, "h", 0)
    again = es.potentials(net, weights, one_by_one(grid)[0], "h", 0)
    np.testing.assert_allclose(course.every(100)[1], again.every(100)[1], 0, 1e-12)


def test_recordings_know_their_grid():
    batch = recordings()
    grid = batch.on_grid(STEP)
    for r, one in enumerate(grid):
        old = batch[r]
        pairs = sorted(zip((old.t // STEP * STEP).tolist(), old.unit.tolist(), strict=True))
        assert list(zip(one.t.tolist(), one.unit.tolist(), strict=True)) == pairs
        np.testing.assert_array_equal(one.t, old.on_grid(STEP).t)
        np.testing.assert_array_equal(one.unit, old.on_grid(STEP).unit)
    same = [
        grid.part(0, 2),
        grid[[1, 0]],
        grid[1],
        windows_of(grid, 2 * STEP),
        grid[0].between(0, 9),
    ]
    assert [one.grid_us for one in same] == [STEP] * 5
    assert es.EventBatch.from_streams([grid[0], grid[1]]).grid_us == STEP
    assert es.EventBatch.from_streams([grid[0], batch[1]]).grid_us == batch.grid_us == 0
    assert (
        es.merge([grid[0], grid[1]]).grid_us == STEP and es.merge([grid[0], batch[1]]).grid_us == 0
    )
    assert "steps of 5 ms" in repr(grid) and "steps of 5 ms" in repr(grid[0])
    assert "steps" not in repr(batch) + repr(batch[0])


def test_a_grid_is_made_coarser_never_finer():
    batch = recordings(2)
    twice = batch.on_grid(STEP).on_grid(2 * STEP)
    np.testing.assert_array_equal(twice.t, batch.on_grid(2 * STEP).t)
    assert twice.grid_us == 2 * STEP
    for one in (twice, twice[0]):
        with pytest.raises(es.DataError, match=r"rounded to steps of 10000 us already"):
            one.on_grid(STEP)
        with pytest.raises(es.DataError, match="grid_us is -1"):
            replace(one, grid_us=-1)


def test_a_record_on_a_grid_is_not_that_of_the_same_events_one_by_one():
    net, grid = network(NEURONS[0]), recordings(1).on_grid(STEP)
    record = es.simulate(net, drawn(net), grid)
    for other in (one_by_one(grid), recordings(1)):
        with pytest.raises(es.UserError, match="not the one that the record was made with"):
            es.operations(record, drawn(net), other)
    none = grid.part(0, 0)
    counted = es.operations(es.simulate(net, drawn(net), none), drawn(net), none)
    assert counted.effective.shape == (0, 2)


@pytest.mark.parametrize("grid_us", [0, -1, 0.5, "1 ms", 1 << 31, np.nan, None])
def test_a_grid_that_is_none_is_refused(grid_us):
    for one in (recordings(1), recordings(1)[0]):
        with pytest.raises(es.DataError, match="grid_us"):
            one.on_grid(grid_us)


def test_a_model_learned_on_a_grid_refuses_exact_times(tmp_path):
    batch = recordings(12)
    data = es.DataSet.from_streams("made", batch, recordings(6, 9))
    with pytest.raises(es.UserError, match="window_us"):
        data.viewed(grid_us=STEP, window_us=STEP + 1)
    seen = data.viewed(grid_us=STEP, window_us=2 * STEP)
    assert seen.train.grid_us == STEP and "--grid-us 5000" in repr(seen.view) + str(seen.view)
    model = es.Classifier("60-8-3", epochs=1, seed=0)
    model.fit(data.viewed(grid_us=STEP))
    model.save(tmp_path / "run")
    again = es.load(tmp_path / "run")
    grid = batch.on_grid(STEP)
    np.testing.assert_array_equal(model.predict(grid), again.predict(grid))
    with pytest.raises(es.UserError, match=r"exact times.*on_grid\(5000\)"):
        again.predict(batch)
    with pytest.raises(es.UserError, match="grid"):
        es.Session(again)
