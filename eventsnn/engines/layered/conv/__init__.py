"""Convolutions into spiking neurons: forwards, backwards."""
