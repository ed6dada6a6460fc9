"""The study that ``eventsnn sweep`` runs when it is given none."""

from __future__ import annotations

import tomllib

from eventsnn.sweep.study import SweepStudy, study_of

NAME = "example"

TEXT = """\
# How fast to learn, how many neurons, what a spike shall cost: 8 trials of a second or two.
# eventsnn sweep study.toml --out runs/mine --html page.html

trials = 8
sampler = "random"      # grid, random, tpe, nsga2
goal = "front"          # accuracy: the best one; front: all that nothing beats in operations, too
seed = 0

[train]                 # any option of eventsnn train, for every trial
data = "digits"
limit = 400
rule = "adjoint"
epochs = 4
hold_out = 0.2          # of the training half; trials are judged on it

[space]                 # a list, or a range
layers = ["2312-20-10", "2312-40-10", "2312-80-10"]
rate = { low = 0.0005, high = 0.01, log = true }
batch = { low = 8, high = 32, step = 8 }
spike_cost = [0.0, 0.001, 0.01]
near_threshold = [0.0, 0.7]
near_threshold_weight = { low = 0.5, high = 1.0, when = { near_threshold = 0.7 } }
"""


def example() -> SweepStudy:
    """Return the study of the text."""
    return study_of(tomllib.loads(TEXT), NAME, NAME)
