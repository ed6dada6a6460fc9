"""EventProp: exact gradients of spike times, any graph."""

from eventsnn.rules.eventprop.rule import EventProp as EventProp
