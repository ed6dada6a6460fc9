"""The page of spoken digits: accuracy by rule and by who was held out."""

from results import every_name, read

RULES = {"adjoint": "78-256-10", "hm2bp": "78-400-10", "stbp": "78-400-10"}
"""The network of each rule's runs."""


def speech_lines() -> list[str]:
    """Return the page."""
    runs = {tuple(name.split("-")[1:3]): read(name) for name in every_name() if _is_run(name)}
    held = sorted({who for _, who in runs}, key=lambda who: (who != "official", who))
    lines = [
        "# Spoken digits",
        "",
        "The Free Spoken Digit Dataset: 3,000 recordings, six speakers; 78 channels and BSA",
        "([formats](../reference/formats.md)). *Official*: indices 0 to 4 test, 5 to 49 train, so",
        "that each speaker is in both halves. Otherwise one speaker's 500 recordings test, and the",
        "network never heard that voice. Each cell is the `test_accuracy` that",
        "",
        "```bash",
        "eventsnn train --rule RULE --layers LAYERS --data speech:PATH --json",
        "eventsnn train --rule RULE --layers LAYERS --data speaker:NAME:PATH --json",
        "```",
        "",
        "wrote, with no other option that changes a result, seed 0. No number was chosen on a",
        "test half. [A tutorial](../tutorials/speech.md).",
        "",
        "| tests | " + " | ".join(f"{rule}, {RULES[rule]}" for rule in RULES) + " |",
        "|---|" + "---|" * len(RULES),
    ]
    for who in held:
        cells = [_cell(runs.get((rule, who))) for rule in RULES]
        lines.append(f"| {'official' if who == 'official' else who} | {' | '.join(cells)} |")
    lines += [_mean(runs, held), "", "What each run cost:", ""]
    lines += ["| run | epochs | seconds | hidden spikes | additions a recording |"]
    lines += ["|---|---|---|---|---|"]
    for (rule, who), run in sorted(runs.items()):
        hidden = " / ".join(f"{n:,.0f}" for n in run["spikes_per_recording"][1:-1])
        adds = sum(run["operations_per_recording"])
        lines.append(
            f"| speech-{rule}-{who} | {run['epochs']} | {run['seconds']:.0f} | {hidden} "
            f"| {adds:,.0f} |"
        )
    machine = next(iter(runs.values()))["machine"]
    return [*lines, "", f"Machine: {machine}, one thread, beside other work."]


def _is_run(name: str) -> bool:
    return name.startswith("speech-") and name.split("-")[1] in RULES


def _cell(run: dict | None) -> str:
    return "-" if run is None else f"{run['test_accuracy']:.1%}"


def _mean(runs: dict[tuple[str, str], dict], held: list[str]) -> str:
    """Return the row of means over the speakers, of the rules that have all of them."""
    speakers, cells = [who for who in held if who != "official"], []
    for rule in RULES:
        found = [runs[rule, who]["test_accuracy"] for who in speakers if (rule, who) in runs]
        whole = len(found) == len(speakers)
        cells.append(f"{sum(found) / len(found):.1%}" if whole else "-")
    return f"| mean of the speakers | {' | '.join(cells)} |"
