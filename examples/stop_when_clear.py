"""Learn filmed digits so that the answer is there early, and stop as soon as it is clear.

The level at which a recording is stopped is chosen on recordings that were not learned; what is
not delivered costs neither additions nor time.
"""

import eventsnn as es


def main() -> None:
    data = es.open_data("digits", limit=800)
    # Neurons that hardly forget have heard enough earlier.
    early = {"early_us": 20_000, "tau_us": 1e9}
    model = es.Classifier("2312-60-10", epochs=12, batch=16, seed=0, **early)
    model.fit(data.train[:600])
    stop = es.choose_stop(model, data.train[600:], lose=0.01)
    whole = es.simulate(model.network_, model.weights_, data.test)
    print(f"to the end: {model.score(data.test):.1%}, {adds(whole):,.0f} additions a recording")
    record = es.simulate(model.network_, model.weights_, data.test, until_us=stop)
    print(
        f"stop {stop.policy} {stop.level:.2f}: {model.score(data.test, stop=stop):.1%}, "
        f"{adds(record):,.0f} additions, {record.duration.mean() / 1000:.0f} of "
        f"{whole.duration.mean() / 1000:.0f} ms"
    )


def adds(record: es.Record) -> float:
    """Return the synaptic additions of a recording."""
    return float(record.counts.synaptic_adds.sum(1).mean())


if __name__ == "__main__":
    main()
