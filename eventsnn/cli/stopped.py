"""How commands print what an early stop gave."""

from __future__ import annotations

from typing import Any

from eventsnn.commands.console import Console


def policy(stop: dict[str, Any]) -> str:
    """Return a stop as people read it, with where its level was chosen."""
    said = f"{stop['policy']} {stop['level']:.4g}, a check every {stop['check_us'] / 1000:g} ms"
    if "chosen_on" not in stop:
        return said
    chosen = stop["chosen"]
    return (
        f"{said} (chosen on {stop['chosen_on']:,} training recordings that were not learned: "
        f"{chosen['accuracy']:.2%} with {chosen['operations']:,.0f} operations, "
        f"{chosen['accuracy_at_end']:.2%} with {chosen['operations_at_end']:,.0f} at the end)"
    )


def evaluation(result: dict[str, Any], out: Console) -> None:
    """Print when recordings were stopped, if they were."""
    if "stop" not in result:
        return
    out.print(f"stopped when clear: {policy(result['stop'])}", soft_wrap=True)
    out.print(
        f"{result['stopped_early']:.1%} of the recordings before their end, all of them after "
        f"{result['stopped_us'] / 1000:.1f} ms on average"
    )


def measurement(result: dict[str, Any], out: Console) -> None:
    """Print what ``measure --stop`` found, if it was asked for."""
    if "stopped" not in result:
        return
    found = result["stopped"]
    evaluation(found, out)
    rates = found["recordings_per_second"]
    out.print(
        f"accuracy {found['accuracy']:.2%}, {sum(found['operations_per_recording']):,.0f} synaptic "
        f"operations and {1e3 / rates['stopped']:.3g} ms a recording "
        f"({1e3 / rates['to_the_end']:.3g} ms to the end)",
        soft_wrap=True,
    )
