"""sinabs, by its own import of NIR: time constants in steps."""

from __future__ import annotations

from typing import Any, ClassVar

from eventsnn.exchange.programs.program import Program, Steps, StepTask, hooked, rows


class Sinabs(Program):
    """sinabs.nir.from_nir."""

    kind: ClassVar[str] = "sinabs"
    package: ClassVar[str] = "sinabs"
    does: ClassVar[str] = "takes tau in steps, R as tau, subtracts at resets, v at every step"

    def run(self, task: StepTask) -> Steps:
        """Return who fires."""
        import nir
        import sinabs.nir
        import torch

        graph = nir.read(str(task.file))
        net: Any = sinabs.nir.from_nir(graph, batch_size=1)
        seen: dict[str, list[Any]] = {}
        hooked(net.named_modules(), list(task.tree.nodes), seen)
        with torch.no_grad():
            net(torch.from_numpy(task.inputs.copy()))
        return rows({n: list(v[0]) for n, v in seen.items() if v}, len(task.inputs))
