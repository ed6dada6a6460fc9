"""Deep Spiking Networks (O'Connor & Welling 2016): the event-driven backprop MLP."""
