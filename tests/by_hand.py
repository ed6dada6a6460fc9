"""A tiny network run and counted in plain Python: the oracle of every number of ``measure``.

Nothing of the package is used: a recording is a list of (microseconds, unit), a layer is
rows of numbers, and what happens is counted where it happens.
"""

import math


class Run:
    """One recording through dense layers of leaky neurons, the last a readout or one of them.

    Parameters
    ----------
    weights : lists of rows, a layer each
    events : list of (t, unit), sorted
    duration : microseconds
    taus : time constants, a layer each
    readout : bool
    near : share of the threshold at which a silent hidden neuron has a near spike
    """

    def __init__(self, weights, events, duration, taus, readout, near=0.0):
        self.duration, self.readout, self.n = duration, readout, len(weights)
        self.trains = [list(events), *([] for _ in weights)]
        self.updates, self.adds = [0] * self.n, [0] * self.n
        self.effective, self.near, self.score = [0] * self.n, [], None
        sizes = [len(w[0]) for w in weights]
        v, clock = [[0.0] * n for n in sizes], [0.0] * self.n
        close = {}
        for t in sorted({t for t, _ in events}):
            sent = [u for time, u in events if time == t]
            for k, rows in enumerate(weights):
                if not sent:
                    break
                decay = math.exp(-(t - clock[k]) / taus[k])
                clock[k], fired = t, []
                for j in range(sizes[k]):
                    v[k][j] *= decay
                    self.updates[k] += 1
                    for i in sent:
                        v[k][j] += rows[i][j]
                        self.adds[k] += 1
                        self.effective[k] += rows[i][j] != 0
                    last = k == self.n - 1
                    if last and readout:
                        continue
                    if near and not last and v[k][j] >= near:
                        close.setdefault((k, j), t)
                    if v[k][j] >= 1:
                        v[k][j] -= 1
                        fired.append(j)
                self.trains[k + 1] += [(t, j) for j in fired]
                sent = fired
        fired = [{j for _, j in train} for train in self.trains[1:]]
        self.near = sorted((t, j) for (k, j), t in close.items() if j not in fired[k])
        self.weights, self.taus = weights, taus

    def before(self, t):
        """Spikes of each population before t, input first."""
        return [[s for s in train if s[0] < t] for train in self.trains]

    def operations(self, t):
        """Synaptic operations before t."""
        return sum(
            len(train) * len(rows[0])
            for train, rows in zip(self.before(t), self.weights, strict=False)
        )

    def scores(self, t):
        """What the output says at t: counts, or the integral in units of tau, settled."""
        classes = len(self.weights[-1][0])
        if not self.readout:
            last = self.before(t)[-1]
            return [sum(u == c for _, u in last) for c in range(classes)]
        tau, out = self.taus[-1], [0.0] * classes
        for time, i in self.before(t)[-2]:
            # An impulse gives its weight times tau in the end.
            share = 1.0 if t < self.duration else 1 - math.exp(-(self.duration - time) / tau)
            for c in range(classes):
                out[c] += share * self.weights[-1][i][c]
        return out

    def lead(self, t):
        """(leading class or None if the output was silent, margin, entropy in nats)."""
        scores = self.scores(t)
        first, second = sorted(scores)[:-3:-1]
        parts = [math.exp(s - first) for s in scores]
        p = [x / sum(parts) for x in parts]
        who = scores.index(first) if any(scores) else None
        return who, first - second, -sum(x * math.log(x) for x in p)


def binned(events, width):
    return [(t // width * width, u) for t, u in events]


def clock(run, width):
    """Counts of a machine with a clock that saw ``run`` (of binned events)."""
    steps = math.ceil(run.duration / width)
    synapses = sum(len(rows) * len(rows[0]) for rows in run.weights)
    single = multiple = 0
    for step in range(steps):
        seen = [u for t, u in run.trains[0] if t == step * width]
        work = sum(
            run.weights[0][u][j] != 0 for u in set(seen) for j in range(len(run.weights[0][0]))
        )
        if len(seen) > len(set(seen)):
            multiple += work
        else:
            single += work
    for k in range(1, run.n):
        single += sum(w != 0 for _, u in run.trains[k] for w in run.weights[k][u])
    sizes = [len(rows[0]) for rows in run.weights]
    spiking = sum(sizes[:-1] if run.readout else sizes)
    return {
        "steps": steps,
        "dense": steps * synapses,
        "accumulates": single,
        "multiply_accumulates": multiple,
        "neuron_updates": steps * sum(sizes),
        "spikes": sum(len(train) for train in run.trains[1:]),
        # A decay each; a readout decays its potential and adds up its integral.
        "multiplications": steps * (sum(sizes) + (sizes[-1] if run.readout else 0)),
        "threshold_tests": steps * spiking,
    }, steps * spiking


def relu(run):
    """(all, at most effective) multiply-accumulates of one pass over counts of events."""
    first, rest = run.weights[0], run.weights[1:]
    active = {u for _, u in run.trains[0]}
    effective = sum(w != 0 for u in active for w in first[u])
    effective += sum(w != 0 for rows in rest for row in rows for w in row)
    return sum(len(rows) * len(rows[0]) for rows in run.weights), effective


def training(run):
    """What the spike adjoint does with a recording, two layers, the last a readout.

    It walks the deliveries of the hidden layer's spikes, and once more with the near spikes
    among them. A trace of the first layer is added up until the last jump of any neuron.
    """
    n_in, (hidden, classes) = len(run.weights[0]), (len(rows[0]) for rows in run.weights)
    spikes, near = run.trains[1], run.near
    last = max((t for t, _ in (*spikes, *near)), default=-1)
    walks = [len(spikes), len(spikes) + len(near)]
    instants = [len({t for t, _ in spikes}), len({t for t, _ in (*spikes, *near)})]
    assert hidden <= 160, "one block"
    return {
        "near": len(near),
        "jumps": [len(spikes) + len(near), 0],
        "gradients": [(len(spikes) + len(near)) * n_in, classes * sum(walks)],
        "errors": [0, classes * sum(walks)],
        "traces": [sum(t <= last for t, _ in run.trains[0]) if last >= 0 else 0, 0],
        "decays": [0, 2 * classes * sum(instants)],
    }


def stop(leads, times, spoke, name, level):
    """The first check at which a policy stops, else the last; ``leads`` as ``Run.lead``.

    The network runs in float32, and levels are told with 7 digits: what lies a
    hundred-thousandth below a level is at it.
    """
    leader, since = None, 0.0
    for k, (who, margin, entropy) in enumerate(leads):
        now = who if margin > 0 else None
        since = since + times[k] - times[k - 1] if k and now == leader else 0.0
        leader = now
        good = {
            "margin": margin >= level - 1e-5,
            "entropy": entropy <= level + 1e-5,
            "patience": since >= level * (1 - 1e-6),
            "first_spike": spoke[k],
        }[name]
        if now is not None and good:
            return k
    return len(leads) - 1
