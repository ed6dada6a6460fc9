"""What a spike costs, and what an early stop saves: ten neurons, each tuned to a place.

Run: python examples/cost_of_an_answer.py
"""

import numpy as np

from eventsnn.events import EventBatch, EventStream
from eventsnn.losses import CrossEntropy
from eventsnn.measure.measurement import Request, measure
from eventsnn.network import Connection, Network, Population
from eventsnn.neurons.lif import LIF
from eventsnn.neurons.readout import Readout
from eventsnn.topology.dense import Dense

CLASSES = 10


def recording(label: int, rng: np.random.Generator) -> EventStream:
    """A noisy sensor of ten pixels: the one of the class is twice as busy."""
    rate = np.ones(CLASSES)
    rate[label] = 2
    t = np.sort(rng.integers(0, 200_000, 400))
    unit = rng.choice(CLASSES, len(t), p=rate / rate.sum())
    return EventStream(t, unit, (1, 1, CLASSES), label, 200_000)


def main() -> None:
    network = Network(
        (
            Population("input", (CLASSES,)),
            Population("hidden", (CLASSES,), LIF(30_000.0)),
            Population("output", (CLASSES,), Readout(30_000.0)),
        ),
        (
            Connection("input", "hidden", Dense(CLASSES, CLASSES)),
            Connection("hidden", "output", Dense(CLASSES, CLASSES)),
        ),
    )
    tuned = 0.25 * np.eye(CLASSES) - 0.01
    rng = np.random.default_rng(0)
    events = EventBatch.from_streams([recording(k % CLASSES, rng) for k in range(400)])
    weights = [tuned.astype(np.float32), np.eye(CLASSES, dtype=np.float32)]
    request = Request(tolerance=0.01)
    found = measure(network, weights, CrossEntropy("integral"), events, request).result
    operations, best = found["operations"], found["anytime"]["best"]
    print(f"accuracy {found['accuracy']:.1%}")
    print(f"{operations['operations_per_event']:.1f} synaptic operations an event")
    print(f"{operations['operations_per_right_answer']:,.0f} a right answer")
    told = best["reported"]
    print(
        f"stopping by {best['policy']} saves {told['saved']:.0%} of them and loses "
        f"{100 * told['lost']:.1f} points"
    )
    joules = found["energy"][0]
    print(f"estimate by {joules['model']}: {joules['total_nj']:.0f} nJ a recording")


if __name__ == "__main__":
    main()
