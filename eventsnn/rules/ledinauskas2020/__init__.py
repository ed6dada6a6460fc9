"""Batch normalisation of currents, residual networks: Ledinauskas et al. (2020)."""

from eventsnn.rules.ledinauskas2020.rule import Ledinauskas2020 as Ledinauskas2020
