"""Files of cameras and of HDF5. No recording of such a camera was at hand: faery wrote these."""

import importlib
import json
import os

import h5py
import numpy as np
import pytest

import eventsnn as es
from eventsnn.data import camera_file
from eventsnn.data.inputs import open_inputs
from eventsnn.errors import DataError, UserError

if "CI" not in os.environ:
    pytest.importorskip("faery", reason="an extra: pip install 'eventsnn[cameras]'")
faery = importlib.import_module("faery")

KINDS = {
    "evt2.raw": {"version": "evt2"},
    "evt3.raw": {"version": "evt3"},
    "a.dat": {},
    "a.aedat4": {},
    "a.es": {},
}


def events_of(n=500, seed=0):
    rng = np.random.default_rng(seed)
    events = np.zeros(n, faery.EVENTS_DTYPE)
    events["t"] = np.sort(rng.integers(0, 300_000, n))
    events["t"][0] = 0  # an .es file counts from its first event
    for name in ("x", "y"):
        events[name] = rng.integers(0, 34, n)
    events["on"] = rng.integers(0, 2, n)
    return events


def write(path, events, **how):
    faery.events_stream_from_array(events, dimensions=(34, 34)).to_file(path, **how)
    return path


def same(stream, events):
    np.testing.assert_array_equal(stream.t, events["t"])
    places = np.array([events["on"], events["y"], events["x"]], np.int64)
    found = np.array(np.unravel_index(stream.unit, (2, 34, 34)))
    order = np.lexsort((*places, events["t"]))
    mine = np.lexsort((*found, stream.t))
    np.testing.assert_array_equal(found[:, mine], places[:, order])


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_a_camera_gives_the_events_that_faery_wrote(name, tmp_path):
    events = events_of()
    path = write(tmp_path / name, events, **KINDS[name])
    same(open_inputs(str(path), (2, 34, 34)).data[0], events)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("what", ["empty", "noise", "cut", "head"])
def test_a_damaged_file_is_events_or_one_clear_error(name, what, tmp_path):
    raw = write(tmp_path / name, events_of(), **KINDS[name]).read_bytes()
    noise = bytes(np.random.default_rng(1).integers(0, 256, 3000, dtype=np.uint8))
    told = {"empty": b"", "noise": noise, "cut": raw[: len(raw) // 2 + 1], "head": raw[:40] + noise}
    path = tmp_path / f"bad-{name}"
    path.write_bytes(told[what])
    try:
        found = open_inputs(str(path), (2, 34, 34)).data[0]
    except DataError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    else:
        assert what == "cut" and 0 < len(found) < 500


def test_without_faery_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faery", None)
    with pytest.raises(UserError, match=r"pip install 'eventsnn\[cameras\]'"):
        camera_file.read_camera_file(tmp_path / "a.raw")


@pytest.mark.parametrize("form", ["table", "columns", "index beside", "root"])
def test_hdf5_gives_the_events_of_a_table_or_of_columns(form, tmp_path):
    events, path = events_of(), tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        if form == "table":
            table = np.zeros(len(events), [("t", "i8"), ("x", "u2"), ("y", "u2"), ("p", "i2")])
            for name, field in (("t", "t"), ("x", "x"), ("y", "y"), ("p", "on")):
                table[name] = events[field]
            file["CD/events"] = table
        else:
            group = file if form == "root" else file.create_group("events")
            for name, field in (("t", "t"), ("x", "x"), ("y", "y"), ("p", "on")):
                group[name] = events[field]
            if form == "index beside":
                file["ms_to_idx"] = np.arange(300)
    same(open_inputs(str(path), (2, 34, 34)).data[0], events)


def test_hdf5_without_events_or_with_two_places_is_refused(tmp_path):
    for k, places in enumerate(([], ["a", "b"])):
        path = tmp_path / f"{k}.h5"
        with h5py.File(path, "w") as file:
            file["other"] = np.zeros(3)
            for place in places:
                for name in "txyp":
                    file[f"{place}/{name}"] = np.zeros(3, np.int64)
        with pytest.raises(DataError, match="give a file with one"):
            open_inputs(str(path), (2, 34, 34))
    (tmp_path / "c.h5").write_bytes(b"no HDF5")
    with pytest.raises(DataError, match="cannot be read"):
        open_inputs(str(tmp_path / "c.h5"), (2, 34, 34))


def test_such_files_are_learned_from_and_replayed_live(tmp_path, call):
    for label in "01":
        (tmp_path / "data" / label).mkdir(parents=True)
        for k in range(3):
            events = events_of(200, seed=k)
            events["x"] = (events["x"] // 2) + 17 * int(label)
            write(tmp_path / "data" / label / f"{k}.aedat4", events)
    (tmp_path / "data" / "sensor.toml").write_text("height = 34\nwidth = 34\n")
    train, test = es.open_data(f"camera:{tmp_path / 'data'}")
    assert len(train) == 4 and len(test) == 2 and train.shape == (2, 34, 34)
    model = es.Classifier("2312-8-2", rule="adjoint", epochs=1, batch=2).fit(train)
    model.save(tmp_path / "model")
    one = tmp_path / "data" / "1" / "0.aedat4"
    words = ["live", f"replay:{one}", tmp_path / "model", "--speed", "0", "--json"]
    code, told, _ = call(*words)
    last = json.loads(told.splitlines()[-1])
    assert code == 0 and last["totals"]["events"] == 200
