"""A trained network in whole numbers: int8 weights, then fewer bits, and one recording by hand.

Run: python examples/whole_numbers.py
"""

import numpy as np

import eventsnn as es
from eventsnn.exchange.integers import reference


def main() -> None:
    data = es.open_data("digits", limit=300)
    model = es.Classifier("2312-30-10", rule="adjoint", leak=False, epochs=3, seed=0).fit(data)
    floats = sum(w.size for w in model.weights_.values()) * 4
    print(f"floats: {model.score(data.test):.1%}, {floats:,} bytes of weights")
    for bits in (8, 4, 2):
        whole = es.quantize(model, bits, data=data.train)
        weights = sum(w.size for w in whole.weights_.values()) * bits // 8
        print(f"{bits} bits: {whole.score(data.test):.1%}, {weights:,} bytes of weights")

    whole, stream = es.quantize(model, data=data.train), data.test[0]
    run = reference.run(whole.network_, whole.weights_, stream)  # plain Python ints
    engine = es.simulate(whole.network_, whole.weights_, stream)
    outputs = [potential.integral for potential in run.potentials["output"]]
    same = outputs == engine.readouts["output"].integral[0].astype(int).tolist()
    print(f"{len(run.spikes['hidden1'])} spikes, class {np.argmax(outputs)}, the same bits: {same}")
    most = whole.learner.rule.options.most_events
    print(f"the largest potential is {max(run.largest.values()):,}; {most:,} events are safe")


if __name__ == "__main__":
    main()
