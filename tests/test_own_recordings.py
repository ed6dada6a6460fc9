"""Recordings of one's own: from columns, as a data set, and in folders named by class."""

import numpy as np
import pytest
from doors import NASTY_NUMBERS, fuzz, knock
from hypothesis import given
from hypothesis import strategies as st

import eventsnn as es
from eventsnn.data.inputs import open_inputs
from eventsnn.data.split import held_out

SIZE = {"height": 48, "width": 64}
GOOD = {"x": [63, 4, 0], "y": [0, 1, 47], "t": [10, 25, 25], "p": [1, 0, 1]}
ADDRESSES = [(1 * 48 + 0) * 64 + 63, (0 * 48 + 1) * 64 + 4, (1 * 48 + 47) * 64 + 0]


@pytest.mark.parametrize(
    "p", [[1, 0, 1], [True, False, True], [1, -1, 1], [1.0, -1.0, 1.0], np.uint8([1, 0, 1])]
)
def test_columns_become_addresses_whatever_form_the_polarity_has(p):
    stream = es.EventStream.from_arrays(**GOOD | {"p": p}, **SIZE, label=2, duration=100)
    assert stream.unit.tolist() == ADDRESSES and stream.shape == (2, 48, 64)
    assert (stream.label, stream.duration, stream.t.tolist()) == (2, 100, [10, 25, 25])


def test_without_polarities_the_sensor_has_one():
    columns = {name: GOOD[name] for name in "xyt"}
    stream = es.EventStream.from_arrays(**columns, **SIZE)
    assert stream.shape == (1, 48, 64) and stream.unit.tolist() == [63, 68, 47 * 64]


def test_all_polarities_negative_are_all_off():
    assert es.EventStream.from_arrays(**GOOD | {"p": [-1, -1, -1]}, **SIZE).polarity.sum() == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"t": [0.001, 0.002, 0.003]}, r"t of event 0 is 0.001; .* seconds .*give \(t \* 1e6\)"),
        ({"t": [3, 2, 9]}, "event 1 at 2 us comes after event 0"),
        ({"t": [1, np.nan, 3]}, "t of event 1 is nan"),
        ({"x": [0, 64, 0]}, "x of event 1 is 64, outside the sensor; give 0 to 63"),
        ({"y": [0, -1, 0]}, "y of event 1 is -1"),
        ({"x": [0, 1]}, "3 times but 2 values of x"),
        ({"p": [0, 1, 2]}, "p of event 2 is 2; give truth values, 0 and 1, or -1 and 1"),
        ({"p": [1, -1, 0]}, "p of event 2 is 0, and there are polarities of -1"),
        ({"p": ["a", "b", "c"]}, "p has dtype <U1"),
        ({"p": [0, 1]}, "3 times but 2 values of p"),
        ({"p": [0, 0.5, 1]}, "p of event 1 is 0.5"),
        ({"height": 0}, "a sensor is"),
    ],
)
def test_columns_that_make_no_sense_are_refused_by_event_and_value(wrong, message):
    with pytest.raises(es.DataError, match=message):
        es.EventStream.from_arrays(**GOOD | SIZE | wrong)


@fuzz
@given(data=st.data())
def test_columns_of_any_values_are_taken_or_refused(data):
    columns = {name: list(values) for name, values in GOOD.items()}
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(sorted(columns)))
        columns[name][data.draw(st.integers(0, 2))] = data.draw(st.sampled_from(NASTY_NUMBERS))
    stream = knock("columns of events", es.EventStream.from_arrays, **columns, **SIZE)
    if stream is not None:
        found = {"x": stream.x, "y": stream.y, "t": stream.t}
        assert all((found[name] == np.asarray(columns[name])).all() for name in found)


def test_one_line_tells_what_an_object_is():
    stream = es.EventStream.from_arrays(**GOOD, **SIZE, label=2)
    assert repr(stream) == "<EventStream 3 events, 48x64x2, 0.026 ms, label 2>"
    batch = es.EventBatch.from_streams([stream, stream])
    assert repr(batch) == "<EventBatch 2 recordings, 6 events, 48x64x2>"
    data = es.DataSet.from_streams("mine", [stream, stream], [stream])
    assert repr(data) == "<DataSet mine, 2 + 1 recordings, 48x64x2, 3 classes>"
    network = es.layers("6144-5-3", es.LIF(20_000.0), es.Readout())
    assert repr(network) == "<Network input 6,144, hidden1 5, output 3; 2 connections>"
    weights = [np.full((6144, 5), 0.6), np.ones((5, 3))]
    record = es.simulate(network, weights, stream)
    assert repr(record) == (
        "<Record of 1 recordings, spikes: input 3, hidden1 5, output 0; 30 synaptic additions>"
    )
    # Five spikes of five neurons in 26 us.
    assert record.rate("hidden1") == pytest.approx([1e6 / 26])
    with pytest.raises(es.UserError, match="output sends no spikes"):
        record.rate("output")


def test_a_data_set_of_streams_refuses_what_does_not_fit():
    stream = es.EventStream.from_arrays(**GOOD, **SIZE, label=2)
    other = es.EventStream.from_arrays(**GOOD, height=48, width=65, label=0)
    for halves, message in (
        (([stream], [other]), r"training half is \(2, 48, 64\), of the test half \(2, 48, 65\)"),
        (([stream], []), "mine test: no recordings"),
        (([stream, other], [stream]), "the sensors differ"),
    ):
        with pytest.raises(es.DataError, match=message):
            es.DataSet.from_streams("mine", *halves)
    with pytest.raises(es.UserError, match="the name is"):
        es.DataSet.from_streams("", [stream], [stream])


def write(path, k):
    """One recording in one of the formats; returns (t, x, y, p)."""
    rng = np.random.default_rng(k)
    t, x, y, p = np.sort(rng.integers(0, 9000, 9)), *(rng.integers(0, n, 9) for n in (34, 30, 2))
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix.lower():
        case ".npz":
            np.savez(path, t=t, x=x, y=y, on=p)
        case ".npy":
            np.save(path, np.rec.fromarrays([x, y, t, p * 2 - 1], names="x,y,timestamp,p"))
        case ".csv":
            rows = "\n".join(f"{a}, {b},{c},{d}" for a, b, c, d in zip(y, t, x, p, strict=True))
            path.write_text("y, time,x,polarity\n" + rows)
        case ".bin":
            words = x << 32 | y << 24 | p << 23 | t
            path.write_bytes(b"".join(int(w).to_bytes(5, "big") for w in words))
    return t, x, y, p


def test_a_folder_a_class_is_read_in_every_format_and_a_fifth_is_held_out(tmp_path):
    endings = ["npy", "npz", "csv", "bin", "CSV", "npy", "npz", "csv", "bin", "npz"]
    numbered = [f"{k:02}.{ending}" for k, ending in enumerate(endings)]
    names = [f"{c}/{file}" for c in ("wave", "[red]$x$") for file in numbered]
    told = {name: write(tmp_path / name, k) for k, name in enumerate(names)}
    (tmp_path / ".hidden").write_text("")
    data = es.open_data(f"folder:{tmp_path}")
    assert (len(data.train), len(data.test)) == (16, 4) and not data.emulated
    assert data.note.endswith("classes: 0 [red]$x$, 1 wave")
    order = sorted(names)
    out = held_out(np.array([0] * 10 + [1] * 10))
    for half, chosen in ((data.train, ~out), (data.test, out)):
        for stream, k in zip(half, np.flatnonzero(chosen), strict=True):
            t, x, y, p = told[order[k]]
            assert stream.label == k // 10
            for found, expected in (
                (stream.t, t),
                (stream.x, x),
                (stream.y, y),
                (stream.polarity, p),
            ):
                np.testing.assert_array_equal(found, expected)


def test_train_and_test_folders_are_the_halves_and_numbers_are_labels(tmp_path):
    for k, name in enumerate(["Train/3/a.csv", "Train/10/a.csv", "test/10/a.npz"]):
        write(tmp_path / name, k)
    (tmp_path / "sensor.toml").write_text("height = 48\nwidth = 64\n")
    data = es.open_data(f"folder:{tmp_path}")
    assert data.train.label.tolist() == [10, 3] and data.test.label.tolist() == [10]
    assert data.train.shape == (2, 48, 64)


def test_without_a_sensor_file_places_of_all_recordings_say_its_size(tmp_path):
    for c in "ab":
        for k in range(2):
            (tmp_path / c).mkdir(exist_ok=True)
            (tmp_path / c / f"{k}.csv").write_text("t,x,y\n0,3,1\n" + ("1,9,0" if c == "b" else ""))
    data = es.open_data(f"folder:{tmp_path}")
    assert data.train.shape == (2, 2, 10) and "2 x 10, the largest places" in data.note


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no recordings"),
        ({"a/x.csv": "t,x,y\n1,2,3"}, "every class has one recording"),
        ({"a.csv": "t,x,y\n1,2,3"}, "lies beside the classes"),
        ({"a/x.txt": "1"}, "x.txt: is no recording; give files that end in .npy, .npz, .bin, .csv"),
        ({"a/x.csv": "", "a/y.csv": ""}, "name columns t,x,y,p"),
        ({"a/x.csv": "t,x,y\n1,2"}, "is no table of 3 columns"),
        ({"a/x.csv": "t,x,y\n1,2,b"}, "is no table of 3 columns"),
        ({"a/x.csv": "t,x,x\n1,2,3"}, "name columns t,x,y,p"),
        ({"a/x.csv": "t,x\n1,2"}, "the row of the events is missing"),
        ({"a/x.csv": "t,x,y\n"}, "holds no events"),
        ({"a/x.csv": "t,x,y\n1,2,1e9"}, "y goes up to 1e.09"),
        ({"a/x.csv": "t,x,y\n1,2,nan"}, "y goes up to nan"),
        ({"a/x.csv": "t,x,y\n1,2,3", "sensor.toml": "height = 2\nwidth = 9"}, "y of event 0 is 3"),
        ({"a/x.csv": "t,x,y\n1,2,3", "sensor.toml": "height = 2"}, "give two lines"),
        ({"a/x.csv": "t,x,y\n1,2,3", "sensor.toml": "[["}, "sensor.toml: is not TOML"),
        ({"1/x.csv": "t,x,y\n1,2,3", "01/x.csv": "t,x,y\n1,2,3"}, "two classes have one number"),
        (
            {"train/a/x.csv": "t,x,y\n1,2,3", "test/b.csv": "t,x,y\n1,2,3"},
            "lies beside the classes",
        ),
        (
            {"train/a/x.csv": "t,x,y\n1,2,3", "test/a/x.csv": "t,x,y\n1,2,3", "b/x.csv": ""},
            "train and test, and b beside them",
        ),
        ({"a/b/x.csv": "t,x,y\n1,2,3"}, "b: is no recording"),
    ],
)
def test_what_is_out_of_place_is_refused_by_name(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(es.UserError, match=message):
        es.open_data(f"folder:{tmp_path}")


def test_an_empty_class_is_refused(tmp_path):
    write(tmp_path / "a/x.csv", 0)
    (tmp_path / "b").mkdir()
    with pytest.raises(es.UserError, match="b: is a class without recordings"):
        es.open_data(f"folder:{tmp_path}")


def test_one_table_is_an_input_alone(tmp_path):
    t, x, y, p = write(tmp_path / "a.csv", 0)
    stream = open_inputs(str(tmp_path / "a.csv"), (2, 34, 34)).data[0]
    for found, expected in ((stream.t, t), (stream.x, x), (stream.y, y), (stream.polarity, p)):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(es.UserError, match="the model takes images"):
        open_inputs(str(tmp_path / "a.csv"), (28, 28))


TABLE = "t,x,y,p\n1,2,3,1\n5,0,1,0\n"


@fuzz
@given(data=st.data())
def test_a_spoiled_table_is_read_or_refused(data, tmp_path):
    text = list(TABLE)
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(
            st.sampled_from(["", "\n", ",", "-", "1e9", "nan", "\x00", "ä", "0", "1", " "])
        )
    (tmp_path / "a.csv").write_text("".join(text))
    knock("folder: a .csv file", open_inputs, str(tmp_path / "a.csv"), (2, 34, 34))


def columns(n=400, end=2_000_000, seed=0):
    rng = np.random.default_rng(seed)
    x, y, p = (rng.integers(0, k, n) for k in (64, 48, 2))
    return {"x": x, "y": y, "t": np.sort(rng.integers(0, end, n)), "p": p}


def folder_of(root, how, files=("a/1", "a/2", "b/1", "b/2"), toml=""):
    for k, name in enumerate(files):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        np.savez(root / f"{name}.npz", **how(columns(seed=k)))
    (root / "sensor.toml").write_text("height = 48\nwidth = 64\n" + toml)
    return root


SIZE = {"height": 48, "width": 64}


@pytest.mark.parametrize("first", ["milliseconds", "seconds"])
def test_fractions_are_refused_and_the_likelier_unit_is_named_first(first):
    factor = {"seconds": 1e6, "milliseconds": 1e3}[first]
    given = columns(n=4_000)
    with pytest.raises(es.DataError, match=rf"Are these {first} \(2 s in all\): give") as caught:
        es.EventStream.from_arrays(**given | {"t": given["t"] / factor}, **SIZE)
    assert "(t * 1e3).round()" in str(caught.value) and "(t * 1e6).round()" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t // 1_000,
            r"within 2 ms .* milliseconds\? Then multiply them by 1,0",
        ),
        (
            lambda t: t // 1_000_000,
            r"within 2 us .* seconds\? Then multiply them by 1,00",
        ),
        (lambda t: t + 10_000_000, r"the first event is at 10 s, .*give start='first'"),
    ],
)
def test_times_that_look_wrong_are_taken_with_a_warning(change, message):
    given = columns(n=4_000)
    given["t"] = change(given["t"])
    array = np.rec.fromarrays([*given.values()], names=[*given])
    with pytest.warns(UserWarning, match=message):
        one = es.EventStream.from_arrays(**given, **SIZE)
    with pytest.warns(UserWarning, match=message):
        other = es.EventStream.from_structured(array, (2, 48, 64))
    np.testing.assert_array_equal(one.t, other.t)


def test_usual_recordings_give_no_warning(recwarn):
    es.EventStream.from_arrays(**columns(n=9_000, end=100_000), **SIZE)
    es.EventStream.from_arrays(x=[1] * 3, y=[0] * 3, t=[9_000_000] * 3, **SIZE)
    assert not recwarn


def test_the_first_event_becomes_time_0_where_that_is_asked():
    given = columns()
    later = given | {"t": given["t"] + 1_800_000_000_000_000}
    stream = es.EventStream.from_arrays(**later, **SIZE, start="first")
    np.testing.assert_array_equal(stream.t, given["t"] - given["t"][0])
    with pytest.raises(es.DataError, match="start is 'last'; give 'zero' or 'first'"):
        es.EventStream.from_arrays(**given, **SIZE, start="last")


def test_times_that_float32_rounds_are_refused():
    given = columns() | {"t": (columns()["t"] + 16_000_000).astype(np.float32)}
    with pytest.raises(es.DataError, match="as float32, which is rounded above 16,777,216"):
        es.EventStream.from_arrays(**given, **SIZE)
    with pytest.raises(es.DataError, match="rounded above 16,777,216"):
        es.EventStream(given["t"], np.zeros(400, int), (1, 1, 1))


def test_a_folder_warns_once_and_its_sensor_file_is_the_remedy(tmp_path):
    true = es.open_data(f"folder:{folder_of(tmp_path / 'us', lambda c: c)}")
    ms = folder_of(tmp_path / "ms", lambda c: c | {"t": c["t"] // 1_000 + 60_000})
    with pytest.warns(UserWarning, match=r"\(so are 3 more\): 4.* say time_unit = \"ms\" in sens"):
        es.open_data(f"folder:{ms}")
    folder_of(tmp_path / "ms", lambda c: c | {"t": c["t"] // 1_000 + 60_000}, toml='time_unit="ms"')
    with pytest.warns(UserWarning, match=r'say start = "first" in sensor.toml'):
        es.open_data(f"folder:{ms}")
    (ms / "sensor.toml").write_text('time_unit = "ms"\nstart = "first"\nheight = 48\nwidth = 64')
    for half in ("train", "test"):
        pairs = zip(getattr(es.open_data(f"folder:{ms}"), half), getattr(true, half), strict=True)
        for found, right in pairs:
            assert np.abs(found.t - (right.t - right.t[0])).max() < 2_000
    one = open_inputs(str(ms / "a" / "1.npz"), (2, 48, 64)).data[0]
    assert one.t[0] == 0 and one.t[-1] > 1_000_000


def test_a_file_alone_has_the_polarities_that_its_folder_takes(tmp_path):
    signed = folder_of(tmp_path / "signed", lambda c: c | {"p": 2 * c["p"] - 1})
    without = folder_of(tmp_path / "without", lambda c: {k: v for k, v in c.items() if k != "p"})
    for root in (signed, without):
        data = es.open_data(f"folder:{root}")
        kept = {stream.source: stream for half in (data.train, data.test) for stream in half}
        alone = open_inputs(str(root / "a" / "1.npz"), data.train.shape).data[0]
        assert any(np.array_equal(alone.unit, one.unit) for one in kept.values())
    np.savez(without / "a" / "3.npz", **columns())
    with pytest.raises(es.DataError, match="has no polarities, as 4 of 5 files"):
        es.open_data(f"folder:{without}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('time_unit = "hours"', "time_unit is 'hours'; give one of s, ms, us, ns"),
        ("start = 5", "start is 5; give one of zero, first"),
        ("high = 5", "has the line 'high'; known are height, width, time_unit, start"),
    ],
)
def test_a_line_of_the_sensor_file_that_says_nothing_is_refused(tmp_path, line, message):
    with pytest.raises(es.DataError, match=message):
        es.open_data(f"folder:{folder_of(tmp_path, lambda c: c, toml=line)}")
