"""Descriptions of networks: populations of neurons and the connections between them."""

from __future__ import annotations

from eventsnn.network.connect import connect as connect
from eventsnn.network.graph import Connection as Connection
from eventsnn.network.graph import Network as Network
from eventsnn.network.graph import Population as Population
from eventsnn.network.graph import Weights as Weights
