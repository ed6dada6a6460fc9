"""Filters of events against plain loops; what they drop never reaches a synapse."""

import json

import numpy as np
import pytest

import eventsnn as es
from eventsnn.data.view import SensorView
from eventsnn.errors import UserError
from eventsnn.filters import filters, filters_of

SENSOR = (2, 6, 7)


def stream(seed, duration=900, events=300):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, duration, events))
    return es.EventStream(
        t, rng.integers(0, 84, events), SENSOR, seed % 3, duration, f"made {seed}"
    )


def data_set(n=9, **more):
    train, test = ([stream(k + first, **more) for k in range(n)] for first in (0, 100))
    return es.DataSet.from_streams("made", train, test)


def refractory(events, silent, tally):
    last, kept = {}, []
    for k, (t, unit) in enumerate(events):
        pixel = unit % 42
        tally["reads"] += 1
        if pixel not in last or t - last[pixel] >= silent:
            last[pixel] = t
            tally["writes"] += 1
            kept.append(k)
    return kept


def every(events, n, tally):
    seen, kept = {}, []
    for k, (_, unit) in enumerate(events):
        pixel = unit % 42
        seen[pixel] = seen.get(pixel, 0) + 1
        tally["reads"] += 1
        tally["writes"] += 1
        kept += [k] if (seen[pixel] - 1) % n == 0 else []
    return kept


def neighbour(events, within, tally):
    before, kept = [], []
    for k, (t, unit) in enumerate(events):
        y, x = divmod(unit % 42, 7)
        tally["reads"] += 1
        around = [(v, u) for v in (y - 1, y, y + 1) for u in (x - 1, x, x + 1) if (v, u) != (y, x)]
        tally["writes"] += sum(0 <= v < 6 and 0 <= u < 7 for v, u in around)
        company = [s for s, place in before if place in around and t - s <= within]
        kept += [k] if company else []
        before.append((t, (y, x)))
    return kept


BY_HAND = {"refractory": (refractory, 40), "every": (every, 3), "neighbour": (neighbour, 9)}


def test_every_filter_has_a_plain_loop_beside_it():
    assert set(filters()) == set(BY_HAND)


@pytest.mark.parametrize("kind", sorted(BY_HAND))
def test_a_filter_keeps_what_a_plain_loop_keeps_and_counts_what_that_takes(kind):
    (by_hand, number), data = BY_HAND[kind], data_set()
    seen = data.viewed(filter=f"{kind}:{number}")
    tally, kept = {"reads": 0, "writes": 0}, 0
    for mine, whole in zip(seen.train, data.train, strict=True):
        rows = by_hand(list(zip(whole.t.tolist(), whole.unit.tolist(), strict=True)), number, tally)
        assert mine.t.tolist() == whole.t[rows].tolist()
        assert mine.unit.tolist() == whole.unit[rows].tolist()
        assert (mine.label, mine.duration) == (whole.label, whole.duration)
        kept += len(rows)
    assert 0.1 * 2700 < kept < 0.9 * 2700
    ((name, cost),) = seen.view.costs(data.train)
    assert name == f"{kind}:{number}" and (cost.events, cost.kept) == (2700, kept)
    assert (cost.reads, cost.writes) == (tally["reads"], tally["writes"])
    assert cost.additions == cost.comparisons == 2700


def test_filters_follow_each_other_the_crop_and_the_pooling():
    data = data_set()
    both = data.viewed(filter="neighbour:9+every:2", crop="4x6", pool=2, window_us=300)
    placed = data.viewed(crop="4x6", pool=2)
    one = es.DataSet.from_streams("placed", placed.train, placed.test).viewed(filter="neighbour:9")
    two = es.DataSet.from_streams("one", one.train, one.test).viewed(filter="every:2")
    cut = es.DataSet.from_streams("two", two.train, two.test).viewed(window_us=300)
    assert len(both.train) == len(cut.train) == 27
    for a, b in zip(both.train, cut.train, strict=True):
        assert a.t.tolist() == b.t.tolist() and a.unit.tolist() == b.unit.tolist()
    first, second = (cost for _, cost in both.view.costs(data.train))
    assert first.kept == second.events > second.kept > 0


@pytest.mark.parametrize(
    "text, line",
    [
        ("every", "give one of every:N"),
        ("every:0", "filter every: N is 0; give a whole number from 1 to"),
        ("every:x", "give a whole number after every:"),
        ("median:3", "give one of every:N"),
        ("refractory:1.5", "give a whole number after refractory:"),
        ("every:2+", "give one of every:N"),
        (7, "event_filter is 7; give a word"),
    ],
)
def test_a_filter_that_is_none_is_one_line(text, line):
    with pytest.raises(UserError, match=line):
        SensorView(event_filter=text) if text == 7 else filters_of(text)


def test_a_network_is_asked_with_what_it_learned_with(tmp_path, call):
    data = es.open_data("digits", limit=60, filter="refractory:20000")
    whole = es.open_data("digits", limit=60)
    events = [int(d.test.start[-1]) for d in (data, whole)]
    assert events[0] < 0.8 * events[1]
    model = es.Classifier("2312-8-10", epochs=1).fit(data)
    with pytest.raises(UserError, match="the network learned with refractory:20000"):
        model.predict(whole)
    words = ["--rule", "adjoint", "--layers", "2312-8-10", "--limit", 60, "--epochs", 1, "--json"]
    out = tmp_path / "run"
    code, text, error = call("train", "--filter", "refractory:20000", "--out", out, *words)
    assert code == 0, error
    row = json.loads(text)["operations_per_recording"]
    # What is dropped never reaches a synapse.
    assert row[0] == 8 * events[0] / 60
    code, text, error = call("measure", out, "--limit", 60, "--json")
    assert code == 0, error
    (told,) = json.loads(text)["view"]["filters"]
    assert told["filter"] == "refractory:20000" and told["events"] == events[1] / 60
    assert told["kept"] == told["writes"] == events[0] / 60
    assert es.load(out).learner.options.view.event_filter == "refractory:20000"
