"""The page of graphs that other programs made, from nir-foreign.json."""

from results import read


def nir_lines() -> list[str]:
    """Return the page of graphs that others made."""
    kept = read("nir-foreign")
    versions = ", ".join(f"{name} {v}" for name, v in kept["versions"].items())
    known = [r for r in kept["graphs"] if "read" in r]
    refused = [r for r in kept["graphs"] if "refused" in r]
    lines = [
        "# Graphs of other programs",
        "",
        f"{len(known)} graphs that others made are read, {len(refused)} are refused by name, and "
        f"{len(kept['graphs']) - len(known) - len(refused)} their",
        "own exporter or `nir.write` could not write. Made by `docs/nir_foreign_make.py`, read by",
        f"`docs/nir_foreign.py` into `nir-foreign.json` ({versions}, eventsnn {kept['version']}).",
        "",
        "Each is run here on 300 steps of random spikes at the begin of steps, and by forward",
        "Euler in the same steps (`eventsnn exchange check`). It shares the matrices of nodes",
        "(`Conv2d`, `Linear`) with what runs here, not the neurons.",
        "`LIF` and `IF` are met spike for spike where nothing but events makes them fire. With a",
        "bias, and current-based ones, fire between steps here and at a step there; current-based",
        "ones are integrated exactly here: they part by the step. Resets are those of the files.",
        "",
        "| graph | made by | read as | spikes of its neurons here: steps: same |",
        "|---|---|---|---|",
    ]
    for r in kept["graphs"]:
        what = "refused: " + r["refused"] if "refused" in r else ", ".join(r.get("read", ()))
        what = what if "not_made" not in r else f"not written: {r['not_made']}"
        nodes = r.get("steps", {}).values()
        same = "; ".join(f"{n['spikes_beside']}: {n['spikes']}: {n['same']}" for n in nodes)
        if r.get("by"):
            what += f" by {', '.join(r['by'])}"
        lines.append(f"| `{r['graph']}` | {r['made_by']} | {what.replace('|', '/')} | {same} |")
    if kept.get("paper"):
        lines += [
            "",
            "## The neuron of the paper on NIR",
            "",
            "`lif_norse.nir` with the spikes that its authors gave it, read as `nir-paper`, beside",
            "the files of each program there; a step is 0.1 ms.",
            "",
            "| file | its spikes | here | in the same step | within a step |",
            "|---|---|---|---|---|",
        ]
    for r in kept.get("paper", ()):
        row = (r["program"], r["spikes"], r["here"], r["within_0"], r["within_1"])
        lines.append("| " + " | ".join(map(str, row)) + " |")
    return lines
