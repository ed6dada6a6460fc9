"""Norse, by its own import of NIR."""

from __future__ import annotations

from typing import Any, ClassVar

from eventsnn.exchange.programs.program import Program, Steps, StepTask, hooked, rows


class Norse(Program):
    """norse.torch.from_nir."""

    kind: ClassVar[str] = "norse"
    package: ClassVar[str] = "norse"
    does: ClassVar[str] = "forward Euler, takes R as 1, resets to 0, v at every step"

    def run(self, task: StepTask) -> Steps:
        """Return who fires."""
        import nir
        import norse.torch
        import torch

        net: Any = norse.torch.from_nir(
            nir.read(str(task.file)), ignore_warnings=True, dt=task.dt_us / task.convention.unit_us
        )
        seen: dict[str, list[Any]] = {}
        hooked(net.named_modules(), list(task.tree.nodes), seen)
        state: Any = None
        with torch.no_grad():
            for row in task.inputs:
                _, state = net(torch.from_numpy(row[None].copy()), state)
        return rows(seen, len(task.inputs))
