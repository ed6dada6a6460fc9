"""What people see of a live run: a line a second."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from eventsnn.text import named


def live_line(row: dict[str, Any]) -> Text:
    """Return one row as a line."""
    said = "no answer" if row["label"] is None else str(row["label"])
    if row["name"] is not None:
        said = named(row["name"])
    line = Text(f"{row['t_us'] / 1e6:9.1f} s  ")
    line.append(f"{said:>10}", "bold")
    line.append(
        f"  {row['events_per_second']:>11,.0f} events/s  {row['spikes_per_second']:>9,.0f} spikes/s"
        f"  {row['operations_per_second']:>13,.0f} ops/s"
    )
    if row["latency_ms_p50"] is not None:
        line.append(f"  {row['latency_ms_p50']:.2f} ms (p99 {row['latency_ms_p99']:.2f})")
    counts = {name: n for name, n in row["counts"].items() if n}
    if counts:
        line.append("  " + ", ".join(f"{name} {n:,}" for name, n in counts.items()), "yellow")
    return line
