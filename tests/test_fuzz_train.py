"""Whatever a checkpoint, a file of options or an option holds: a result, or one line."""

import json
import math
import shutil

import numpy as np
import pytest
from doors import NASTY_NUMBERS, NASTY_TEXT, fuzz, knock, knock_command, spoiled_bytes, spoiled_tree
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from eventsnn.cli.flags import flag_of
from eventsnn.commands import train as commands_train
from eventsnn.data.readers.film_file import write_film
from eventsnn.data.source import open_data
from eventsnn.events import EventBatch, EventStream
from eventsnn.train.checkpoint import FILE, load_checkpoint
from eventsnn.train.model import open_model
from eventsnn.train.options import KNOWN, completed, make_options, options_of
from eventsnn.train.trainer import Listener, Trainer

SHAPE = (1, 2, 3)
RULES = {
    "adjoint": {"rule": "adjoint", "batch": 4, "validate": 0.25},
    "eventprop": {"rule": "eventprop", "batch": 4, "threshold": 0.01, "init_spikes": 0.2},
    "herding": {"rule": "herding", "n_steps": 2},
}


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    rng = np.random.default_rng(0)
    streams = [
        EventStream(np.sort(rng.permutation(90)[:12]), rng.integers(0, 6, 12), SHAPE, k % 2, 100)
        for k in range(12)
    ]
    path = tmp_path_factory.mktemp("film") / "tiny.events"
    write_film(path, [EventBatch.from_streams(streams)])
    return path


@pytest.fixture(scope="module")
def runs(film, tmp_path_factory):
    folders = {}
    for name, given_ in RULES.items():
        folders[name] = tmp_path_factory.mktemp(name)
        data = open_data(f"events:{film}")
        options = completed(make_options({"layers": (6, 3, 2), "epochs": 1} | given_), data)
        Trainer(options, data, folders[name]).run(Listener())
    return folders


def header(data, run):
    """Draw a checkpoint whose JSON is spoiled."""
    checkpoint = load_checkpoint(run)
    info = data.draw(spoiled_tree(checkpoint.info))
    return save(checkpoint.arrays, {"format": "eventsnn-1", "run": json.dumps(info)})


def tensors(data, run):
    """Draw a checkpoint whose arrays are none that it can go on from, or no arrays."""
    checkpoint = load_checkpoint(run)
    arrays = dict(checkpoint.arrays)
    name = data.draw(st.sampled_from(sorted(arrays)))
    array = arrays.pop(name)
    match data.draw(st.sampled_from(["remove", "value", "shape", "type", "rename"])):
        case "value":
            array = array.copy()
            flat = array.reshape(-1)
            value = data.draw(st.sampled_from([0, -1, 127, math.nan, math.inf, 1e30]))
            with np.errstate(invalid="ignore"):
                flat[: data.draw(st.integers(1, flat.size))] = np.array(value).astype(array.dtype)
            arrays[name] = array
        case "shape":
            shape = data.draw(st.sampled_from([(0,), (1,), (2, 2), (6, 3), (3, 2), (1, 1, 1)]))
            arrays[name] = np.ones(shape, array.dtype)
        case "type":
            arrays[name] = array.astype(data.draw(st.sampled_from(["f2", "f8", "i1", "u8", "?"])))
        case "rename":
            arrays[data.draw(st.sampled_from(["weights.9", "weight-1", "x", "weight00"]))] = array
    return save(arrays, {"format": "eventsnn-1", "run": json.dumps(checkpoint.info)})


def noise(data, run):
    return data.draw(spoiled_bytes((run / FILE).read_bytes()))


SPOILERS = {"header": header, "tensors": tensors, "bytes": noise}


@pytest.mark.parametrize("how", SPOILERS)
@fuzz(part=4)
@given(data=st.data())
def test_a_spoiled_checkpoint_is_opened_or_refused(how, runs, tmp_path, data):
    run = runs[data.draw(st.sampled_from(sorted(runs)))]
    (tmp_path / FILE).write_bytes(SPOILERS[how](data, run))
    knock(f"checkpoint: {how}", open_model, tmp_path)


@fuzz(part=4)
@given(data=st.data())
def test_a_spoiled_checkpoint_is_evaluated_or_refused(runs, tmp_path, call, data):
    run = runs[data.draw(st.sampled_from(sorted(runs)))]
    spoil = SPOILERS[data.draw(st.sampled_from(sorted(SPOILERS)))]
    (tmp_path / FILE).write_bytes(spoil(data, run))
    knock_command("checkpoint: evaluate", call, "evaluate", tmp_path, "--threads", 1)


@fuzz(part=4)
@given(data=st.data())
def test_a_spoiled_run_is_resumed_or_refused(runs, tmp_path, call, data):
    folder = tmp_path / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    run = runs[data.draw(st.sampled_from(sorted(runs)))]
    (folder / FILE).write_bytes(tensors(data, run))
    words = ("train", "--out", folder, "--resume", "--epochs", 2, "--threads", 1)
    knock_command("checkpoint: resume", call, *words)


def toml(tree):
    """Write a tree as TOML; None has no way to be written and is left out."""
    return "".join(
        f"{_key(name)} = {_value(value)}\n" for name, value in tree.items() if value is not None
    )


def _key(name):
    return json.dumps(name)


def _value(value):
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{{inner}}}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(v) for v in value if v is not None) + "]"
    if isinstance(value, float):
        return "nan" if math.isnan(value) else repr(value)
    return json.dumps(value)


def config_of(rule, film):
    """Return every option of a rule, as a file may give it."""
    options = make_options({"layers": (6, 3, 2), "data": f"events:{film}"} | RULES[rule]).to_json()
    own = options.pop("herding" if rule == "herding" else "gradient") | options
    for name in ("teacher", "start_from", "limit", "teacher_share"):
        own.pop(name, None)
    return own | {"epochs": 1, "limit": 8}


@fuzz
@given(data=st.data())
def test_a_spoiled_file_of_options_is_taken_or_refused(film, tmp_path, call, monkeypatch, data):
    rule = data.draw(st.sampled_from(sorted(RULES)))
    tree = data.draw(spoiled_tree(config_of(rule, film)))
    text = toml(tree) if isinstance(tree, dict) else _value(tree)
    config = tmp_path / "run.toml"
    config.write_text(text, "utf-8", errors="surrogatepass")

    class Seen(Exception):
        pass

    def run(self, listener):
        raise Seen

    # How long it would learn is up to who asks: some ask for 2 ** 31 epochs.
    monkeypatch.setattr(Trainer, "run", run)

    def prepared():
        given_ = commands_train.read_config(config)
        try:
            commands_train.train(given_, tmp_path / "run", False, 1, False, _quiet())
        except Seen:
            return True

    knock("train --config", prepared)


def _quiet():
    from eventsnn.cli.options import ERR

    return ERR


OPTIONS = {
    rule: sorted(
        flag_of(one).split("/")[0]
        for one in (KNOWN | options_of(rule)).values()
        if one.kind is not bool and one.name not in ("data", "epochs", "start_from", "teacher")
    )
    for rule in RULES
}


@fuzz
@given(data=st.data())
def test_an_option_of_any_value_trains_or_is_refused(film, tmp_path, call, data):
    rule = data.draw(st.sampled_from(sorted(RULES)))
    words = ["train", "--data", f"events:{film}", "--rule", rule, "--layers", "6-3-2"]
    words += ["--epochs", "1", "--threads", "1", "--out", tmp_path / "run"]
    of_any = [flag for flags in OPTIONS.values() for flag in flags]
    own, any_rule = st.sampled_from(OPTIONS[rule]), st.sampled_from(of_any)
    for name in data.draw(st.lists(own | own | any_rule, min_size=1, max_size=2)):
        value = data.draw(st.sampled_from([*NASTY_NUMBERS, *NASTY_TEXT, "adam", "counts", "sgd"]))
        words.append(f"{name}={value}")
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    knock_command("train: options", call, *words)
