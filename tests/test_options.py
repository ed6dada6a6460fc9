"""Options are declared once: the door, files and checkpoints ask the declaration."""

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pytest

from eventsnn.commands.train import read_config
from eventsnn.errors import UserError
from eventsnn.options import LARGEST, Form, declared, flat, inline, made, option, read_json, take
from eventsnn.train.options import TrainOptions, make_options


@dataclass(frozen=True)
class Inner:
    shift: float = option(0.0, "How far.", unit="pixels", least=0)

    def __post_init__(self):
        take(self)


PAIR = Form((str, list, tuple), "two words", lambda given: tuple(given), repeated=True)


@dataclass(frozen=True)
class Some:
    size: int = option(3, "How many.", least=1, most=9)
    rate: float = option(0.5, "How fast.", above=0)
    share: float = option(0.0, "Of it.", least=0, below=1)
    part: float = option(1.0, "Of it.", above=0, most=1)
    fast: bool = option(False, "Whether.")
    word: str = option("", "Anything.")
    way: Literal["left", "right"] = option("left", "Where to.")
    kind: str = option("a", "Which.", choices=lambda: ("a", "b"))
    limit: int | None = option(None, "Of all.", least=1)
    pair: tuple[str, ...] = option((), "Two.", form=PAIR)
    seed: int = option(0, "Of numbers.", least=0, most=(1 << 64) - 1)
    many: int = option(0, "Of anything.")
    inner: Inner = inline(Inner)

    def __post_init__(self):
        take(self)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("size", 0, "from 1 to 9"),
        ("size", 10, "from 1 to 9"),
        ("size", 2.5, "a whole number from 1 to 9"),
        ("size", "two", "a whole number from 1 to 9"),
        ("size", True, "a whole number"),
        ("size", None, "a whole number"),
        ("rate", 0, "more than 0"),
        ("rate", float("inf"), "more than 0"),
        ("rate", float("nan"), "more than 0"),
        ("rate", "fast", "a number, more than 0"),
        ("rate", False, "a number, more than 0"),
        ("rate", 10**400, f"at most {LARGEST}"),
        ("share", 1.0, "0 or more, below 1"),
        ("share", -1e-9, "0 or more, below 1"),
        ("part", 1.5, "more than 0, at most 1"),
        ("fast", 1, "true or false"),
        ("word", "a\0b", "text without a zero byte"),
        ("word", 3, "a word in quotes"),
        ("way", "up", "choose one of left, right"),
        ("way", [], "choose one of left, right"),
        ("kind", "c", "choose one of a, b"),
        ("limit", 0, "at least 1"),
        ("limit", "x", "a whole number, at least 1"),
        ("pair", 3, "two words"),
        ("seed", 1 << 64, "from 0 to 18446744073709551615"),
        ("many", LARGEST + 1, f"at most {LARGEST}"),
        ("many", -LARGEST - 1, f"at most {LARGEST}"),
        ("shift", -1, "0 or more"),
    ],
)
def test_what_an_option_cannot_be_is_refused_with_name_value_and_remedy(name, value, remedy):
    doors = [
        lambda: declared(Some)[name].taken(value),
        lambda: read_json(Some, {name: value}),
        lambda: made(Some, {name: value}),
    ]
    for door in doors:
        with pytest.raises(UserError) as stop:
            door()
        message = str(stop.value)
        assert message.startswith(f"{name} is ") and remedy in message and "\n" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 1), ("size", 9), ("rate", 1e-300), ("rate", 7), ("share", 0), ("part", 1),
        ("fast", True), ("word", ""), ("way", "right"), ("kind", "b"), ("limit", None),
        ("limit", 1), ("pair", ("a", "b")), ("seed", (1 << 64) - 1), ("many", -LARGEST),
        ("shift", 0.25),
    ],
)  # fmt: skip
def test_what_an_option_can_be_is_kept_and_survives_json(name, value):
    options = made(Some, {name: value})
    assert (options.inner if name == "shift" else options).__getattribute__(name) == value
    assert made(Some, read_json(Some, flat(options))) == options
    assert list(flat(options)) == list(declared(Some))


def test_scalars_of_numpy_become_pythons():
    options = Some(size=np.uint8(7), rate=np.float32(0.5), fast=np.bool_(True))
    assert [type(v) for v in (options.size, options.rate, options.fast)] == [int, float, bool]


def test_a_whole_number_that_json_holds_as_a_float_is_that_number():
    assert type(read_json(Some, {"size": 4.0})["size"]) is int
    with pytest.raises(UserError, match=r"size is 4\.5"):
        read_json(Some, {"size": 4.5})


def test_unknown_names_in_json_are_refused():
    with pytest.raises(UserError, match="unknown option 'sise'"):
        read_json(Some, {"sise": 4})


OUTSIDE = """
import json, sys
from dataclasses import dataclass
import eventsnn
from eventsnn.cli.train_command import command_of
from eventsnn.errors import UserError
from eventsnn.options import option, take
from eventsnn.rules.rule import Rule
from eventsnn.rules.rule_options import RuleOptions
from eventsnn.train.options import TrainOptions, make_options

@dataclass(frozen=True)
class TraceOptions(RuleOptions):
    rate: float = option(0.01, "Learning rate.", above=0)
    trace_us: float = option(20_000.0, "Time constant of traces.", unit="microseconds", above=0)

    def __post_init__(self):
        take(self)

    @classmethod
    def recipe(cls, given):
        return {"drop": 0.25, "trace_us": 5_000.0}

def learns_nothing(self, *given):
    raise NotImplementedError

parts = {"kind": "trace", "Options": TraceOptions}
parts |= dict.fromkeys(Rule.__abstractmethods__, learns_nothing)
eventsnn.register(type("Trace", (Rule,), parts))

def refused(given):
    try:
        make_options(given)
    except UserError as error:
        return str(error)

options = make_options({"rule": "trace", "rate": 0.5})
told = json.loads(json.dumps(options.to_json()))
shown = {one.name: one for one in command_of("trace").params if not one.hidden}
print(json.dumps({
    "trace": told["trace"], "drop": told["drop"], "same": TrainOptions.from_json(told) == options,
    "shown": sorted(shown), "help": shown["trace_us"].help,
    "hidden": [one.name for one in command_of("adjoint").params if one.hidden],
    "bound": refused({"rule": "trace", "trace_us": 0}),
    "other": refused({"rule": "adjoint", "trace_us": 1}),
    "lacks": refused({"rule": "trace", "batch": 1}),
}))
"""


def test_a_rule_from_outside_brings_its_options_everywhere():
    done = subprocess.run([sys.executable, "-c", OUTSIDE], capture_output=True, check=True)
    told = json.loads(done.stdout)
    assert told["trace"] == {"rate": 0.5, "trace_us": 5000.0} and told["drop"] == 0.25
    assert told["same"] and {"rate", "trace_us", "seed", "out"} < set(told["shown"])
    assert "batch" not in told["shown"] and "trace_us" in told["hidden"]
    assert told["help"] == "Time constant of traces. (microseconds, more than 0; default 5000)"
    assert told["bound"] == "trace_us is 0; give more than 0"
    assert told["other"].startswith("rule adjoint has no trace_us, rule trace has; leave it out")
    assert told["lacks"].startswith("rule trace has no batch, rules adjoint and eventprop")


FORMER = {"wake": 0.5, "near": 0.4, "near_weight": 0.25}
TODAY = {"silent_pull": 0.5, "near_threshold": 0.4, "near_threshold_weight": 0.25}


def test_options_by_their_former_names_are_those_of_today(tmp_path):
    now = make_options({"rule": "adjoint"} | TODAY)
    assert make_options({"rule": "adjoint"} | FORMER) == now
    (tmp_path / "old.toml").write_text("\n".join(f"{k} = {v}" for k, v in FORMER.items()))
    assert read_config(tmp_path / "old.toml") == TODAY
    told = now.to_json()
    for old, new in zip(FORMER, TODAY, strict=True):
        told["gradient"][old] = told["gradient"].pop(new)
    assert TrainOptions.from_json(told) == now


def test_an_option_by_both_of_its_names_is_refused(tmp_path):
    both = {"rule": "adjoint", "near": 0.4, "near_threshold": 0.4}
    (tmp_path / "both.toml").write_text("near = 0.4\nnear_threshold = 0.5\n")
    for door in (partial(make_options, both), partial(read_config, tmp_path / "both.toml")):
        with pytest.raises(UserError, match="near_threshold is given twice; leave out near, its"):
            door()


def test_a_flag_by_its_former_name_works_and_tells_the_new_one(call, tmp_path):
    words = ["train", "--rule", "adjoint", "--layers", "2312-4-10", "--limit", 40, "--epochs", 1]
    made = {}
    for name, given in (("old", FORMER), ("new", TODAY)):
        flags = [w for k, v in given.items() for w in (f"--{k.replace('_', '-')}", v)]
        code, out, err = call(*words, *flags, "--out", tmp_path / name, "--json")
        made[name] = json.loads(out)
        assert code == 0 and ("--near is called --near-threshold now" in err) == (name == "old")
    assert made["old"]["options"] == made["new"]["options"]
    assert made["old"]["history"][0]["loss"] == made["new"]["history"][0]["loss"]
    (tmp_path / "run.toml").write_text("near_threshold = 0.9\n")
    words += ["--config", tmp_path / "run.toml", "--near", 0.25, "--out", tmp_path / "both"]
    code, out, _ = call(*words, "--json")
    assert code == 0 and json.loads(out)["options"]["gradient"]["near_threshold"] == 0.25
    words = ["train", "--resume", "--out", tmp_path / "new", "--wake", "0.1"]
    code, _, err = call(*words)
    assert code == 2 and "was trained with silent_pull 0.5, not 0.1" in err
