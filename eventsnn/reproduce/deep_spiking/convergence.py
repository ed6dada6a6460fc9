"""The spiking network tends to the ReLU network of the same weights as T grows.

Both rows compare with the ReLU network in double precision, so that what is left is the
spiking network's own difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsnn.data.dataset import labels_of
from eventsnn.data.images import Images
from eventsnn.reproduce.paper import Result, RowContext
from eventsnn.reproduce.relu_network import ReluNetwork
from eventsnn.reproduce.samples import images_of, percent
from eventsnn.rules.deep_spiking.network import HerdingMLP

Array = NDArray[Any]


def predictions(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Compare predictions S_L / T with the ReLU network's output drive u_L for every T.

    ``difference`` is the mean over test images of ``|S_L / T - u_L| / |u_L|`` (Euclidean
    norms), ``disagree`` the percentage whose class differs, ``test_error`` the spiking
    network's own, all over the same images.
    """
    images = _some(context, options["images"])
    labels, order = labels_of(images), np.arange(len(images))
    weights = [weight.astype(np.float64) for weight in context.weights("relu")]
    exact = ReluNetwork(weights).drives(_vectors(images))
    classes, found = exact.argmax(1), []
    for done, steps in enumerate(options["steps"]):
        context.report(done, len(options["steps"]), f"T = {steps}")
        output, _ = HerdingMLP(weights, n_steps=steps).outputs(images, order)
        found.append(
            {
                "n_steps": steps,
                "difference": float(_relative(output, exact).mean()),
                "disagree": percent(float((output.argmax(1) == classes).mean())),
                "test_error": percent(float((output.argmax(1) == labels).mean())),
            }
        )
    error = percent(float((classes == labels).mean()))
    return {"images": len(images), "relu_test_error": error, "by_steps": found}


def gradients(context: RowContext, options: Mapping[str, Any]) -> Result:
    """Compare what one sample does to the weights with the ReLU network's gradient.

    A spiking network at rest learns one sample; ``(W_before - W_after) / eta`` is its
    gradient. ``difference`` is the mean over test images of ``|G_T - G|`` (all weights
    together), over the mean of ``|G|``: not a mean of ratios, since a trained network's
    gradient nearly vanishes on most images. ``cosine`` is that between the gradients summed
    over the images.
    """
    images, eta = _some(context, options["images"]), 0.01
    weights = [weight.astype(np.float64) for weight in context.weights("relu")]
    relu, x, target = ReluNetwork(weights), _vectors(images), np.eye(weights[-1].shape[1])
    exact = [_flat(relu.gradient(v, target[c])) for v, c in zip(x, images.labels, strict=True)]
    found = []
    for done, steps in enumerate(options["steps"]):
        network = HerdingMLP(weights, n_steps=steps, eta=eta)
        rest, apart, summed = network.snapshot(), 0.0, np.zeros_like(exact[0])
        for k, gradient in enumerate(exact):
            context.report(done, len(options["steps"]), f"T = {steps}")
            network.restore(rest)
            network.train(images, np.array([k]))
            mine = _flat([(w - v) / eta for w, v in zip(weights, network.weights, strict=True)])
            apart += float(np.linalg.norm(mine - gradient))
            summed += mine
        found.append(
            {
                "n_steps": steps,
                "difference": apart / sum(float(np.linalg.norm(gradient)) for gradient in exact),
                "cosine": _cosine(summed, np.sum(exact, 0)),
            }
        )
    return {"images": len(exact), "by_steps": found}


def _cosine(a: Array, b: Array) -> float:
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms else 0.0


def _some(context: RowContext, n: int) -> Images:
    images = images_of(context.data.test)
    return Images(images.images[:n], images.labels[:n], images.source)


def _vectors(images: Images) -> Array:
    return images.images.reshape(len(images), -1) * (1 / 255)


def _relative(mine: Array, exact: Array) -> Array:
    norm: Array = np.linalg.norm(mine - exact, axis=1) / np.linalg.norm(exact, axis=1)
    return norm


def _flat(arrays: list[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays])
