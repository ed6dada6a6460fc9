"""Wu et al. (2018), spatio-temporal backpropagation."""

from eventsnn.reproduce.stbp.paper import PAPER as PAPER
