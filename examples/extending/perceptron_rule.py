"""A learning rule of one's own: the perceptron on the spike counts of a reservoir.

Hidden weights are drawn once and stay. Those into the output move by the counts of a recording
whose answer is wrong (Rosenblatt 1958). The simulator runs the network, so that training,
``evaluate``, ``measure`` and ``simulate`` take it as they take any other.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import eventsnn
from eventsnn.data.dataset import Data
from eventsnn.engines import simulate
from eventsnn.losses import CrossEntropy
from eventsnn.network import Network
from eventsnn.network.layer_string import Layers, chain
from eventsnn.neurons.if_ import IF
from eventsnn.neurons.readout import Readout
from eventsnn.options import option, take
from eventsnn.rules.learned import Arrays, Batch, Learned, Rates
from eventsnn.rules.network_rule import NetworkRule
from eventsnn.rules.rule import Reading
from eventsnn.rules.rule_options import RuleOptions
from eventsnn.train.options import completed, make_options
from eventsnn.train.trainer import Listener, Trainer


@dataclass(frozen=True)
class PerceptronOptions(RuleOptions):
    """Options of the rule."""

    rate: float = option(0.01, "How far a weight moves for a spike.", above=0)
    threshold: float = option(2.0, "Of the neurons of the reservoir.", above=0)

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        take(self)


@dataclass(frozen=True, eq=False)
class PerceptronState:
    """A network and its weights, of which the last learn; ``wrong`` counts mistakes so far."""

    network: Network
    weights: list[NDArray[Any]]
    wrong: int = 0


@eventsnn.register
class Perceptron(NetworkRule[PerceptronState]):
    """The rule: it learns after every recording."""

    kind = "perceptron"
    Options = PerceptronOptions

    def network(self, layers: Layers) -> Network:
        """Return a chain of neurons that do not leak; the output adds up what comes."""
        return chain(layers, IF(self.options.threshold), Readout(1e9))

    def start(
        self,
        network: Network,
        data: Data,
        rng: np.random.Generator,
        weights: list[NDArray[Any]] | None = None,
    ) -> tuple[PerceptronState, list[Rates]]:
        """Draw the reservoir; the output begins with zeros."""
        shapes = list(self.shapes(network).values())
        drawn = [rng.standard_normal(shape).astype(np.float32) / 2 for shape in shapes]
        drawn[-1][:] = 0
        return PerceptronState(network, weights or drawn), []

    def learn(
        self, state: PerceptronState, batch: Batch, rng: np.random.Generator
    ) -> tuple[PerceptronState, Learned]:
        """Learn one recording: the right class gains its counts, a wrong answer loses them."""
        network, label = state.network, int(batch.labels[0])
        record = simulate(network, state.weights, batch.data[int(batch.order[0])])
        last, output = network.populations[-2:]
        counts = np.bincount(record.spikes[last.name].unit, minlength=last.size)
        answer = int(record.readouts[output.name].final[0].argmax())
        weights = [w.copy() for w in state.weights]
        weights[-1][:, label] += np.float32(self.options.rate) * counts
        weights[-1][:, answer] -= np.float32(self.options.rate) * counts
        right = answer == label
        moved = state if right else replace(state, weights=weights, wrong=state.wrong + 1)
        return moved, Learned(int(right), float("nan"))

    def reading(self, state: PerceptronState) -> Reading:
        """Return the network, which is read at the end of a recording."""
        return Reading(state.network, state.weights, CrossEntropy("final"))

    def arrays(self, state: PerceptronState) -> Arrays:
        """Return the weights of the reservoir, too: a resumed run has no other."""
        names = self.shapes(state.network)
        arrays = dict(zip(names, [w.copy() for w in state.weights], strict=True))
        return arrays | {"wrong": np.array([state.wrong])}

    def restore(self, network: Network, arrays: Arrays) -> PerceptronState:
        """Return the state that the arrays were made of."""
        weights = [arrays[name].copy() for name in self.shapes(network)]
        return PerceptronState(network, weights, int(arrays["wrong"][0]))


def main() -> None:
    data = eventsnn.open_data("digits", limit=300)
    given = {"rule": "perceptron", "layers": (2312, 100, 10), "epochs": 3}
    trainer = Trainer(completed(make_options(given), data), data, None)
    summary = trainer.run(Listener())
    for row in summary["history"]:
        print(f"epoch {row['epoch']}: {row['test_accuracy']:.1%} of digits that it has not seen")
    print(f"{trainer.learner.state.wrong} mistakes, and as many updates")


if __name__ == "__main__":
    main()
