"""What measuring takes from outside: prices, levels, numbers, spikes of others."""

import json
import math
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from doors import NASTY, NASTY_NUMBERS, NASTY_TEXT, fuzz, knock, spoiled_bytes, spoiled_tree
from hypothesis import given
from hypothesis import strategies as st

from eventsnn.commands.measure import energy_models, levels_of
from eventsnn.engines import simulate
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.losses import CrossEntropy
from eventsnn.measure.anytime import event_checks, stream, time_checks
from eventsnn.measure.energy import Work, estimate, read_models
from eventsnn.measure.measurement import Request, measure
from eventsnn.measure.policies import POLICIES, Policy, choose
from eventsnn.measure.policies import given as report
from eventsnn.measure.spike_formats import from_nest, from_nir
from eventsnn.measure.traces import potentials
from eventsnn.measure.traffic import traffic
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.lif import LIF
from eventsnn.topology.dense import Dense

CHIPS = {
    "my-chip": {
        "source": "its data sheet",
        "title": "mine",
        "addition_pj": 0.5,
        "multiplication_pj": 2,
        "comparison_pj": 0.1,
        "neuron_update_pj": 81.0,
        "spike_pj": 1,
        "weight_byte_pj": 1.2,
        "clock_us": 1000.0,
    },
    "other": {"source": "a paper", "addition_pj": 1e3},
}
WORK = Work(1e9, 1e9, 1e6, 1e6, 1e6, 1e5, 1e10, 1e7, 1e10)


def toml(value):
    """A value as TOML has it; what it has not is written as it is, and is no TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(str(k))} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str) else str(value)


def tables(tree):
    """A document whose top is a table."""
    if not isinstance(tree, dict):
        return toml(tree)
    return "\n".join(f"{toml(str(key))} = {toml(value)}" for key, value in tree.items())


def written(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("doors") / "file"


def check_models(models):
    for model in models or ():
        told = estimate(model, WORK)
        assert all(math.isfinite(v) for k, v in told.items() if k.endswith("_nj"))
        json.loads(json.dumps(told), parse_constant=pytest.fail)


@fuzz
@given(data=st.data())
def test_prices_are_read_or_refused(data, file):
    text = tables(data.draw(spoiled_tree(CHIPS)))
    check_models(knock("energy models: tree", energy_models, written(file, text)))


@fuzz
@given(data=st.data())
def test_a_broken_file_of_prices_is_read_or_refused(data, file):
    text = data.draw(spoiled_bytes(tables(CHIPS).encode()))
    check_models(knock("energy models: bytes", read_models, written(file, text)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a]\nsource = 'x'\nclock_us = 1e-320", "clock_us is 1e-320.*at least 0.001"),
        ("[a]\nsource = 'x'\naddition_pj = 1e308", "from 0 to 1e[+]15"),
        (f"[a]\nsource = 'x'\naddition_pj = {10**400}", "addition_pj is 1000"),
        ("[a]\nsource = ' '", "has no source"),
        (f"a = {'[' * 5000}{']' * 5000}", "nested too deeply"),
        ("\udcff", "not a text in UTF-8"),
        (f"a = {'9' * 9000}", "not TOML"),
        ('["[red]\\u001b[31m"]\nx = 1', r"'\[red\]\\x1b\[31m' has the key 'x'"),
    ],
)
def test_prices_that_no_sum_could_hold_are_refused(file, text, told):
    with pytest.raises(UserError, match=told) as error:
        read_models(written(file, text))
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(UserError, match="a folder, not a file"):
        read_models(file.parent)


STOPS = [
    {"policy": name, "level": level, "tolerance": 0.001, "chosen": {"saved": 0.5}, "reported": {}}
    for name, level in zip(POLICIES, (1.93, 0.79, 226_000.0, None), strict=True)
]
MEASURED = {"accuracy": 0.9, "anytime": {"check_us": 2000.0, "best": STOPS[0], "stops": STOPS}}


def check_levels(levels):
    if levels is None:
        return
    assert levels and set(levels) <= set(POLICIES)
    assert all(v is None or math.isfinite(v) for v in levels.values())
    for name, level in levels.items():
        told = report(small_streamed(), name, level)
        json.loads(json.dumps(told), parse_constant=pytest.fail)


@fuzz
@given(data=st.data())
def test_levels_of_another_measurement_are_read_or_refused(data, file):
    text = json.dumps(data.draw(spoiled_tree(MEASURED)))
    check_levels(knock("levels: tree", levels_of, written(file, text)))


@fuzz
@given(data=st.data())
def test_a_broken_measurement_is_read_or_refused(data, file):
    text = data.draw(spoiled_bytes(json.dumps(MEASURED).encode()))
    check_levels(knock("levels: bytes", levels_of, written(file, text)))


@pytest.mark.parametrize(
    ("stops", "told"),
    [
        ([{"policy": "margin", "level": float("nan")}], "margin' has the level nan"),
        ([{"policy": "margin", "level": 10**400}], "margin' has the level 1000"),
        ([{"policy": "margin", "level": True}], "has the level True"),
        ([{"policy": [], "level": 1}], "holds no levels"),
        ([], "nothing was measured in time"),
        ("[" * 9000 + "]" * 9000, "holds no levels"),
    ],
)
def test_levels_that_are_none_are_refused(file, stops, told):
    text = json.dumps({"anytime": {"best": None, "stops": []}}).replace('"stops": []', "STOPS")
    inside = stops if isinstance(stops, str) else json.dumps(stops)
    with pytest.raises(UserError, match=told):
        levels_of(written(file, text.replace("STOPS", f'"stops": {inside}')))
    with pytest.raises(UserError, match="a folder, not a file"):
        levels_of(file.parent)


NETWORK = Network(
    (
        Population("input", (1, 1, 3)),
        Population("hidden", (4,), LIF(2000.0)),
        Population("out", (2,), LIF(3000.0)),
    ),
    (Connection("input", "hidden", Dense(3, 4)), Connection("hidden", "out", Dense(4, 2), 30)),
)
WEIGHTS = [np.full((3, 4), 0.6, np.float32), np.full((4, 2), 0.5, np.float32)]
WEIGHTS[1][0, 0] = 0.9


def some_events():
    rng = np.random.default_rng(0)
    streams = [
        EventStream(np.sort(rng.integers(0, 900, 30)), rng.integers(0, 3, 30), (1, 1, 3), k % 2)
        for k in range(4)
    ]
    return EventBatch.from_streams(streams)


@cache
def small_streamed():
    events = some_events()
    record = simulate(NETWORK, WEIGHTS, events)
    times = time_checks(record, 100.0)
    return stream(record, WEIGHTS, events, CrossEntropy("counts"), times)


@fuzz
@given(data=st.data())
def test_a_request_is_taken_or_refused(data):
    good = {"check_us": 100.0, "tolerance": 0.5, "batch": 2, "near": 0.5}
    for key in data.draw(st.sets(st.sampled_from(sorted(good)), min_size=1)):
        good[key] = data.draw(st.one_of(st.sampled_from(NASTY), st.floats(), st.integers()))
    knock("Request", Request, **good)


@pytest.mark.parametrize("check_us", [n for n in NASTY_NUMBERS if n == n])
def test_any_time_between_checks_is_measured_or_refused(check_us):
    events = some_events().part(0, 2)
    loss = CrossEntropy("counts")
    run = lambda: measure(NETWORK, WEIGHTS, loss, events, Request(check_us=check_us))  # noqa: E731
    found = knock("measure", run)
    assert (found is None) == (check_us < 0 or check_us > 1e15 or 0 < check_us < 0.009)
    if found is not None:
        json.loads(json.dumps(found.result), parse_constant=pytest.fail)


@fuzz
@given(data=st.data())
def test_traffic_is_told_of_any_recording_or_refused(data):
    end = data.draw(st.sampled_from([1, 900, 10**6, 2**31, 2**40, 2**52]))
    events = EventStream([0, end - 1], [0, 1], (1, 1, 3), duration=end)
    record = simulate(NETWORK, WEIGHTS, events)
    numbers = st.sampled_from([n for n in NASTY_NUMBERS if not isinstance(n, int) or n < 2**64])
    how = {"bin_us": 1000.0, "burst_gap_us": 10.0, "recording": 0, "top": 5}
    for key in data.draw(st.sets(st.sampled_from(sorted(how)), max_size=2)):
        whole = key in ("recording", "top")
        how[key] = data.draw(numbers.filter(lambda n: isinstance(n, int)) if whole else numbers)
    if data.draw(st.booleans()):
        del how["bin_us"]
    found = knock("traffic", traffic, record, events, **how)
    if found is not None:
        assert found.rate.shape[1] <= 100_001
        json.loads(json.dumps(found.to_json()), parse_constant=pytest.fail)


def test_a_recording_of_a_century_is_told_and_drawn_in_wider_bins(tmp_path):
    from eventsnn.report.traffic_figure import plot_network_traffic

    end = 2**52
    events = EventStream([0, end - 1], [0, 1], (1, 1, 3), duration=end)
    found = traffic(simulate(NETWORK, WEIGHTS, events), events)
    assert found.bin_us == 1e11 and found.rate.shape[1] <= 100_001
    assert found.rate[0].sum() * found.bin_us / 1000 == pytest.approx(2)
    plot_network_traffic(found, tmp_path / "a.png", "a century")
    with pytest.raises(UserError, match=r"give microseconds from 4\.5036e\+10"):
        traffic(simulate(NETWORK, WEIGHTS, events), events, bin_us=1.0)


@fuzz
@given(data=st.data())
def test_checks_of_an_answer_are_read_or_refused(data):
    events = some_events()
    record = simulate(NETWORK, WEIGHTS, events)
    good = np.tile([100.0, 300.0, 2000.0], (4, 1)).tolist()
    numbers = [float(n) for n in NASTY_NUMBERS if abs(n) < 1e300 or isinstance(n, float)]
    times = data.draw(spoiled_tree(good, [*numbers, *NASTY, [], [1.0]]))
    found = knock("stream", stream, record, WEIGHTS, events, CrossEntropy("counts"), times)
    if found is not None:
        assert (found.t <= record.duration[:, None]).all() and (found.t >= 0).all()


@fuzz
@given(data=st.data())
def test_neurons_are_followed_or_refused(data):
    event = EventStream([5, 9], [0, 1], (1, 1, 3))
    record = simulate(NETWORK, WEIGHTS, event)
    name = data.draw(st.sampled_from(["hidden", "out", "input", *NASTY_TEXT]))
    unit = data.draw(st.sampled_from([0, 1, 3, *NASTY]))
    knock("potentials", potentials, record, WEIGHTS, event, name, unit)


@fuzz
@given(data=st.data())
def test_spikes_of_nest_are_read_or_refused(data):
    good = {"senders": [1, 2, 3], "times": [0.1, 0.5, 1e3], "offsets": [0.0, 0.0, 0.01]}
    if data.draw(st.booleans()):
        del good["offsets"]
    tree = data.draw(spoiled_tree(good))
    how = {"resolution_ms": 0.1} if data.draw(st.booleans()) else {}
    found = knock("from_nest", from_nest, tree, 3, **how)
    if found is not None:
        assert len(found) == len(tree["senders"])


@fuzz
@given(data=st.data())
def test_spikes_of_nir_are_read_or_refused(data):
    good = {"idx": [[0, 1, -1], [2, 2, 0]], "time": [[0.1, 0.2, 9.0], [0.0, 0.0, 1e-6]]}
    tree = data.draw(spoiled_tree([good["idx"], good["time"], 3]))
    idx, time, size = tree if isinstance(tree, list) and len(tree) == 3 else (tree, tree, 3)
    found = knock("from_nir", from_nir, SimpleNamespace(idx=idx, time=time, n_neurons=size))
    if found is not None:
        assert sum(map(len, found)) == sum(unit != -1 for row in idx for unit in row)


def test_policies_that_cannot_be_are_refused():
    streamed = small_streamed()
    with pytest.raises(UserError, match="policy 'x'; give one of margin"):
        Policy(streamed, "x")
    for wrong in (-0.1, float("nan"), 1.5):
        with pytest.raises(UserError, match="tolerance is"):
            choose(streamed, "margin", wrong)
    with pytest.raises(UserError, match="at least 2 recordings"):
        choose(streamed.select(slice(0, 1)), "margin", 0.1)
    assert event_checks(some_events(), np.array([1])).shape == (4, 1)
