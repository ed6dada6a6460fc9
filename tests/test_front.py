"""Fronts of accuracy against cost: what nothing beats, early stops counted, one command."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

import eventsnn as es
from eventsnn.errors import UserError
from eventsnn.measure.anytime import stream
from eventsnn.measure.choose_stop import followed
from eventsnn.measure.energy import MODELS
from eventsnn.measure.front import beside, cheapest, cost_of, front
from eventsnn.measure.meter import CHECK_US, Meter, ended
from eventsnn.measure.policies import LEVELS, Policy
from eventsnn.rules.evaluation import predict_until_clear
from eventsnn.rules.rule import Reading

RUNS = """
[all]
data = "digits"
limit = 90
skip = 30
epochs = 6
seed = 3
[narrow]
rule = "adjoint"
layers = "2312-12-10"
validate = 0.2
[frames]
rule = "relu"
layers = "2312-12-10"
frames = 2
until_us = 100_000
"""


def point(name, accuracy, operations, seconds=None):
    cost = {"operations": operations, "seconds": seconds, "energy_nj": {"chip": operations / 2}}
    return {"name": name, "how": "to the end", "accuracy": accuracy} | cost


def test_a_front_is_what_no_other_point_beats():
    rng = np.random.default_rng(0)
    for _ in range(50):
        numbers = rng.integers(0, 6, (12, 2))
        points = [point(str(k), a / 6, float(c)) for k, (a, c) in enumerate(numbers)]

        def beaten(p, points=points):
            return any(
                q["accuracy"] >= p["accuracy"] and q["operations"] <= p["operations"]
                and (q["accuracy"], -q["operations"]) != (p["accuracy"], -p["operations"])
                for q in points
            )  # fmt: skip

        wanted = {(p["accuracy"], p["operations"]) for p in points if not beaten(p)}
        found = front(points, cost_of("operations"))
        assert [(p["accuracy"], p["operations"]) for p in found] == sorted(wanted)
        least = cheapest(points, cost_of("chip"), 0.5)
        enough = [p["operations"] for p in points if p["accuracy"] >= 0.5]
        assert (least and least["operations"]) == (min(enough) if enough else None)


def test_an_accuracy_is_compared_where_both_sides_reach_it_and_points_without_a_cost_stay_out():
    ours = [point("a", 0.99, 100.0, 0.2), point("b", 0.97, 10.0)]
    theirs = [point("c", 0.98, 400.0, 0.1)]
    rows = beside(ours, theirs, "operations", (0.97, 0.985))
    assert [row["ratio"] for row in rows] == [40.0, None]
    assert rows[0]["events"]["name"] == "b" and rows[1]["frames"] is None
    assert beside(ours, theirs, "seconds", (0.97,))[0]["ratio"] == pytest.approx(0.5)


@pytest.fixture(scope="module")
def trained():
    data = es.open_data("digits", limit=90)
    model = es.Classifier("2312-12-10", rule="adjoint", epochs=8, seed=0).fit(data)
    return model, data


def level_by_hand(policy, lose):
    """Look at every recording, check after check, with each of the levels that are tried."""
    seen, n = policy.streamed, len(policy.streamed)
    last = seen.margin.shape[1] - 1
    whole = sum(seen.right[r, last] for r in range(n)) / n
    best = None
    for level in policy.levels(LEVELS)[:-1]:
        right = spent = 0.0
        for r in range(n):
            clear = [k for k in range(last) if seen.margin[r, k] > 0 and seen.margin[r, k] >= level]
            k = clear[0] if clear else last
            right, spent = right + seen.right[r, k], spent + seen.operations[r, k]
        if right / n >= whole - lose - 1e-9 and (best is None or spent < best[1]):
            best = level, spent
    return best and best[0]


def test_what_an_early_stop_costs_is_what_runs_that_end_there_cost(trained):
    model, data = trained
    reading = model.learner.reading
    record = es.simulate(reading.network, reading.weights, data.test)
    times = CHECK_US * np.arange(1, 161)
    checks = np.broadcast_to(times, (len(data.test), len(times)))
    args = (record, reading.weights, data.test, reading.loss, checks)
    policy = Policy(stream(*args, settle=True), "margin")
    level = float(np.median(policy.reached[:, -1]))
    at, rows = policy.stops(level), np.arange(len(data.test))
    cut = ended(data.test, policy.streamed.t[rows, at])
    short = es.simulate(reading.network, reading.weights, cut)
    counted = es.operations(short, reading.weights, cut)
    assert counted.total.tolist() == policy.streamed.operations[rows, at].tolist()
    assert len(set(at.tolist())) > 3 and cut.start[-1] < data.test.start[-1]
    found = predict_until_clear(reading, data.test, es.Stop("margin", level))
    assert found.adds.sum(1).tolist() == counted.total.tolist()
    assert found.t_us.tolist() == policy.streamed.t[rows, at].tolist()


def test_the_meter_counts_runs_to_the_end_and_levels_come_from_held_out_recordings(trained):
    (classifier, data), learner = trained, trained[0].learner
    meter = Meter("m", MODELS, (0.0, 0.05))
    points = meter.points(learner.rule, learner.state, data.test, data.train)
    reading = learner.reading
    record = es.simulate(reading.network, reading.weights, data.test)
    counted = es.operations(record, reading.weights, data.test)
    end, stops = points[0], points[1:]
    assert end["operations"] == counted.total.mean() and end["how"] == "to the end"
    assert end["accuracy"] == learner.evaluate(data.test, 1)["accuracy"]
    for model in MODELS:
        cost = es.energy(record, reading.weights, data.test, model=model)
        assert end["energy_nj"][model.name] == pytest.approx(cost.total_nj.mean())
        assert end["without_decays_nj"][model.name] == pytest.approx(cost.without_decays_nj.mean())
    assert stops and all(p["operations"] < end["operations"] for p in stops)
    record = es.simulate(reading.network, reading.weights, data.train)
    times = np.broadcast_to(CHECK_US * np.arange(1, 161), (len(data.train), 160))
    args = (record, reading.weights, data.train, reading.loss, times)
    held = Policy(stream(*args, settle=True), "margin")
    for stop in stops:
        assert stop["level"] == level_by_hand(held, stop["lose"])
        # One function chooses, for the meter and for everyone.
        assert stop["level"] == es.choose_stop(classifier, data.train, lose=stop["lose"]).level
        lost = learner.evaluate(data.train, 1)["accuracy"] - held.at(stop["level"]).accuracy
        assert lost <= stop["lose"] + 1e-9 and stop["held_out"] == len(data.train)
    assert end["no_stops"] == ""
    (alone,) = meter.points(learner.rule, learner.state, data.test, None)
    assert "fewer than two recordings" in alone["no_stops"]


def test_a_network_whose_answer_cannot_be_followed_says_why_it_has_no_early_stops(trained):
    learner, data = trained[0].learner, trained[1]
    network, weights, loss = learner.reading
    first, *rest = network.connections
    late = np.arange(first.topology.n_out, dtype=np.int64) + np.zeros((first.topology.n_in, 1), int)
    slow = es.Network(network.populations, (replace(first, delay_us=late), *rest))

    class Late:
        kind, spiking = "late", True
        reading = staticmethod(lambda state: Reading(slow, weights, loss))
        predict = staticmethod(learner.rule.predict)

    few = data.test.part(0, 5)
    (end,) = Meter("m", MODELS).points(Late(), learner.state, few, data.train.part(0, 5))
    with pytest.raises(UserError) as refused:
        followed(Late.reading(None), data.train.part(0, 5), CHECK_US)
    assert end["no_stops"] == str(refused.value) != ""


def test_runs_of_a_file_are_trained_once_measured_and_drawn(tmp_path, call, monkeypatch):
    file, out = tmp_path / "runs.toml", tmp_path / "runs"
    file.write_text(RUNS)
    page, figure = tmp_path / "front.html", tmp_path / "front.svg"
    words = ("front", "--train", file, "--out", out, "--limit", 30, "--lose", 0, "--lose", 5)
    code, told, err = call(*words, "--html", page, "--figure", figure, "--json")
    assert code == 0 and "frames:" in err, err
    result = json.loads(told)
    narrow, frames = result["models"]
    assert (narrow["spiking"], frames["spiking"]) == (True, False)
    # What --skip leaves out and what --validate holds out.
    assert [m["held_out"] for m in result["models"]] == [42, 30] and narrow["learned"] == 48
    assert narrow["points"][0]["no_stops"] == "" and len(narrow["points"]) > 1
    assert {p["how"] for p in frames["points"]} == {"zeros skipped", "all synapses"}
    skipped, every = frames["points"]
    assert every["t_us"] == 100_000.0 < narrow["points"][0]["t_us"]
    assert every["operations"] == 2 * 2312 * 12 + 120 > skipped["operations"]
    assert every["seconds"] is None and skipped["energy_nj"].keys() < narrow["points"][0][
        "energy_nj"
    ].keys()  # fmt: skip
    assert set(narrow["learning"]["synapses_nj"]) < set(result["energy_models"])
    assert narrow["learning"]["not_counted"] == ""
    assert narrow["learning"]["backward"] > 0 and frames["learning"]["bytes"] > 3 * 4 * 55_000
    names = [f"{p['name']}, {p['how']}" for m in result["models"] for p in m["points"]]
    assert all(set(best) <= set(names) and best for best in result["front"].values())
    html = page.read_text()
    assert all(text in html for text in result["front"]["operations"])
    assert not re.search(r'(src|href)="http', html)
    assert figure.read_text().count("<svg") == 1
    chips = tmp_path / "chips.toml"
    chips.write_text('["$x_[b]<i>"]\nsource = "me"\naddition_pj = 2.0\n')
    code, told, err = call(*words, "--energy", chips, "--html", page)
    assert "<i>" not in page.read_text() and "$x_[b]&lt;i&gt;" in page.read_text()
    assert code == 0 and "frames:" not in err and "narrow, to the end" in told
    monkeypatch.setattr("eventsnn.commands.front.backward", refuse)
    words = (out / "narrow", "--data", f"events:{film(tmp_path)}", "--limit", 5, "--json")
    code, told, err = call("front", *words)
    assert code == 0
    (other,) = json.loads(told)["models"]
    assert other["held_out"] == 0 and len(other["points"]) == 1
    assert err.count("narrow: no early stops: fewer than two") == 1
    # What is counted stands there, and why the rest is not.
    assert other["learning"]["forward"] > 0 and other["learning"]["backward"] is None
    assert other["learning"]["not_counted"] == "nobody counts this; leave it"
    assert "narrow: backward not counted: nobody counts this" in err


def refuse(*given):
    raise UserError("nobody counts this; leave it")


def film(folder):
    from eventsnn.data.readers.film_file import write_film

    data = es.open_data("digits", limit=30)
    write_film(folder / "other.safetensors", [data.train, data.test], emulated=True)
    return folder / "other.safetensors"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give folders of trained networks"),
        (("{a}", "{a}"), "each once"),
        (("{a}", "--lose", "-1"), "lose is -1"),
        (("--out", "{a}", "{a}"), "is the folder of the runs of --train"),
        (("--train", "{none}"), "none.toml"),
        (("--train", "{text}"), "'rate' is 3"),
        (("--train", "{empty}"), "holds no run"),
        (("--train", "{up}"), "is no name of a folder"),
        (("{a}", "--html", "{a}/x.txt"), "page"),
    ],
)
def test_what_cannot_be_measured_is_one_line(words, told, tmp_path, call):
    texts = {"text": "rate = 3", "empty": "[all]\nepochs = 1", "up": '["../x"]\nepochs = 1'}
    places = {"a": tmp_path / "a", "none": tmp_path / "none.toml"}
    for name, text in texts.items():
        places[name] = tmp_path / f"{name}.toml"
        places[name].write_text(text)
    code, _, err = call("front", *(word.format(**places) for word in words))
    assert code == 2 and told in err and len(err.splitlines()) == 1


def test_a_rule_that_counts_nothing_is_refused_with_its_name(trained):
    data = trained[1]

    class Silent:
        kind, spiking = "silent", True
        reading = own = staticmethod(lambda state: None)

    with pytest.raises(UserError, match="m: the rule silent does not count"):
        Meter("m", MODELS).points(Silent(), None, data.test, None)
