"""The spike adjoint: layered networks, surrogate at the spikes alone."""

from eventsnn.rules.adjoint.rule import Adjoint as Adjoint
