"""All to all, into a readout: forwards, backwards."""
