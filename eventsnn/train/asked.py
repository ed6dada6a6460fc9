"""The options of a run, from what a program says of it."""

from __future__ import annotations

from typing import Any

from eventsnn.data.facts import USUAL, Facts
from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.options import flat
from eventsnn.rules.rule import Rule
from eventsnn.text import named, shown
from eventsnn.train.described import network_by
from eventsnn.train.learning import rule_of
from eventsnn.train.options import KNOWN, TrainOptions, make_options


def asked(
    layers: str | Network,
    rule: str | Rule[Any, Any],
    options: dict[str, Any],
    facts: Facts = USUAL,
    exact: bool = False,
) -> TrainOptions:
    """Return the options of a run.

    Parameters
    ----------
    layers : str or Network
    rule : str or Rule
        A word, or a rule with some options of its own: the others are those of the recipe that
        suits the data.
    options : dict
        Others by name, of the run and of the rule.
    facts : Facts
        Of the data, which the recipe follows.
    exact : bool
        Take a rule's options as they are, without the recipe: what learned by it elsewhere.

    Raises
    ------
    UserError
        For options that are unknown, given twice or make no sense, and for a network that the
        rule cannot learn.
    """
    epochs = options.get("epochs", 1)
    if isinstance(epochs, int) and epochs < 1:
        raise UserError(f"epochs is {shown(epochs)}; give at least 1, or leave it out")
    name = "network" if isinstance(layers, Network) else "layers"
    given = options if isinstance(layers, str) and not layers else options | {name: layers}
    if isinstance(rule, str):
        found = make_options(given | {"rule": rule}, facts)
    elif isinstance(rule, Rule):
        found = make_options(
            _of_rule(rule, options, exact, name == "network") | given | {"rule": rule.kind}, facts
        )
    else:
        raise UserError(f"rule is {named(rule)}; give a word, or a rule of eventsnn.rules")
    if found.network is not None:
        network_by(rule_of(found), found)
    return found


def _of_rule(
    rule: Rule[Any, Any], options: dict[str, Any], exact: bool, described: bool
) -> dict[str, Any]:
    """Return the options that a rule was given, but for those that are given outside of it.

    Those that tell of its neurons are as it has them where the network is a program's own.
    """
    every = flat(rule.options)
    of_neurons = getattr(rule.Options, "of_layers", every) if described else ()
    names = set(every) if exact else {*rule.given, *of_neurons}
    # What is the run's (its seed) a rule may know, too.
    own = {name: every[name] for name in every if name in names and name not in KNOWN}
    usual = flat(rule.Options())
    for name in sorted(set(own) & set(options)):
        if own[name] != usual[name]:
            raise UserError(f"{name} is given twice; leave it to the rule")
        del own[name]
    return own
