"""Normalised currents and skips, over events: against the definition, engines and one another."""

import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from eventsnn.data.images import Images
from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.network.layer_string import parse_layers
from eventsnn.rules.learned import Batch, Epoch
from eventsnn.rules.ledinauskas2020 import Ledinauskas2020, back
from eventsnn.rules.ledinauskas2020.encode import encoded
from eventsnn.rules.ledinauskas2020.options import NormedOptions
from eventsnn.rules.ledinauskas2020.reference import (
    DenseSynapses,
    NormedLayer,
    NormOf,
    SteppedNeuron,
    backward,
    forward,
)
from eventsnn.rules.ledinauskas2020.simulated import simulated
from eventsnn.rules.stbp.reference import rolled, unrolled
from eventsnn.surrogates.fast_sigmoid import FastSigmoid

STEPS = 6
NETWORKS = {
    "plain": "36-17-13-3",
    "residual": "36-12-[12-12]-[12-9-12]-[8-11]-3",
    "convolution": "6x6x1-4c3p1-[5c3p1-4c3p1]-[3c1-4c3s2p1]-2avg-6c1-3",
    "averages": "6x6x1-4c3p1-[4c3p1]-6avg-3",
}


def pictures(n=10, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (n, 6, 6)) * (rng.random((n, 6, 6)) < 0.7)
    return Images(values.astype(np.uint8), np.arange(n) % 3, "noise")


def recordings(n=10, seed=0):
    rng, streams = np.random.default_rng(seed), []
    for k in range(n):
        t = np.sort(rng.integers(0, 9_000, 90))
        streams.append(EventStream(t, rng.integers(0, 36, 90), (1, 6, 6), k % 3, 9_000))
    return EventBatch.from_streams(streams, "noise")


def made(layers, threads=1, seed=1, **given):
    options = NormedOptions(**({"n_steps": STEPS, "dtype": "float64", "alpha": 2.0} | given))
    rule = Ledinauskas2020(options, threads)
    network = rule.network(parse_layers(layers))
    rng = np.random.default_rng(seed)
    state, _ = rule.start(network, pictures(), rng)
    n = len(state.graph.synapses)
    for k, p in enumerate(state.params[n:]):
        p += rng.uniform(-0.3, 0.3, p.shape) + (0.2 if k >= state.graph.normed else 0.0)
    return rule, state


def learned(rule, state, data, batches=4, size=8):
    """Some updates, which also move running statistics."""
    rng = np.random.default_rng(0)
    state = rule.begin_epoch(state, Epoch(0, batches, 1))
    for _ in range(batches):
        state, _ = rule.learn(state, Batch(data, rng.permutation(len(data))[:size]), rng)
    return state


def defined(rule, state):
    """The same network as the definition has it."""
    graph, network, params = state.graph, state.network, state.parameters
    learns = [c for c in network.connections if c.learns]
    matrices = [unrolled(c.topology, w) for c, w in zip(learns, params.weights, strict=True)]
    layers = [
        NormedLayer(
            tuple(
                DenseSynapses(
                    graph.synapses[s].source, matrices[s], params.gamma[s], params.beta[s]
                )
                for s in layer.synapses
            ),
            layer.before,
            layer.after,
        )
        for layer in graph.layers[:-1]
    ]
    o = rule.options
    cell = SteppedNeuron(
        o.decay, o.threshold, o.reset == "soft", o.detached, FastSigmoid(1 / o.steepness)
    )
    return layers, matrices[-1], cell, NormOf(o.epsilon, o.norm == "per-step"), learns


def same(a, b, bar=1e-12):
    a, b = np.asarray(a), np.asarray(b)
    assert np.abs(a - b).max() <= bar * max(np.abs(b).max(), 1e-30)


VARIANTS = [
    {},
    {"reset": "soft"},
    {"detached": True},
    {"reset": "soft", "detached": True, "alpha": 10.0},
    {"shortcut": "after", "alpha": 0.5},
    {"shortcut": "after", "reset": "soft"},
    {"norm": "per-step"},
    {"input": "poisson"},
    {"input": "poisson", "shortcut": "after", "norm": "per-step", "decay": 0.5},
]


@pytest.mark.parametrize("layers", NETWORKS)
@pytest.mark.parametrize("given", VARIANTS, ids=str)
def test_spikes_and_gradients_are_those_of_the_dense_definition(layers, given):
    rule, state = made(NETWORKS[layers], **given)
    data, order = pictures(), np.arange(10)
    ran = rule.run(state, data, order, np.random.default_rng(5))
    net, readout, cell, norm, learns = defined(rule, state)
    sent = ran.sent[0]
    sent = np.repeat(sent[None], STEPS, 0) if sent.ndim == 2 else sent.transpose(1, 0, 2)
    told = forward(sent.astype(float), net, readout, cell, norm)
    fired = 0
    for u, s, found, below in zip(told.u, told.sent[1:], ran.u, ran.sent[1:], strict=True):
        same(found.transpose(1, 0, 2), u)
        np.testing.assert_array_equal(below.transpose(1, 0, 2), s)
        fired += s.sum()
    assert fired > 100
    same(ran.logits, told.logits)
    by = np.random.default_rng(6).standard_normal(ran.logits.shape)
    g = backward(told, net, readout, by, cell, norm)
    found = rule.gradients(state, ran, by)
    flat = [w for layer in g.weights for w in layer] + [g.readout]
    for c, w, mine in zip(learns, flat, found.weights, strict=True):
        same(mine, rolled(c.topology, w))
    for name in ("gamma", "beta"):
        for one, mine in zip(
            [p for layer in getattr(g, name) for p in layer], getattr(found, name), strict=True
        ):
            same(mine, one)
    for e, norm_of in zip(g.potentials, found.norms, strict=True):
        same(norm_of, np.linalg.norm(e))


@pytest.mark.parametrize("own", [slice(0, 3), slice(3, 7), slice(7, 7)])
def test_a_part_of_a_batch_is_drawn_as_in_the_whole_batch(own):
    data, order = pictures(7), np.random.default_rng(1).permutation(7)
    rngs = [np.random.default_rng(2) for _ in range(2)]
    whole = encoded(data, order, ("poisson", 4, np.float32), rngs[0], (0, 7))
    part = encoded(data, order[own], ("poisson", 4, np.float32), rngs[1], (own.start, 7))
    assert whole.any() and not whole.all()
    np.testing.assert_array_equal(part, whole[own])
    assert rngs[0].random() == rngs[1].random()
    assert encoded(data, order[own], ("constant", 4, np.float32), None, (0, 7)).shape[1] == 36


def test_recordings_are_cut_into_steps_in_which_an_input_fires_once():
    rule, state = made(NETWORKS["plain"])
    data = recordings()
    sent = rule.run(state, data, np.arange(10), None).sent[0]
    for k in range(10):
        stream = data[k]
        expected = {
            (int(t) * STEPS // 9_000, int(u)) for t, u in zip(stream.t, stream.unit, strict=True)
        }
        assert set(zip(*np.nonzero(sent[k]), strict=True)) == expected


@pytest.mark.parametrize("layers", [*NETWORKS, "thresholds"])
@pytest.mark.parametrize("given", [v for v in VARIANTS if v.get("norm") != "per-step"], ids=str)
def test_a_folded_network_fires_on_the_asynchronous_engine_as_before(layers, given):
    rule, state = made((NETWORKS | {"thresholds": "36-12@0.6-[12-12@1.5]-3"})[layers], **given)
    events = given.get("input") == "poisson"
    data = recordings() if events else pictures()
    state, fired = learned(rule, state, data), 0
    for i in range(3):
        told = rule.traffic(state, data, i, "")
        network, weights, stream = simulated(rule, state, data, i)
        record = simulate(network, weights, stream, engine="asynchronous", dtype=np.float64)
        for k, population in enumerate(network.populations[1:-1], 1):
            spikes = record.spikes[population.name]
            np.testing.assert_array_equal(spikes.t, told.t[k])
            np.testing.assert_array_equal(spikes.unit, told.unit[k])
            fired += len(spikes)
        final = record.readouts["output"].final if hasattr(record, "readouts") else None
        if final is not None:
            same(np.asarray(final).reshape(-1) / STEPS, told.output, 1e-9)
    assert fired > 60


def test_running_statistics_are_those_of_the_batches():
    rule, state = made("36-12-8-3", momentum=0.25)
    data, rng = pictures(), np.random.default_rng(0)
    ran = rule.run(state, data, np.arange(8), rng)
    values = np.broadcast_to(ran.currents[0], (8, STEPS, 1, 12)).reshape(-1, 12)
    second = ran.currents[1].reshape(-1, 8)
    after, _ = rule.learn(state, Batch(data, np.arange(8)), rng)
    for k, v in enumerate((values, second)):
        same(after.running[k].mean[0], 0.25 * v.mean(0))
        same(after.running[k].variance[0], 0.75 + 0.25 * v.var(0, ddof=1))


def test_threads_change_no_bit_and_a_restored_state_goes_on_to_the_same_bits():
    data, ends = pictures(20), []
    for threads in (1, 2):
        rule, state = made(NETWORKS["convolution"], threads, dtype="float32")
        ends.append(learned(rule, state, data, 6))
    rule, state = made(NETWORKS["convolution"], dtype="float32")
    half = rule.restore(state.network, rule.arrays(state))
    ends.append(learned(rule, half, data, 6))
    for end in ends[1:]:
        for a, b in zip(ends[0].params, end.params, strict=True):
            np.testing.assert_array_equal(a, b)
    found = [rule.predict(ends[0], data, np.arange(20), threads) for threads in (1, 2)]
    np.testing.assert_array_equal(found[0].classes, found[1].classes)


_PROGRAM = """
import sys, zlib
sys.path.insert(0, "tests")
from test_ledinauskas import *
rule, state = made("36-400-[400-400]-3", dtype="float32")
end = learned(rule, state, pictures(64), 3, 64)
print(zlib.crc32(b"".join(p.tobytes() for p in end.params)))
"""


def test_threads_of_the_matrix_library_change_no_bit():
    said = [
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env=os.environ | {"OPENBLAS_NUM_THREADS": n},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n in ("1", "2")
    ]
    assert said[0] == said[1] and said[0].strip().isdigit()


def test_each_lane_of_a_matrix_product_has_one_thread(monkeypatch):
    seen, plain = [], back.kernels.from_places

    def look(*args):
        every = [one for one in threadpool_info() if one["user_api"] == "blas"]
        # scipy has a library of its own, which does nothing here.
        seen.extend(one["num_threads"] for one in every if "scipy.libs" not in one["filepath"])
        plain(*args)

    monkeypatch.setattr(back.kernels, "from_places", look)
    with threadpool_limits(2, user_api="blas"):
        rule, state = made(NETWORKS["convolution"], dtype="float32")
        learned(rule, state, pictures(8), 1, 8)
    assert seen and set(seen) == {1}


@pytest.mark.parametrize("given", [{}, {"norm": "none"}, {"reset": "soft"}, {"shortcut": "after"}])
def test_a_residual_network_learns_what_it_is_shown(given):
    data = pictures(24, seed=3)
    rule, state = made("36-24-[24-24]-3", dtype="float32", rate=0.02, **given)
    state = learned(rule, state, data, 80, 24)
    found = rule.predict(state, data, np.arange(24))
    assert (found.classes == data.labels).mean() > 0.9
    assert found.spikes[0] == (data.images > 0).sum() and found.spikes[-1] == 0


def test_additions_are_counted_at_events():
    rule, state = made("36-12-[9-12]-3")
    data = pictures(5)
    found = rule.predict(state, data, np.arange(5))
    spikes = found.spikes
    assert found.adds.tolist() == [
        12 * spikes[0],
        9 * spikes[1],
        12 * spikes[2] + spikes[1],
        3 * spikes[3],
    ]


@pytest.mark.filterwarnings("error")
def test_gradients_that_explode_end_in_one_clear_error():
    data = pictures(24, seed=3)
    rule, state = made("36" + 60 * "-24" + "-3", dtype="float32", rate=0.02, alpha=0.05)
    with pytest.raises(UserError, match=r"no longer finite|lower the learning rate"):
        for _ in range(3):
            state = learned(rule, state, data, 1, 24)
            rule.check(state, Epoch(0))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("36-20r-3", "has no hidden1->hidden1, which is recurrent"),
        ("36-20f-3", "has no input->hidden1, which is recurrent, delayed or fixed"),
        ("6x6x1-4c3-2p-3", "has no conv1->pool1; pool by averages"),
        ("36-[36]-3", "nothing may skip from the input"),
        ("36-20-[20-20]", "nothing may skip to the output"),
    ],
)
def test_layers_that_it_has_not_are_refused(layers, message):
    with pytest.raises(UserError, match=message):
        made(layers)


def test_a_normalisation_of_each_step_does_not_fold():
    rule, state = made("36-12-3", norm="per-step")
    with pytest.raises(UserError, match="norm is 'per-step'; statistics of each step"):
        simulated(rule, state, pictures(), 0)
    with pytest.raises(UserError, match="36 inputs, the network takes 20"):
        other, fresh = made("20-12-3")
        other.predict(fresh, pictures(), np.arange(1))


def test_alpha_follows_the_place_of_the_shortcut_unless_it_is_given():
    assert NormedOptions().steepness == 2 and NormedOptions(shortcut="after").steepness == 10
    assert NormedOptions(alpha=3.0).steepness == 3
    for given, said in (
        ({"alpha": -1.0}, "alpha"),
        ({"decay": 1.5}, "decay"),
        ({"momentum": 0.0}, "momentum"),
        ({"norm": "x"}, "norm"),
    ):
        with pytest.raises(UserError, match=said):
            NormedOptions(**given)
