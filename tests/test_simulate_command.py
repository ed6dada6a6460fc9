"""``eventsnn simulate`` on networks with generators: its options, files, and Ctrl-C."""

import csv
import importlib.util
import json
import os
import signal

import numpy as np
import pytest

import eventsnn as es
from eventsnn import stopping
from eventsnn.commands import progress
from eventsnn.commands.simulate_options import SimulateOptions
from eventsnn.commands.spike_file import write_spikes
from eventsnn.kernels import cache
from eventsnn.kernels.compiling import when_compiling
from eventsnn.network.file import load_network

NETWORK = """
[[population]]
name = "noise"
shape = 50
generator = { kind = "poisson", rate_hz = 40, seed = 1 }
[[population]]
name = "cells"
shape = 20
neuron = { model = "lif", tau_us = 20000 }
[[population]]
name = "driven"
shape = 3
neuron = { model = "cuba_lif", tau_mem_us = 10000, tau_syn_us = 5000 }
[[connection]]
source = "noise"
target = "cells"
topology = { kind = "fixed_in_degree", degree = 10, seed = 2 }
weights = 0.4
[[connection]]
source = "cells"
target = "driven"
weights = 0.1
delay_us = 1500
"""


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.toml"
    path.write_text(NETWORK)
    return path


def told(call, *words):
    code, out, err = call("simulate", *words, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_network_that_the_engine_cannot_run_is_one_line(net, call):
    loop = "[[connection]]\nsource = 'driven'\ntarget = 'driven'\nweights = 0.1\ndelay_us = 9\n"
    net.write_text(NETWORK + loop)
    code, out, err = call("simulate", str(net), "--until", "1s", "--engine", "feedforward")
    assert code == 2 and not out
    assert len(err.splitlines()) == 1 and "feed-forward engine cannot run" in err


@pytest.mark.parametrize("engine", ["auto", "asynchronous", "reference"])
def test_a_network_with_generators_runs_without_an_input_on_every_engine(net, call, engine):
    found = told(call, net, "--until", "200ms", "--engine", engine)
    network, weights = load_network(net)
    record = es.simulate(network, weights, until_us=200_000)
    assert found["spikes"] == record.counts.spikes[0].tolist() and found["spikes"][1] > 50
    assert found["input"] == "net" and found["label"] is None and found["duration"] == 200_000
    assert found["layers"][0]["spikes"] == found["events"] == found["spikes"][0]


def test_spikes_are_written_as_columns_for_numpy_and_for_tables(net, call, tmp_path):
    network, weights = load_network(net)
    spikes = es.simulate(network, weights, until_us=100_000).spikes["cells"]
    noise = network["noise"].generator.stream(50, 100_000)
    found = told(call, net, "--until", "100ms", "--spikes", tmp_path / "s.npz")
    assert found["spikes_file"] == str(tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz") as arrays:
        own = arrays["population"] == "cells"
        np.testing.assert_array_equal(arrays["t_us"][own], spikes.t)
        np.testing.assert_array_equal(arrays["unit"][own], spikes.unit)
        assert (np.diff(arrays["t_us"]) >= 0).all()
        np.testing.assert_array_equal(arrays["t_us"][arrays["population"] == "noise"], noise.t)
        assert len(arrays["t_us"]) == sum(found["spikes"])
    told(call, net, "--until", "100ms", "--record", "cells", "--spikes", tmp_path / "s.csv")
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    own = [row for row in rows if row["population"] == "cells"]
    assert [float(row["t_us"]) for row in own] == spikes.t.tolist()
    assert [int(row["unit"]) for row in own] == spikes.unit.tolist()
    assert {row["population"] for row in rows} == {"cells"}  # what --record names, no inputs
    both = told(
        call, net, "--until", "100ms", "--record", "cells,noise", "--spikes", tmp_path / "s.csv"
    )
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(both["spikes"][:2])
    alone = told(call, net, "--until", "100ms", "--record", "noise", "--spikes", tmp_path / "s.csv")
    assert alone["spikes"] == both["spikes"]
    assert (tmp_path / "s.csv").read_text().count("noise\n") == both["spikes"][0]
    names = {"a,\n'\"b": (np.array([0.5]), np.array([1]))}
    write_spikes(tmp_path / "s.csv", names)
    with (tmp_path / "s.csv").open(newline="") as file:
        assert list(csv.reader(file))[1] == ["0.5", "1", "a,\n'\"b"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.toml", "s.csv", "s.npz"]


def test_a_run_goes_on_from_its_state_to_the_spikes_of_one_run(net, call, tmp_path):
    whole = told(call, net, "--until", "300ms")
    state = tmp_path / "state.npz"
    parts = [
        told(call, net, "--until", end, "--state", state, "--spikes", tmp_path / f"{end}.npz")
        for end in ("100ms", "0.3s")
    ]
    assert np.sum([p["spikes"] for p in parts], axis=0).tolist() == whole["spikes"]
    assert float(es.State.load(state).t) == 300_000 and parts[1]["state_file"] == str(state)
    assert parts[1]["layers"][0]["first_spike"] >= 100_000
    with np.load(tmp_path / "0.3s.npz") as arrays:
        assert arrays["t_us"].min() >= 100_000
    code, _, err = call("simulate", net, "--until", "200ms", "--state", state)
    assert code == 2 and "the run would end at 200000.0 us, but the state stands at" in err


def test_what_is_told_of_a_run_that_goes_on_is_of_its_own_time(net, call, tmp_path):
    state = ("--state", tmp_path / "s.npz")
    first = told(call, net, "--until", "100ms", *state)
    rest = told(call, net, "--until", "150ms", *state)
    assert [(p["begin"], p["duration"]) for p in (first, rest)] == [(0, 100_000), (100_000, 50_000)]
    code, out, _ = call("simulate", net, "--until", "160ms", *state, "--figure", tmp_path / "a.svg")
    assert code == 0 and " events in 10,000 us from 150,000 us on" in out
    # Where it stands already, a run of nothing does not take the place of the state.
    before = (tmp_path / "s.npz").read_bytes()
    code, _, err = call("simulate", net, "--until", "160ms", *state)
    assert code == 2 and "s.npz: the state stands at 160,000 us, where the run would end" in err
    assert (tmp_path / "s.npz").read_bytes() == before


def test_a_file_of_spikes_or_a_figure_never_replaces_something_else(net, call, tmp_path):
    words = ("simulate", net, "--until", "20ms")
    for name in ("notes.csv", "notes.npz", "notes.svg", "notes.png"):
        path = tmp_path / name
        path.write_text("precious, t_us\n")
        flag = "--spikes" if path.suffix in (".csv", ".npz") else "--figure"
        code, _, err = call(*words, flag, path)
        assert code == 2 and f"{name}: is there, and " in err and "give another name" in err
        assert path.read_text() == "precious, t_us\n"
    for name, flag in (("a.csv", "--spikes"), ("a.npz", "--spikes"), ("a.svg", "--figure")):
        for _ in range(2):  # what it wrote itself it writes again
            assert call(*words, flag, tmp_path / name)[0] == 0
    state = ("--state", tmp_path / "s.npz")
    assert call(*words, *state, "--spikes", tmp_path / "a.csv")[0] == 0
    code, _, err = call("simulate", net, "--until", "40ms", *state, "--spikes", tmp_path / "a.csv")
    assert code == 2 and "s.npz goes on: those until then would be lost; give another name" in err


def test_the_first_output_spike_is_told_of_outputs_alone(net, call):
    assert "first output spike at" in call("simulate", net, "--until", "200ms")[1]
    back = NETWORK + '[[connection]]\nsource = "driven"\ntarget = "cells"\nweights = 0.1\n'
    net.write_text(back)
    code, out, _ = call("simulate", net, "--until", "200ms")
    assert code == 0 and "output spike" not in out
    assert told(call, net, "--until", "200ms")["latency_to_first_output_spike"] is None


def test_a_recording_goes_on_from_a_state(net, call, tmp_path):
    eye = NETWORK.replace("shape = 50\ngenerator", "shape = 2312\n#")
    (tmp_path / "eye.toml").write_text(eye.replace("weights = 0.4", "weights = 5"))
    words = (tmp_path / "eye.toml", "digits", "--index", 2)
    whole = told(call, *words)
    told(call, *words, "--until", "50ms", "--state", tmp_path / "s.npz")
    rest = told(call, *words, "--state", tmp_path / "s.npz")
    first = told(call, *words, "--until", "50ms")
    assert whole["spikes"] == np.add(first["spikes"], rest["spikes"]).tolist()
    code, _, err = call("simulate", *words, "--index", 3, "--state", tmp_path / "s.npz")
    assert code == 2 and "--state goes on with one recording, 2 are chosen" in err


@pytest.fixture
def pieces(tmp_path):
    """A network file, and a recording in three files: with its own times, and each from 0 on."""
    eye = NETWORK.replace("shape = 50\ngenerator", "shape = [1, 1, 50]\n#")
    (tmp_path / "eye.toml").write_text(eye)
    rng = np.random.default_rng(0)
    t, x = rng.integers(0, 9_999, (3, 30)), rng.integers(0, 50, 90)
    t[:, -1] = 9_999  # each file lasts until its last event
    t = np.sort(t + 10_000 * np.arange(3)[:, None]).reshape(-1)

    def write(name, chosen, shift=0):
        columns = {"t": t[chosen] - shift, "x": x[chosen], "y": 0 * x[chosen], "p": 0 * x[chosen]}
        np.savez(tmp_path / name, **columns)

    write("whole.npz", slice(None))
    for k in range(3):
        chosen = (t >= 10_000 * k) & (t < 10_000 * (k + 1))
        write(f"piece{k}.npz", chosen)
        write(f"alone{k}.npz", chosen, 10_000 * k)
    return tmp_path


def test_pieces_with_the_times_of_the_recording_make_the_whole(pieces, call):
    net, state = pieces / "eye.toml", pieces / "state.npz"
    whole = told(call, net, pieces / "whole.npz")
    parts = [told(call, net, pieces / f"piece{k}.npz", "--state", state) for k in range(3)]
    assert np.sum([part["spikes"] for part in parts], axis=0).tolist() == whole["spikes"]
    assert whole["events"] == sum(part["events"] for part in parts) == 90


def test_a_piece_whose_clock_begins_anew_is_refused_and_no_event_of_it_dropped(pieces, call):
    net, state = pieces / "eye.toml", pieces / "state.npz"
    told(call, net, pieces / "alone0.npz", "--state", state)
    for name in ("alone1.npz", "alone2.npz"):
        code, out, err = call("simulate", net, pieces / name, "--state", state, "--until", "1s")
        assert (code, out) == (2, "")
        assert "come before" in err and "stands at 10000 us after other events" in err
        assert "give a piece with the times of the whole recording, or another --state" in err
    assert float(es.State.load(state).t) == 10_000


def test_the_same_piece_again_is_refused_and_the_same_recording_goes_on(pieces, call):
    net, state = pieces / "eye.toml", pieces / "state.npz"
    told(call, net, pieces / "piece0.npz", "--state", state)
    code, _, err = call("simulate", net, pieces / "piece0.npz", "--state", state)
    assert code == 2 and "stands at 10000 us: nothing is left of it" in err
    rest = told(call, net, pieces / "whole.npz", "--state", state)
    assert rest["events"] == 60
    es.State.load(state).save(state)  # keeps what the command line noted
    code, _, err = call("simulate", net, pieces / "whole.npz", "--state", state)
    assert code == 2 and "nothing is left of it" in err


def test_a_state_that_no_command_wrote_takes_pieces_alone(pieces, call):
    net, state = pieces / "eye.toml", pieces / "state.npz"
    network, weights = load_network(net)
    nothing = es.EventStream([], [], (1, 1, 50), duration=10_000)
    begun = es.simulate(network, weights, nothing, state=True).state
    begun.save(state)
    code, _, err = call("simulate", net, pieces / "whole.npz", "--state", state)
    assert code == 2 and "30 of 90 events, the first at" in err and "keeps no note of them" in err
    assert told(call, net, pieces / "piece1.npz", "--state", state)["events"] == 30


def test_generators_of_the_command_line_stand_in_for_those_of_the_file(net, call):
    drives = (
        "--drive", "noise=regular,interval_us=5000",
        "--drive", "driven=step_current,times_us=[0, 20000],amplitudes=[0.5, 1.5]",
    )  # fmt: skip
    found = told(call, net, "--until", "0.1s", *drives)
    network, weights = load_network(net)
    given = {"noise": es.Regular(5000), "driven": es.StepCurrent((0, 20_000), (0.5, 1.5))}
    record = es.simulate(network, weights, given, until_us=100_000)
    assert found["spikes"] == record.counts.spikes[0].tolist() and found["events"] == 50 * 20
    assert found["spikes"][2] > 3


def test_what_is_not_kept_is_not_told(net, call, tmp_path):
    whole = told(call, net, "--until", "100ms")
    for keep in ("counts", "nothing", "cells"):
        found = told(call, net, "--until", "100ms", "--record", keep)
        assert "layers" not in found
        for key in ("spikes", "operations", "populations", "events", "duration"):
            assert found[key] == whole[key]
    code, out, _ = call("simulate", net, "--until", "100ms", "--record", "counts")
    assert code == 0 and "synaptic adds" in out and "active" not in out
    code, _, err = call("simulate", net, "--record", "counts", "--figure", tmp_path / "a.svg")
    assert code == 2 and "--figure draws every spike; leave --record out" in err
    told(call, net, "--until", "100ms", "--figure", tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("text", "us"), [("1500", 1500), ("1500us", 1500), ("0.5ms", 500), ("2s", 2e6), ("1min", 6e7)]
)
def test_times_have_units(text, us):
    assert SimulateOptions(until=text).until == us


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "generators never end; give --until, such as 1s"),
        (["--until", "soon"], "until is 'soon'; give a time such as 500ms"),
        (["--until", "-1s"], "until is '-1s'; give a time"),
        (["--until", "nan"], "until is 'nan'; give a time"),
        (["--until", "inf"], "until is 'inf'; give a time"),
        (["--engine", "fast"], "engine is 'fast'; choose one of auto, asynchronous"),
        (["--index", "x"], "index is ['x']; give a whole number"),
        (["--until", "1s", "--record", "cell"], "no population is called 'cell'"),
        (["--until", "1s", "--record", "noise"], "noise sends no spikes of its own"),
        (["--until", "1s", "--spikes", "a.txt"], "spikes a.txt: give a name that ends in .npz, "),
        (["--until", "1s", "--spikes", "no/a.csv"], "there is no folder no"),
        (
            ["--until", "1s", "--spikes", "a.csv", "--record", "counts"],
            "--record keeps, counts kee",
        ),
        (
            ["--until", "1s", "--spikes", "a.npz", "--state", "./a.npz"],
            "--state are one file, a.npz",
        ),
        (["--until", "1s", "--state", "net.toml"], "state net.toml: give a name that ends in .npz"),
        (["--drive", "noise"], "drive is 'noise'; give a population and its generator"),
        (["--drive", "noise=poisson,rate_hz=["], "give a population and its generator, such as"),
        (["--drive", "x=poisson,rate_hz=1,seed=1"], "--drive: no population 'x'; noise, cells"),
        (["--drive", "noise=poisson,rate_hz=1"], "--drive noise lacks the key seed"),
        (["--drive", "noise=poison"], "kind is 'poison'; give constant_current, "),
        (["--until", "1s", "--drive", "cells=poisson,rate_hz=1,seed=1"], "population cells: a po"),
        (["digits", "--drive", "noise=poisson,rate_hz=1,seed=1"], "digits: no input waits for it"),
    ],
)
def test_what_cannot_be_meant_is_one_line(net, call, words, message, monkeypatch):
    monkeypatch.chdir(net.parent)
    code, out, err = call("simulate", "net.toml", *words)
    assert code == 2 and err.count("\n") == 1 and not out
    assert message in err


def test_ctrl_c_keeps_what_was_simulated(net, call, tmp_path, monkeypatch):
    # A shell that starts the tests in the background lets them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(stopping._Stop, "pressed", 0)
    whole_report = progress.Watch.__call__

    def report(self, now):
        whole_report(self, now)
        if now >= 20_000:
            os.kill(os.getpid(), signal.SIGINT)
        return whole_report(self, now)

    monkeypatch.setattr(progress.Watch, "__call__", report)
    words = ("--state", tmp_path / "state.npz", "--spikes", tmp_path / "spikes.npz", "--json")
    code, out, err = call("simulate", net, "--until", "1000s", *words)
    signal.signal(signal.SIGINT, before)
    found = json.loads(out)
    assert code == 130 and err.count("\n") == 1 and "of 1,000,000 ms; what was simulated" in err
    assert 20_000 <= found["duration"] < 1e9
    assert float(es.State.load(tmp_path / "state.npz").t) == found["duration"]
    monkeypatch.setattr(progress.Watch, "__call__", whole_report)
    assert told(call, net, "--until", found["duration"])["spikes"] == found["spikes"]


def test_bars_appear_for_long_simulations_alone(monkeypatch):
    seen = []
    for short in (3600.0, 0.0):
        monkeypatch.setattr(progress, "_SHORT_S", short)
        with progress.progress_bars(progress.Console()) as bars, progress.Watch(bars) as watch:
            watch.until = 2_500.0
            assert watch(0.0) and watch(1_000.0)
            seen.append([(task.completed, task.total) for task in bars.tasks])
    assert seen == [[], [(1, 3)]]


def test_who_waits_is_told_of_compiling_once_and_only_where_it_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(cache.config, "CACHE_DIR", str(tmp_path / "kept"))
    path = tmp_path / "kernels_of_a_test.py"
    path.write_text(
        "from eventsnn.kernels.compile import threaded\n\n"
        "@threaded\ndef f(x):\n    return x + 1\n\n"
        "@threaded\ndef g(x):\n    return x + 2\n"
    )

    def run():
        spec = importlib.util.spec_from_file_location("kernels_of_a_test", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        told = []
        with when_compiling(lambda: told.append(1)):
            assert module.f(1) == 2 and module.g(1) == 3
        return told

    assert run() == [1]
    assert run() == []
