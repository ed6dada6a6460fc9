"""Make NIR graphs with the exporters of snnTorch, Norse and sinabs, and by hand.

In an environment of its own (pip install torch snntorch nirtorch norse sinabs nir), which eventsnn
needs not to be in:

python docs/nir_foreign_make.py FOLDER; python docs/nir_foreign.py FOLDER
"""

import contextlib
import importlib.metadata
import io
import json
import sys
from pathlib import Path

import nir
import norse.torch as norse
import numpy as np
import sinabs.layers as sl
import sinabs.nir
import snntorch as snn
import torch
from snntorch.export_nir import export_to_nir

out = Path(sys.argv[1])
out.mkdir(exist_ok=True)
torch.manual_seed(0)
Layer = torch.nn.Linear


def leaky(n, b, **k):
    return snn.Leaky(beta=b * torch.ones(n), threshold=torch.ones(n), init_hidden=True, **k)


def syn(n, a, b, **k):
    return snn.Synaptic(
        alpha=a * torch.ones(n),
        beta=b * torch.ones(n),
        threshold=torch.ones(n),
        init_hidden=True,
        **k,
    )


cases = {}


def snnt(name, net, x, **k):
    cases[name] = ("snntorch", lambda: export_to_nir(net, x, ignore_dims=[0], **k))


snnt(
    "snntorch-leaky",
    torch.nn.Sequential(Layer(5, 8), leaky(8, 0.9), Layer(8, 3), leaky(3, 0.8, output=True)),
    torch.rand(1, 5),
)
snnt(
    "snntorch-leaky-no-bias",
    torch.nn.Sequential(
        Layer(5, 8, bias=False), leaky(8, 0.9), Layer(8, 3, bias=False), leaky(3, 0.8, output=True)
    ),
    torch.rand(1, 5),
)
snnt(
    "snntorch-leaky-one-beta",
    torch.nn.Sequential(
        Layer(5, 8),
        snn.Leaky(beta=0.9, init_hidden=True),
        Layer(8, 3),
        snn.Leaky(beta=0.8, init_hidden=True, output=True),
    ),
    torch.rand(1, 5),
)
snnt(
    "snntorch-synaptic",
    torch.nn.Sequential(
        Layer(5, 8, bias=False),
        syn(8, 0.8, 0.9),
        Layer(8, 3, bias=False),
        syn(3, 0.7, 0.8, output=True),
    ),
    torch.rand(1, 5),
)
snnt("snntorch-synaptic-bias", torch.nn.Sequential(Layer(5, 8), syn(8, 0.8, 0.9)), torch.rand(1, 5))
snnt(
    "snntorch-rleaky",
    torch.nn.Sequential(
        Layer(5, 8), snn.RLeaky(beta=0.9, linear_features=8, init_hidden=True, output=True)
    ),
    torch.rand(1, 5),
)
snnt(
    "snntorch-rsynaptic",
    torch.nn.Sequential(
        Layer(5, 8, bias=False),
        snn.RSynaptic(alpha=0.8, beta=0.9, linear_features=8, init_hidden=True, output=True),
    ),
    torch.rand(1, 5),
)
snnt(
    "snntorch-conv",
    torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3),
        leaky((4, 6, 6), 0.9),
        torch.nn.AvgPool2d(2),
        torch.nn.Flatten(),
        Layer(36, 3),
        leaky(3, 0.8, output=True),
    ),
    torch.rand(1, 2, 8, 8),
)


def nor(name, net, x):
    cases[name] = ("norse", lambda: norse.to_nir(net, x))


nor(
    "norse-lif-box",
    norse.SequentialState(
        Layer(5, 8),
        norse.LIFBoxCell(
            norse.LIFBoxParameters(
                tau_mem_inv=100 * torch.ones(8), v_th=torch.ones(8) * 0.1, v_leak=torch.zeros(8)
            )
        ),
    ),
    torch.rand(1, 5),
)
nor("norse-lif", norse.SequentialState(Layer(5, 8, bias=False), norse.LIFCell()), torch.rand(1, 5))
nor(
    "norse-li-box",
    norse.SequentialState(Layer(5, 8, bias=False), norse.LIBoxCell()),
    torch.rand(1, 5),
)
nor("norse-iaf", norse.SequentialState(Layer(5, 8, bias=False), norse.IAFCell()), torch.rand(1, 5))
nor(
    "norse-conv",
    norse.SequentialState(torch.nn.Conv2d(2, 4, 3), norse.LIFBoxCell()),
    torch.rand(1, 2, 8, 8),
)


def sin(name, net, x):
    cases[name] = ("sinabs", lambda: (net(x), sinabs.nir.to_nir(net, x))[1])


sin(
    "sinabs-iaf",
    torch.nn.Sequential(
        Layer(5, 8, bias=False),
        sl.IAFSqueeze(batch_size=1),
        Layer(8, 3, bias=False),
        sl.IAFSqueeze(batch_size=1),
    ),
    torch.rand(10, 5),
)
sin(
    "sinabs-lif",
    torch.nn.Sequential(Layer(5, 8, bias=False), sl.LIFSqueeze(tau_mem=20.0, batch_size=1)),
    torch.rand(10, 5),
)
sin(
    "sinabs-expleak",
    torch.nn.Sequential(Layer(5, 8, bias=False), sl.ExpLeakSqueeze(tau_mem=20.0, batch_size=1)),
    torch.rand(10, 5),
)
sin(
    "sinabs-conv-sumpool",
    torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, bias=False),
        sl.IAFSqueeze(batch_size=1),
        sl.SumPool2d(2),
        torch.nn.Flatten(),
        Layer(36, 3, bias=False),
        sl.IAFSqueeze(batch_size=1),
    ),
    torch.rand(10, 2, 8, 8),
)


def full(n, v):
    return np.full(n, float(v))


rng = np.random.default_rng(0)


def hand(name, f):
    cases[name] = ("by hand", f)


def loose(*n):
    return nir.NIRGraph.from_list(*n, type_check=False)


def row(*n):
    return nir.NIRGraph.from_list(*n)


def linear(a, b):
    return nir.Linear(rng.normal(size=(a, b)))


def lif(n, leak=0):
    return nir.LIF(full(n, 0.02), full(n, 20), full(n, leak), full(n, 1), full(n, 0))


hand("hand-lif-leak", lambda: row(linear(4, 3), lif(4, 0.5)))
hand("hand-lif-leak-above-threshold", lambda: row(linear(4, 3), lif(4, 1.5)))
hand("hand-delay", lambda: row(linear(4, 3), nir.Delay(full(4, 0.002)), lif(4)))
hand("hand-delays-a-neuron", lambda: row(linear(4, 3), nir.Delay(np.arange(4) * 0.001), lif(4)))
hand(
    "hand-delay-between-microseconds", lambda: row(linear(4, 3), nir.Delay(full(4, 1.5e-6)), lif(4))
)
hand("hand-scale", lambda: row(nir.Scale(full(3, 2)), linear(4, 3), lif(4)))
hand("hand-threshold", lambda: row(linear(4, 3), nir.Threshold(full(4, 1))))
hand("hand-i", lambda: row(linear(4, 3), lif(4), linear(2, 4), nir.I(full(2, 1))))
hand(
    "hand-li",
    lambda: row(linear(4, 3), lif(4), linear(2, 4), nir.LI(full(2, 0.02), full(2, 1), full(2, 0))),
)
hand(
    "hand-cuba-li",
    lambda: row(
        linear(4, 3),
        lif(4),
        linear(2, 4),
        nir.CubaLI(full(2, 0.02), full(2, 0.01), full(2, 1), full(2, 0)),
    ),
)
hand("hand-weighted-output", lambda: row(linear(4, 3), lif(4), linear(2, 4)))
hand(
    "hand-potential-passed-on",
    lambda: row(linear(4, 3), nir.LI(full(4, 0.02), full(4, 1), full(4, 0)), linear(2, 4), lif(2)),
)
hand(
    "hand-conv1d",
    lambda: loose(
        nir.Input(np.array([2, 9])),
        nir.Conv1d(9, rng.normal(size=(3, 2, 3)), 1, 1, 1, 1, np.zeros(3)),
        nir.IF(full((3, 9), 1000), full((3, 9), 1)),
    ),
)
hand(
    "hand-depthwise",
    lambda: loose(
        nir.Input(np.array([2, 6, 6])),
        nir.Conv2d((6, 6), rng.normal(size=(2, 1, 3, 3)), (1, 1), (1, 1), (1, 1), 2, np.zeros(2)),
        nir.IF(full((2, 6, 6), 1000), full((2, 6, 6), 1)),
    ),
)
hand(
    "hand-dilated",
    lambda: loose(
        nir.Input(np.array([2, 6, 6])),
        nir.Conv2d((6, 6), rng.normal(size=(2, 2, 3, 3)), (1, 1), (2, 2), (2, 2), 1, np.zeros(2)),
        nir.IF(full((2, 6, 6), 1000), full((2, 6, 6), 1)),
    ),
)
hand(
    "hand-nested",
    lambda: nir.NIRGraph(
        {
            "in": nir.Input(np.array([3])),
            "g": row(linear(4, 3), lif(4)),
            "w": linear(2, 4),
            "c": lif(2),
            "out": nir.Output(np.array([2])),
        },
        [("in", "g"), ("g", "w"), ("w", "c"), ("c", "out")],
    ),
)
hand(
    "hand-bias-without-leak",
    lambda: row(
        nir.Affine(rng.normal(size=(4, 3)), full(4, 0.1)), nir.IF(full(4, 1000), full(4, 1))
    ),
)
hand("hand-no-neurons", lambda: row(linear(4, 3), nir.Affine(rng.normal(size=(2, 4)), full(2, 0))))
done = []
for name, (who, make) in cases.items():
    told = {"graph": name, "made_by": who}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            nir.write(str(out / f"{name}.nir"), make())
    except Exception as e:  # noqa: BLE001 - code of others
        told["not_made"] = f"{type(e).__name__}: {e}"[:200]
    done.append(told)
kept = {
    "versions": {
        p: importlib.metadata.version(p)
        for p in ("nir", "snntorch", "norse", "sinabs", "nirtorch", "torch")
    },
    "graphs": done,
}
(out / "made.json").write_text(json.dumps(kept, indent=1))
