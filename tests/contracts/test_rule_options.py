"""Every rule's options, found by its name: declared whole, checked at the door, kept in JSON."""

import json
import math
from dataclasses import FrozenInstanceError, fields

import pytest

from eventsnn.data.facts import USUAL, USUAL_IMAGES
from eventsnn.errors import UserError
from eventsnn.options import declared, made
from eventsnn.options.declaration import INLINE, KEY
from eventsnn.rules import rules
from eventsnn.rules.rule_options import RuleOptions
from eventsnn.train.options import KNOWN, TrainOptions, make_options, options_of

FOUND = [kind for kind, rule in rules().items() if rule.__module__.startswith("eventsnn.")]
OPTIONS = [(kind, name) for kind in FOUND for name in options_of(kind)]
LAYERS = [(), (2312, 20, 10), ("34x34x2", "4c5", 10)]


def test_rules_and_their_options_are_found():
    assert len(FOUND) >= 3 and len(OPTIONS) > 60
    numbers = [options_of(k)[n] for k, n in OPTIONS if options_of(k)[n].kind in (int, float)]
    assert len(numbers) > 40 and all(one.said.bounds for one in numbers)


@pytest.mark.parametrize("kind", FOUND)
def test_a_rules_options_are_a_frozen_dataclass_of_declared_fields(kind):
    options = rules()[kind].Options
    assert issubclass(options, RuleOptions)
    for one in fields(options):
        assert {KEY, INLINE} & set(one.metadata), one.name
    name = next(iter(options_of(kind)))
    with pytest.raises(FrozenInstanceError):
        setattr(options(), name, getattr(options(), name))


@pytest.mark.parametrize("kind", FOUND)
@pytest.mark.parametrize("layers", LAYERS, ids=str)
@pytest.mark.parametrize("facts", [USUAL, USUAL_IMAGES], ids=["recordings", "images"])
def test_a_recipe_is_a_run_that_survives_json(kind, layers, facts):
    options = make_options({"rule": kind, "layers": layers, "seed": 5}, facts)
    told = json.loads(json.dumps(options.to_json()))
    assert TrainOptions.from_json(told) == options and told["seed"] == 5
    recipe = rules()[kind].Options.recipe({"data": "any", "layers": layers, "facts": facts})
    assert set(recipe) <= set(KNOWN) | set(options_of(kind))


@pytest.mark.parametrize(("kind", "name"), OPTIONS)
def test_an_option_tells_what_it_is_and_refuses_what_it_cannot_be(kind, name):
    one, options = options_of(kind)[name], rules()[kind].Options
    assert one.said.help.endswith(".") and "\n" not in one.said.help
    assert one.taken(one.default) == one.default
    wrong = [None, {}, float("nan"), float("inf"), "a\0b"]
    if one.kind in (int, float):
        said = one.said
        wrong += [edge - 1 for edge in (said.least, said.above) if edge is not None]
        wrong += [edge + 1 for edge in (said.most, said.below) if edge is not None]
        wrong += [edge for edge in (said.above, said.below) if edge is not None]
        wrong += [True, "1", [1.0], math.ldexp(1.0, 1023) if one.kind is int else "x"]
    for value in wrong:
        for door in (one.taken, lambda v: made(options, {name: v})):
            with pytest.raises(UserError) as stop:
                door(value)
            assert str(stop.value).startswith(f"{name} is ") and "\n" not in str(stop.value)


@pytest.mark.parametrize("kind", FOUND)
def test_no_former_name_is_a_name_of_today(kind):
    every = declared(rules()[kind].Options)
    former = [old for one in every.values() for old in one.said.former]
    assert len(former) == len(set(former)) and not set(former) & set(every)
