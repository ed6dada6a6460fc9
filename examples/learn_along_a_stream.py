"""A session learns digits that pass by; where a class comes after the other, it forgets."""

import numpy as np

import eventsnn as es


def follow(session: es.Session, data: es.EventBatch, order: np.ndarray) -> float:
    """Let recordings pass one after the other; return the accuracy before each was learned."""
    right = 0
    for k in order.tolist():
        begin, recording = int(session.t_us), data[k]
        end = begin + int(recording.duration)
        session.push(es.EventStream(recording.t + begin, recording.unit, data.shape, duration=end))
        right += session.learn(int(recording.label)).right
        session.reset_answer()
    return right / len(order)


def accuracy(session: es.Session, data: es.EventBatch) -> float:
    """Ask the session's network, as it is now, about recordings that it never saw."""
    record = es.simulate(session.network, session.weights_, data)
    return float((record.readouts["output"].integral.argmax(1) == data.label).mean())


def main(limit: int = 200) -> None:
    train, test = es.open_data("digits", limit=limit)
    network = es.layers("34x34x2-40-10", hidden=es.LIF(30_000), output=es.Readout(30_000))
    weights = es.start(network, train, spikes=1.0, seed=0)
    by_class, mixed = np.argsort(train.label, kind="stable"), np.arange(len(train))
    for name, order, replay in (
        ("mixed", mixed, 0),
        ("class after class", by_class, 0),
        ("class after class, 50 of them kept", by_class, 50),
    ):
        rule = es.rules.Adjoint(near_threshold=0.7)
        how = es.Learning(rate=0.001, rule=rule, replay=replay, replayed=2)
        session = es.Session(network, weights).learns(how)
        before = follow(session, train, order)
        print(
            f"{name}: {before:.0%} along the stream, {accuracy(session, test):.0%} of the test half"
        )


if __name__ == "__main__":
    main()
