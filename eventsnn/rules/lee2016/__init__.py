"""Lee, Delbruck & Pfeiffer (2016): backpropagation on the membrane potentials of events."""

from eventsnn.rules.lee2016.rule import Lee2016 as Lee2016
