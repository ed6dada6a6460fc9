"""The smooth toy that the spike adjoint is the exact gradient of.

The toy freezes the times of all spikes and lets each carry a graded amplitude: how far
the decayed input of its neuron, summed since the neuron's last spike, is above what it
was, in thresholds. A reset takes the whole amplitude away. A near spike is one of
amplitude 0, that its drive changes by a weight.
The loss is then a polynomial of the weights, written out as plain sums over pairs of
spikes and deliveries; it shares nothing with the reverse walk but the model. Connections
are dense.
"""

import numpy as np


def owed(neuron, times, unit, f, t):
    """Decay with which each of the deliveries at t counts for spike f; 0 where it does not."""
    last = times[(unit == unit[f]) & (times < times[f])].max(initial=-np.inf)
    rule = neuron.membrane
    counts = (t > last) & (t <= times[f]) & (t >= last + rule.refractory_us)
    return np.where(counts, np.exp(np.minimum(t - times[f], 0.0) / rule.tau_us), 0.0)


def kernel_of(neuron, spikes, delivered):
    """Decays of all deliveries for all spikes, an array (spikes, deliveries)."""
    times, unit = spikes[:2]
    t = np.array([t for t, _ in delivered])
    rows = [owed(neuron, times, unit, f, t) for f in range(len(times))]
    return np.array(rows).reshape(len(times), len(delivered))


class Toy:
    """The smooth toy of one recording: frozen spikes, graded amplitudes."""

    def __init__(self, network, frozen, r, weights):
        self.network, self.layers, self.duration = network, [], frozen.end[r]
        stream = self.stream(frozen, r)
        for c, connection in enumerate(network.connections):
            neuron = network.populations[c + 1].neuron
            delivered = [(t + connection.delay_us, j) for t, j in zip(*stream[:2], strict=True)]
            spikes = stream = self.spikes(frozen, r, c + 1)
            kernel = np.zeros((0, 0))
            if spikes is not None:
                kernel = kernel_of(neuron, spikes, delivered)
            self.layers.append((neuron, delivered, spikes, kernel))
        self.base = [np.zeros(0)] * len(self.layers)
        self.base = self.drives(weights)

    def stream(self, frozen, r):
        self.batch = frozen.batch
        one = self.batch[r]
        order = np.lexsort((one.unit, one.t))
        return one.t[order], one.unit[order]

    def spikes(self, frozen, r, p):
        if not self.network.populations[p].spiking:
            return None
        for piece in frozen.pieces:
            if piece.rows.start <= r < piece.rows.stop:
                k = r - piece.rows.start
                real = part_of(piece.trains[p], k)
                near = part_of(piece.near[p], k) if p in piece.near else (np.zeros(0), np.zeros(0))
                worth = np.repeat([1.0, frozen.near_weight], [len(real[0]), len(near[0])])
                base = np.repeat([1.0, 0.0], [len(real[0]), len(near[0])])
                t, unit = (np.concatenate(pair) for pair in zip(real, near, strict=True))
                return t, unit.astype(int), base, worth
        raise AssertionError

    def drives(self, weights):
        """Summed, decayed input of each spike, in thresholds, layer by layer."""
        amplitude, out = None, []
        for (neuron, delivered, spikes, kernel), w in zip(self.layers, weights, strict=True):
            a = np.ones(len(delivered)) if amplitude is None else amplitude
            self.last = (neuron, delivered, a)
            if spikes is None:
                break
            rows = np.array([j for _, j in delivered], int)
            contribution = w[rows][:, spikes[1]].T * a[None, :] * kernel
            drive = contribution.sum(1) / neuron.membrane.threshold
            out.append(drive)
            before = self.base[len(out) - 1]
            change = drive - (before if len(before) else drive)
            amplitude = spikes[2] + spikes[3] * change
        self.amplitude = amplitude
        return out

    def loss(self, weights, reads, given, cost):
        drives = self.drives(weights)
        layers = self.layers if self.layers[-1][2] is None else self.layers[:-1]
        pairs = zip(drives, (spikes for _, _, spikes, _ in layers), strict=False)
        total = cost * sum(float((d * spikes[3]).sum()) for d, spikes in pairs if spikes)
        neuron, delivered, spikes, _ = self.layers[-1]
        if spikes is not None:
            return total + float((given[spikes[1]] * self.amplitude).sum())
        w, amplitude, tau = weights[-1], self.last[2], neuron.membrane.tau_us
        for (t, j), a in zip(delivered, amplitude, strict=True):
            if t >= self.duration:
                continue
            gap = self.duration - t
            if reads == "final":
                share = np.exp(-gap / tau)
            elif np.isinf(tau):
                share = gap
            else:
                share = 1 - np.exp(-gap / tau)
            total += float((given * w[j]).sum()) * a * share
        return total


def part_of(train, k):
    part = slice(train.start[k], train.start[k + 1])
    return train.t[part].astype(float), train.unit[part]


class Frozen:
    def __init__(self, passed, batch, near_weight=1.0):
        self.pieces, self.end, self.batch = passed.pieces, passed.end, batch
        self.near_weight = near_weight


def toy_gradient(network, batch, passed, weights, reads, given, cost, near_weight=1.0, step=1e-5):
    frozen = Frozen(passed, batch, near_weight)
    toys = [Toy(network, frozen, r, weights) for r in range(len(batch))]
    out = []
    for c, w in enumerate(weights):
        gradient = np.zeros_like(w)
        for index in np.ndindex(w.shape):
            sides = []
            for sign in (1, -1):
                moved = [a.copy() for a in weights]
                moved[c][index] += sign * step
                sides.append(sum(t.loss(moved, reads, given[r], cost) for r, t in enumerate(toys)))
            gradient[index] = (sides[0] - sides[1]) / (2 * step)
        out.append(gradient)
    return out
