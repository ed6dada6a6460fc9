"""snnTorch, by its own import of NIR: steps of 0.1 ms whatever they are."""

from __future__ import annotations

import contextlib
import io
from typing import Any, ClassVar

from eventsnn.exchange.programs.program import Program, Steps, StepTask, hooked, rows


class SnnTorch(Program):
    """snntorch.import_nir."""

    kind: ClassVar[str] = "snntorch"
    package: ClassVar[str] = "snntorch"
    does: ClassVar[str] = "beta = 1 - dt / tau with dt 0.1 ms, resets to 0, v at every step"

    def run(self, task: StepTask) -> Steps:
        """Return who fires."""
        import nir
        import torch
        from snntorch.import_nir import import_from_nir

        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
            net: Any = import_from_nir(nir.read(str(task.file)))
        seen: dict[str, list[Any]] = {}
        hooked(net.named_modules(), list(task.tree.nodes), seen)
        with torch.no_grad():
            for row in task.inputs:
                net(torch.from_numpy(row[None].copy()))
        return rows(seen, len(task.inputs))
