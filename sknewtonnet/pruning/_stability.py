"""How often parts of a net survive when the data vary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone, is_classifier
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.parallel import Parallel, delayed

from sknewtonnet._names import must_be_one_of
from sknewtonnet._tables import Report, Shown, Table, counted, fixed, imported_pandas
from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus import Network
from sknewtonnet.calculus.functions.units import connected_units
from sknewtonnet.estimators import fit_of
from sknewtonnet.inspection import aligned
from sknewtonnet.pruning._backward import BackwardPruning
from sknewtonnet.pruning._meta import those_given
from sknewtonnet.pruning._stage import names_of, net_at_end

RESAMPLINGS = ("bootstrap", "folds")


@dataclass(frozen=True, eq=False, repr=False)
class PruningStability(Shown):
    """How often the inputs and units of a net survive pruning on resampled rows.

    An input that is left in nearly all resamples is needed, whatever the draw of the rows; one
    that comes and goes is as good as another input, or as none. :func:`pruning_stability` makes
    it.

    Parameters
    ----------
    feature_names : list of str
        Names of the inputs.
    feature_frequency : ndarray of shape (n_features,)
        Fraction of the resamples after which the pruned net still depends on the input.
    unit_names : list of str
        Names of the hidden units of the net on all data.
    unit_frequency : ndarray of shape (n_units,)
        Fraction of the resamples after which the unit is left, once permutations and signs of
        units are undone.
    n_units : ndarray of shape (n_resamples,)
        Number of hidden units left after each resample.
    n_parameters : ndarray of shape (n_resamples,)
        Number of parameters left after each resample.
    pruned : BackwardPruning
        The fit to all data, with which the others are compared.

    See Also
    --------
    pruning_stability : The function that makes it.
    BackwardPruning : The pruning that is repeated.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import BackwardPruning, NewtonMLPRegressor
    >>> from sknewtonnet.pruning import pruning_stability
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(150, 2))
    >>> y = 2.0 * X[:, 0] + 0.1 * rng.normal(size=150)
    >>> pruning = BackwardPruning(NewtonMLPRegressor((), alpha=0.0, random_state=0))
    >>> found = pruning_stability(pruning, X, y, n_resamples=2, random_state=0)
    >>> always, at_times = found.feature_frequency
    >>> float(always), bool(at_times < 1.0)
    (1.0, True)
    """

    feature_names: list[str]
    feature_frequency: Array
    unit_names: list[str]
    unit_frequency: Array
    n_units: Ints
    n_parameters: Ints
    pruned: BackwardPruning

    def to_frame(self) -> Any:
        """Put the frequencies of inputs and units into a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            "frequency", and "kept" on all data, by "kind" ("feature" or "unit") and "name".
        """
        pd = imported_pandas()
        kept = [self.pruned.support_, np.concatenate([*self.pruned.unit_support_, []])]
        names = [("feature", name) for name in self.feature_names]
        names += [("unit", name) for name in self.unit_names]
        return pd.DataFrame(
            {
                "frequency": np.r_[self.feature_frequency, self.unit_frequency],
                "kept": np.concatenate(kept).astype(bool),
            },
            index=pd.MultiIndex.from_tuples(names, names=["kind", "name"]),
        )

    def _report(self) -> Report:
        kinds = [("feature", len(self.feature_names)), ("unit", len(self.unit_names))]
        labels = {
            "kind": [kind for kind, size in kinds for _ in range(size)],
            "name": [*self.feature_names, *self.unit_names],
        }
        kept = [*self.pruned.support_, *np.concatenate([*self.pruned.unit_support_, []])]
        columns = {
            "frequency": fixed([*self.feature_frequency, *self.unit_frequency], 2),
            "kept": ["yes" if there else "no" for there in kept],
        }
        note = f"Frequency: share of {counted(len(self.n_units), 'resample')} that keep it."
        return Report("Stability of a pruning", [Table.of(labels, columns)], [note])

    def _in_words(self) -> str:
        features, units = len(self.feature_names), len(self.unit_names)
        resamples = counted(len(self.n_units), "resample")
        return f"of {counted(features, 'feature')} and {counted(units, 'unit')} over {resamples}"


def pruning_stability(
    pruning: BackwardPruning,
    X: ArrayLike,
    y: ArrayLike,
    *,
    resampling: str = "bootstrap",
    n_resamples: int = 20,
    random_state: int | None = None,
    n_jobs: int | None = None,
    offset: ArrayLike | None = None,
    exposure: ArrayLike | None = None,
) -> PruningStability:
    """Prune again on resampled rows, and count what survives.

    A single pruning says which parts one table makes significant. Repeated on resampled rows it
    tells which of these hang on the draw: stability selection, without a bound of the errors.

    Parameters
    ----------
    pruning : BackwardPruning
        The net and how to prune it; it is cloned.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    resampling : {"bootstrap", "folds"}, default="bootstrap"
        "bootstrap": rows drawn with replacement, as weights. "folds": all rows except those of
        one of ``n_resamples`` random folds. Both keep the share of each class.
    n_resamples : int, default=20
        Number of resamples, from 2 to the number of rows.
    random_state : int or None, default=None
        Seed of the resampling.
    n_jobs : int or None, default=None
        Number of resamples to prune in parallel, as in joblib. The result is the same to the last
        bit.
    offset, exposure : array-like, default=None
        Known terms of the rows, as in the net's ``fit``.

    Returns
    -------
    PruningStability
        Frequencies of inputs and units, and the fit to all data.

    Raises
    ------
    ValueError
        If an argument has another value, or a fit is no minimum.

    See Also
    --------
    PruningStability : What it returns.
    BackwardPruning : The pruning that is repeated.

    Notes
    -----
    The cost is that of ``n_resamples + 1`` fits of ``pruning``.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import BackwardPruning, NewtonMLPRegressor
    >>> from sknewtonnet.pruning import pruning_stability
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(150, 3))
    >>> y = np.tanh(2.0 * X[:, 0]) + 0.1 * rng.normal(size=150)
    >>> net = NewtonMLPRegressor((1,), alpha=0.1, random_state=0)
    >>> found = pruning_stability(BackwardPruning(net), X, y, n_resamples=3, random_state=0)
    >>> float(found.feature_frequency[0])
    1.0
    >>> found.n_parameters.shape
    (3,)
    """
    if not isinstance(pruning, BackwardPruning):
        raise ValueError(f"pruning must be a BackwardPruning, got {type(pruning).__name__}.")
    if resampling not in RESAMPLINGS:
        raise ValueError(must_be_one_of("resampling", resampling, RESAMPLINGS))
    check_consistent_length(X, y)
    n = np.shape(X)[0]
    if not isinstance(n_resamples, Integral) or not 2 <= n_resamples <= n:
        raise ValueError(
            f"n_resamples must be an integer from 2 to the number of rows, {n}, got "
            f"{n_resamples!r}."
        )
    rng = check_random_state(random_state)
    groups = [np.arange(n)]
    if is_classifier(pruning.estimator) and np.ndim(y) == 1:  # no resample may lose a class
        groups = [np.flatnonzero(np.asarray(y) == label) for label in np.unique(y)]
    weights = _weights(groups, n, resampling, int(n_resamples), rng)
    known = those_given(offset=offset, exposure=exposure)
    whole, *others = Parallel(n_jobs=n_jobs)(
        delayed(_pruned)(clone(pruning), X, y, {"sample_weight": weight, **known})
        for weight in [np.ones(n), *weights]
    )
    network = _whole_network(whole)
    points = [_in_whole(network, pruned) for pruned in (whole, *others)]
    alive = np.array([_alive(network, aligned(network, w, points[0])) for w in points[1:]])
    return PruningStability(
        feature_names=list(names_of(whole)),
        feature_frequency=np.mean([other.support_ for other in others], axis=0),
        unit_names=[name for names in network.unit_names for name in names],
        unit_frequency=alive.mean(axis=0),
        n_units=alive.sum(axis=1),
        n_parameters=np.array([len(net_at_end(other.estimator_).params_) for other in others]),
        pruned=whole,
    )


def _weights(
    groups: list[Ints],
    n: int,
    resampling: str,
    n_resamples: int,
    rng: np.random.RandomState,
) -> list[Ints]:
    """How often each row counts in each resample, drawn within groups of rows."""
    found = [np.zeros(n, dtype=np.intp) for _ in range(n_resamples)]
    for rows in groups:
        if resampling == "bootstrap":
            for weight in found:
                drawn = rng.randint(len(rows), size=len(rows))
                weight[rows] = np.bincount(drawn, minlength=len(rows))
        else:
            fold = rng.permutation(len(rows)) % n_resamples
            for k, weight in enumerate(found):
                weight[rows] = fold != k
    return found


def _pruned(
    pruning: BackwardPruning, X: ArrayLike, y: ArrayLike, rows: Mapping[str, ArrayLike]
) -> BackwardPruning:
    return pruning.fit(X, y, **rows)


def _whole_network(pruned: BackwardPruning) -> Network:
    """The net with all the connections that it had before."""
    return fit_of(net_at_end(pruned.estimator_)).network.with_connectivity(
        net_at_end(pruned.estimator).connectivity
    )


def _in_whole(network: Network, pruned: BackwardPruning) -> Array:
    """Parameters of a pruned net as of the whole one, zero where nothing is left."""
    fit = fit_of(net_at_end(pruned.estimator_))
    layout = fit.network.layout
    return np.asarray(network.layout.restrict(layout.expand(fit.params), layout.exists))


def _alive(network: Network, w: Array) -> Bools:
    """Which hidden units a path of parameters that are not 0 connects to the output."""
    _, *hidden, _ = connected_units(network, [matrix != 0 for matrix in network.matrices(w)])
    return np.concatenate([*hidden, np.zeros(0, dtype=bool)])
