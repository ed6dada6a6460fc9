"""Weights that learned elsewhere: a program's own loop, another library."""

from eventsnn.rules.given.rule import GivenWeights as GivenWeights
