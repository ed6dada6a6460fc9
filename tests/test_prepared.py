"""Prepared networks, and threads of the asynchronous engine: the same records, bit for bit."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from test_feedforward import assert_same, make_batch

import eventsnn as es
from eventsnn.errors import UserError
from eventsnn.network import graph


def dense(seed=0):
    net = es.layers("4x4x2-30-20-3", hidden=es.LIF(tau_us=900), output=es.Readout(900))
    rng = np.random.default_rng(seed)
    return net, {c.name: rng.normal(0.2, 0.4, c.topology.weight_shape) for c in net.connections}


def recurrent():
    eye = es.Population("eye", (2, 4, 4))
    cells = es.Population("cells", (40,), es.CubaLIF(2_000, 500, bias=1.02))
    links = (
        es.connect(eye, cells, es.FixedOutDegree(8, seed=1), delay_us=es.Uniform(0, 900, seed=1)),
        es.connect(cells, cells, es.FixedOutDegree(5, seed=2), delay_us=300),
    )
    net = es.Network((eye, cells), links)
    return net, [es.Normal(0.5, 0.2, 1), es.Normal(0.05, 0.2, 2)]


NETWORKS = {"dense": dense, "recurrent": recurrent}
BATCH = make_batch(np.random.default_rng(5), (2, 4, 4), 9, 200, 80)


def same_everything(one, other):
    assert_same(one, other)
    for field in ("queue_pushes", "queue_pops", "queue_peak"):
        found = getattr(one.counts, field), getattr(other.counts, field)
        np.testing.assert_array_equal(*found, field)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("threads", [2, 3, 20])
def test_threads_of_the_asynchronous_engine_change_no_bit(name, threads):
    net, weights = NETWORKS[name]()
    alone = es.simulate(net, weights, BATCH, engine="asynchronous")
    assert alone.counts.spikes[:, 1:].sum() > 300
    same_everything(alone, es.simulate(net, weights, BATCH, engine="asynchronous", threads=threads))


@pytest.mark.parametrize("engine", ["auto", "asynchronous", "reference"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_prepared_network_gives_the_same_records_again_and_again(name, engine):
    net, weights = NETWORKS[name]()
    ready = es.prepare(net, weights, dtype=np.float32)
    for events in (BATCH, BATCH[3], BATCH[4], BATCH, BATCH[3]):
        for keep in ("all", "counts", "nothing", "all"):
            asked = {"engine": engine, "record": keep, "until_us": 6_000}
            found = ready.simulate(events, **asked)
            same_everything(found, es.simulate(net, weights, events, dtype=np.float32, **asked))


def test_a_prepared_network_goes_on_from_states():
    net, weights = recurrent()
    ready, stream = es.prepare(net, weights), BATCH[int(np.argmax(BATCH.duration))]
    whole = ready.simulate(stream, state=True)
    state, spikes = True, []
    for begin, end in ((0, 700), (700, 2_000), (2_000, stream.duration)):
        ready.simulate(BATCH[1])  # what runs in between leaves nothing behind
        part = ready.simulate(stream.between(begin, end), state=state)
        state, spikes = part.state, [*spikes, part.spikes["cells"].t]
    np.testing.assert_array_equal(np.concatenate(spikes), whole.spikes["cells"].t)
    np.testing.assert_array_equal(state.x, whole.state.x)


def test_what_becomes_of_the_weights_later_changes_nothing():
    net, weights = dense()
    before = es.simulate(net, weights, BATCH)
    ready = es.prepare(net, weights)
    for array in weights.values():
        array[:] = 0
    assert_same(before, ready.simulate(BATCH))
    with pytest.raises(ValueError, match="read-only"):
        ready.weights[0][0] = 1


def test_threads_may_share_a_prepared_network():
    net, weights = recurrent()
    ready = es.prepare(net, weights)
    expected = [es.simulate(net, weights, BATCH[i]) for i in range(len(BATCH))]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: ready.simulate(BATCH[i % len(BATCH)]), range(54)))
    for i, record in enumerate(found):
        same_everything(record, expected[i % len(BATCH)])


def test_after_a_run_that_failed_a_prepared_network_is_as_before():
    net, weights = recurrent()
    ready, stream = es.prepare(net, weights), BATCH[int(np.argmax(np.diff(BATCH.start)))]
    expected = ready.simulate(stream)
    with pytest.raises(UserError, match="more than 5 spikes"):
        ready.simulate(stream, event_budget=5)
    same_everything(ready.simulate(stream), expected)
    with pytest.raises(UserError, match="engine is 'fast'"):
        ready.simulate(stream, engine="fast")
    with pytest.raises(UserError, match="element"):
        es.prepare(*(net, [np.full(c.topology.weight_shape, np.nan) for c in net.connections]))


def test_generators_in_place_of_others_leave_a_prepared_network_as_it_is():
    net, weights = recurrent()
    ready = es.prepare(net, weights)
    expected = ready.simulate(BATCH[2])
    noise = es.Poisson(rate_hz=3_000, seed=2)
    found = ready.simulate({"eye": noise}, until_us=5_000)
    same_everything(found, es.simulate(net, weights, {"eye": noise}, until_us=5_000))
    same_everything(ready.simulate(BATCH[2]), expected)


def test_weights_that_cannot_be_written_are_looked_at_once_and_give_the_same_records(monkeypatch):
    net, weights = dense(3)
    want = es.simulate(net, weights, BATCH[3])
    fixed = {name: np.array(array) for name, array in weights.items()}
    for array in fixed.values():
        array.setflags(write=False)
    looked = []
    monkeypatch.setattr(
        "eventsnn.network.graph.checked_weights",
        lambda c, *args, check=graph.checked_weights: looked.append(c.name) or check(c, *args),
    )
    for engine in ("auto", "asynchronous", "reference", "auto"):
        assert_same(want, es.simulate(net, fixed, BATCH[3], engine=engine))
    assert looked == [c.name for c in net.connections]


def test_weights_that_may_be_written_are_looked_at_each_time():
    net, weights = dense(3)
    first, *rest = (np.array(weights[c.name]) for c in net.connections)
    view = first.view()
    view.setflags(write=False)  # what it is a view of can be written
    for array in rest:
        array.setflags(write=False)
    one, same = (es.simulate(net, [view, *rest], BATCH[3]) for _ in range(2))
    same_everything(one, same)
    first *= 0
    silent = es.simulate(net, [view, *rest], BATCH[3])
    assert one.counts.spikes[0, 1] > 0 and silent.counts.spikes[0, 1] == 0
    first[0, 0] = np.nan
    with pytest.raises(UserError, match="nan"):
        es.simulate(net, [view, *rest], BATCH[3])


def test_read_only_weights_still_need_every_name_and_another_dtype_is_another_run():
    net, weights = dense(3)
    fixed = {name: np.array(array) for name, array in weights.items()}
    for array in fixed.values():
        array.setflags(write=False)
    es.simulate(net, fixed, BATCH[3])
    narrow = es.simulate(net, fixed, BATCH[3], dtype=np.float32)
    same_everything(narrow, es.simulate(net, weights, BATCH[3], dtype=np.float32))
    with pytest.raises(UserError, match="no connection is called"):
        es.simulate(net, fixed | {"eyes->ears": next(iter(fixed.values()))}, BATCH[3])
    with pytest.raises(UserError, match="none given"):
        es.simulate(net, dict(list(fixed.items())[1:]), BATCH[3])


def test_a_trained_network_predicts_from_weights_that_are_laid_out_once(monkeypatch):
    rng = np.random.default_rng(0)
    streams = [
        es.EventStream(np.arange(20) * 50, 2 * rng.integers(0, 4, 20) + k, (1, 2, 4), k)
        for k in (0, 1) * 8
    ]
    model = es.Classifier("2x4x1-8-2", "adjoint", epochs=2, seed=0).fit(streams)
    assert not any(array.flags.writeable for array in model.weights_.values())
    answers = [model.predict(stream) for stream in streams]
    assert answers == model.predict(streams).tolist()
    monkeypatch.setattr(
        "eventsnn.network.graph.checked_weights", lambda *args: pytest.fail("looked at again")
    )
    assert answers == [model.predict(stream) for stream in streams]
