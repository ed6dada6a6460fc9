"""Tables of a paper that brings none of its own: figures beside ours, and all other rows."""

from __future__ import annotations

from typing import Any

from eventsnn.reproduce.paper import Result, Table

_HEAD = ["row", "figure", "ours", "published", "difference", "verdict", "seeds"]
_NOT_TOLD = ("wall_seconds", "seconds")


def plain_tables(result: Result) -> list[Table]:
    """Return the table of what was compared, and that of the rows that were not."""
    return [table for table in (_compared(result), _others(result)) if table.rows]


def _compared(result: Result) -> Table:
    lines, reasons = [], {}
    for found in result["comparison"]:
        title = result["rows"][found["row"]]["title"]
        seeds = ", ".join(_number(value) for value in found.get("seeds", []))
        cells = [_number(found[key]) for key in ("ours", "published", "difference")]
        lines.append([title, found["figure"], *cells, found.get("verdict", ""), seeds])
        if "reason" in found:
            reasons[found["row"]] = f"{title} is shown: {found['reason']}."
    return Table("Published figures", _HEAD, lines, " ".join(reasons.values()))


def _others(result: Result) -> Table:
    compared = {found["row"] for found in result["comparison"]}
    lines = [
        [row["title"], ", ".join(_numbers(row))]
        for name, row in result["rows"].items()
        if name not in compared and "-seed" not in name
    ]
    return Table("Other rows", ["row", "found"], lines)


def _numbers(row: Result) -> list[str]:
    return [
        f"{key} {_number(value)}"
        for key, value in row.items()
        if isinstance(value, int | float) and key not in _NOT_TOLD
    ]


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}"
