"""ReLU networks on frames of events: the rival, trained and counted as everything else is."""

from eventsnn.rules.relu.rule import ReLU as ReLU
