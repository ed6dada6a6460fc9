"""Which files of the package one minibatch of the spike adjoint enters, and the calls between them.

    python tests/files_entered.py

Prints a line a file, and the sums. Compiled code counts where Python calls it.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np

import eventsnn
from eventsnn.train.learning import Learner
from eventsnn.train.options import completed, make_options

PACKAGE = str(Path(eventsnn.__file__).parent)


def entered():
    """Return how often each file was called from another one, while a learner learns 64."""
    data = eventsnn.open_data("digits", limit=64)
    options = completed(make_options({"rule": "adjoint", "layers": (2312, 60, 10)}), data)
    learner, order = Learner(options), np.arange(64)
    learner.start(data.train)
    learner.learn(data.train, order, np.random.default_rng(0))  # what is compiled or kept, is
    calls, files = Counter(), set()

    def watch(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            here, back = frame.f_code.co_filename, frame.f_back
            files.add(here)
            if back and back.f_code.co_filename not in (here, __file__):
                calls[here] += back.f_code.co_filename.startswith(PACKAGE)

    sys.setprofile(watch)
    learner.learn(data.train, order, np.random.default_rng(0))
    sys.setprofile(None)
    return {file: calls[file] for file in sorted(files)}


if __name__ == "__main__":
    found = entered()
    for file, n in found.items():
        print(f"{n:5}  {Path(file).relative_to(PACKAGE)}")
    print(f"{len(found)} files, {sum(found.values())} calls between them")
