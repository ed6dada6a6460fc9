"""Every number of ``measure --json``, counted in plain Python on a tiny network."""

import math
from itertools import pairwise

import numpy as np
import pytest
from by_hand import binned, clock, relu, stop, training
from hand_case import BATCH, CHECK_US, LOSE, NAMES, NEAR, PAIRS, SIZES, made

from eventsnn.measure.energy import MODELS

# pJ: addition, multiplication, comparison, neuron update, spike, byte of weights, us a step.
PRICES = {
    # Horowitz 2014, table of 45 nm at 0.9 V: FAdd 32 bit 0.9 pJ, FMult 32 bit 3.7 pJ.
    "cmos45-float32": (0.9, 3.7, 0.9, 0, 0, 0, 0),
    # FAdd 16 bit 0.4 pJ, FMult 16 bit 1.1 pJ.
    "cmos45-float16": (0.4, 1.1, 0.4, 0, 0, 0, 0),
    # Add 8 bit 0.03 pJ, Mult 8 bit 0.2 pJ.
    "cmos45-int8": (0.03, 0.2, 0.03, 0, 0, 0, 0),
    # Memory, 64 bits: 1 MB 100 pJ.
    "cmos45-float32-sram": (0.9, 3.7, 0.9, 0, 0, 12.5, 0),
    # Add 32 bit 0.1 pJ, Mult 32 bit 3.1 pJ; a byte from 1 MB as above.
    "cmos45-int8-sram": (0.1, 3.1, 0.1, 0, 0, 12.5, 0),
    # Merolla et al. 2014: 26 pJ a synaptic event, a tick of 1 ms.
    "truenorth": (26, 0, 0, 0, 0, 0, 1000),
    # Davies et al. 2018, table 2: 23.6 pJ a synaptic operation, 81 pJ a neuron update (active).
    "loihi": (23.6, 0, 0, 81, 0, 0, 1000),
    # Sharp et al. 2012, abstract: 43 nJ a postsynaptic potential, 100 nJ a neuron and ms.
    "spinnaker": (43_000, 0, 0, 100_000, 0, 0, 1000),
}


@pytest.fixture(scope="module", params=[True, False], ids=["readout", "spiking output"])
def case(request):
    return made(request.param)


def same(found, expected, where=""):
    """Compare two trees key by key: none may be left out, and none may be there too many."""
    if isinstance(expected, dict):
        assert set(found) == set(expected), where
        for key, value in expected.items():
            same(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for k, value in enumerate(expected):
            same(found[k], value, f"{where}[{k}]")
    elif isinstance(expected, str) or expected is None:
        assert found == expected, where
    else:
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-9), where


def test_answers_are_counted(case):
    assert case.measured.predictions.tolist() == case.answers
    right = case.right(case.runs)
    for key, value in {
        "right": right,
        "accuracy": right / 7,
        "recordings": 7,
        "no_answer": 0,
    }.items():
        assert case.result[key] == value
    assert case.result["duration_us"] == sum(case.durations) / 7
    pairs = list(zip(case.label, case.answers, strict=True))
    assert case.result["confusion"] == [[pairs.count((a, b)) for b in range(3)] for a in range(3)]


def expected_operations(case):
    mean, runs = case.mean, case.runs
    sizes = dict(zip(NAMES, SIZES, strict=True))
    spikes = {name: mean(lambda r, k=k: len(r.trains[k])) for k, name in enumerate(NAMES)}
    adds = {pair: mean(lambda r, k=k: r.adds[k]) for k, pair in enumerate(PAIRS)}
    updates = {"input": 0} | {n: mean(lambda r, k=k: r.updates[k]) for k, n in enumerate(NAMES[1:])}
    tested = {n: u if n != "output" or not case.readout else 0 for n, u in updates.items()}
    total, events = sum(adds.values()), spikes["input"]
    assert adds == {  # the same by sums
        "input->hidden": pytest.approx(events * sizes["hidden"]),
        "hidden->output": pytest.approx(spikes["hidden"] * sizes["output"]),
    }
    return {
        "recordings": 7,
        "spikes": spikes,
        "deliveries": {"input->hidden": events, "hidden->output": spikes["hidden"]},
        "synaptic_operations": adds,
        "effective": {p: mean(lambda r, k=k: r.effective[k]) for k, p in enumerate(PAIRS)},
        "weight_bytes": {pair: 4 * n for pair, n in adds.items()},
        "neuron_updates": updates,
        "multiplications": updates | {"output": updates["output"] * (2 if case.readout else 1)},
        "table_reads": dict.fromkeys(updates, 0.0),
        "threshold_tests": tested,
        "queue_pushes": 0,
        "queue_pops": 0,
        "queue_peak": 0,
        "operations_per_recording": total,
        "operations_per_event": total / events,
        "operations_per_spike": total / sum(spikes.values()),
        "operations_per_right_answer": 7 * total / case.right(runs),
    }


def test_operations_are_counted_by_connection_and_population(case):
    expected = expected_operations(case)
    assert all(expected["effective"][p] < expected["synaptic_operations"][p] for p in PAIRS)
    same(case.result["operations"], expected)
    populations = case.result["network"]["populations"]
    assert [(p["name"], p["neurons"]) for p in populations] == list(zip(NAMES, SIZES, strict=True))
    assert [p["model"] for p in populations][:2] == ["input", "lif"]
    ends = [(c["name"], c["source"], c["target"]) for c in case.result["network"]["connections"]]
    assert ends == [(PAIRS[0], *NAMES[:2]), (PAIRS[1], *NAMES[1:])]


def test_the_way_back_is_counted(case):
    if not case.readout:
        assert "not the spike adjoint" in case.result["training"]["not_counted"]
        return
    back = [training(r) for r in case.runs]
    assert sum(b["near"] for b in back) > 0
    out = {
        key: {p: sum(b[key][c] for b in back) / 7 for c, p in enumerate(PAIRS)}
        for key in ("jumps", "gradients", "errors", "traces", "decays")
    }
    forward = case.mean(lambda r: sum(r.adds))
    backward = sum(sum(out[key].values()) for key in ("gradients", "errors", "traces"))
    total = forward + backward + (4 * 5 + 5 * 3) / BATCH
    same(
        case.result["training"],
        out
        | {
            "near": NEAR,
            "near_spikes": {"hidden": sum(b["near"] for b in back) / 7},
            "forward_operations": forward,
            "backward_operations": backward,
            "weight_updates": 35 / BATCH,
            "batch": BATCH,
            "operations_per_recording": total,
            "passes_of_inference": total / forward,
        },
    )


def expected_clock(case, width):
    runs = case.run([binned(e, width) for e in case.events])
    counted = [clock(r, width) for r in runs]
    out = {key: sum(c[key] for c, _ in counted) / 7 for key in counted[0][0]}
    spikes, room = sum(c["spikes"] for c, _ in counted), sum(n for _, n in counted)
    out |= {"bin_us": width, "accuracy": case.right(runs) / 7}
    return out | {"activation_sparsity": 1 - spikes / room}


def test_machines_beside_it_are_counted(case):
    expected = {f"clock_{w // 1000}ms": expected_clock(case, w) for w in (1000, 10_000)}
    assert expected["clock_1ms"]["multiply_accumulates"] > 0
    assert expected["clock_1ms"]["activation_sparsity"] > 0.6  # and not its complement
    dense, effective = relu(case.runs[0])[0], sum(relu(r)[1] for r in case.runs) / 7
    found = dict(case.result["references"])
    assert "no such network was trained" in found["relu"]["note"]
    expected["relu"] = {
        "multiply_accumulates": dense,
        "effective_multiply_accumulates_at_most": effective,
        "accuracy": None,
        "note": found["relu"]["note"],
    }
    assert dense == 35 and effective < 35
    same(found, expected)


def test_neurobench_has_its_keys(case):
    twin = expected_clock(case, 1000)
    counted = expected_operations(case)
    same(
        case.result["neurobench"],
        {
            "Footprint": 4 * 35,
            "ParameterCount": 35,
            "ConnectionSparsity": 3 / 35,
            "ActivationSparsity": twin["activation_sparsity"],
            "MembraneUpdates": sum(counted["neuron_updates"].values()),
            "SynapticOperations": {
                "Effective_MACs": 0,
                "Effective_ACs": sum(counted["effective"].values()),
                "Dense": twin["dense"],
            },
            "clock_1ms": {
                "MembraneUpdates": twin["neuron_updates"],
                "SynapticOperations": {
                    "Effective_MACs": twin["multiply_accumulates"],
                    "Effective_ACs": twin["accumulates"],
                    "Dense": twin["dense"],
                },
            },
        },
    )


def energy_by_hand(case, name):
    """(synapses, neurons, memory) of a recording in nJ, and the sums of machines beside it."""
    add, multiply, compare, update, spike, byte, step = PRICES[name]
    counted = expected_operations(case)
    adds = counted["operations_per_recording"]
    own = counted["spikes"]["hidden"] + counted["spikes"]["output"]
    updates = sum(counted["neuron_updates"].values())
    if step:
        # 8 neurons, the input is none; the mean duration, in whole steps.
        updates = 8 * math.ceil(sum(case.durations) / 7 / step)
    neurons = multiply * sum(counted["multiplications"].values())
    neurons += compare * sum(counted["threshold_tests"].values()) + update * updates + spike * own
    parts = [add * adds / 1e3, neurons / 1e3, byte * 4 * adds / 1e3]
    beside = {}
    for width in () if step else (1000, 10_000):
        c = expected_clock(case, width)
        single, multiple = c["accumulates"], c["multiply_accumulates"]
        cost = add * single + (add + multiply) * multiple + byte * 4 * (single + multiple)
        cost += multiply * c["multiplications"] + compare * c["threshold_tests"]
        beside[f"clock_{width // 1000}ms"] = cost / 1e3
    if not step:
        beside["relu"] = 35 * (add + multiply + 4 * byte) / 1e3
    return parts, beside


def test_prices_are_those_that_were_published():
    keys = ("addition", "multiplication", "comparison", "neuron_update", "spike", "weight_byte")
    found = {m.name: (*(getattr(m, f"{key}_pj") for key in keys), m.clock_us) for m in MODELS}
    assert found == PRICES


def test_energy_is_counts_times_published_prices(case):
    found = {model["model"]: model for model in case.result["energy"]}
    assert list(found) == list(PRICES)
    for name, model in found.items():
        parts, beside = energy_by_hand(case, name)
        expected = dict(zip(("synapses_nj", "neurons_nj", "memory_nj"), parts, strict=True))
        expected |= {"total_nj": sum(parts), "model": name}
        expected |= {key: model[key] for key in ("title", "source")}
        multiply, compare, _, spike = PRICES[name][1:5]
        counted = case.result["operations"]
        decays = multiply * sum(counted["multiplications"].values()) / 1e3
        tests = compare * sum(counted["threshold_tests"].values()) / 1e3
        spikes = spike * (counted["spikes"]["hidden"] + counted["spikes"]["output"]) / 1e3
        expected |= {"decays_nj": decays, "tests_nj": tests, "spikes_nj": spikes}
        expected["updates_nj"] = parts[1] - decays - tests - spikes
        expected["without_decays_nj"] = sum(parts) - decays
        same(model, expected | ({"references_nj": beside} if beside else {}), name)


class Checked:
    """Recordings read at each check, by hand."""

    def __init__(self, case, checks):
        """``checks``: microseconds, a list a recording."""
        self.case = case
        self.times = [[min(t, d) for t in c] for c, d in zip(checks, case.durations, strict=True)]
        self.leads = [[r.lead(t) for t in c] for r, c in zip(case.runs, self.times, strict=True)]
        self.spoke = [
            [not case.readout and any(s < t for s, _ in r.trains[-1]) for t in c]
            for r, c in zip(case.runs, self.times, strict=True)
        ]

    def point(self, at, rows=None):
        """Means if recording r stops at check at[r]."""
        rows = range(7) if rows is None else rows
        kept = [(self.case.runs[r], self.times[r][at[r]], self.leads[r][at[r]][0], r) for r in rows]
        n = len(kept)
        return {
            "accuracy": sum(who == self.case.label[r] for _, _, who, r in kept) / n,
            "operations": sum(run.operations(t) for run, t, _, _ in kept) / n,
            "spikes": sum(sum(map(len, run.before(t)[1:])) for run, t, _, _ in kept) / n,
            "events": sum(len(run.before(t)[0]) for run, t, _, _ in kept) / n,
            "t_us": sum(t for _, t, _, _ in kept) / n,
            "checks": sum(at[r] for r in rows) / n + 1,
        }

    def stops(self, name, level):
        if level is None:  # never
            return [len(t) - 1 for t in self.times]
        parts = zip(self.leads, self.times, self.spoke, strict=True)
        return [stop(*part, name, level) for part in parts]


def by_time(case):
    steps = math.ceil(max(case.durations) / CHECK_US)
    return Checked(case, [[CHECK_US * (k + 1) for k in range(steps)]] * 7)


def columns(points, keys=("accuracy", "operations", "spikes", "events", "t_us")):
    return {key: [p[key] for p in points] for key in keys}


def test_the_answer_while_recordings_stream_in_is_read_off(case):
    found, checked = case.result["anytime"], by_time(case)
    n = len(checked.times[0])
    assert found["check_us"] == CHECK_US
    same(found["by_time"], columns([checked.point([k] * 7) for k in range(n)]))
    # Before anything reached the output there is no answer, and none is right.
    assert any(who is None for who, _, _ in checked.leads[6])
    end = checked.point([n - 1] * 7)
    assert end["accuracy"] == case.right(case.runs) / 7
    same(found["at_end"], {key: end[key] for key in ("accuracy", "operations", "spikes")})
    most = max(map(len, case.events))
    checks = [[e[k][0] + 1 if k < len(e) else math.inf for k in range(most)] for e in case.events]
    seen = Checked(case, checks)
    points = columns([seen.point([k] * 7) for k in range(most)])
    same(found["by_events"], points | {"seen": list(range(1, most + 1))})


def test_operating_curves_are_read_off(case):
    found, checked = case.result["anytime"]["policies"], by_time(case)
    assert set(found) == {"margin", "entropy", "patience", "first_spike"}
    assert ("does_not_apply" in found["first_spike"]) == case.readout
    for name, curve in found.items():
        if "level" not in curve:
            continue
        keys = ("accuracy", "operations", "spikes", "events", "t_us", "checks")
        attained = [lead[1 + (name == "entropy")] for leads in checked.leads for lead in leads]
        clear = [
            # The network's float32 may lie on either side of a level that is nearly attained.
            not case.readout or level is None or all(abs(level - x) > 1e-5 for x in attained)
            for level in curve["level"]
        ]
        assert name == "first_spike" or (sum(clear) >= 2 and curve["level"][-1] is None)
        for k in np.flatnonzero(clear):
            point = checked.point(checked.stops(name, curve["level"][k]))
            same({key: curve[key][k] for key in keys}, point)
        levels = [level for level in curve["level"] if level is not None]
        strict = levels[::-1] if name == "entropy" else levels
        assert strict == sorted(strict) and curve["operations"] == sorted(curve["operations"])


def test_the_level_saves_most_of_those_that_lose_no_more_than_they_may(case):
    """Try every level that tells two attained values apart, and never."""
    checked, rows = by_time(case), (0, 2, 4, 6)
    end = checked.point([len(checked.times[0]) - 1] * 7, rows)
    for told in case.result["anytime"]["stops"]:
        name = told["policy"]
        if name in ("first_spike", "patience"):
            continue
        k = 1 + (name == "entropy")
        leads = [lead for r in rows for lead in checked.leads[r] if lead[1] > 0]
        attained = sorted({lead[k] for lead in leads}, reverse=name == "entropy")
        levels = [(a + b) / 2 for a, b in pairwise(attained) if abs(a - b) > 1e-4]
        points = [checked.point(checked.stops(name, level), rows) for level in levels] + [end]
        fine = [p for p in points if end["accuracy"] - p["accuracy"] <= LOSE + 1e-9]
        least = min(p["operations"] for p in fine)
        assert told["chosen"]["operations"] == pytest.approx(least)


def test_a_stop_is_chosen_on_one_half_and_told_of_the_other(case):
    anytime, checked = case.result["anytime"], by_time(case)
    last = [len(checked.times[0]) - 1] * 7
    for told in anytime["stops"]:
        at = checked.stops(told["policy"], told["level"])
        for key, rows in (("chosen", (0, 2, 4, 6)), ("reported", (1, 3, 5))):
            point, end = checked.point(at, rows), checked.point(last, rows)
            same(
                told[key],
                point
                | {
                    "recordings": len(rows),
                    "accuracy_at_end": end["accuracy"],
                    "lost": end["accuracy"] - point["accuracy"],
                    "operations_at_end": end["operations"],
                    "saved": 1 - point["operations"] / end["operations"],
                    "spikes_at_end": end["spikes"],
                },
            )
        assert told["tolerance"] == LOSE and told["chosen"]["lost"] <= LOSE
    fine = [told for told in anytime["stops"] if told["level"] is not None]
    best = max(fine, key=lambda told: told["chosen"]["saved"])
    assert anytime["best"] == best and best["chosen"]["saved"] > 0
