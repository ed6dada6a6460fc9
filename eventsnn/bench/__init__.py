"""Speed against this machine's own limit: every engine as a multiple of one bare loop."""

from __future__ import annotations

from typing import Any

from eventsnn.bench import networks
from eventsnn.bench.control import HIDDEN, Case, Control, at_once, machine, measure
from eventsnn.bench.current_based import binned_cases, current_based_cases, layered_case
from eventsnn.bench.hm2bp import hm2bp_cases
from eventsnn.bench.ledinauskas2020 import ledinauskas_cases
from eventsnn.bench.lee2016 import lee2016_cases
from eventsnn.bench.one_by_one import ONE_BY_ONE, in_microseconds, one_by_one_cases
from eventsnn.bench.queue import PENDING, Turnover
from eventsnn.bench.sessions import PIECES, session_cases, session_figures
from eventsnn.bench.stbp import stbp_cases
from eventsnn.bench.training import convolution_cases, training_cases
from eventsnn.engines import Engine, simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch
from eventsnn.measure.operations import operations
from eventsnn.network import Network

Result = dict[str, Any]

_ACTIVITY = (300, 1000, 3000)
_QUEUE_STEPS = 200_000
_DRIVE_HZ = 20.0
_NO_CONTROLS = (
    "counting",
    "conv_training",
    "recurrent",
    "recurrent_fine",
    "queue",
    "threads",
    "training_threads",
    "control_threads",
    "hm2bp_training_threads",
    "asynchronous_threads",
    "eventprop_threads",
    *ONE_BY_ONE,
    *(f"asynchronous_{name}" for name in ONE_BY_ONE),
    *(f"session_{size}" for size in PIECES),
)


def bench(events: EventBatch | None = None, *, rounds: int = 5, threads: int = 2) -> Result:
    """Measure the control loop, then every engine and topology as a multiple of it.

    Parameters
    ----------
    events : EventBatch
        Recordings to run, real or emulated; None for synthetic Poisson events.
    rounds : int
        Rounds of which the medians are taken, after one that compiles.
    threads : int
        Threads of the threaded run.

    Returns
    -------
    dict
        Ready for JSON. A *control* is the time of ``v += W[row]`` with 800 float32 an
        event; for a convolution, of one of its adds. See ``docs/reference/bench.md``.
    """
    if rounds < 1 or threads < 1:
        raise UserError(f"bench: rounds is {rounds}, threads {threads}; give at least 1 of each")
    batch = networks.poisson(200) if events is None else events
    if not len(batch) or not len(batch.t):
        raise UserError(
            f"{batch.source}: no events to measure with; give recordings that have some"
        )
    few = batch.part(0, min(len(batch), 50))
    result: Result = {"data": batch.source, "recordings": len(batch), "events": len(batch.t)}
    result |= {"rounds": rounds, "machine": machine()}
    cases = _cases(batch, few, threads, result)
    control, ns, controls = measure(cases, len(batch.t), Control.over(batch), rounds)
    result["control_ns_per_event"] = control
    for name in ns:
        if name in ("conv2d", "asynchronous_conv2d"):
            result[f"{name}_controls"] = controls[name] * HIDDEN
        elif name not in _NO_CONTROLS:
            result[f"{name}_controls"] = controls[name]
    result["counting_share"] = controls["counting"]
    result["feedforward_threads"] = threads
    result["feedforward_threads_speedup"] = 1 / controls["threads"]
    result["asynchronous_threads_speedup"] = 1 / controls["asynchronous_threads"]
    result["eventprop_threads_speedup"] = 1 / controls["eventprop_threads"]
    result["training_threads_speedup"] = 1 / controls["training_threads"]
    result["control_threads_speedup"] = 1 / controls["control_threads"]
    result["hm2bp_training_threads_speedup"] = 1 / controls["hm2bp_training_threads"]
    result["conv_training_step_forwards"] = controls["conv_training"]
    dense_add = controls["feedforward_dense"] / HIDDEN
    conv_adds = result["conv_network_adds"] * len(few) / len(few.t)  # an input event
    result["conv2d_adds_share"] = dense_add / controls["conv2d"]
    result["conv_network_adds_share"] = dense_add * conv_adds / controls["conv_network"]
    result |= _ms_per_sample(ns, result, batch) | in_microseconds(ns) | session_figures(ns)
    for name in ("recurrent", "recurrent_fine"):
        result[f"sparse_{name}_updates_per_second"] = 1e9 / ns[name]
    result["queue_pending"], result["queue_push_pop_ns"] = PENDING, ns["queue"]
    return result


def _cases(batch: EventBatch, few: EventBatch, threads: int, result: Result) -> list[Case]:
    """Return everything that is measured; ``result`` is told what it is."""
    cases = [*_dense_cases(batch, few, threads, result), *_patch_cases(batch, few, result)]
    cases.append(Case("control_threads", at_once(batch, threads), threads * len(batch.t)))
    cases += training_cases(batch, threads, result) + convolution_cases(few, result)
    cases += stbp_cases(batch, result) + lee2016_cases(batch, result)
    cases += one_by_one_cases(few) + session_cases(few, result)
    cases += hm2bp_cases(threads, result) + ledinauskas_cases(result)
    cases += binned_cases(batch) + current_based_cases(threads, result)
    cases.append(layered_case(few, result))
    cases.append(_recurrent_case("recurrent", 1000, result))
    cases.append(_recurrent_case("recurrent_fine", 1, result))
    cases.append(Case("queue", Turnover(_QUEUE_STEPS).run, _QUEUE_STEPS))
    return cases


def _ms_per_sample(ns: dict[str, float], result: Result, batch: EventBatch) -> Result:
    """Return what a sample costs that rules with machines of their own learn, milliseconds."""
    events = {"stbp_ms_per_sample": ("stbp_training_step", len(batch.t) / len(batch))}
    events["hm2bp_ms_per_sample"] = ("hm2bp_training_step", result["hm2bp_events"])
    name = "ledinauskas2020_training_step"
    events["ledinauskas2020_ms_per_sample"] = (name, result["ledinauskas2020_events"])
    for name in ("presentation", "stream"):
        case = f"lee2016_{name}"
        events[f"lee2016_ms_per_{name}"] = (case, result[f"{case}_events"])
    return {key: ns[case] * n / 1e6 for key, (case, n) in events.items()}


def _case(
    name: str,
    network: Network,
    weights: networks.Weights,
    events: EventBatch,
    engine: Engine,
    threads: int = 1,
) -> Case:
    def run() -> None:
        simulate(network, weights, events, engine=engine, record="counts", threads=threads)

    return Case(name, run, len(events.t))


def _dense_cases(batch: EventBatch, few: EventBatch, threads: int, result: Result) -> list[Case]:
    network, cases = networks.dense(batch), []
    for fired in _ACTIVITY:
        weights = networks.dense_weights(batch, fired)
        counts = simulate(network, weights, batch, record="nothing").counts
        name = "feedforward_dense" if fired == 1000 else f"feedforward_dense_{fired}"
        result[f"{name}_hidden_spikes"] = float(counts.spikes[:, 1].mean())
        cases.append(_case(name, network, weights, batch, "feedforward"))
        if fired == 1000:
            many = _case("threads", network, weights, batch, "feedforward", threads)
            cases.append(many._replace(against=cases[-1].run))
            whole = networks.in_whole_numbers(network, weights)
            counts = simulate(*whole, batch, record="nothing").counts
            result["feedforward_whole_hidden_spikes"] = float(counts.spikes[:, 1].mean())
            cases.append(_case("feedforward_whole", *whole, batch, "feedforward"))
    weights, network = networks.dense_weights(batch, 1000, 10), networks.dense(batch, 10)
    cases.append(_case("feedforward_network", network, weights, batch, "feedforward"))
    counting = _counting_case(network, weights, batch)
    cases.append(counting._replace(against=cases[-1].run))
    cases.append(_case("asynchronous_dense", network, weights, few, "asynchronous"))
    many = _case("asynchronous_threads", network, weights, few, "asynchronous", threads)
    cases.append(many._replace(against=cases[-1].run))
    return cases


def _counting_case(network: Network, weights: networks.Weights, events: EventBatch) -> Case:
    """Return the reading of every count off the record of a run."""
    record = simulate(network, weights, events, engine="feedforward", record="counts")
    return Case("counting", lambda: operations(record, weights, events).to_json(), len(events.t))


def _patch_cases(batch: EventBatch, few: EventBatch, result: Result) -> list[Case]:
    network, weights = networks.convolution(batch)
    counts = simulate(network, weights, batch, record="nothing").counts
    result["conv2d_hidden_spikes"] = float(counts.spikes[:, 1].mean())
    whole = _case("conv2d", network, weights, batch, "feedforward")
    alone = _case("asynchronous_conv2d", network, weights, few, "asynchronous")
    adds = counts.synaptic_adds.sum(1)
    return [
        whole._replace(units=float(adds.sum())),
        alone._replace(units=float(adds[: len(few)].sum())),
        _case("pool2d", *networks.pooling(batch), batch, "feedforward"),
    ]


def _recurrent_case(name: str, step_us: int, result: Result) -> Case:
    network, weights = networks.recurrent(step_us=step_us)
    seconds = 0.5
    events = networks.drive(_DRIVE_HZ, int(seconds * 1e6))
    counts = simulate(network, weights, events, record="nothing").counts
    rate = float(counts.spikes[0, 1]) / network.populations[1].size / seconds
    result[f"sparse_{name}_rate_hz"] = rate

    def run() -> None:
        simulate(network, weights, events, record="counts")

    return Case(name, run, float(counts.synaptic_adds.sum()))
