"""Every number of ``simulate --json``, counted in plain Python: TOML, gradients, herding."""

import heapq
import json

import numpy as np
import pytest
from by_hand import Run

from eventsnn.data.source import open_data
from eventsnn.rules.deep_spiking import state as herding_state
from eventsnn.train.model import open_model

TOML = """
[[population]]
name = "input"
shape = [2, 34, 34]
[[population]]
name = "ring"
shape = [3]
neuron = { model = "if", threshold = 1.0, reset = "zero" }
[[population]]
name = "out"
shape = [2]
neuron = { model = "if", threshold = 1.0, reset = "zero" }
[[connection]]
source = "input"
target = "ring"
topology = { kind = "dense" }
weights = "in.npy"
[[connection]]
source = "ring"
target = "ring"
topology = { kind = "dense" }
weights = "ring.npy"
delay_us = 700
[[connection]]
source = "ring"
target = "out"
topology = { kind = "dense" }
weights = "out.npy"
delay_us = 1500
"""
UNITS = 2 * 34 * 34
DELAYS = (0, 700, 1500)
ENDS = ((0, 1), (1, 1), (1, 2))


class Traffic:
    """The recurrent network above, event by event; sums of eighths are exact in any order."""

    def __init__(self, weights, events, duration):
        self.trains, self.end = [[], [], []], duration
        self.deliveries = [0, 0, 0]
        self.adds = [0, 0, 0]
        v = [None, [0.0] * 3, [0.0] * 2]
        # (time, population, connection, sender)
        queue = [(t, 1, 0, unit) for t, unit in events if t < duration]
        self.trains[0] = [(t, unit) for t, unit in events if t < duration]
        heapq.heapify(queue)
        while queue:
            t, target = queue[0][:2]
            if t >= duration:
                break
            touched = set()
            while queue and queue[0][:2] == (t, target):
                _, _, c, sender = heapq.heappop(queue)
                self.deliveries[c] += 1
                for j, w in enumerate(weights[c][sender]):
                    v[target][j] += w
                    self.adds[c] += 1
                    touched.add(j)
            for j in sorted(touched):
                if v[target][j] >= 1:
                    v[target][j] = 0.0
                    self.trains[target].append((t, j))
                    for c, (source, to) in enumerate(ENDS):
                        if source == target:
                            heapq.heappush(queue, (t + DELAYS[c], to, c, j))

    def waiting(self, t):
        """Spikes that were sent before t and have not arrived by then, of all connections."""
        sent = ((s, c) for c, (a, _) in enumerate(ENDS) for s, _ in self.trains[a])
        return sum(s < t <= s + DELAYS[c] for s, c in sent)


def layer(name, train, adds):
    """A row of ``layers``."""
    counts = {}
    for _, unit in train:
        counts[unit] = counts.get(unit, 0) + 1
    top = sorted(counts, key=lambda unit: (-counts[unit], unit))[:5]
    return {
        "population": name,
        "spikes": len(train),
        "active_units": len(counts),
        "busiest_units": [[unit, counts[unit]] for unit in top],
        "first_spike": min((t for t, _ in train), default=None),
        "synaptic_adds": adds,
    }


def bursts(train, gap=5000):
    """Runs of at least three spikes of a unit."""
    found = 0
    for unit in {unit for _, unit in train}:
        times = sorted(t for t, u in train if u == unit)
        length = 1
        for a, b in zip(times, [*times[1:], float("inf")], strict=True):
            if b - a <= gap:
                length += 1
            else:
                found, length = found + (length >= 3), 1
    return found


def decision(train, size):
    """When the unit with the most spikes took the lead for good."""
    counts, led = [0] * size, None
    total = [sum(u == unit for _, u in train) for unit in range(size)]
    winner = total.index(max(total))
    for t, unit in train:
        counts[unit] += 1
        if sorted(counts)[-2] < counts[winner] == max(counts):
            led = t if led is None else led
        else:
            led = None
    return led


def test_a_network_in_toml_is_told_as_it_ran(tmp_path, call):
    rng = np.random.default_rng(4)
    weights = [
        rng.integers(-2, 6, (UNITS, 3)) / 8,
        rng.integers(-6, 5, (3, 3)) / 8,
        rng.integers(-1, 7, (3, 2)) / 8,
    ]
    for name, array in zip(("in", "ring", "out"), weights, strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    (tmp_path / "net.toml").write_text(TOML)
    events = np.zeros(160, [("t", int), ("x", int), ("y", int), ("p", int)])
    events["t"] = np.sort(rng.integers(0, 40_000, 160))
    events["x"], events["y"] = rng.integers(0, 4, (2, 160))
    events["p"] = rng.integers(0, 2, 160)
    np.save(tmp_path / "in_events.npy", events)
    code, out, _ = call("simulate", tmp_path / "net.toml", tmp_path / "in_events.npy", "--json")
    assert code == 0
    told = json.loads(out)
    pairs = [(int(e["t"]), int((e["p"] * 34 + e["y"]) * 34 + e["x"])) for e in events]
    by_hand = Traffic([w.tolist() for w in weights], pairs, told["duration"])
    trains, n = by_hand.trains, [len(train) for train in by_hand.trains]
    assert min(n) > 10 and by_hand.deliveries[1] > 0
    sums = [by_hand.adds[0], by_hand.adds[1] + by_hand.adds[2], 0]
    d, a = by_hand.deliveries, by_hand.adds
    depth = [by_hand.waiting(1000 * (k + 1)) for k in range(-(-int(told["duration"]) // 1000))]
    expected = {
        "input": str(tmp_path / "in_events.npy"),
        "label": None,
        "events": 160,
        "populations": ["input", "ring", "out"],
        "spikes": n,
        "deliveries": [[0, d[0], 0], [0, d[1], d[2]], [0, 0, 0]],
        "synaptic_adds": [[0, a[0], 0], [0, a[1], a[2]], [0, 0, 0]],
        "operations": sums,
        "fan_out": pytest.approx([s / max(count, 1) for s, count in zip(sums, n, strict=True)]),
        "bursts": [bursts(train) for train in trains],
        "queue_depth_peak": max(depth),
        "decision_us": decision(trains[2], 2),
        "latency_to_first_output_spike": min(t for t, _ in trains[2]),
        "time_unit": "us",
        "begin": 0,
        "outputs": ["out"],
        "duration": told["duration"],
        "figure": None,
        "layers": [
            layer(name, train, adds)
            for name, train, adds in zip(("input", "ring", "out"), trains, sums, strict=True)
        ],
    }
    assert told["duration"] > events["t"][-1]
    assert {key: told[key] for key in expected} == expected
    assert set(told) == set(expected)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


WORDS = ("--limit", 12, "--layers", "2312-4-10", "--epochs", 1, "--json")


def test_a_network_of_gradients_is_told_as_it_ran(folder, call):
    out = folder / "adjoint"
    assert call("train", "--rule", "adjoint", "--out", out, *WORDS)[0] == 0
    learner, _ = open_model(out)
    hidden, output = (p.neuron for p in learner.network.populations[1:])
    rows = [np.asarray(w, float).tolist() for w in learner.state.model]
    test = open_data("digits").test
    code, text, _ = call("simulate", out, "digits", "--index", 1, "--json")
    told = json.loads(text)
    stream = test[1]
    events = list(zip(stream.t.tolist(), stream.unit.tolist(), strict=True))
    run = Run(rows, events, stream.duration, (hidden.tau_us, output.tau_us), True)
    assert code == 0 and hidden.threshold == 1 and hidden.reset == "subtract"
    assert learner.reading.loss.reads == "integral" and len(run.trains[1]) > 3
    trains, sums = run.trains, [*run.adds, 0]
    assert told["spikes"] == [len(train) for train in trains]
    assert told["operations"] == sums
    names = ("input", "hidden1", "output")
    assert told["layers"] == [
        layer(name, train, adds) for name, train, adds in zip(names, trains, sums, strict=True)
    ]
    scores = run.scores(run.duration)
    assert told["output"] == pytest.approx(scores, rel=1e-3, abs=1e-4)
    assert told["prediction"] == scores.index(max(scores))
    assert told["label"] == stream.label and told["duration"] == stream.duration
    # A readout never spikes: it has no first spike, and decides by none.
    assert told["latency_to_first_output_spike"] is None and told["decision_us"] is None
    assert told["deliveries"] == [[0, len(events), 0], [0, 0, len(trains[1])], [0, 0, 0]]


def test_a_herding_network_is_told_and_measured_as_its_spikes_say(folder, call):
    out = folder / "herding"
    assert call("train", "--out", out, *WORDS)[0] == 0
    learner, _ = open_model(out)
    test = open_data("digits", limit=12).test
    sizes, rows = (2312, 4, 10), []
    right = 0
    for i in range(len(test)):
        output, spikes, _ = learner.state.record(test, i)
        t = test[i].t.tolist()
        trains = [
            [(t[e], u) for e, u in zip(s.event.tolist(), s.unit.tolist(), strict=True)]
            for s in spikes
        ]
        assert trains[0] == list(zip(t, test[i].unit.tolist(), strict=True))
        rows.append(trains)
        right += int(output.argmax()) == test[i].label
    sums = [[len(train) * n for train, n in zip(r, sizes[1:], strict=False)] + [0] for r in rows]
    code, text, _ = call("simulate", out, "digits", "--index", 1, "--json")
    told = json.loads(text)
    names = ("input", "layer 1", "layer 2")
    assert code == 0
    assert told["layers"] == [layer(*row) for row in zip(names, rows[1], sums[1], strict=True)]
    assert told["spikes"] == [len(train) for train in rows[1]]
    assert told["operations"] == sums[1][:2] and told["events"] == len(rows[1][0])

    code, text, _ = call("measure", out, "--limit", 12, "--json")
    measured = json.loads(text)
    n = len(test)
    counted = measured["operations"]
    spikes = [sum(len(r[p]) for r in rows) / n for p in range(3)]
    adds = [sum(s[c] for s in sums) / n for c in range(2)]
    pairs = ("input->layer 1", "layer 1->layer 2")
    assert code == 0 and measured["right"] == right and measured["recordings"] == n
    assert counted["spikes"] == pytest.approx(dict(zip(names, spikes, strict=True)))
    assert counted["deliveries"] == pytest.approx(dict(zip(pairs, spikes[:2], strict=True)))
    assert counted["synaptic_operations"] == pytest.approx(dict(zip(pairs, adds, strict=True)))
    size = learner.state.weights[0].itemsize
    assert counted["weight_bytes"] == pytest.approx(
        {pair: size * add for pair, add in zip(pairs, adds, strict=True)}
    )
    total = sum(adds)
    for key, value in {
        "operations_per_recording": total,
        "operations_per_event": total / spikes[0],
        "operations_per_spike": total / sum(spikes),
        "operations_per_right_answer": total * n / right if right else None,
    }.items():
        assert counted[key] == pytest.approx(value)
    synapses = 2312 * 4 + 4 * 10
    assert measured["references"]["relu"]["multiply_accumulates"] == synapses
    assert measured["neurobench"]["ParameterCount"] == synapses
    assert measured["neurobench"]["Footprint"] == size * synapses
    zeros = sum(int((w == 0).sum()) for w in learner.state.weights)
    assert measured["neurobench"]["ConnectionSparsity"] == pytest.approx(zeros / synapses)
    prices = {"cmos45-float32": 0.9, "cmos45-float16": 0.4, "cmos45-int8": 0.03}
    for model in measured["energy"]:
        if model["model"] in prices:
            assert model["total_nj"] == pytest.approx(prices[model["model"]] * total / 1e3)
    tally = learner.state._work.tally
    assert tally[herding_state.IN_SPIKES, 0] > 0
    learned = measured["training"]
    forward, back = tally[herding_state.ADDS].sum(), tally[herding_state.BACK_ADDS].sum()
    moved = tally[herding_state.UPDATES].sum()
    assert learned["passes_of_inference"] == pytest.approx((forward + back + moved) / forward)
