"""The command line: parsing, nothing else; ``commands.py`` works, ``show.py`` prints."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from typer.exceptions import TyperException

import eventsnn
from eventsnn import show
from eventsnn.errors import Interrupted, UserError

app = typer.Typer(
    name="eventsnn",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Spiking neural networks that compute only when an event arrives.",
)

_err = Console(stderr=True)
_out = Console(soft_wrap=True)

DATA_HELP = (
    "What to learn from: [b]digits[/b] (scikit-learn's digits, filmed by the virtual event "
    "camera; nothing is downloaded), [b]nmnist:PATH[/b] (folder or zips of N-MNIST), "
    "[b]mnist:PATH[/b] (IDX files, as real vectors), [b]film:mnist:PATH[/b] (MNIST, filmed), "
    "[b]events:FILE[/b] (what eventsnn film wrote), [b]tonic:NAME:PATH[/b]."
)
_GRADIENT = "Gradient rules (every other option of theirs goes into --config)"
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads; no number changes a result.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Use only so many samples of each half.")]


def main() -> None:
    """Run the command line; every user error is one line and exit code 2."""
    try:
        code = app(standalone_mode=False, prog_name="eventsnn")
    except TyperException as error:
        _fail(f"{error.format_message()} (see eventsnn --help)", 2)
    except UserError as error:
        _fail(str(error), 2)
    except OSError as error:
        _fail(f"{error.filename or 'file'}: {error.strerror or error}", 2)
    except Interrupted as stop:
        _fail(str(stop), 130)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted; nothing was saved", 130)
    except typer.Exit as error:
        code = error.exit_code
    # Files that were cut short by a full pipe or disk show here, not at interpreter exit.
    sys.stdout.flush()
    raise SystemExit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(code)


def _version(show: bool) -> None:
    if show:
        print(eventsnn.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Spiking neural networks that compute only when an event arrives."""


@app.command()
def train(
    context: typer.Context,
    data: Annotated[str, typer.Option(help=DATA_HELP)] = "digits",
    rule: Annotated[
        str, typer.Option(help="Learning rule: [b]herding[/b], [b]adjoint[/b] or [b]eventprop[/b].")
    ] = "herding",
    layers: Annotated[
        str | None,
        typer.Option(
            help="Layers, e.g. 2312-200-10, or 34x34x2-12c5-2p-10 (adjoint); "
            "default: one hidden layer of 200."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the data; default: by their size.")
    ] = None,
    limit: Limit = None,
    seed: Annotated[int, typer.Option(help="Of weights, order and shifts.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the checkpoint; default: a new one under runs/."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    n_steps: Annotated[
        int | None, typer.Option("--steps", help="T: steps into which each sample is cut.")
    ] = None,
    step_by: Annotated[
        str | None, typer.Option(help="Cut recordings by equal event [b]count[/b] or [b]time[/b].")
    ] = None,
    eta: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    eta_decay: Annotated[float | None, typer.Option(help="Factor on eta an epoch.")] = None,
    shift: Annotated[
        float | None, typer.Option(help="Move each recording by up to so many pixels.")
    ] = None,
    rotate: Annotated[float | None, typer.Option(help="Turn it by up to so many degrees.")] = None,
    scale: Annotated[float | None, typer.Option(help="Scale it by up to this share.")] = None,
    elastic: Annotated[
        float | None, typer.Option(help="Bend it by a smooth field of this SD in pixels.")
    ] = None,
    scatter: Annotated[
        float | None, typer.Option(help="Move each event by up to so many pixels.")
    ] = None,
    jitter_us: Annotated[
        float | None, typer.Option(help="Move each event in time by up to so many microseconds.")
    ] = None,
    drop: Annotated[float | None, typer.Option(help="Drop this share of its events.")] = None,
    skip: Annotated[
        int | None, typer.Option(help="Leave out so many training samples from the first on.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Recordings an update.", rich_help_panel=_GRADIENT)
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="adam or sgd.", rich_help_panel=_GRADIENT)
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Peak learning rate.", rich_help_panel=_GRADIENT)
    ] = None,
    output_rate: Annotated[
        float | None,
        typer.Option(help="Factor on the output's rate.", rich_help_panel=_GRADIENT),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="cosine, constant, linear or step.", rich_help_panel=_GRADIENT),
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Decoupled weight decay.", rich_help_panel=_GRADIENT)
    ] = None,
    clip: Annotated[
        float | None, typer.Option(help="Largest norm of the gradient.", rich_help_panel=_GRADIENT)
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(help="Share of hidden neurons silenced.", rich_help_panel=_GRADIENT),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(help="cross-entropy, count-target, first-spike.", rich_help_panel=_GRADIENT),
    ] = None,
    reads: Annotated[
        str | None,
        typer.Option(
            help="What it reads: integral, maximum, final, counts.", rich_help_panel=_GRADIENT
        ),
    ] = None,
    smoothing: Annotated[
        float | None, typer.Option(help="Label smoothing.", rich_help_panel=_GRADIENT)
    ] = None,
    wake: Annotated[
        float | None, typer.Option(help="Pull on silent neurons.", rich_help_panel=_GRADIENT)
    ] = None,
    spike_cost: Annotated[
        float | None, typer.Option(help="Loss a hidden spike.", rich_help_panel=_GRADIENT)
    ] = None,
    tau_us: Annotated[
        float | None, typer.Option(help="Time constant of neurons.", rich_help_panel=_GRADIENT)
    ] = None,
    init_spikes: Annotated[
        float | None,
        typer.Option(help="Spikes a neuron at the start.", rich_help_panel=_GRADIENT),
    ] = None,
    init_output: Annotated[
        float | None,
        typer.Option(help="SD of the output's weights at the start.", rich_help_panel=_GRADIENT),
    ] = None,
    validate: Annotated[
        float | None,
        typer.Option(help="Share of the training half to validate on.", rich_help_panel=_GRADIENT),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs without a better one to stop after.", rich_help_panel=_GRADIENT),
    ] = None,
    fractional: Annotated[
        bool | None,
        typer.Option("--fractional/--no-fractional", help="Update at every error spike."),
    ] = None,
    smooth_grads: Annotated[
        bool | None,
        typer.Option("--smooth/--no-smooth", help="Weigh errors by drives, not spike counts."),
    ] = None,
    forward_quantizer: Annotated[str | None, typer.Option(help="Forward quantizer.")] = None,
    back_quantizer: Annotated[str | None, typer.Option(help="Backward quantizer.")] = None,
    depth_first: Annotated[
        bool | None,
        typer.Option("--depth-first/--breadth-first", help="Order in which spikes travel."),
    ] = None,
    hold_error: Annotated[
        bool | None, typer.Option("--hold/--no-hold", help="Let errors of a step cancel.")
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="State: float32, float64 or integer.")] = None,
    init_scale: Annotated[
        float | None, typer.Option(help="SD of the initial weights, first layer.")
    ] = None,
    upper_scale: Annotated[
        float | None, typer.Option(help="SD of the initial weights, layers above.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file of options, name = value; the command line wins."),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write TensorBoard scalars into --out.")
    ] = False,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Train an event-driven network and save it.

    With no options at all: the event-driven backprop MLP of O'Connor & Welling (2016) on
    digits filmed by the virtual event camera, in about a minute.
    """
    from eventsnn import commands

    given = {
        name: value
        for name, value in locals().items()
        if name in commands.TRAIN_OPTIONS and value is not None and _was_given(context, name)
    }
    if config is not None:
        given = commands.read_config(config) | given
    summary = commands.train(given, out, resume, threads or _cores(), tensorboard, _err)
    if as_json:
        print(json.dumps(summary))
    else:
        show.training(summary, _out)


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="Folder that train wrote, or its checkpoint.")],
    data: Annotated[
        str | None, typer.Option(help="Data set as for train; default: the model's own.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which half: test, train or all.")] = "test",
    limit: Limit = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Measure a trained network: accuracy, spikes and operations per recording."""
    from eventsnn import commands

    result = commands.evaluate(model, data, split, limit, threads or _cores(), _err)
    if as_json:
        print(json.dumps(result))
        return
    _out.print(f"accuracy {result['accuracy']:.2%} on {result['recordings']} recordings")
    _out.print(show.cost_table(result))


@app.command()
def simulate(
    model: Annotated[
        Path,
        typer.Argument(help="Folder that train wrote, its checkpoint, or a network as .toml."),
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A recording (.bin as N-MNIST, .npy as structured array), or a data set.",
        ),
    ],
    index: Annotated[
        list[int] | None, typer.Option(help="Which recordings; may be given again.")
    ] = None,
    split: Annotated[str, typer.Option(help="Half of a data set: test or train.")] = "test",
    figure: Annotated[
        Path | None, typer.Option(help="Draw raster and rate to this .png, .svg or .pdf.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the spike traffic that each input causes."""
    from eventsnn import commands

    for traffic, picture in commands.simulate(model, source, index, split, figure, _err):
        if as_json:
            print(json.dumps(traffic | {"figure": picture}))
        else:
            show.traffic(traffic, _out)
            if picture:
                _out.print(f"picture: {picture}\n", markup=False)


@app.command()
def measure(
    model: Annotated[Path, typer.Argument(help="Folder that train wrote, or its checkpoint.")],
    data: Annotated[
        str | None, typer.Option(help="Data set as for train; default: the model's own.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which half: test, train or all.")] = "test",
    limit: Limit = None,
    index: Annotated[
        list[int] | None,
        typer.Option(help="Recordings to draw; default: the first, and the first wrong one."),
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Folder for every figure as PNG and SVG, light and dark.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write one page with everything; it needs no network.")
    ] = None,
    energy: Annotated[
        Path | None, typer.Option(help="TOML file of energy models of your own.")
    ] = None,
    lose: Annotated[
        float, typer.Option(min=0, help="Points of accuracy that an early stop may lose.")
    ] = 0.1,
    levels: Annotated[
        Path | None,
        typer.Option(help="JSON of another measurement: report its levels here, on everything."),
    ] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Measure what a spike, an answer, an early stop and learning cost."""
    from eventsnn import commands_measure as commands
    from eventsnn.measure.measurement import Request

    request = Request(
        tolerance=lose / 100,
        models=commands.energy_models(energy),
        levels=commands.levels_of(levels),
    )
    what = commands.What(data, split, limit)
    result = commands.measure(
        model, what, request, index, (figures, html), threads or _cores(), _err
    )
    if as_json:
        print(json.dumps(result))
    else:
        show.measurement(result, _out)


@app.command()
def compare(
    models: Annotated[list[Path], typer.Argument(help="Folders that train wrote, two or more.")],
    data: Annotated[
        str | None, typer.Option(help="Data set as for train; default: each model's own.")
    ] = None,
    split: Annotated[str, typer.Option(help="Which half: test, train or all.")] = "test",
    limit: Limit = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw accuracy against operations to this file.")
    ] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Measure several networks: one table, one figure."""
    from eventsnn import commands_measure as commands

    what = commands.What(data, split, limit)
    result = commands.compare(models, what, figure, threads or _cores(), _err)
    if as_json:
        print(json.dumps(result))
    else:
        show.comparison(result, _out)


@app.command()
def film(
    images: Annotated[
        str, typer.Argument(help="[b]digits[/b], [b]mnist:PATH[/b], or a .npy stack (n, h, w).")
    ] = "digits",
    out: Annotated[
        Path | None, typer.Option(help="Write the recordings here (safetensors).")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw recordings, or the comparison, to this file.")
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(help="nmnist:PATH: compare films of mnist:PATH with its real recordings."),
    ] = None,
    split: Annotated[str, typer.Option(help="Half to film: test or train.")] = "train",
    seed: Annotated[int, typer.Option(min=0, help="Of the camera's noise and jitter.")] = 34,
    limit: Annotated[int | None, typer.Option(min=1, help="Film only the first images.")] = None,
    as_json: Json = False,
) -> None:
    """Film grey images with the virtual event camera, the way N-MNIST was filmed."""
    from eventsnn import commands

    if compare is not None:
        result = commands.compare_films(images, compare, seed, figure, _err)
    else:
        result = commands.film(images, split, seed, limit, out, figure, _err)
    if as_json:
        print(json.dumps(result))
    else:
        show.film(result, _out)


@app.command()
def bench(
    data: Annotated[
        str, typer.Option(help="Recordings to run: a data set as for train.")
    ] = "digits",
    limit: Annotated[int | None, typer.Option(min=1, help="Use only the first recordings.")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; medians are told.")] = 5,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the threaded run.")] = None,
    as_json: Json = False,
) -> None:
    """Measure every engine as a multiple of this machine's own limit, a bare loop."""
    from eventsnn import commands

    result = commands.bench(data, limit, rounds, threads or _cores(), _err)
    if as_json:
        print(json.dumps(result))
        return
    show.bench(result, _out)


@app.command()
def reproduce(
    paper: Annotated[str | None, typer.Argument(help="Which; none: list them.")] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="[b]mnist:PATH[/b], and [b]nmnist:PATH[/b] for the rows on real recordings; may "
            "be given again. Default: scikit-learn's digits, with which nothing is compared."
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A tenth of the images.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this row, and what it needs; may be repeated.")
    ] = None,
    threads: Threads = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the rows; default: runs/PAPER.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Reproduce a paper: run every row, and put ours beside the published figure."""
    from eventsnn import commands

    if paper is None:
        found = commands.papers()
        print(json.dumps(found)) if as_json else show.papers(found, _out)
        return
    result = commands.reproduce(
        paper, data or [], quick, only or [], threads or _cores(), out, _err
    )
    print(json.dumps(result)) if as_json else show.reproduction(result, _out)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
