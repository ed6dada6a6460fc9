"""The options of a run, from what a program says of it."""

from __future__ import annotations

from typing import Any

from eventsnn.data.facts import USUAL, Facts
from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.options import flat
from eventsnn.rules.rule import Rule
from eventsnn.text import named
from eventsnn.train.described import network_by
from eventsnn.train.learning import rule_of
from eventsnn.train.options import KNOWN, TrainOptions, make_options


def asked(
    layers: str | Network,
    rule: str | Rule[Any, Any],
    options: dict[str, Any],
    facts: Facts = USUAL,
) -> TrainOptions:
    """Return the options of a run.

    Parameters
    ----------
    layers : str or Network
    rule : str or Rule
        A word, with the recipe that suits the data, or a rule with its options.
    options : dict
        Others by name, of the run and of the rule.
    facts : Facts
        Of the data, which the recipe follows.

    Raises
    ------
    UserError
        For options that are unknown, given twice or make no sense, and for a network that the
        rule cannot learn.
    """
    name = "network" if isinstance(layers, Network) else "layers"
    given = options if isinstance(layers, str) and not layers else options | {name: layers}
    if isinstance(rule, str):
        found = make_options(given | {"rule": rule}, facts)
    elif isinstance(rule, Rule):
        found = make_options(_of_rule(rule, options) | given | {"rule": rule.kind}, facts)
    else:
        raise UserError(f"rule is {named(rule)}; give a word, or a rule of eventsnn.rules")
    if found.network is not None:
        network_by(rule_of(found), found)
    return found


def _of_rule(rule: Rule[Any, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a rule, but for those that are given outside of it."""
    # What is the run's (its seed) a rule may know, too.
    own = {name: value for name, value in flat(rule.options).items() if name not in KNOWN}
    usual = flat(rule.Options())
    for name in sorted(set(own) & set(options)):
        if own[name] != usual[name]:
            raise UserError(f"{name} is given twice; leave it to the rule")
        del own[name]
    return own
