"""Backward pruning: fit, test, take the least significant away, refit."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from sknewtonnet._sklearn import Names, Number, Options
from sknewtonnet._typing import Bools
from sknewtonnet.calculus.functions.constraints import listed_constraints
from sknewtonnet.calculus.functions.critical_point import DENSE_LIMIT
from sknewtonnet.calculus.functions.units import connected_units
from sknewtonnet.estimators import BaseNewtonNet, Fit, fit_from, fit_of
from sknewtonnet.inference import COVARIANCES, CRITERIA, fatal_messages, findings
from sknewtonnet.pruning._judge import Judge
from sknewtonnet.pruning._meta import MetaNet, Task, advice, with_chosen_alpha
from sknewtonnet.pruning._parts import UNITS
from sknewtonnet.pruning._path import PruningPath, PruningStep
from sknewtonnet.pruning._removals import Removals, Rules
from sknewtonnet.pruning._significance import METHODS
from sknewtonnet.pruning._stage import names_of


class BackwardPruning(SelectorMixin, MetaNet):
    """Remove the parts that a net does not need: units, then inputs, then weights.

    Fit the net, order its units (then its inputs, then its weights) by tests, and remove the
    least significant ones. Move the others to the new minimum of the quadratic model (optimal
    brain surgeon), refit from there, and accept if an information criterion does not grow; else
    restore the net. Stop when nothing more can go. Units without incoming or outgoing weights are
    removed as well; the constants that they leave go into the intercepts.

    Parameters
    ----------
    estimator : NewtonMLPRegressor, NewtonMLPClassifier, RBFNetRegressor, RBFNetClassifier, \
            NewtonNetRegressor, NewtonNetClassifier, or a Pipeline that ends in one
        The net. It is cloned. The steps before it are fitted once, to X and y alone. A penalty
        that the net chooses (``alpha="auto"``) is chosen once, before pruning: ``alpha`` of the
        net that is left has its strength, and its ``alpha_selection_`` says how it was chosen.
    criterion : {"wald", "obs", "obd"}, default="wald"
        The order of removal: by the p-value of a Wald test (the statistical stepwise method of
        Cottrell et al. 1995), the saliency of optimal brain surgeon (Hassibi and Stork 1993), or
        of optimal brain damage (LeCun, Denker and Solla 1990). Saliencies L become p-values as
        2 L / dispersion.
    unit : {"auto", "weight", "neuron", "feature"}, default="auto"
        What is removed in one piece. "weight": a coefficient, or a parameter of another layer
        that is zero where an input has no effect. "neuron": all that leaves a hidden unit or a
        centre. "feature": all that leaves an input, skip connections included. "auto": first
        units, since tests of a net with units that it does not need say little; then inputs,
        where the net has weights that belong to one; then weights.
    significance_level : float or None, default=None
        Parts with a smaller p-value stay, whatever the criterion says. None: tests only order
        what is tried, and the criterion decides alone.
    scoring : {"aic", "aicc", "bic", "nic", "tic", "gcv"} or None, default="bic"
        Criterion that must not grow with a removal. If the net before tells all rows apart, and
        rows left out (to one Newton step) but for a fifth of their loss, a likelihood says
        little: then their mean loss must fall as well, by half a standard error at least. None,
        with a significance level, accepts every removal that is not significant, which is unsafe
        for well separated classes: Wald's statistic is small there even for weights that matter
        (Hauck and Donner 1977).
    step : int or float, default=0.1
        Maximum number of parts to remove at a time; a float below 1 is a fraction of the parts
        left. If the removal is refused, half as many are tried, down to one; then one at a time
        until one is accepted.
    cov_type : {"hessian", "gauss-newton", "bayesian", "HC0", "HC1", "HC2", "HC3"}, \
            default="bayesian"
        Covariance of the Wald test. Under a penalty "bayesian" is the wider one, of estimates
        that are shrunk; without it the same as "hessian".
    max_steps : int or None, default=None
        Maximum number of attempts; None for no limit.
    verbose : int, default=0
        1 prints each step.

    Attributes
    ----------
    estimator_ : object
        The pruned net, fitted, or the pipeline with it at its end; the ``connectivity`` of the
        net is False for removed parameters. Its inference reports that p-values come after a
        selection.
    path_ : PruningPath
        The removals, step by step, with statistics; ``path_.to_frame()`` and ``path_.plot()``.
    support_ : ndarray of bool of shape (n_features_in_,)
        Inputs that the net still depends on; behind a preprocessing, the columns before it from
        which they come (all, if a step mixes them).
    unit_support_ : list of ndarray of bool
        Hidden units that are left, for each layer.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, where X has any.

    See Also
    --------
    InformationCriterionSearch : Chooses the size of a net, best before pruning.
    sklearn.feature_selection.RFE : Drops features by importance, without refits from a minimum.

    Notes
    -----
    P-values of the pruned net are too small, since the data chose what is tested. The test of a
    hidden unit by its outgoing weights has no exact null distribution, since its incoming weights
    are not identified if those are zero. So the criterion has the last word, and the result needs
    a confirmation on other data (doc/statistics.md 3.3). A step costs about n P^2 + 10 P^3 flops
    and a few Newton steps. Callbacks are called after each step ("step") and may stop the run.

    References
    ----------
    Cottrell, Girard, Girard, Mangeas and Muller (1995), Neural modeling for time series: a
    statistical stepwise method for weight elimination, IEEE Transactions on Neural Networks 6.
    Hassibi and Stork (1993), Second order derivatives for network pruning, NIPS 5.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import BackwardPruning, NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 4))
    >>> y = np.tanh(1.5 * X[:, 0] - X[:, 1]) + 0.1 * rng.normal(size=200)
    >>> net = NewtonMLPRegressor((2,), alpha=0.01, n_init=3, random_state=0)
    >>> pruned = BackwardPruning(net).fit(X, y)
    >>> pruned.get_feature_names_out().tolist()
    ['x0', 'x1']
    """

    _net_name = "estimator_"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "criterion": [Names(METHODS)],
        "unit": [Names(("auto", *UNITS))],
        "significance_level": [Number(Real, 0, 1, closed="neither"), None],
        "scoring": [Names(CRITERIA), None],
        "step": [
            Number(Integral, 1, None, closed="left"),
            Number(Real, 0, 1, closed="neither"),
        ],
        "cov_type": [Names({name for name, kind in COVARIANCES.items() if not kind.clustered})],
        "max_steps": [Number(Integral, 1, None, closed="left"), Options(type(None), {None})],
        "verbose": ["verbose"],
    }

    criterion: str
    unit: str
    significance_level: float | None
    scoring: str | None
    step: float
    cov_type: str
    max_steps: int | None
    verbose: int

    estimator_: Any
    path_: PruningPath
    support_: Bools
    unit_support_: list[Bools]

    def __init__(
        self,
        estimator: BaseNewtonNet | Pipeline,
        *,
        criterion: str = "wald",
        unit: str = "auto",
        significance_level: float | None = None,
        scoring: str | None = "bic",
        step: float = 0.1,
        cov_type: str = "bayesian",
        max_steps: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.criterion = criterion
        self.unit = unit
        self.significance_level = significance_level
        self.scoring = scoring
        self.step = step
        self.cov_type = cov_type
        self.max_steps = max_steps
        self.verbose = verbose

    def _fitted(
        self, net: Any, X: ArrayLike, y: ArrayLike, rows: Mapping[str, ArrayLike], task: Task
    ) -> dict[str, Any]:
        self._check_settings()
        with task.part("first fit", "estimator_").around(net):
            net.fit(X, y, **rows)
        start = task.stage.named(net, fit_of(net, X, y, **rows))

        def refitted(last: Fit) -> Any:
            smaller = with_chosen_alpha(net).set_params(connectivity=last.connectivity)
            left = fit_from(smaller, last, X, y, **rows, post_selection=True)
            left.alpha_selection_ = net.alpha_selection_  # on these data, as inference says
            return left

        self._check_testable(net, start)
        rules = Rules(
            self.criterion,
            self.unit,
            self.significance_level,
            self.step,
            self.cov_type,
            self.max_steps,
        )
        removals = Removals(
            start,
            Judge.of(start, self.scoring),
            rules,
            lambda fit: task.step("step", lambda: {"estimator_": refitted(fit)}),
            self._said,
        )
        removals.run()
        last = removals.fit
        support, *unit_support = connected_units(last.network)[:-1]
        return {
            "estimator_": refitted(last),
            "path_": PruningPath(removals.steps, self.scoring),
            "support_": support,
            "unit_support_": unit_support,
        }

    def _check_settings(self) -> None:
        if self.scoring is None and self.significance_level is None:
            raise ValueError(
                "scoring=None leaves the decision to significance_level, which must then be a "
                "number between 0 and 1, got None."
            )

    def _check_testable(self, net: Any, start: Fit) -> None:
        if self.unit == "feature" and start.information.input_parameters is None:
            raise ValueError(
                'unit="feature" needs layers with parameters that are zero where an input has '
                f"no effect, such as linear ones, got {type(net).__name__}: no zero weight "
                "removes an input from a radial unit, or one that shares its weights with others."
            )
        named = [
            *(net.bounds or {}),
            *(n for terms, *_ in net.linear_constraints or [] for n in terms),
        ]
        single = [name for name in named if name not in start.network.layout.shapes]
        if single:
            raise ValueError(
                f"constraints name the parameter {single[0]!r}, which may go: when a net is "
                "pruned, bounds must name whole arrays, and linear constraints none."
            )
        if not all(each.follows_names for each in listed_constraints(net.constraints)):
            raise ValueError(
                "a NonlinearConstraint on all parameters does not suit a net that loses some: "
                "name the arrays that it reads by its argument arrays."
            )
        if start.n_parameters > DENSE_LIMIT:
            raise ValueError(
                f"the net has {start.n_parameters} parameters; pruning needs dense Hessians, "
                f"which are refused above {DENSE_LIMIT}."
            )
        if not start.information.is_likelihood:
            raise ValueError(
                f"the net cannot be tested: the loss {start.loss.name}, or class_weight, makes "
                "its objective no likelihood."
            )
        fatal = fatal_messages(findings(start.information, start.feature_names))
        if fatal:
            point, n = start.verdict, start.information.objective.n_samples
            raise ValueError(
                f"the net cannot be tested (critical_point_={point!r}, n_samples = {n}): "
                f"{fatal[0]}{advice(point)}"
            )

    def _said(self, step: PruningStep) -> None:
        """Print a step, if asked."""
        if not self.verbose:
            return
        names = ", ".join(step.removed)
        what = f"{'-' if step.accepted else 'kept'} {names}" if names else "fitted"
        score = f", {self.scoring} {step.criterion:.6g}" if self.scoring else ""
        print(f"{what}: {step.n_parameters} parameters, loss {step.loss:.6g}{score}")

    def transform(self, X: Any) -> Any:
        """Select the columns of the table on which the pruned net depends.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
            Samples, which the net, or the steps before it, can take.

        Returns
        -------
        ndarray or sparse matrix of shape (n_samples, n_selected)
            As they are.
        """
        if not isinstance(self.estimator, Pipeline):
            return super().transform(X)
        check_is_fitted(self)
        check_array(self._inputs(X), accept_sparse=True)
        options = {"dtype": None, "accept_sparse": "csr", "ensure_all_finite": False}
        return self._transform(validate_data(self, X, reset=False, **options))

    def _get_support_mask(self) -> Bools:
        check_is_fitted(self)
        return self.support_.copy()

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[Any]:
        """Name the inputs that the pruned net depends on.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of all inputs; those of the fit if None.

        Returns
        -------
        ndarray of str objects
            Names of the inputs that are left.

        Raises
        ------
        ValueError
            If the number of names is not that of the features.
        """
        check_is_fitted(self)
        names = names_of(self)
        if input_features is not None:
            names = tuple(str(name) for name in np.asarray(input_features))
        if len(names) != self.n_features_in_:
            raise ValueError(
                f"input_features must have {self.n_features_in_} names, got {len(names)}."
            )
        return np.array(names, dtype=object)[self.support_]
