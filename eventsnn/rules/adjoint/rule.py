"""The spike adjoint: layered networks, dropout a recording."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsnn.engines.layered import passed as layered
from eventsnn.engines.layered.backward import blockwise_adjoint
from eventsnn.engines.layered.dense.laid import Laid, plain
from eventsnn.engines.layered.layer import Layer, layer_of
from eventsnn.engines.layered.walk import GROUP
from eventsnn.errors import UserError
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers
from eventsnn.optimizers.optimizer import Param
from eventsnn.optimizers.over_ranks import Gradient, shared
from eventsnn.rules.adjoint import few_bits
from eventsnn.rules.adjoint.operation_cost import Choice, chosen, priced, pruned, silence
from eventsnn.rules.adjoint.options import AdjointOptions
from eventsnn.rules.gradient.chunk import Chunk, Trace, Walked, count_into
from eventsnn.rules.gradient.rule import GradientRule
from eventsnn.rules.gradient.state import GradientState, learning_of
from eventsnn.rules.learned import Batch, Epoch
from eventsnn.rules.rule import Reading, ReverseWalk


class Adjoint(GradientRule):
    """The rule ``adjoint``: a layered network, surrogate at the spikes alone."""

    kind = "adjoint"
    Options = AdjointOptions

    options: AdjointOptions

    def network(self, layers: Layers) -> Network:
        """Return a chain of layers, or refuse it where it is not layered."""
        network = super().network(layers)
        self.check_network(network)
        return network

    def check_network(self, network: Network) -> None:
        """Refuse a network that is not layered."""
        layered.check_layered(network)

    @property
    def reverse_walk(self) -> ReverseWalk:
        """How it walks back."""
        return ReverseWalk(self.options.batch, self.options.near_threshold)

    steady: ClassVar[dict[str, Any]] = GradientRule.steady | {
        "dropout": 0.0,
        "synapses": 1.0,
        "operation_cost": 0.0,
    }

    @property
    def answers_first(self) -> bool:
        """Unless neurons are dropped, which also speak where it is evaluated."""
        return not self.options.dropout

    def check_stream(self, network: Network) -> None:
        """Refuse layers that cannot go on from potentials."""
        super().check_stream(network)
        for connection in network.connections:
            neuron, topology = network[connection.target].neuron, connection.topology
            kind = layer_of(neuron, topology) if neuron else None
            if neuron and kind and kind.start_at is Layer.start_at:
                raise UserError(
                    f"rule adjoint: {connection.name} is {topology.kind} into {neuron.kind} "
                    "neurons, which begin at rest in a window; along streams there are dense "
                    "layers and pooling into if, lif and readout neurons"
                )

    def groups(self, n: int) -> list[range]:
        """Return the recordings of a batch in groups that one rank takes whole."""
        return [range(first, min(first + GROUP, n)) for first in range(0, n, GROUP)]

    def droppable(self, network: Network) -> list[int]:
        """Return the populations in which neurons are dropped."""
        first = -2 if self.options.dropout_at == "last" else 0
        return learning_of(network)[first:-1] if self.options.dropout else []

    def kept(self, network: Network, weights: list[NDArray[Any]]) -> list[Param]:
        """Return weights as they run: from the input laid out, where a layer takes them so."""
        out = list[Param](weights)
        for c, connection in enumerate(network.connections):
            neuron = network[connection.target].neuron
            layer = layer_of(neuron, connection.topology) if neuron else None
            if network.sources[c] == network.input and layer and layer.lays:
                out[c] = Laid.of(weights[c])
        return out

    def read(self, state: GradientState, batch: Batch, rng: np.random.Generator) -> Chunk:
        """Read recordings, and draw which hidden neurons speak in each."""
        chunk, share = super().read(state, batch, rng), self.options.dropout
        n, rows = len(chunk.labels), chunk.rows
        masks = {
            p: (rng.random((n, state.sizes[p]), np.float32) >= share)[rows]
            for p in self.droppable(state.network)
        }
        return chunk._replace(masks=masks)

    def run(self, state: GradientState, chunk: Chunk) -> Trace:
        """Run a batch layer by layer."""
        params = self._as_run(state)
        louder, pairs = self._louder(), zip(params, state.network.sources, strict=True)
        # Neurons that speak do so the louder where others are dropped.
        weights = [plain(p) * louder if source in chunk.masks else p for p, source in pairs]
        args = chunk.batch, self.threads, chunk.masks, self.options.near_threshold
        since = None
        if chunk.since is not None:
            names = state.network.index
            since = {names(name): one["v"] for name, one in chunk.since.items()}
        passed = layered.run_checked(state.network, weights, *args, since)
        outputs: NDArray[Any] = np.zeros((0, state.sizes[-1]))
        if len(chunk.batch):
            outputs = layered.outputs_of(passed, state.output, self.loss.reads)
        return Trace(outputs, self._spoke(state, chunk, passed), (passed, weights))

    def reverse(
        self, state: GradientState, chunk: Chunk, trace: Trace, errors: NDArray[np.float64]
    ) -> list[Gradient]:
        """Walk a batch layer by layer in reverse."""
        passed, weights = trace.record
        worth = (
            self._cost_of(state, trace.spoke, len(chunk.labels)),
            self.options.near_threshold_weight,
        )
        given = {state.output: (self.loss.reads, errors)}
        found = blockwise_adjoint(passed, weights, given, worth, self.threads, self.ranks)
        gradients = found.weights
        louder = self._louder()
        for gradient, source in zip(gradients, state.network.sources, strict=True):
            if source not in chunk.masks:
                continue
            if isinstance(gradient, np.ndarray):
                gradient *= louder
            else:
                gradient.scale(louder)
        return gradients

    def begin_epoch(self, state: GradientState, epoch: Epoch) -> GradientState:
        """Note how far the run is; synapses and scales are chosen anew with the first update."""
        return replace(super().begin_epoch(state, epoch), present=None, scales_of_bits=None)

    def _updated(self, state: GradientState, walked: Walked) -> GradientState:
        """Make an update; where synapses cost, those that are not there stay at 0."""
        progress = state.progress
        state = self._refitted(super()._updated(state, walked))
        if not self.options.prunes:
            return state
        if state.present is None:
            state = replace(state, present=self._chosen(state, walked, progress))
        for c, present in (state.present or {}).items():
            silence(state.params[c], present)
        return state

    def _chosen(self, state: GradientState, walked: Walked, progress: float) -> dict[int, Param]:
        """Return the synapses that are there, 0 and 1, by connection and laid out as weights."""
        options, found = self.options, dict[int, Param]()
        remembered = shared(self.ranks, state.optimizer).slots[0]
        # The last choice, at the start of the last epoch, has to have the share that is asked for.
        fall = min(options.synapses_fall, state.last_epoch)
        choice = Choice.at(progress, options.synapses, fall, options.operation_cost)
        for c in priced(state.network):
            spoke = walked.spoke[state.network.sources[c]] / len(walked.loss)
            param = state.params[c]
            present = chosen(param, remembered[c], spoke, choice).astype(param.dtype)
            found[c] = Laid.of(present) if isinstance(param, Laid) else present
        return found

    def _fitted(self, state: GradientState) -> dict[int, Param]:
        """Return the scale of each weight, laid out as they are."""
        found = few_bits.scales_of(state.network, state.weights, self.options.bits)
        return {c: few_bits.laid_as(scale, state.params[c]) for c, scale in found.items()}

    def _refitted(self, state: GradientState) -> GradientState:
        """Fit scales where it is time to."""
        step, known = state.optimizer.step, state.scales_of_bits is not None
        if not self.options.bits or (known and (step < few_bits.FIRST_REFIT or step & (step - 1))):
            return state
        return replace(state, scales_of_bits=self._fitted(state))

    def _as_run(self, state: GradientState) -> list[Param]:
        """Return the weights with which batches run."""
        bits, scales = self.options.bits, state.scales_of_bits
        if not bits:
            return state.params
        scales = self._fitted(state) if scales is None else scales
        return [
            few_bits.rounded_as_run(p, scales[c], bits) if c in scales else p
            for c, p in enumerate(state.params)
        ]

    def reading(self, state: GradientState) -> Reading:
        """Return the network that is evaluated: of few bits, without synapses that are gone."""
        network, weights, loss = super().reading(state)
        bits = self.options.bits
        if bits and state.scales_of_bits != {}:
            scales = few_bits.scales_of(network, weights, bits)
            rounds = few_bits.rounded_as_run
            weights = [
                plain(rounds(w, scales[c], bits)) if c in scales else w
                for c, w in enumerate(weights)
            ]
        found = Reading(network, weights, loss)
        return pruned(found) if self.options.prunes else found

    def settled(self, state: GradientState) -> GradientState:
        """Return a state of the evaluated weights alone; those of few bits are rounded once."""
        if self.options.bits and not self.options.prunes:
            rounded = list[Param](self.reading(state).weights)
            state = replace(state, params=rounded, averaged=None, scales_of_bits={})
        return super().settled(state)

    @property
    def traits(self) -> dict[str, Any]:
        """Neurons and readout; what older runs do not know is told where it is not as ever."""
        return super().traits | ({} if self.options.leak else {"leak": False})

    def _louder(self) -> np.float32:
        """Return what the spikes of a neuron are multiplied by, where others are dropped."""
        return np.float32(1 / (1 - self.options.dropout))

    def _cost_of(
        self, state: GradientState, spoke: list[NDArray[np.int64]], n: int
    ) -> float | dict[int, float]:
        """Return what a spike costs, by population where it depends on how many there are."""
        options, droppable = self.options, self.droppable(state.network)
        cost, target = options.spike_cost / n, options.spike_target_at(state.progress)
        if not target:
            return cost
        costs = {}
        for p in learning_of(state.network)[:-1]:
            heard = n * (1 - options.dropout) if p in droppable else n
            rate = float(spoke[p].sum()) / (heard * state.sizes[p])
            costs[p] = cost * (rate / target - 1)
        return costs

    def _spoke(
        self, state: GradientState, chunk: Chunk, passed: layered.Passed
    ) -> list[NDArray[np.int64]]:
        spoke = [np.zeros(size, np.int64) for size in state.sizes]
        spoke[state.network.input] = chunk.came
        for piece in passed.pieces:
            for p, train in piece.trains.items():
                count_into(train.unit, spoke[p])
        return spoke
