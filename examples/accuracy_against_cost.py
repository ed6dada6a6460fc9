"""A network of events and a ReLU network on frames, on one meter: accuracy against operations."""

import eventsnn as es
from eventsnn.measure.energy import MODELS
from eventsnn.measure.front import cost_of, front
from eventsnn.measure.meter import Meter

EPOCHS = 8


def main() -> None:
    """Train both on the same recordings; measure them on others; third ones choose the stops."""
    data = es.open_data("digits", limit=200)
    held_out, seen = data.train.part(0, 60), data.train.part(60, 200)
    points = []
    for rule in ("adjoint", "relu"):
        halves = es.DataSet("digits", seen, data.test)
        model = es.Classifier("2312-20-10", rule=rule, epochs=EPOCHS, seed=0).fit(halves)
        learner = model.learner
        meter = Meter(rule, MODELS, lose=(0.0, 0.02))
        points += meter.points(learner.rule, learner.state, data.test, held_out)
    for point in points:
        print(f"{point['name']}, {point['how']}: {point['accuracy']:.1%}, "
              f"{point['operations']:,.0f} operations")  # fmt: skip
    best = front(points, cost_of("cmos45-int8"))
    print("nothing beats", ", ".join(f"{p['name']}, {p['how']}" for p in best), "in energy")


if __name__ == "__main__":
    main()
