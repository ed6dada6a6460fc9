"""Prune nine of ten synapses of the first layer while it learns: operations fall with them.

The synapses that are left are chosen anew in each epoch; some that are gone grow again. Neurons
have no leak, so that nothing is ever decayed.
"""

import eventsnn as es


def main() -> None:
    data = es.open_data("digits", limit=600)
    for share in (1.0, 0.1):
        given = {"synapses": share, "leak": False, "early_us": 20_000, "epochs": 14, "batch": 16}
        model = es.Classifier("2312-50-10", seed=0, **given).fit(data)
        record = es.simulate(model.network_, model.weights_, data.test)
        print(
            f"{share:4.0%} of the synapses: {model.score(data.test):.1%} right, "
            f"{record.counts.synaptic_adds.sum(1).mean():,.0f} additions a recording"
        )


if __name__ == "__main__":
    main()
