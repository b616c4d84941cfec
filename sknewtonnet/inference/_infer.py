"""The way in: from an objective and its minimum to the results of inference."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Ints
from sknewtonnet.calculus import BlockObjective, Loss, Objective, Rows
from sknewtonnet.calculus.functions.any_objective import AnyObjective, with_rows
from sknewtonnet.calculus.functions.critical_point import DENSE_LIMIT
from sknewtonnet.calculus.pieces.validation import check_count
from sknewtonnet.inference._checks import check_choice, check_rows
from sknewtonnet.inference._gate_units import OF_UNITS
from sknewtonnet.inference._minimum import WEIGHT_TYPES, Information
from sknewtonnet.inference._parameter_covariance import (
    COVARIANCES,
    Dependence,
    cluster_numbers,
    default_covariance,
    usual_lags,
)
from sknewtonnet.inference._reported import Reported
from sknewtonnet.inference._rescaled import Rescaled
from sknewtonnet.inference._restricted_fits import Minimiser, Refit, Start
from sknewtonnet.inference._results import InferenceResults


def infer(
    objective: AnyObjective,
    params: ArrayLike,
    *,
    active: ArrayLike | None = None,
    tight: ArrayLike | None = None,
    curvature: ArrayLike | None = None,
    converged: bool = True,
    refit: Minimiser | None = None,
    start: Start | None = None,
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    model: str = "Network",
    cov_type: str | None = None,
    weight_type: str | None = None,
    class_weights: bool = False,
    groups: ArrayLike | None = None,
    maxlags: int | None = None,
    use_t: bool | None = None,
    post_selection: bool = False,
    chosen_penalty: bool = False,
    rescaled: Rescaled | None = None,
    stacklevel: int = 2,
) -> InferenceResults:
    """Standard errors, tests, criteria, predictions and effects of any net at a minimum.

    The net may have any layers, losses and penalties, your own among them, and any method may have
    found the minimum. The ``inference`` of an estimator calls this function.

    Parameters
    ----------
    objective : Objective or BlockObjective
        The function that was minimised, on its data. Rows of weight 0 are left out. Of rows in
        blocks there is what sums over rows tell; what looks at single rows raises a ValueError.
    params : array-like of shape (n_parameters,)
        The minimum.
    active : array-like of shape (n_active, n_parameters), default=None
        Coefficients of the constraints that hold the minimum back, such as
        ``result.multipliers.active`` of a solver. Standard errors are those along the constraints.
    tight : array-like of shape (n_tight, n_parameters), default=None
        Coefficients of all constraints that hold with equality, those of ``active`` among them.
    curvature : array-like of shape (n_parameters, n_parameters), default=None
        Second derivatives of nonlinear constraints times their multipliers, as
        ``result.multipliers.curvature`` of a solver. Standard errors are then those on the curved
        surface, to first order: with the Hessian of the Lagrange function (Aitchison and Silvey
        1958). What fits again under constraints, such as likelihood-ratio tests, is refused.
    converged : bool, default=True
        False if the solver reports that the point is not a valid end of a fit. The gradient is
        checked in any case.
    refit : callable, default=None
        How to minimise again, for likelihood-ratio and score tests and profile intervals: from a
        :class:`sknewtonnet.calculus.SmoothFunction` and a start to a minimum of it, such as
        ``lambda f, w: get_solver("newton").minimize(f, w).params``. By default SciPy's
        "trust-exact".
    start : callable, default=None
        From a seed to a random start of the net, for the same tests. By default normal numbers
        whose size in each array is that of its fitted parameters.
    feature_names, output_names : sequence of str, default=None
        Names of the inputs and outputs; by default those of the network.
    model : str, default="Network"
        Name of the model in the summary.
    cov_type : str, default=None
        Kind of covariance, see :class:`InferenceResults`. None: "cluster" if ``groups`` are given,
        "HAC" if ``maxlags`` is; else "HC3" where the objective is no likelihood (sampling
        weights, class weights, losses without one); else "bayesian" under a penalty, and
        "hessian" without. ``cov_type`` of the results tells which.
    weight_type : {"frequency", "precision", "sampling"}, default=None
        What a weight s means: s equal rows; a row whose variance is the dispersion over s;
        or a row that stands for s rows of a population, for which only sandwich covariances are
        available. None: what the loss says, "precision" of "binomial", else "frequency".
    class_weights : bool, default=False
        Whether the weights contain class weights, so that the objective is no likelihood.
    groups : array-like of shape (n_samples,) or (n_samples, 2), default=None
        Label of the cluster of each row, for "cluster"; two columns where rows depend on each
        other within clusters of two kinds, such as firms and years.
    maxlags : int, default=None
        For "HAC", how many rows later a row may still depend on another one; None: 4 (n /
        100)^(2/9), rounded down.
    use_t : bool, default=None
        Whether tests use the t and F distributions, else the normal and chi-square. None: t and F
        where a dispersion is estimated (squared error, gamma).
    post_selection : bool, default=False
        Whether the form of the net was chosen on the same data, so that p-values are too small.
    chosen_penalty : bool, default=False
        Whether the strength of the penalty was chosen on the same data: "bayesian" errors then
        allow for what other data would have chosen.
    rescaled : Rescaled, default=None
        The same objective in other units, in which everything is reported.
    stacklevel : int, default=2
        Frame to which the warning points: 2 is the caller.

    Returns
    -------
    InferenceResults
        Each statistic is computed when it is first asked for.

    Raises
    ------
    ValueError
        If an argument has a wrong shape or value, or does not fit the loss or the weights; if
        there are more than 3000 parameters.

    Warns
    -----
    UserWarning
        If the gate finds that p-values cannot be relied on; ``diagnosis`` says why. If weights
        that are to count rows are no whole numbers.

    See Also
    --------
    InferenceResults : What it returns.
    sknewtonnet.NewtonMLPRegressor : An estimator, whose ``inference`` calls it.
    sknewtonnet.pipeline_inference : Statistics behind a preprocessing.
    sknewtonnet.calculus.critical_point : Whether the point is a minimum.

    Notes
    -----
    The cost is one exact Hessian and one Gauss-Newton matrix, about n P^2 flops each, and their
    eigenvalues, about 10 P^3 flops each. doc/statistics.md has the formulas and their sources.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Linear, Network, Objective, Quadratic
    >>> from sknewtonnet.inference import infer
    >>> from sknewtonnet.solvers import get_solver
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = 3.0 * np.exp(-((X - 0.5) ** 2).sum(axis=1)) + 0.1 * rng.normal(size=200)
    >>> forms = np.ones((1, 3, 3), dtype=bool)
    >>> forms[0, 2, 2] = False  # the output has a factor of its own
    >>> layers = [Quadratic((0,), 1), Linear((1,), 1)]
    >>> net = Network.from_layers(2, layers, connectivity={"quadratic_forms": forms})
    >>> f = Objective(net, "squared_error", X, y)
    >>> w = get_solver("newton").minimize(f, np.full(net.n_parameters, 0.5)).params
    >>> results = infer(f, w)
    >>> results.marginal_effects().names
    ['x0', 'x1']
    """
    network, loss = objective.network, objective.loss
    weight_type = loss.weight_type if weight_type is None else weight_type
    _check_kinds(loss, cov_type, weight_type, class_weights, groups, use_t)
    names = _names("feature_names", feature_names, network.feature_names)
    objective, clusters = _rows_that_count(objective, groups)
    at = _minimum(objective, params, active, tight, curvature, chosen_penalty)
    at = replace(at, weight_type=weight_type, class_weights=class_weights, converged=converged)
    cov_type = cov_type or default_covariance(at, Dependence(clusters, maxlags))
    lags = _lags(objective, cov_type, weight_type, maxlags)
    results = InferenceResults(
        information=at,
        reported=_reported(objective, rescaled),
        rescaled=rescaled,
        feature_names=names,
        output_names=_names("output_names", output_names, network.output_names),
        # Names that only count columns are not required of data frames.
        named=feature_names is not None or names != tuple(f"x{j}" for j in range(len(names))),
        model=f"{model}: {network.architecture}, loss {loss.name}",
        refit=Refit.of(network, at.params, refit, start),
        cov_type=cov_type,
        groups=clusters,
        maxlags=lags,
        use_t=loss.free_dispersion if use_t is None else bool(use_t),
        post_selection=post_selection,
    )
    _warn(results, stacklevel + 1)
    return results


def _reported(objective: Objective, rescaled: Rescaled | None) -> Reported:
    """What there is to report, in the units of the table."""
    units = None if rescaled is None else rescaled.map
    return Reported.of(objective.network, objective.loss.shift_invariant, units)


def _minimum(
    objective: Objective,
    params: ArrayLike,
    active: ArrayLike | None,
    tight: ArrayLike | None,
    curvature: ArrayLike | None,
    chosen_penalty: bool,
) -> Information:
    """The point and the constraints there, checked."""
    size = objective.n_parameters
    if size > DENSE_LIMIT:
        raise ValueError(
            f"inference for {size} parameters needs the eigenvalues of dense Hessians, which is "
            f"refused above {DENSE_LIMIT}: use fewer units."
        )
    return Information(
        objective,
        check_rows("params", params, size),
        None if active is None else check_rows("active", active, size),
        tight=None if tight is None else check_rows("tight", tight, size),
        curvature=None if curvature is None else check_rows("curvature", curvature, size),
        chosen_penalty=chosen_penalty,
    )


def _names(argument: str, given: Sequence[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """Names as they are given, or those of the network."""
    names = known if given is None else tuple(str(name) for name in given)
    if len(names) != len(known):
        raise ValueError(f"{argument} must be {len(known)} names, got {list(names)}.")
    return names


def _rows_that_count(
    objective: AnyObjective, groups: ArrayLike | None
) -> tuple[Objective, Ints | None]:
    """The objective, and the numbers of clusters, without rows of weight zero."""
    if isinstance(objective, BlockObjective):
        if groups is not None:
            raise ValueError(
                "groups needs all rows in memory together, since a cluster may have rows in "
                'several blocks: leave it out, or use cov_type="HC3" of rows that fit.'
            )
        return with_rows(objective.counted()), None
    clusters = None if groups is None else cluster_numbers(groups, objective.n_samples)
    kept = objective.sample_weight > 0
    if kept.all():
        return objective, clusters
    if clusters is not None:
        clusters = cluster_numbers(clusters[kept], int(kept.sum()))
    data = objective.samples[kept], objective.targets[kept], objective.sample_weight[kept]
    offset = None if objective.offset is None else objective.offset[kept]
    return objective.on(*data, offset), clusters


def _lags(
    objective: Objective, cov_type: str, weight_type: str, maxlags: int | None
) -> int | None:
    """How many lags there are, checked."""
    n = objective.n_samples
    if not COVARIANCES[cov_type].lagged:
        if maxlags is not None:
            raise ValueError(f'maxlags is for cov_type="HAC", got cov_type={cov_type!r}.')
        return None
    if isinstance(objective, BlockObjective):
        raise ValueError(
            'cov_type="HAC" needs all rows in memory together, since rows of one block may depend '
            "on those of the next: use another cov_type, or rows that fit."
        )
    if weight_type == "frequency" and (objective.sample_weight != 1.0).any():
        raise ValueError(
            'cov_type="HAC" needs one row for each time, so weights cannot count rows: use '
            'weight_type="precision" or "sampling".'
        )
    if maxlags is None:
        return usual_lags(n)
    check_count("maxlags", maxlags, 0)
    if maxlags >= n:
        raise ValueError(f"maxlags must be less than the {n} rows, got {maxlags}.")
    return int(maxlags)


def _check_kinds(
    loss: Loss,
    cov_type: str | None,
    weight_type: str,
    class_weights: bool,
    groups: ArrayLike | None,
    use_t: bool | None,
) -> None:
    check_choice("weight_type", weight_type, WEIGHT_TYPES)
    check_choice("use_t", use_t, (True, False, None))
    if cov_type is None:
        return
    check_choice("cov_type", cov_type, tuple(COVARIANCES))
    kind = COVARIANCES[cov_type]
    if kind.clustered != (groups is not None):
        clustered = " or ".join(f'"{name}"' for name, k in COVARIANCES.items() if k.clustered)
        raise ValueError(
            f"cov_type={clustered} and groups go together, got cov_type={cov_type!r} and "
            f"groups={'None' if groups is None else 'labels'}."
        )
    if not kind.model_based:
        return
    robust = [name for name, k in COVARIANCES.items() if not k.model_based]
    reason = None
    if weight_type == "sampling":
        reason = 'weight_type="sampling"'
    elif not loss.likelihood:
        reason = f"the loss {loss.name}, which is no likelihood,"
    elif class_weights:
        reason = "class_weight, which makes the objective no likelihood,"
    if reason is not None:
        raise ValueError(f"{reason} needs a cov_type of {robust}, got {cov_type!r}.")


def _warn(results: InferenceResults, stacklevel: int) -> None:
    """Say the worst of what is known without fits of smaller nets, and of weights."""
    information = results.information
    counted = information.weight_type == "frequency" and not information.class_weights
    if counted and any(information.objective.over_rows(_has_fractions)):
        message = (
            "Weights that are no whole numbers do not count rows, as "
            'weight_type="frequency" takes them '
            f"({results.n_obs:.6g} rows in all): for known variances use "
            'weight_type="precision", for a survey "sampling".'
        )
        warnings.warn(message, UserWarning, stacklevel=stacklevel)
    with results.information.threads():  # the gate looks at Hessians
        grave = [finding for finding in results._first_findings if finding.severity != "note"]
    if grave:
        more = f" ({len(grave) - 1} more in .diagnosis)" if len(grave) > 1 else ""
        hint = ""
        if grave[0].severity != "fatal" and any(f.kind in OF_UNITS for f in grave):
            hint = " Weights are not identified; effects of features (see summary()) are."
        warnings.warn(
            f"Inference: {grave[0].message}{hint}{more}", UserWarning, stacklevel=stacklevel
        )


def _has_fractions(rows: Rows) -> bool:
    """Whether some weights are no whole numbers."""
    weight = rows.sample_weight
    return bool((np.abs(weight - np.rint(weight)) > 1e-8 * weight).any())
