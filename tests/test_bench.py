"""The bench: its own arithmetic, the networks it runs, and the figures it promises."""

import json
from dataclasses import replace
from functools import partial
from unittest.mock import patch

import numpy as np
import pytest

from eventsnn import bench as package
from eventsnn.bench import bench, control, networks
from eventsnn.bench.control import Case, Control, measure
from eventsnn.bench.live import bench_live
from eventsnn.bench.of_ranks import measured
from eventsnn.bench.queue import PENDING, Turnover
from eventsnn.bench.scaling import EVENT_BYTES, JUMP_BYTES, LINKS, WEIGHT_BYTES, WITHIN, StepModel
from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.ranks.ranks import ONE

PROMISED = {
    "control_ns_per_event",
    "feedforward_dense_controls",
    "feedforward_threads_speedup",
    "control_threads_speedup",
    "asynchronous_dense_controls",
    "counting_share",
    "conv2d_controls",
    "training_step_controls",
    "training_threads_speedup",
    "stbp_training_step_controls",
    "stbp_ms_per_sample",
    "hm2bp_training_step_controls",
    "hm2bp_ms_per_sample",
    "hm2bp_training_threads_speedup",
    "hm2bp_dense_sweep_adds",
    "ledinauskas2020_training_step_controls",
    "ledinauskas2020_ms_per_sample",
    "lee2016_presentation_controls",
    "lee2016_stream_controls",
    "lee2016_ms_per_presentation",
    "lee2016_ms_per_stream",
    "conv_network_controls",
    "conv_training_step_controls",
    "conv_training_step_forwards",
    "conv2d_adds_share",
    "conv_network_adds_share",
    "evaluation_controls",
    "asynchronous_threads_speedup",
    "one_recording_us",
    "asynchronous_one_event_us",
    "sparse_recurrent_updates_per_second",
    "sparse_recurrent_fine_updates_per_second",
    "eventprop_step_controls",
    "eventprop_hidden_spikes",
    "eventprop_threads_speedup",
    "balanced_cuba_lif_controls",
    "balanced_lif_controls",
    "balanced_cuba_lif_rate_hz",
    "feedforward_10_bins_controls",
    "feedforward_30_bins_controls",
    "feedforward_cuba_lif_controls",
    "feedforward_cuba_lif_spikes",
    "queue_push_pop_ns",
}


def test_the_control_adds_one_row_an_event():
    batch = networks.poisson(2)
    loop = Control.over(batch)
    loop.run()
    times = np.bincount(batch.unit, minlength=batch.n_units)
    np.testing.assert_allclose(loop.v, times @ loop.weights.astype(np.float64), atol=1e-2)


def test_controls_at_once_do_the_work_of_each():
    batch = networks.poisson(1)
    made = []
    over = Control.over.__func__

    def remember(events):
        made.append(over(Control, events))
        return made[-1]

    with patch.object(Control, "over", remember):
        control.at_once(batch, 3)()
    alone = Control.over(batch)
    alone.run()
    assert len(made) == 3
    for one in made:
        np.testing.assert_array_equal(one.v, alone.v)
    assert len({one.weights.ctypes.data for one in made}) == 3


def test_ratios_are_medians_within_a_round_and_the_first_round_is_not_counted(monkeypatch):
    # control, case; the machine is twice as slow in the third round, but not the ratio.
    script = iter([9.0, 99.0, 1.0, 3.0, 2.0, 6.0, 1.0, 5.0])
    ran = []
    monkeypatch.setattr(control, "seconds", lambda run: [next(script), ran.append("timed")][0])
    monkeypatch.setattr(Control, "run", lambda _: ran.append("control"))
    case = Case("x", lambda: ran.append("case"), 10)
    ns, case_ns, controls = measure([case], 10, Control(*[None] * 3), 3)
    assert ran == ["timed"] * 2 + ["case", "control", "timed", "timed"] * 3
    assert ns == pytest.approx(1e8)
    assert case_ns["x"] == pytest.approx(5e8)
    assert controls["x"] == pytest.approx(3.0)


def test_a_case_is_compared_with_what_it_is_against(monkeypatch):
    monkeypatch.setattr(control, "seconds", lambda run: run())
    monkeypatch.setattr(Control, "run", lambda _: 5.0)
    cases = [Case("one", lambda: 8.0, 2), Case("two", lambda: 4.0, 2, against=lambda: 8.0)]
    ns, case_ns, ratios = measure(cases, 10, Control(*[None] * 3), 3)
    assert ns == pytest.approx(5e8)
    assert case_ns == pytest.approx({"one": 4e9, "two": 2e9})
    assert ratios == pytest.approx({"one": 8.0, "two": 0.5})


@pytest.mark.parametrize("wanted", [300, 3000])
def test_dense_weights_fire_as_often_as_asked(wanted):
    batch = networks.poisson(10)
    weights = networks.dense_weights(batch, wanted)
    counts = simulate(networks.dense(batch), weights, batch, record="nothing").counts
    assert counts.spikes[:, 1].mean() == pytest.approx(wanted, rel=0.1)


def test_the_queue_keeps_its_length_and_its_order():
    turnover = Turnover(1000)
    before = turnover.times[0]
    turnover.run()
    times = turnover.times[:PENDING]
    assert times[0] > before
    assert times[0] == times.min()
    assert len(set(turnover.units[:PENDING].tolist())) == PENDING


def test_the_result_has_the_promised_figures_and_goes_into_json(monkeypatch):
    monkeypatch.setattr(networks, "recurrent", partial(networks.recurrent, 500, 20))
    monkeypatch.setattr(networks, "balanced", partial(networks.balanced, neurons=500, fan_out=20))
    monkeypatch.setattr(networks, "spoken", partial(networks.spoken, events=3000))
    monkeypatch.setattr(package, "_QUEUE_STEPS", 100)
    result = bench(networks.poisson(3), rounds=1, threads=2)
    assert result.keys() >= PROMISED
    assert all(result[name] > 0 for name in PROMISED)
    assert result["data"] == "synthetic Poisson events"
    assert json.loads(json.dumps(result)) == result
    an_add = result["feedforward_dense_controls"] / 800
    adds = result["conv_network_adds"] * result["recordings"] / result["events"]
    shares = (
        an_add / result["conv2d_controls"] * 800,
        an_add * adds / result["conv_network_controls"],
    )
    assert (result["conv2d_adds_share"], result["conv_network_adds_share"]) == pytest.approx(shares)


def test_a_fifth_of_the_recurrent_neurons_inhibits_four_times_as_strongly():
    network, (inward, around) = networks.recurrent(50, 20)
    by_sender = around.reshape(50, 20)
    signs = np.sign(by_sender)
    assert (signs == signs[:, :1]).all() and (signs[:, 0] < 0).sum() == 10
    assert by_sender.min() == pytest.approx(-4 * by_sender.max()) and (inward > 0).all()
    delays = network.connections[1].delay_us
    assert delays.min() >= 1_000 and delays.max() <= 10_000 and (delays % 1_000 == 0).all()


def test_the_drive_has_the_rate_that_was_asked_for():
    events = networks.drive(20.0, 500_000, inputs=1000)
    # 1,000 inputs, 20 Hz, half a second; a Poisson number strays by its root.
    assert abs(len(events) - 10_000) < 500 and events.duration == 500_000
    assert abs(np.bincount(events.unit, minlength=1000).mean() - 10) < 0.5


def test_figures_are_multiples_of_the_control_and_speed_ups_their_inverses(monkeypatch):
    monkeypatch.setattr(networks, "recurrent", partial(networks.recurrent, 100, 5))
    monkeypatch.setattr(networks, "balanced", partial(networks.balanced, neurons=100, fan_out=5))
    monkeypatch.setattr(networks, "spoken", partial(networks.spoken, events=3000))
    monkeypatch.setattr(package, "_QUEUE_STEPS", 10)
    given = {}

    def measured(cases, events, loop, rounds):
        given.update({case.name: 2.0 + k for k, case in enumerate(cases)})
        return 7.0, {name: 100 * value for name, value in given.items()}, dict(given)

    monkeypatch.setattr(package, "measure", measured)
    result = bench(networks.poisson(1), rounds=1, threads=2)
    assert result["control_ns_per_event"] == 7
    for name in ("feedforward_dense", "asynchronous_dense", "training_step", "evaluation"):
        assert result[f"{name}_controls"] == given[name]
    # A control of a convolution's add is one of the 800 of an event.
    assert result["conv2d_controls"] == 800 * given["conv2d"]
    assert result["feedforward_threads_speedup"] == 1 / given["threads"]
    assert result["training_threads_speedup"] == 1 / given["training_threads"]
    assert result["control_threads_speedup"] == 1 / given["control_threads"]
    assert result["conv_training_step_forwards"] == given["conv_training"]
    assert result["counting_share"] == given["counting"]
    assert result["sparse_recurrent_updates_per_second"] == 1e9 / (100 * given["recurrent"])
    assert result["queue_push_pop_ns"] == 100 * given["queue"]


def test_the_spoken_network_fires_as_its_page_says():
    network, weights, events = networks.spoken(1)
    spikes = simulate(network, weights, events, record="nothing").counts.spikes[0]
    assert spikes[0] == 8_000 and spikes[1] == pytest.approx(2_000, rel=0.15)


def test_bench_refuses_nothing_to_measure():
    with pytest.raises(UserError, match="rounds is 0"):
        bench(rounds=0)


def test_the_bench_of_sessions_tells_rates_latency_and_learning():
    batch = networks.poisson(6)
    labels = np.arange(6) % 2
    events = replace(batch, label=labels)
    result = bench_live(events, rounds=1)
    assert result["events"] == len(batch.t) and result["recordings"] == 6
    names = ("events_per_second", "controls")
    for name in (
        *names,
        *(f"{k}_{n}" for k in ("learning", "deep_spiking_learning") for n in names),
    ):
        assert 0 < result[name] < np.inf
    assert 0 < result["push_100_ms_p50"] <= result["push_100_ms_p99"]
    with pytest.raises(UserError, match="recordings with labels"):
        bench_live(replace(batch, label=labels - 1), rounds=1)


def test_a_training_step_of_one_rank_is_timed_and_told():
    row = measured(ONE, 16, 1)
    assert row["ranks"] == 1 and row["sent_bytes_per_step"] == row["mpi_calls_per_step"] == 0
    assert 0 < row["walk_ms"] + row["update_ms"] <= row["ms_per_step"]
    assert len(row["digest"]) == 32


def test_the_model_of_scaling_finds_the_numbers_that_made_its_rows():
    made = StepModel(0.25, 0.06, 5.0, 0.01, 2e6, 4000.0, 600.0)
    rows = []
    for ranks in (1, 2):
        for batch in (64, 256):
            step, groups = made.step(ranks, batch), batch // 16 // ranks
            events = batch / 2 * (4000 * EVENT_BYTES + 600 * JUMP_BYTES / 2)
            sent = WEIGHT_BYTES / 2 + events + batch / 16 * 800 * 10 + batch * 40 + 3122 * 8
            rows.append({"ranks": ranks, "batch": batch, "ms_per_step": step,
                         "walk_ms": groups * 16 * 0.25, "update_ms": batch * 0.06 + 5.0,
                         "events_per_step": 4000 * batch, "sent_bytes_per_step": sent})  # fmt: skip
    assert StepModel.fitted(rows) == pytest.approx(made)
    assert made.step(1, 64) == pytest.approx(64 * (0.25 + 0.06 + 0.01) + 5)
    assert (
        made.step(8, 64)
        == made.step(4, 64)
        - (64 * 0.06 + 5) / 8
        + (made.received(8, 64) - made.received(4, 64)) / 2e6
    )
    slow = [made.step(64, 1024, link) for link in (WITHIN, *LINKS)]
    assert slow == sorted(slow)
