"""All to all, into spiking neurons: forwards, backwards."""
