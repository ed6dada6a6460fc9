"""The part of the learning page that asks which real recordings are wrong, and why."""

from results import every_name, read

HALVES = {"train": 550, "test": 50}
"""How many digits of each half of MNIST the real recordings show: the first."""


def hard_lines() -> list[str]:
    """Return the section: the same digits before a real camera and before the virtual one."""
    filmed = [name for name in every_name() if name.endswith("-filmed")]
    runs = [name.removesuffix("-filmed") for name in filmed]
    if not runs:
        return []
    rows = [
        "| run | real wrong | the same digits filmed, wrong | wrong in both | those |",
        "|---|---|---|---|---|",
    ]
    totals = [0, 0, 0]
    for name in runs:
        real, filmed = (_wrong(read(f"{name}-{kind}")) for kind in ("real", "filmed"))
        found = len(real), len(filmed), len(real.keys() & filmed.keys())
        totals = [total + n for total, n in zip(totals, found, strict=True)]
        both = sorted(real.keys() & filmed.keys(), key=lambda place: (place[0] != "train", place))
        told = ", ".join(
            f"{'' if half == 'train' else 'test '}{index + 1} ({real[half, index]})"
            for half, index in both
        )
        rows.append(f"| {name} | {' | '.join(map(str, found))} | {told} |")
    return [
        "",
        "## Which real recordings are wrong?",
        "",
        "The real recordings show the first 550 training and the first 50 test digits of MNIST.",
        f"Of the {totals[0]} wrong answers there {totals[2]} are wrong before the virtual camera,",
        "too (`eventsnn evaluate DIR --data film:mnist:../shared/data/mnist --split all --json`),",
        f"where {totals[1]} are: the digits are hard, more than the camera. (The digit's number",
        "from 1, its label, and what the real recording is taken for.)",
        "",
        *rows,
    ]


def _wrong(result: dict) -> dict[tuple[str, int], str]:
    """Return label and prediction of the wrong ones among the digits that the real ones show."""
    return {
        (row["half"], row["index"]): f"{row['label']} for {row['prediction']}"
        for row in result["mistakes"]
        if row["index"] < HALVES[row["half"]]
    }
