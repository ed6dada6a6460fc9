"""``eventsnn.write_c``: a network as a program in C, from Python."""

from __future__ import annotations

import os
from pathlib import Path

from eventsnn.exchange.c.answer import answer_by, answer_in
from eventsnn.exchange.c.files import program_files, written
from eventsnn.exchange.formats.c import COptions
from eventsnn.files.outputs import check_output_folder
from eventsnn.losses.loss import Loss
from eventsnn.network import Network, Weights


def write_c(
    folder: str | os.PathLike[str],
    network: Network,
    weights: Weights,
    loss: Loss | None = None,
    *,
    name: str = "snn",
    sensor: str = "",
    stop: str = "",
) -> list[str]:
    """Write a network as a program in C99, as ``eventsnn export --to c`` does.

    Parameters
    ----------
    folder : path
        Of the three files; it need not exist.
    network : Network
    weights : dict from connection name to array, or a sequence in the order of the connections
        float32 is computed in ``float``, float64 in ``double``, whole numbers of integer neurons
        in integers.
    loss : Loss, optional
        Of which the scores are; the cross-entropy of integrals, or of spike counts.
    name : str
        What the files and every name in them begin with.
    sensor : str
        Of an input that is a row: height x width x polarities, such as "34x34x2".
    stop : str
        When it stops looking, such as "margin:2.0,check_us=1000".

    Returns
    -------
    list of str
        What is to be known, a line each.

    Raises
    ------
    UserError
        For what has no form in C; it names the population or the connection.

    Examples
    --------
    >>> import numpy as np
    >>> import eventsnn as es
    >>> network = es.layers("34x34x2-8-2", es.IF(), es.Readout(30_000))
    >>> weights = {c.name: np.float32(0.1) for c in network.connections}
    >>> es.write_c("chip", network, weights, es.CrossEntropy("maximum"), stop="margin:2.0")[0]
    '90,448 bytes of constants, 2,696 bytes of arrays that change; ...'
    """
    options = COptions(name=name, sensor=sensor, stop=stop)
    network.shaped(weights)  # refuses what is no network's
    output = network.populations[-1]
    answer = answer_by(loss, output, options.stop) if loss else answer_in({}, output, options.stop)
    path = Path(folder)
    check_output_folder("folder", path)
    return written(path, program_files(network, weights, answer, options))
