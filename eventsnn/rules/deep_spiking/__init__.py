"""Deep Spiking Networks (O'Connor & Welling 2016): the event-driven backprop MLP."""

from eventsnn.rules.deep_spiking.rule import DeepSpiking as DeepSpiking
