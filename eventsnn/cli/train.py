"""Parsing of ``eventsnn train``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eventsnn.cli import show
from eventsnn.cli.options import ERR, OUT, Json, Limit, Threads
from eventsnn.threads import cores

DATA_HELP = (
    "What to learn from: [b]digits[/b] (scikit-learn's digits, filmed by the virtual event "
    "camera; nothing is downloaded), [b]nmnist:PATH[/b] (folder or zips of N-MNIST), "
    "[b]mnist:PATH[/b] (IDX files, as real vectors), [b]film:mnist:PATH[/b] (MNIST, filmed), "
    "[b]events:FILE[/b] (what eventsnn film wrote), [b]tonic:NAME:PATH[/b]."
)
GRADIENT = "Gradient rules (every other option of theirs goes into --config)"


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
        int | None, typer.Option(help="Recordings an update.", rich_help_panel=GRADIENT)
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="adam or sgd.", rich_help_panel=GRADIENT)
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Peak learning rate.", rich_help_panel=GRADIENT)
    ] = None,
    output_rate: Annotated[
        float | None,
        typer.Option(help="Factor on the output's rate.", rich_help_panel=GRADIENT),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="cosine, constant, linear or step.", rich_help_panel=GRADIENT),
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Decoupled weight decay.", rich_help_panel=GRADIENT)
    ] = None,
    clip: Annotated[
        float | None, typer.Option(help="Largest norm of the gradient.", rich_help_panel=GRADIENT)
    ] = None,
    average: Annotated[
        float | None,
        typer.Option(
            help="Share of the run over which weights are averaged.", rich_help_panel=GRADIENT
        ),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(help="Share of hidden neurons silenced.", rich_help_panel=GRADIENT),
    ] = None,
    dropout_at: Annotated[
        str | None,
        typer.Option(help="Where: all hidden layers, or the last.", rich_help_panel=GRADIENT),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(help="cross-entropy, count-target, first-spike.", rich_help_panel=GRADIENT),
    ] = None,
    reads: Annotated[
        str | None,
        typer.Option(
            help="What it reads: integral, maximum, final, counts.", rich_help_panel=GRADIENT
        ),
    ] = None,
    smoothing: Annotated[
        float | None, typer.Option(help="Label smoothing.", rich_help_panel=GRADIENT)
    ] = None,
    wake: Annotated[
        float | None, typer.Option(help="Pull on silent neurons.", rich_help_panel=GRADIENT)
    ] = None,
    spike_cost: Annotated[
        float | None, typer.Option(help="Loss a hidden spike.", rich_help_panel=GRADIENT)
    ] = None,
    spike_target: Annotated[
        float | None,
        typer.Option(
            help="Spikes a neuron at which a hidden spike costs nothing; below, it pays.",
            rich_help_panel=GRADIENT,
        ),
    ] = None,
    spike_fall: Annotated[
        float | None,
        typer.Option(
            help="Share of the run in which that target falls from --init-spikes.",
            rich_help_panel=GRADIENT,
        ),
    ] = None,
    near: Annotated[
        float | None,
        typer.Option(
            help="Share of the threshold from which silent neurons learn; 0: none.",
            rich_help_panel=GRADIENT,
        ),
    ] = None,
    near_weight: Annotated[
        float | None, typer.Option(help="How much they learn.", rich_help_panel=GRADIENT)
    ] = None,
    tau_us: Annotated[
        float | None, typer.Option(help="Time constant of neurons.", rich_help_panel=GRADIENT)
    ] = None,
    init_spikes: Annotated[
        float | None,
        typer.Option(help="Spikes a neuron at the start.", rich_help_panel=GRADIENT),
    ] = None,
    init_output: Annotated[
        float | None,
        typer.Option(help="SD of the output's weights at the start.", rich_help_panel=GRADIENT),
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            help="Trained network to go on from: its weights, layers and neurons.",
            rich_help_panel=GRADIENT,
        ),
    ] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            help="Trained network whose probabilities are part of the target; "
            "give several for their mean.",
            rich_help_panel=GRADIENT,
        ),
    ] = None,
    teacher_share: Annotated[
        float | None, typer.Option(help="Their part of the target.", rich_help_panel=GRADIENT)
    ] = None,
    validate: Annotated[
        float | None,
        typer.Option(help="Share of the training half to validate on.", rich_help_panel=GRADIENT),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Epochs without a better one to stop after.", rich_help_panel=GRADIENT),
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
    from eventsnn.commands import train as commands

    given = {
        name: value
        for name, value in locals().items()
        if name in commands.TRAIN_OPTIONS and value is not None and _was_given(context, name)
    }
    if config is not None:
        given = commands.read_config(config) | given
    summary = commands.train(given, out, resume, threads or cores(), tensorboard, ERR)
    if as_json:
        print(json.dumps(summary))
    else:
        show.training(summary, OUT)


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"
