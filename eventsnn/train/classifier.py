"""A network that learns classes, with the methods that scikit-learn's classifiers have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsnn.data.classes import numbered_as
from eventsnn.data.dataset import Data, DataSet, inputs_of, labels_of, sensor_of
from eventsnn.data.facts import USUAL, facts_of
from eventsnn.engines.stop import Stop
from eventsnn.errors import UserError
from eventsnn.events import EventBatch, EventStream
from eventsnn.files.outputs import check_output_folder
from eventsnn.losses.loss import TargetLoss
from eventsnn.network import Network, Weights
from eventsnn.network.layer_string import text_of
from eventsnn.rules.evaluation import outputs_of
from eventsnn.rules.rule import Reading, Rule
from eventsnn.text import epochs_of
from eventsnn.train.asked import asked
from eventsnn.train.checkpoint import FILE, Checkpoint, save_checkpoint
from eventsnn.train.described import outputs, told
from eventsnn.train.learning import Learner
from eventsnn.train.listening import Told, tell_first
from eventsnn.train.options import TrainOptions, completed
from eventsnn.train.run_folder import forget, hold
from eventsnn.train.samples import Samples, halves_of, labelled, samples_of
from eventsnn.train.start import give_weights
from eventsnn.train.trainable import check_filter, on_the_grid, times
from eventsnn.train.trainer import Trainer


class Classifier:
    """A spiking network that learns which class a recording belongs to.

    Parameters
    ----------
    layers : str or Network
        Layers such as ``"34x34x2-12c5-2p-10"`` (docs/reference/layers.md); empty: one hidden layer
        of 200. Or a network of your own, whose last population is the output: the adjoint learns
        layered ones, EventProp any graph of ``CubaLIF`` and ``Readout``.
    rule : str or Rule
        The word of a rule, or a rule with some options:
        ``eventsnn.rules.Adjoint(near_threshold=0.7)``. What is not given is the recipe that
        suits the data.
    threads : int
        Changes no bit.
    verbose : bool
        Print a line an epoch to standard error, and before them what is about to be done.
    options
        Of the run and of the rule, by the names that ``eventsnn train`` has them:
        ``epochs=6, seed=0, rate=0.001, loss="cross-entropy"`` (docs/reference/options/). Without
        ``epochs`` so many as show 55,000 recordings, from 2 to 60.

    Attributes
    ----------
    classes_ : int64 array (n_classes,)
        0, 1, ...; known after ``fit``.
    n_features_in_ : int
        Inputs of the network.
    history_ : list of dict
        A row an epoch: ``epoch``, ``seconds``, ``accuracy_while_learning``, ``loss``, ...;
        ``warnings`` where something is wrong, which ``fit`` warns of once.
    network_ : Network, or the description of the rule's own
    weights_ : dict from connection name to array
        Of a rule whose network the simulator runs; they may be read-only.

    Raises
    ------
    UserError
        For options that are unknown or make no sense, and for data that do not fit.

    Examples
    --------
    >>> import eventsnn as es
    >>> data = es.open_data("digits", limit=60)  # doctest: +SKIP
    >>> model = es.Classifier("2312-100-10", rule="adjoint", epochs=2).fit(data)  # doctest: +SKIP
    >>> model.score(data.test), model.predict(data.test[0])  # doctest: +SKIP
    """

    def __init__(
        self,
        layers: str | Network = "",
        rule: str | Rule[Any, Any] = "adjoint",
        *,
        threads: int = 1,
        verbose: bool = False,
        **options: Any,
    ) -> None:
        asked(layers, rule, options)  # refuses what makes no sense, before anything is kept
        self.layers, self.rule, self.threads, self.verbose = layers, rule, threads, verbose
        self.options = options
        self._learner: Learner | None = None
        self._saved: Checkpoint | None = None

    def _asked(self, data: DataSet | None = None, exact: bool = False) -> TrainOptions:
        facts = USUAL if data is None else facts_of(data)
        return asked(self.layers, self.rule, self.options, facts, exact)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return what the constructor was given, as scikit-learn asks for it."""
        own = {name: getattr(self, name) for name in ("layers", "rule", "threads", "verbose")}
        return own | self.options

    def set_params(self, **params: Any) -> Classifier:
        """Change what the constructor was given; ``fit`` learns with it."""
        self.__init__(**(self.get_params() | params))  # type: ignore[misc]
        return self

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what it is, for its searches and cross-validation."""
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        target = TargetTags(required=False)
        return Tags("classifier", target, classifier_tags=ClassifierTags())

    def fit(
        self, X: Samples, y: ArrayLike | None = None, *, test: Samples | None = None
    ) -> Classifier:
        """Learn from recordings.

        Parameters
        ----------
        X : DataSet, EventBatch, or sequence of EventStream
            Of a data set, the training half; its test half is evaluated after each epoch.
        y : int array (n,), optional
            Classes; those of the recordings if it is left out.
        test : as ``X``, optional
            Recordings that are evaluated after each epoch, for ``history_``; nothing is chosen
            by them.

        Returns
        -------
        Classifier
            This one.
        """
        data, tested = halves_of(X, y, test)
        options = completed(self._asked(data), data)
        trainer = Trainer(options, data, None, self.threads)
        tell_first(options, data, self.verbose)
        trainer.learn(Told(self.verbose, tested))
        self.take(trainer.learner, trainer.checkpoint(), tested)
        return self

    def with_weights(self, network: Network, weights: Weights, data: Samples) -> Classifier:
        """Become a network that learned in a loop of one's own: it predicts and is saved.

        Parameters
        ----------
        network : Network
            That of the layers and of the rule's options.
        weights : mapping by connection name, or sequence in connection order
        data : as ``X`` of ``fit``
            What it learned from.

        Raises
        ------
        UserError
            If the network is not that of the layers and the rule, or weights or data do not fit.
        """
        halves, tested = halves_of(data)
        options = completed(self._asked(halves, exact=True), halves)
        trainer = Trainer(options, halves, None, self.threads)
        give_weights(trainer.learner, network, weights)
        self.take(trainer.learner, trainer.checkpoint(), tested)
        return self

    def take(self, learner: Learner, saved: Checkpoint, tested: bool = True) -> None:
        """Become the network of a learner."""
        learner.settle()
        self._learner, self._saved = learner, saved
        self.n_features_in_ = learner.sizes[0]
        self.classes_ = np.arange(outputs(learner.options))
        of_test = () if tested else ("test_accuracy", "no_answer", "spikes_per_recording")
        rows = saved.info["history"]
        self.history_ = [{k: v for k, v in row.items() if k not in of_test} for row in rows]
        reading = learner.reading
        self.network_ = learner.network if reading is None else reading.network
        self.weights_: dict[str, NDArray[Any]] = {}
        if reading is not None:
            pairs = zip(reading.network.connections, reading.weights, strict=True)
            self.weights_ = {connection.name: array for connection, array in pairs}

    @property
    def learner(self) -> Learner:
        """The trained network, as the trainer knows it; UserError before ``fit``."""
        if self._learner is None:
            raise UserError("the classifier has learned nothing yet; call fit first, or load one")
        return self._learner

    @property
    def saved(self) -> Checkpoint:
        """What ``save`` writes; UserError before ``fit``."""
        assert self.learner and self._saved is not None
        return self._saved

    def predict(self, X: Samples, *, stop: Stop | str | None = None) -> NDArray[np.int64] | int:
        """Return the class of each recording, int64 (n,); of one stream, an int.

        -1 where there is no answer: the output stayed silent. With ``stop``, such as "margin:2.0",
        nothing more is delivered once an answer is clear.
        """
        data = self._fitting(X)
        if stop is not None:
            early = self.learner.until_clear(data, Stop.of(stop), self.threads).classes
            return int(early[0]) if isinstance(X, EventStream) else early
        order = np.arange(len(data))
        classes = self.learner.rule.predict(self.learner.state, data, order, self.threads).classes
        return int(classes[0]) if isinstance(X, EventStream) else classes

    def predict_proba(self, X: Samples) -> NDArray[np.float64]:
        """Return the probability of each class, (n, n_classes); UserError if it has none."""
        reading, data = self._probable(), self._fitting(X)
        assert isinstance(data, EventBatch) and isinstance(reading.loss, TargetLoss)
        outputs = outputs_of(*reading, data, self.threads)
        return reading.loss.probabilities(outputs)

    def _probable(self) -> Reading:
        """Return the trained network, if its outputs are probabilities."""
        reading = self.learner.reading
        if reading is None or not isinstance(reading.loss, TargetLoss):
            raise UserError(
                f"predict_proba: a network of the rule {self.learner.rule.kind} with this loss "
                "gives no probabilities; learn with loss='cross-entropy'"
            )
        return reading

    def score(
        self, X: Samples, y: ArrayLike | None = None, *, stop: Stop | str | None = None
    ) -> float:
        """Return the share of right answers; no answer is wrong.

        ``y`` are the classes, int (n,), or those of the recordings; ``stop`` is as in ``predict``.
        """
        data = self._fitting(X)
        data = data if y is None else labelled(data, y)
        labels, classes = labels_of(data), np.atleast_1d(self.predict(data, stop=stop))
        unknown = np.flatnonzero(labels < 0)
        if not len(data):
            raise UserError("score: there are no recordings; give at least one")
        if unknown.size:
            raise UserError(f"score: recording {unknown[0]} has no label; give y")
        return float((classes == labels).mean())

    def _fitting(self, given: Samples) -> Data:
        """Return samples that the network can take."""
        options, info = self.learner.options, self.saved.info
        if isinstance(given, DataSet):
            names = info.get("data", {}).get("names", ())
            given = numbered_as(given, tuple(names), "the classifier")
            check_filter(given, options.view)
        data = on_the_grid(samples_of(given, "test"), options.view.grid_us)
        sensor = tuple(info["input_shape"])
        placed = info.get("placed") is not False  # else any sensor of as many units
        unfit = placed and sensor_of(data) != sensor
        if inputs_of(data) != self.n_features_in_ or unfit:
            seen = f", seen with {options.view} (DataSet.viewed)" if options.view else ""
            raise UserError(
                f"{data.source}: has inputs of {times(sensor_of(data))}, {told(options)} "
                f"learned from {times(sensor)}{seen}; give such recordings"
            )
        return data

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the network into a folder that every command takes: ``evaluate``, ``measure``, ...

        Parameters
        ----------
        overwrite : bool
            Take the place of a network that the folder holds, with all that its run left there.

        Raises
        ------
        UserError
            If it has learned nothing, the folder holds a run, or it cannot be written.
        """
        place, saved = Path(folder), self.saved
        check_output_folder("save", place)
        if (place / FILE).exists() and not overwrite:
            raise UserError(
                f"{place}: holds a network already; give overwrite=True, or another folder"
            )
        with hold(place):
            forget(place)
            info = saved.info | {"options": self.learner.options.to_json()}
            save_checkpoint(place, replace(saved, info=info))

    def __repr__(self) -> str:
        """Return one line of facts."""
        rule = self.rule if isinstance(self.rule, str) else repr(self.rule)
        network: Any = self.layers or "with default layers"
        if self._learner is None:
            return f"<Classifier {network}, {rule}, not trained>"
        network = network if isinstance(network, Network) else text_of(self._learner.options.layers)
        return f"<Classifier {network}, {rule}, {epochs_of(len(self.history_))}>"
