"""A network sees a part of a sensor, squares of pixels as one, and recordings in windows."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

import eventsnn as es
from eventsnn.data.facts import USUAL, batch_for
from eventsnn.data.images import Images
from eventsnn.data.inputs import open_inputs
from eventsnn.data.readers.film_file import write_film
from eventsnn.data.view import SensorView
from eventsnn.events.windows import Windows, windows_of
from eventsnn.measure.shuffled import shuffled_times
from eventsnn.train.checkpoint import load_checkpoint, save_checkpoint
from eventsnn.train.learning import Learner
from eventsnn.train.options import completed, make_options
from eventsnn.train.saved_run import load_run

SENSOR = (2, 13, 18)


def stream(seed, duration=1000, events=400, label=None):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, duration, events))
    unit = rng.integers(0, 2 * 13 * 18, events)
    label = seed % 3 if label is None else label
    return es.EventStream(t, unit, SENSOR, label, duration, f"made {seed}")


def data_set(n=12, **more):
    return es.DataSet.from_streams(
        "made", [stream(k, **more) for k in range(n)], [stream(100 + k, **more) for k in range(6)]
    )


def same(a, b):
    assert len(a) == len(b) and a.shape == b.shape
    for one, other in zip(a, b, strict=True):
        assert one.t.tolist() == other.t.tolist() and one.unit.tolist() == other.unit.tolist()
        assert (one.label, one.duration) == (other.label, other.duration)


def by_hand(batch, window_us):
    """The same windows as streams of their own."""
    return es.EventBatch.from_streams(
        [
            one.slice_time(begin, min(begin + window_us, one.duration))
            for one in batch
            for begin in range(0, max(one.duration, 1), window_us)
        ]
    )


@pytest.mark.parametrize("window_us", [29, 137, 250, 1000, 5000])
def test_windows_are_slices_of_the_recordings(window_us):
    durations = (1000, 40, 999, 500)
    streams = [stream(k, duration, 40) for k, duration in enumerate(durations)]
    streams.insert(2, es.EventStream([], [], SENSOR, 4, 300))
    batch = es.EventBatch.from_streams(streams)
    cut, expected = windows_of(batch, window_us), by_hand(batch, window_us)
    same(cut, expected)
    assert cut.t.tolist() == expected.t.tolist() and cut.start.tolist() == expected.start.tolist()
    middle = slice(1, len(cut) // 2 + 1)
    same(cut[middle], expected[middle])
    assert cut[middle].t.tolist() == expected[middle].t.tolist()
    order = np.random.default_rng(0).permutation(len(cut))[:40]
    same(cut.select(order), expected.select(order))
    at_hand, places = cut.at_hand(order)
    same(at_hand.select(places), expected.select(order))
    for piece, other in zip(cut.pieces(3, 60), expected.pieces(3, 60), strict=True):
        same(piece, other)
    same(replace(cut, label=cut.label + 1), replace(expected, label=expected.label + 1))
    same(shuffled_times(cut, 3), shuffled_times(expected, 3))


def test_windows_copy_no_event():
    batch = es.EventBatch.from_streams([stream(k) for k in range(3)])
    cut = windows_of(batch, 100)
    assert isinstance(cut, Windows) and len(cut) == 30
    for part in (cut, cut[4:20], cut[4:20][3:9]):
        assert np.shares_memory(part.unit, batch.unit) and np.shares_memory(part.shared, batch.t)


def test_pieces_hold_every_recording_once_and_few_events():
    batch = es.EventBatch.from_streams([stream(k, events=n) for k, n in enumerate((5, 0, 50, 3))])
    sizes = [(len(piece), len(piece.t)) for piece in batch.pieces(10, 8)]
    assert sizes == [(2, 5), (1, 50), (1, 3)]
    assert [len(piece) for piece in batch.pieces(3, 1000)] == [3, 1]
    assert sum(len(piece) for piece in batch.pieces(1, 1)) == 4
    few = batch.beginning(3, 12)
    assert few.start.tolist() == [0, 5, 5, 12] and few[0].t.tolist() == batch[0].t.tolist()
    assert few[2].t.tolist() == batch[2].t[:7].tolist() and few.label.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("crop", "pool", "corner", "sensor"),
    [
        ("", 1, (0, 0), (13, 18)),
        ("", 4, (0, 0), (4, 5)),
        ("8x10", 1, (2, 4), (8, 10)),
        ("8x10+5+8", 3, (5, 8), (3, 4)),
        ("13x18+0+0", 20, (0, 0), (1, 1)),
    ],
)
def test_events_go_to_the_square_that_their_pixel_is_in(crop, pool, corner, sensor):
    data = data_set(3)
    seen = data.viewed(crop=crop, pool=pool)
    high, wide = SensorView(crop, pool).rectangle(SENSOR)[:2]
    assert seen.train.shape == (2, *sensor)
    for one, before in zip(seen.train, data.train, strict=True):
        x, y = before.x - corner[1], before.y - corner[0]
        inside = (x >= 0) & (x < wide) & (y >= 0) & (y < high)
        assert one.t.tolist() == before.t[inside].tolist()
        assert one.x.tolist() == (x[inside] // pool).tolist()
        assert one.y.tolist() == (y[inside] // pool).tolist()
        assert one.polarity.tolist() == before.polarity[inside].tolist()
        assert (one.label, one.duration) == (before.label, before.duration)
    if crop or pool > 1:
        assert seen.recorded.events == (1200, 2400) and seen.recorded.sensor == SENSOR


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"crop": "14x3"}, "crop is 14x3, the sensor 13x18x2; give a part of it"),
        ({"crop": "3x3+11+0"}, "give a part of it"),
        ({"crop": "3"}, "give HEIGHTxWIDTH in pixels"),
        ({"crop": "0x3"}, "give HEIGHTxWIDTH in pixels"),
        ({"crop": "3x3+1"}, "give HEIGHTxWIDTH in pixels"),
        ({"pool": 0}, "pool is 0"),
        ({"pool": 1.5}, "pool is 1.5"),
        ({"window_us": -1}, "window_us is -1"),
        ({"window_us": 1 << 40}, "window_us is"),
        ({"limt": 3}, "option 'limt' is unknown; did you mean limit?"),
        ({"zoom": 3}, "option 'zoom' is unknown; give crop, pool, window_us, filter, grid_us"),
    ],
)
def test_a_view_that_makes_no_sense_is_refused(given, message):
    with pytest.raises(es.UserError, match=re.escape(message)):
        data_set(3).viewed(**given)
    if "crop" not in given or "part" not in message:  # a part of what is read first
        with pytest.raises(es.UserError, match=re.escape(message)):
            es.open_data("nmnist:nowhere", **given)


def test_images_and_what_is_viewed_already_are_refused():
    pictures = Images(np.zeros((3, 8, 8), np.uint8), np.arange(3))
    with pytest.raises(es.UserError, match="real vectors have no --pool 2"):
        es.DataSet("pictures", pictures, pictures).viewed(pool=2)
    with pytest.raises(es.UserError, match=r"seen with --pool 2 already; give all at once"):
        data_set(3).viewed(pool=2).viewed(window_us=9)
    assert data_set(3).viewed().recorded is None
    with pytest.raises(es.UserError, match="are not seen with --pool 2"):
        es.Classifier("13x18x2-5-3", pool=2, epochs=1).fit(data_set(3))
    long = es.EventBatch.from_streams([stream(0, 1 << 30, 5)])
    with pytest.raises(es.UserError, match="would be 1,073,741,824; give longer ones"):
        windows_of(long, 1)


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        ("adjoint", {"drop": 0.1, "shift": 1.0}),
        ("adjoint", {"drop": 0.0, "shift": 0.0, "rotate": 0.0, "scale": 0.0}),
        ("deep-spiking", {"drop": 0.0, "shift": 0.0, "rotate": 0.0, "scale": 0.0}),
    ],
)
def test_rules_learn_of_windows_what_they_learn_of_recordings_of_their_own(rule, more):
    seen = data_set(6).viewed(window_us=300)
    apart = es.DataSet.from_streams(
        "made", *(by_hand(half, 300) for half in data_set(6))
    )  # fmt: skip
    found = []
    for data in (seen, apart):
        given = {"rule": rule, "layers": (468, 4, 3), "epochs": 1} | more
        still = {"elastic": 0.0, "scatter": 0.0} if rule == "adjoint" else {}
        learner = Learner(completed(make_options(given | still), data))
        learner.start(data.train)
        learner.begin_epoch(0, 1, 1)
        learner.learn(data.train, np.arange(9)[::-1].copy(), np.random.default_rng(1))
        learner.end_epoch()
        found.append((learner.snapshot(), learner.evaluate(data.test, 1)))
    for name, array in found[0][0].items():
        np.testing.assert_array_equal(array, found[1][0][name])
    assert found[0][1] == found[1][1]


def test_a_saved_classifier_says_what_it_saw(tmp_path):
    data = data_set(6)
    given = {"rule": "adjoint", "epochs": 1, "shift": 0.0}
    es.Classifier("7x9x2-4-3", **given).fit(data.viewed(pool=2)).save(tmp_path / "run")
    again = es.load(tmp_path / "run")
    assert again.predict(data.viewed(pool=2).test[:2]).shape == (2,)
    with pytest.raises(es.UserError, match=r"seen with --pool 2 \(DataSet.viewed\); give such"):
        again.predict(data.test)
    assert load_run(tmp_path / "run").recorded == SENSOR
    for wrong in (None, [2, 13], [2, 13, 30], [2, 13, "18"], [2, 1 << 40, 18]):
        saved = load_checkpoint(tmp_path / "run")
        spoiled = replace(saved, info=saved.info | {"recorded_sensor": wrong})
        save_checkpoint(tmp_path / "run", spoiled)
        with pytest.raises(es.UserError, match="recorded_sensor is"):
            load_run(tmp_path / "run")


def test_the_recipe_takes_fewer_recordings_at_once_where_each_has_many_events():
    assert batch_for(USUAL, 32) == 32
    assert batch_for(replace(USUAL, events=300_000.0), 32) == 32
    assert batch_for(replace(USUAL, events=1e6), 32) == 16
    assert batch_for(replace(USUAL, events=1e9), 32) == 1
    facts = replace(USUAL, events=10e6)
    for rule in ("adjoint", "eventprop"):
        assert make_options({"rule": rule, "layers": (5, 3, 2)}, facts).own.batch == 1


def test_every_command_sees_what_the_run_saw(tmp_path, call):
    file = tmp_path / "made.events"
    write_film(file, [es.EventBatch.from_streams([stream(k) for k in range(15)])])
    run, see = tmp_path / "run", ("--crop", "12x16", "--pool", "2", "--window-us", "250")
    words = ("--data", f"events:{file}", "--rule", "adjoint", "--epochs", 1, "--out", run)
    code, out, err = call("train", *words, *see, "--layers", "6x8x2-5-3", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["training_recordings"] == 48 and told["test_recordings"] == 12
    assert told["data_note"].endswith("seen with --crop 12x16 --pool 2 --window-us 250")
    code, out, _ = call("measure", run, "--json")
    seen = json.loads(out)["view"]
    assert code == 0 and seen["sensor_before"] == [2, 13, 18] and seen["sensor"] == [2, 6, 8]
    assert (seen["recordings_before"], seen["recordings"]) == (3, 12)
    assert seen["events_before"] == 1200 and 800 < seen["events"] < 1200
    code, out, _ = call("evaluate", run, "--json")
    assert code == 0 and json.loads(out)["recordings"] == 12
    code, _, err = call("train", *words, *see[:4], "--window-us", 100, "--resume", "--epochs", 2)
    assert code == 2 and "was trained with window_us 250" in err
    code, out, _ = call("train", "--out", run, "--resume", "--epochs", 2, "--json")
    assert code == 0 and json.loads(out)["training_recordings"] == 48
    np.save(tmp_path / "one.npy", stream(7).to_structured())
    code, out, err = call("simulate", run, tmp_path / "one.npy", "--index", 3, "--json")
    assert code == 0 and json.loads(out)["duration"] == 250, err
    code, _, err = call("simulate", run, tmp_path / "one.npy", "--pool", 3)
    assert code == 2 and "sees recordings as it learned to" in err


def test_a_network_of_ones_own_sees_recordings_with_the_flags_of_simulate(tmp_path, call):
    network = es.layers("7x9x2-4-3", es.LIF(1000), es.Readout(1000))
    network.save(tmp_path / "net.toml", es.start(network, data_set(3).viewed(pool=2).train))
    np.save(tmp_path / "one.npy", stream(7).to_structured())
    words = ("simulate", tmp_path / "net.toml", tmp_path / "one.npy", "--json")
    code, out, err = call(*words, "--pool", 2)
    assert code == 0 and json.loads(out)["input"].endswith("one.npy"), err
    code, _, err = call(*words, "--crop", "7x9")
    assert code == 2 and "one file does not say of which sensor" in err
    seen = open_inputs(str(tmp_path / "one.npy"), (2, 7, 9), view=SensorView(pool=2)).data
    one = es.DataSet.from_streams("one", [stream(7)], [stream(7)]).viewed(pool=2).train[0]
    assert seen[0].unit.tolist() == one.unit.tolist() and seen[0].t.tolist() == one.t.tolist()
