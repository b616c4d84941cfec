"""Radial basis networks: a layer of Gaussian units, then linear layers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sknewtonnet._frames import frames_inside
from sknewtonnet._sklearn import Names, Number, RegisteredNames
from sknewtonnet._typing import Array
from sknewtonnet.calculus import ACTIVATIONS, Activation, Loss, Network
from sknewtonnet.calculus.functions.units import unit_reports
from sknewtonnet.calculus.pieces.penalties import Penalty
from sknewtonnet.calculus.pieces.radial_units import COVARIANCE_TYPES, shape_penalty
from sknewtonnet.estimators._arguments import check_widths, own_copy
from sknewtonnet.estimators._data import Table
from sknewtonnet.estimators._fit import Fit, Problem
from sknewtonnet.estimators._parameters import (
    ActivationLike,
    Alpha,
    ClassWeight,
    CrossValidation,
    LinearConstraints,
    OutputActivation,
    Penalties,
    RandomState,
    SmoothConstraints,
)
from sknewtonnet.estimators._radial_shapes import MISSING, forms_of, shapes_of, why_missing
from sknewtonnet.estimators._radial_starts import DistinctRows, radial_parameters
from sknewtonnet.estimators._roles import ClassifierRole, RegressorRole
from sknewtonnet.estimators._sized import OUTPUT_ACTIVATION, BaseSizedNet
from sknewtonnet.solvers import Solver


class BaseRBFNet(BaseSizedNet):
    """A layer of radial units, then linear layers; all trained together."""

    n_centers: int
    covariance_type: str
    radial_activation: str | Activation
    alpha_widths: float

    centers_: Array
    covariances_: Array
    precisions_: Array
    precisions_cholesky_: Array
    arrays_: dict[str, Array]
    degenerate_units_: dict[int, str]

    _formed = ("quadratic_forms_",)

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseSizedNet._parameter_constraints,
        "n_centers": [Number(Integral, 1, None, closed="left")],
        "covariance_type": [RegisteredNames(COVARIANCE_TYPES)],
        "radial_activation": [
            Names({"auto"}),
            RegisteredNames(ACTIVATIONS),
            Activation,
        ],
        "alpha_widths": [Number(Real, 0, None, closed="left")],
    }

    def _make_network(self, data: Table, **names: Any) -> Network:
        n_rows = len(DistinctRows.of(data.in_memory).X)
        if self.n_centers > n_rows:
            warnings.warn(
                f"n_centers={self.n_centers}, but X has only {n_rows} distinct rows of positive "
                f"weight: the net has {n_rows} centres.",
                UserWarning,
                stacklevel=1 + frames_inside(),
            )
        network = Network.rbf(
            self.n_features_in_,
            min(self.n_centers, n_rows),
            data.n_outputs,
            self.covariance_type,
            self.hidden_layer_sizes,
            own_copy("activation", self.activation),
            self.skip_connections,
            output_activation=own_copy("output_activation", self.output_activation),
            radial_activation=own_copy("radial_activation", self.radial_activation),
            **names,
        )
        check_widths(network, data.inputs.size, self.standardize)
        return network

    def _penalties(self, data: Table) -> tuple[Penalty, ...]:
        own = super()._penalties(data)
        if not self.alpha_widths:
            return own
        X = data.canonical.inputs
        return (*own, shape_penalty(self.covariance_type, self.alpha_widths, X.mean, X.width))

    def _draw(self) -> Callable[[Problem, np.random.RandomState], Array]:
        return _radial_start

    @staticmethod
    def _layer_attributes(network: Network, arrays: dict[str, Array]) -> dict[str, Any]:
        return shapes_of(network, arrays)

    @property
    def quadratic_forms_(self) -> Array:
        """Quadratic form W of each unit, p = (x, 1)' W (x, 1).

        Of shape (n_centers, n_features + 1, n_features + 1); formed when it is asked for.
        """
        check_is_fitted(self)
        return forms_of(self._fit_.problem.original_network, self.arrays_)

    def __getattr__(self, name: str) -> Any:
        """Say why a fit has no centres or covariances."""
        if name in MISSING and "precisions_" in vars(self):
            raise AttributeError(why_missing(name, self.precisions_))
        # Else the error of before, which may be that of a property.
        return object.__getattribute__(self, name)

    def _findings(self, fit: Fit) -> dict[str, Any]:
        reports = unit_reports(fit.objective(), fit.params)
        found = {unit.unit: unit.reason for unit in reports if unit.layer == 0 and unit.reason}
        # Twins are a true minimum under an L2 penalty, which halves when a height is shared, and
        # a unit that is not used does no harm: report both in `degenerate_units_`, in silence.
        fragile = {
            unit: reason
            for unit, reason in found.items()
            if reason != "unused" and not reason.startswith("same")
        }
        if fragile:
            described = ", ".join(f"{unit} ({reason})" for unit, reason in fragile.items())
            warnings.warn(
                f"Degenerate radial units: {described}. Their centres and widths mean nothing; "
                "use fewer centres, or raise alpha or alpha_widths.",
                UserWarning,
                stacklevel=1 + frames_inside(),
            )
        return {"degenerate_units_": found}


def _radial_start(problem: Problem, random_state: np.random.RandomState) -> Array:
    data, alpha = problem.known_data, problem.settings.alpha
    return radial_parameters(problem.network, problem.loss, data, alpha, random_state)


class RBFNetRegressor(RegressorRole, BaseRBFNet):
    """Radial basis network for regression, trained to its exact minimum.

    Centres, covariances and coefficients are trained together: a penalised mean loss is
    minimised with exact first and second derivatives in all of them.

    Parameters
    ----------
    n_centers : int, default=10
        Number of radial units. If X has fewer distinct rows, the net has one for each of
        them, and the fit warns; ``centers_`` tells how many there are.
    covariance_type : {"spherical", "diag", "full", "tied", "semidefinite", "quadratic"}, \
            default="spherical"
        Covariance of each Gaussian unit: one width, one per feature, or any positive definite
        matrix; "tied" is one such matrix for all units. For one common width give "spherical" and
        ``tied={"precisions_cholesky": 0}``. Or units of other quadratic forms, p = (x, 1)' W (x,
        1): "semidefinite" with p >= 0 and a matrix that may be singular, so that units may ignore
        directions of X; "quadratic" with any W, such as ellipses, saddles and bands.
    radial_activation : str or Activation, default="auto"
        Function of these forms, named as in ``sknewtonnet.calculus.ACTIVATIONS``. "auto":
        "squared_exponential", exp(-p / 2), for all but "quadratic", whose units are "logistic":
        exp(-p / 2) has no bound where p is negative, and predictions for new X may overflow.
    hidden_layer_sizes : int or array-like of shape (n_hidden_layers,), default=()
        Units of further hidden layers, with linear propagation, between the radial units
        and the output.
    activation : str, Activation, or list of them, default="tanh"
        Function of the units of these further layers, one for all or one for each, as a list one
        for each unit of a layer; the names are those of :class:`NewtonMLPRegressor`.
    output_activation : str, Activation, or list of them, default="identity"
        Function h of the outputs, by the names of ``activation``: the net predicts h(a) of its
        linear predictor a, such as logistic outputs under squared errors; a list has one for each
        output. An offset is added to a.
        Values of the target should lie in the range of h, and are not standardised. The inverse
        link of the loss, if it has one, comes after h.
    loss : {"squared_error", "poisson", "gamma", "tweedie", "negative_binomial", "binomial", \
            "pseudo_huber"} or Loss, default="squared_error"
        Half the squared error, summed over outputs; half the Poisson, gamma, Tweedie (of power
        1.5; ``sknewtonnet.calculus.Tweedie(power)`` has another) or negative binomial deviance
        under the logarithmic link; the log loss of shares, whose weights are numbers of trials;
        the smooth Huber loss that turns linear around 1 (for another scale pass
        ``sknewtonnet.calculus.PseudoHuber(delta)``); or an instance of
        :class:`sknewtonnet.calculus.Loss`. The overdispersion of "negative_binomial" is estimated
        by maximum likelihood (:class:`sknewtonnet.calculus.NegativeBinomial` takes a given one);
        where ``alpha`` is chosen it is that of a constant mean.
    standardize : bool, default=True
        Whether to fit standardised columns. As in glmnet, all is computed on them and reported
        in the units of the table. Inputs are centred and scaled by their weighted means and
        standard deviations; so is the target under losses of differences (squared error,
        pseudo-Huber). Units of measurement then do not matter, ``alpha`` counts rows of the
        standardised problem, and the intercepts of hidden units are penalised like coefficients.
        Parameters, bounds, ``objective(X, y)``, ``loss_`` and inference are in the units of the
        table. ``solver_result_`` and, except for "loss", ``starts_`` describe the standardised
        problem. "spherical" radial units are round in standardised columns. False: columns as
        they come, the objective of scikit-learn.
    alpha : "auto", float, array-like of shape (n_hidden_layers + 1,), or dict, default="auto"
        Strength of the L2 penalty of the coefficients: it counts as much as ``alpha`` rows, as in
        scikit-learn's MLP. "auto": chosen in the fit by cross-validation, one for all
        coefficients, at some ten times the work of a fit (``alpha_selection_``); the penalty of
        widths stays as it is. The size stays the user's: enough units and a chosen penalty is the
        recipe. "ard" is refused: radial units have no coefficients for each input. Or one for all
        coefficients, one per linear layer, or by the names of arrays ("coefs_0", "intercepts_0",
        "centers", "precisions_cholesky", ...) a number or an array each. Intercepts are penalised
        only where they are named, those of hidden linear units also with the coefficients of
        standardised columns.
    cv : int, cross-validation splitter, iterable, or None, default=None
        How an alpha that the fit chooses is judged; not used where it is given. None: 5 folds
        below 200 distinct rows, else 3. An int: so many folds of distinct rows. A splitter, or
        pairs of indices of rows to fit and rows to leave out: of the rows as they are. ``fit``
        takes ``groups``; without a splitter their rows stay together.
    alpha_widths : float, default=0.1
        Strength of the penalty of the covariances, which keeps widths from collapsing or
        growing without bound: that many rows times the Kullback-Leibler divergence of each
        unit from one as wide as the data, (exp(2 t) - 2 t - 1) / 2 for each feature with
        t = log(reference / width). The reference width is the root mean square distance
        from the mean of X; for "diag" the standard deviation of each feature times
        the square root of their number. Of "semidefinite" forms it is half the mean of p over such
        data, which keeps them from narrowing alone; of "quadratic" ones half the sum of the
        squared entries of W, about the mean of X and in reference widths.
    penalties : Penalty or list of Penalty, default=None
        Penalties besides that of ``alpha``, added to it: instances of
        :class:`sknewtonnet.calculus.Penalty`, such as
        :class:`~sknewtonnet.calculus.NormPenalty`, or of a class of your own. Their strengths
        count like rows. One that may depend on the output layer keeps "auto" from solving for
        that layer; ``solver_result_.message`` then says so.
    skip_connections : {False, "input-output", "all"}, default=False
        Whether the output also reads the inputs, a linear trend under the bumps, or every
        linear layer all earlier ones.
    solver : str or Solver, default="auto"
        "auto" takes Newton steps in a trust region, after L-BFGS steps where those pay; the
        others are those of :class:`NewtonMLPRegressor`. Or an instance of
        :class:`sknewtonnet.solvers.Solver`. It has its own ``tol``, ``ftol``,
        ``max_iter``, ``hessian`` and options; the five below are for solvers given by name.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        The second derivatives that a second-order solver works with, as in
        :class:`NewtonMLPRegressor`. The gradient is exact with each.
    solver_options : dict, default=None
        Options of a solver given by name, such as ``{"initial_trust_radius": 0.1}``, or
        ``{"preconditioner": "block"}`` for nets of thousands of parameters: the fields of its
        class in ``sknewtonnet.solvers.SOLVERS``.
    max_iter : int, default=1000
        Maximum number of iterations.
    tol : float, default=1e-10
        Stop when the largest absolute entry of the gradient of the objective is at most
        ``tol r min(1, s)``, whatever the solver. r is the root mean square of the derivatives of
        the loss in the raw predictions at the best constant, s the standard deviation of the
        target under an identity link; s is 1 under others, and in a net without hidden layers.
        The product, rounded to a power of ten, is 1 for standardised targets.
    ftol : float, default=0.0
        Stop when the objective falls by at most this part of itself per iteration, averaged over
        ten iterations: an early end for large tables, say 1e-3. Such a fit does not warn, and is
        "not stationary". 0 for never.
    n_init : int, default=1
        Number of starts. The lowest minimum is kept; ``starts_`` describes all of them.
    init : {"random", "crossover"}, default="random"
        Where they begin. "random": each from random weights, to its end. "crossover": so do the
        first four and half of those after them; all others begin at the lowest minimum found
        before, with some units of another one, and end early where they will not come below it.
        For a large ``n_init``, say 20 to 200.
    connectivity : dict, default=None
        By the names of arrays ("coefs_0", "intercepts_0", "centers", ...) boolean masks of their
        shapes, or True or False for all of an array; or True or False by the names of single
        parameters. What is False does not exist: exactly 0 in the fit. Of "precisions_cholesky"
        that is a logarithm: a width of exactly 1. A later entry goes over an earlier one.
    tied : dict, default=None
        Entries that are one parameter: by the names of arrays integer labels of their shapes, or
        one label for all of an array; or a label by the name of a single parameter. Entries with
        the same label, from 0 on, are one, also in different arrays; -1 stands for a parameter of
        its own. A shared one has the name of its first entry and is penalised once, and columns
        that are read through it are standardised together. See doc/calculus.md.
    bounds : dict, default=None
        Lower and upper limits by the names of arrays ("coefs_0", "centers") or single
        parameters ("centers[c0, age]"): pairs of numbers or arrays, None for no limit. Equal
        limits freeze a parameter at that value.
    linear_constraints : list of tuple, default=None
        Triples (terms, lower, upper): lower <= sum of factor times parameter <= upper, with
        terms a dict from names, as in ``bounds``, to factors.
    constraints : Constraint or list of Constraint, default=None
        Nonlinear constraints of :mod:`sknewtonnet.calculus`, in the units of the table: on
        predictions, slopes or norms, or functions of your own.
    warm_start : bool, default=False
        Start from the parameters of the last fit, in place of the random starts.
    random_state : int, RandomState instance or None, default=None
        Determines the starts and the folds of "auto"; pass an int for the same fit at each call.
    n_jobs : int, default=None
        Starts to run in parallel, as in joblib. The result is the same to the last bit, whatever
        the number and the backend. Each runs with one thread of linear algebra.
    verbose : int, default=0
        1 prints one iteration in ten, 2 prints each.

    Attributes
    ----------
    alpha_ : float, array-like or dict
        Strength of the penalty: ``alpha``, or the strength that "auto" chose.
    alpha_selection_ : AlphaSelection or None
        The strengths that "auto" tried, their held-out losses, and the reason for its choice.
    params_ : ndarray of shape (n_parameters,)
        The minimum, as one vector; ``objective(X, y)`` takes it.
    parameter_names_ : list of str
        Name of each entry of ``params_``, such as "coefs_0[age, h3]".
    arrays_ : dict of str to ndarray
        All parameters by the names of their arrays, zero where ``connectivity`` has no parameter.
    centers_ : ndarray of shape (n_centers, n_features)
        Centres of the radial units. Of "semidefinite" and "quadratic" units where p is
        stationary; an AttributeError if a unit has no such point, or a line of them.
    covariances_ : ndarray of shape (n_centers,), (n_centers, n_features) or \
            (n_centers, n_features, n_features)
        Covariance of each unit in the units of the table: a variance for "spherical", one for
        each feature for "diag" and for "spherical" units of standardised columns, matrices for
        "full", "tied" (the same for each unit), "semidefinite" and "quadratic". Of the last two
        an AttributeError if the matrix of a unit is not positive definite.
    precisions_ : ndarray of the shape of ``covariances_``
        Their inverses, [I]'s 1 / sigma^2 and M, which exist always.
    precisions_cholesky_ : ndarray of the shape of ``covariances_``
        Upper triangular U with U U' the inverse of the covariance, as in
        :class:`sklearn.mixture.GaussianMixture`; square roots of ``precisions_`` for
        "spherical" and "diag".
    quadratic_forms_ : ndarray of shape (n_centers, n_features + 1, n_features + 1)
        [I]'s W of each unit: p = (x, 1)' W (x, 1), which is (x - mu)' M (x - mu) of Gaussian
        units. In the units of the table; formed when asked for. ``quadratic_forms()`` of the
        inference has standard errors.
    degenerate_units_ : dict of int to str
        Units that contribute nothing of their own, and why: "far from all samples", "constant",
        "on one sample" (the fit warns of these), "unused", or "same as unit c0" (common, since
        the L2 penalty is smaller where two equal units share a height). Fewer units may do.
    coefs_ : list of ndarray of shape (n_inputs_k, n_units_k)
        Coefficients of each linear layer, inputs by units.
    intercepts_ : list of ndarray of shape (n_units_k,)
        Intercepts of each linear layer.
    loss_ : float
        The objective at the minimum, penalty included.
    loss_parameters_ : dict of str to float
        What a loss has of its own: "overdispersion" a of "negative_binomial", whose variance is
        mean + a mean^2; else empty.
    loss_curve_ : list of float
        The objective at the start and after each iteration.
    n_iter_ : int
        Iterations of the kept start.
    critical_point_ : {"minimum", "maximum", "saddle", "inconclusive", "not stationary"}
        Kind of point where the fit ended, by the exact Hessian.
    critical_point_message_ : str
        What is to be said of that point, such as "The penalty shrinks the net to a constant" or
        which units have run to infinity, or along which weights the objective falls from a saddle
        point; empty for a minimum like others.
    solver_result_ : SolverResult
        How the kept start ended: status, gradient, counts of evaluations.
    starts_ : dict of ndarray of shape (n_init,)
        How each start ended: "loss", "gradient_norm", "n_iter", "converged", "minimum",
        "n_restarts", the number of other starts tried in its place, since it had learnt nothing,
        and "ended_early", whether it was given up (``init="crossover"``).
        Starts that found the same minimum (up to permutations and signs of units, or with the
        same predictions) share a number: 0 is the lowest, -1 means that no minimum was found.
        ``pandas.DataFrame(net.starts_)`` shows it as a table.
    weight_importance_ : ndarray of shape (n_parameters,)
        OBS saliency of each parameter, aligned with ``params_``: the growth of S times the
        objective, to second order, if the parameter were removed and the others adapted. A centre
        is removed to the mean of its column, a width to that of the data.
        From the Hessian of the verdict, when the fit ends. An AttributeError at a saddle point,
        above 3000 parameters, and where ``ftol`` has ended the fit before a Hessian was formed.
    feature_importance_ : ndarray of shape (n_features_in_,)
        Growth of the objective if a feature is held at its mean and the output layer is refitted,
        from that layer's Hessian, divided by its sum over features: see
        :func:`sknewtonnet.inspection.feature_importance`. Origins and units do not matter.
    multipliers_ : dict of str to ndarray
        Multipliers of the constraints, in the units of the table, of a fit under some: moving a
        limit by d changes ``loss_`` by -d times its own. "bounds" of all parameters, "linear" and
        "nonlinear" of the others in order.
    feature_importances_ : ndarray of shape (n_features_in_,)
        ``feature_importance_`` under scikit-learn's name.
    n_layers_ : int
        Number of layers, input and output included.
    n_outputs_ : int
        Number of raw predictions.
    out_activation_ : str
        Inverse link: "identity", "exp" for a logarithmic link, or "logistic" for shares.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, where X has any.

    See Also
    --------
    RBFNetClassifier : The same for classes.

    Notes
    -----
    With S the sum of the sample weights s_i, h_j(x) = exp(-(x - mu_j)' M_j (x - mu_j) / 2) and
    without further hidden layers the raw prediction h(x) coefs + intercepts, the objective is

        f(w) = 1/S sum_i s_i loss_i(w) + alpha / (2 S) sum of squared coefficients
               + alpha_widths / S sum_j KL(covariance_j, reference)

    where the loss of a sample is the sum of the losses of its outputs.
    Parameters are free real numbers: centres, and the factors U_j with the logarithms of
    their diagonals, so that no step leaves the positive definite matrices. Fits start from
    k-means centres, widths of the distance of the next centres, and the output layer at its
    minimum. Nothing depends on the order of rows, or on whether they are repeated or weighted.
    With t parameters per unit a Hessian costs about n (n_centers t)^2 flops; t is p + 1, 2 p
    and p (p + 3) / 2 for the three covariances, p (p + 3) / 2 for "semidefinite" and
    (p + 1)(p + 2) / 2 for "quadratic" units.

    References
    ----------
    .. [I] Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary
       Feed-Forward Neural Networks, eq. 7 to 11 and section 4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import RBFNetRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = RBFNetRegressor(3, alpha=1.0, random_state=0).fit(X, y)
    >>> net.critical_point_
    'minimum'
    >>> objective = net.objective(X, y)
    >>> bool(np.abs(objective.gradient(net.params_)).max() < 1e-8 * net.loss_)
    True
    >>> objective.hessian(net.params_).shape
    (37, 37)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseRBFNet._parameter_constraints,
        **RegressorRole._parameter_constraints,
        "output_activation": OUTPUT_ACTIVATION,
    }

    def __init__(
        self,
        n_centers: int = 10,
        *,
        covariance_type: str = "spherical",
        radial_activation: str | Activation = "auto",
        hidden_layer_sizes: ArrayLike = (),
        activation: ActivationLike = "tanh",
        output_activation: OutputActivation = "identity",
        loss: str | Loss = "squared_error",
        standardize: bool = True,
        alpha: Alpha = "auto",
        cv: CrossValidation = None,
        alpha_widths: float = 0.1,
        penalties: Penalties = None,
        skip_connections: bool | str = False,
        solver: str | Solver = "auto",
        hessian: str = "exact",
        solver_options: Mapping[str, Any] | None = None,
        max_iter: int = 1000,
        tol: float = 1e-10,
        ftol: float = 0.0,
        n_init: int = 1,
        init: str = "random",
        connectivity: Mapping[str, ArrayLike] | None = None,
        tied: Mapping[str, ArrayLike] | None = None,
        bounds: Mapping[str, Any] | None = None,
        linear_constraints: LinearConstraints | None = None,
        constraints: SmoothConstraints = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_centers = n_centers
        self.covariance_type = covariance_type
        self.radial_activation = radial_activation
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.output_activation = output_activation
        self.loss = loss
        self.standardize = standardize
        self.alpha = alpha
        self.cv = cv
        self.alpha_widths = alpha_widths
        self.penalties = penalties
        self.skip_connections = skip_connections
        self.solver = solver
        self.hessian = hessian
        self.solver_options = solver_options
        self.max_iter = max_iter
        self.tol = tol
        self.ftol = ftol
        self.n_init = n_init
        self.init = init
        self.connectivity = connectivity
        self.tied = tied
        self.bounds = bounds
        self.linear_constraints = linear_constraints
        self.constraints = constraints
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose


class RBFNetClassifier(ClassifierRole, BaseRBFNet):
    """Radial basis network for classification, trained to its exact minimum.

    Centres, covariances and coefficients are trained together: a penalised mean log loss is
    minimised with exact first and second derivatives in all of them. Two classes share one
    logit, more classes have one each (softmax), and so have the columns of an indicator
    matrix, whose labels may be active together.

    Parameters
    ----------
    n_centers : int, default=10
        Number of radial units. If X has fewer distinct rows, the net has one for each of
        them, and the fit warns; ``centers_`` tells how many there are.
    covariance_type : {"spherical", "diag", "full", "tied", "semidefinite", "quadratic"}, \
            default="spherical"
        Covariance of each Gaussian unit: one width, one per feature, or any positive definite
        matrix; "tied" is one such matrix for all units. For one common width give "spherical" and
        ``tied={"precisions_cholesky": 0}``. Or units of other quadratic forms, p = (x, 1)' W (x,
        1): "semidefinite" with p >= 0 and a matrix that may be singular, so that units may ignore
        directions of X; "quadratic" with any W, such as ellipses, saddles and bands.
    radial_activation : str or Activation, default="auto"
        Function of these forms, named as in ``sknewtonnet.calculus.ACTIVATIONS``. "auto":
        "squared_exponential", exp(-p / 2), for all but "quadratic", whose units are "logistic":
        exp(-p / 2) has no bound where p is negative, and predictions for new X may overflow.
    hidden_layer_sizes : int or array-like of shape (n_hidden_layers,), default=()
        Units of further hidden layers, with linear propagation, between the radial units
        and the output.
    activation : str, Activation, or list of them, default="tanh"
        Function of the units of these further layers, one for all or one for each, as a list one
        for each unit of a layer; the names are those of :class:`NewtonMLPRegressor`.
    standardize : bool, default=True
        Whether to fit standardised columns. As in glmnet, all is computed on them and reported
        in the units of the table. Inputs are centred and scaled by their weighted means and
        standard deviations; so is the target under losses of differences (squared error,
        pseudo-Huber). Units of measurement then do not matter, ``alpha`` counts rows of the
        standardised problem, and the intercepts of hidden units are penalised like coefficients.
        Parameters, bounds, ``objective(X, y)``, ``loss_`` and inference are in the units of the
        table. ``solver_result_`` and, except for "loss", ``starts_`` describe the standardised
        problem. "spherical" radial units are round in standardised columns. False: columns as
        they come, the objective of scikit-learn.
    alpha : "auto", float, array-like of shape (n_hidden_layers + 1,), or dict, default="auto"
        Strength of the L2 penalty of the coefficients: it counts as much as ``alpha`` rows, as in
        scikit-learn's MLP. "auto": chosen in the fit by cross-validation, one for all
        coefficients, at some ten times the work of a fit (``alpha_selection_``); the penalty of
        widths stays as it is. The size stays the user's: enough units and a chosen penalty is the
        recipe. "ard" is refused: radial units have no coefficients for each input. Or one for all
        coefficients, one per linear layer, or by the names of arrays ("coefs_0", "intercepts_0",
        "centers", "precisions_cholesky", ...) a number or an array each. Intercepts are penalised
        only where they are named, those of hidden linear units also with the coefficients of
        standardised columns.
    cv : int, cross-validation splitter, iterable, or None, default=None
        How an alpha that the fit chooses is judged; not used where it is given. None: 5 folds
        below 200 distinct rows, else 3. An int: so many folds of distinct rows. A splitter, or
        pairs of indices of rows to fit and rows to leave out: of the rows as they are. ``fit``
        takes ``groups``; without a splitter their rows stay together.
    alpha_widths : float, default=0.1
        Strength of the penalty of the covariances, which keeps widths from collapsing or
        growing without bound: that many rows times the Kullback-Leibler divergence of each
        unit from one as wide as the data, (exp(2 t) - 2 t - 1) / 2 for each feature with
        t = log(reference / width). The reference width is the root mean square distance
        from the mean of X; for "diag" the standard deviation of each feature times
        the square root of their number. Of "semidefinite" forms it is half the mean of p over such
        data, which keeps them from narrowing alone; of "quadratic" ones half the sum of the
        squared entries of W, about the mean of X and in reference widths.
    penalties : Penalty or list of Penalty, default=None
        Penalties besides that of ``alpha``, added to it: instances of
        :class:`sknewtonnet.calculus.Penalty`, such as
        :class:`~sknewtonnet.calculus.NormPenalty`, or of a class of your own. Their strengths
        count like rows. One that may depend on the output layer keeps "auto" from solving for
        that layer; ``solver_result_.message`` then says so.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Factors on the sample weights, by class; "balanced" gives all classes the same
        total weight. A list has one dict per label of an indicator matrix.
    skip_connections : {False, "input-output", "all"}, default=False
        Whether the output also reads the inputs, a linear trend under the bumps, or every
        linear layer all earlier ones.
    solver : str or Solver, default="auto"
        "auto" takes Newton steps in a trust region, after L-BFGS steps where those pay; the
        others are those of :class:`NewtonMLPRegressor`. Or an instance of
        :class:`sknewtonnet.solvers.Solver`. It has its own ``tol``, ``ftol``,
        ``max_iter``, ``hessian`` and options; the five below are for solvers given by name.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        The second derivatives that a second-order solver works with, as in
        :class:`NewtonMLPRegressor`. The gradient is exact with each.
    solver_options : dict, default=None
        Options of a solver given by name, such as ``{"initial_trust_radius": 0.1}``, or
        ``{"preconditioner": "block"}`` for nets of thousands of parameters: the fields of its
        class in ``sknewtonnet.solvers.SOLVERS``.
    max_iter : int, default=1000
        Maximum number of iterations.
    tol : float, default=1e-10
        Stop when the largest absolute entry of the gradient of the objective is at most
        ``tol r min(1, s)``, whatever the solver. r is the root mean square of the derivatives of
        the loss in the raw predictions at the best constant, s the standard deviation of the
        target under an identity link; s is 1 under others, and in a net without hidden layers.
        The product, rounded to a power of ten, is 1 for standardised targets.
    ftol : float, default=0.0
        Stop when the objective falls by at most this part of itself per iteration, averaged over
        ten iterations: an early end for large tables, say 1e-3. Such a fit does not warn, and is
        "not stationary". 0 for never.
    n_init : int, default=1
        Number of starts. The lowest minimum is kept; ``starts_`` describes all of them.
    init : {"random", "crossover"}, default="random"
        Where they begin. "random": each from random weights, to its end. "crossover": so do the
        first four and half of those after them; all others begin at the lowest minimum found
        before, with some units of another one, and end early where they will not come below it.
        For a large ``n_init``, say 20 to 200.
    connectivity : dict, default=None
        By the names of arrays ("coefs_0", "intercepts_0", "centers", ...) boolean masks of their
        shapes, or True or False for all of an array; or True or False by the names of single
        parameters. What is False does not exist: exactly 0 in the fit. Of "precisions_cholesky"
        that is a logarithm: a width of exactly 1. A later entry goes over an earlier one.
    tied : dict, default=None
        Entries that are one parameter: by the names of arrays integer labels of their shapes, or
        one label for all of an array; or a label by the name of a single parameter. Entries with
        the same label, from 0 on, are one, also in different arrays; -1 stands for a parameter of
        its own. A shared one has the name of its first entry and is penalised once, and columns
        that are read through it are standardised together. See doc/calculus.md.
    bounds : dict, default=None
        Lower and upper limits by the names of arrays ("coefs_0", "centers") or single
        parameters ("centers[c0, age]"): pairs of numbers or arrays, None for no limit. Equal
        limits freeze a parameter at that value.
    linear_constraints : list of tuple, default=None
        Triples (terms, lower, upper): lower <= sum of factor times parameter <= upper, with
        terms a dict from names, as in ``bounds``, to factors.
    constraints : Constraint or list of Constraint, default=None
        Nonlinear constraints of :mod:`sknewtonnet.calculus`, in the units of the table: on
        predictions, slopes or norms, or functions of your own.
    warm_start : bool, default=False
        Start from the parameters of the last fit, in place of the random starts.
    random_state : int, RandomState instance or None, default=None
        Determines the starts and the folds of "auto"; pass an int for the same fit at each call.
    n_jobs : int, default=None
        Starts to run in parallel, as in joblib. The result is the same to the last bit, whatever
        the number and the backend. Each runs with one thread of linear algebra.
    verbose : int, default=0
        1 prints one iteration in ten, 2 prints each.

    Attributes
    ----------
    alpha_ : float, array-like or dict
        Strength of the penalty: ``alpha``, or the strength that "auto" chose.
    alpha_selection_ : AlphaSelection or None
        The strengths that "auto" tried, their held-out losses, and the reason for its choice.
    params_ : ndarray of shape (n_parameters,)
        The minimum, as one vector; ``objective(X, y)`` takes it.
    parameter_names_ : list of str
        Name of each entry of ``params_``, such as "coefs_0[age, h3]".
    arrays_ : dict of str to ndarray
        All parameters by the names of their arrays, zero where ``connectivity`` has no parameter.
    centers_ : ndarray of shape (n_centers, n_features)
        Centres of the radial units. Of "semidefinite" and "quadratic" units where p is
        stationary; an AttributeError if a unit has no such point, or a line of them.
    covariances_ : ndarray of shape (n_centers,), (n_centers, n_features) or \
            (n_centers, n_features, n_features)
        Covariance of each unit in the units of the table: a variance for "spherical", one for
        each feature for "diag" and for "spherical" units of standardised columns, matrices for
        "full", "tied" (the same for each unit), "semidefinite" and "quadratic". Of the last two
        an AttributeError if the matrix of a unit is not positive definite.
    precisions_ : ndarray of the shape of ``covariances_``
        Their inverses, [I]'s 1 / sigma^2 and M, which exist always.
    precisions_cholesky_ : ndarray of the shape of ``covariances_``
        Upper triangular U with U U' the inverse of the covariance, as in
        :class:`sklearn.mixture.GaussianMixture`; square roots of ``precisions_`` for
        "spherical" and "diag".
    quadratic_forms_ : ndarray of shape (n_centers, n_features + 1, n_features + 1)
        [I]'s W of each unit: p = (x, 1)' W (x, 1), which is (x - mu)' M (x - mu) of Gaussian
        units. In the units of the table; formed when asked for. ``quadratic_forms()`` of the
        inference has standard errors.
    degenerate_units_ : dict of int to str
        Units that contribute nothing of their own, and why: "far from all samples", "constant",
        "on one sample" (the fit warns of these), "unused", or "same as unit c0" (common, since
        the L2 penalty is smaller where two equal units share a height). Fewer units may do.
    coefs_ : list of ndarray of shape (n_inputs_k, n_units_k)
        Coefficients of each linear layer, inputs by units.
    intercepts_ : list of ndarray of shape (n_units_k,)
        Intercepts of each linear layer.
    loss_ : float
        The objective at the minimum, penalty included.
    loss_parameters_ : dict of str to float
        What a loss has of its own: "overdispersion" a of "negative_binomial", whose variance is
        mean + a mean^2; else empty.
    loss_curve_ : list of float
        The objective at the start and after each iteration.
    n_iter_ : int
        Iterations of the kept start.
    critical_point_ : {"minimum", "maximum", "saddle", "inconclusive", "not stationary"}
        Kind of point where the fit ended, by the exact Hessian.
    critical_point_message_ : str
        What is to be said of that point, such as "The penalty shrinks the net to a constant" or
        which units have run to infinity, or along which weights the objective falls from a saddle
        point; empty for a minimum like others.
    solver_result_ : SolverResult
        How the kept start ended: status, gradient, counts of evaluations.
    starts_ : dict of ndarray of shape (n_init,)
        How each start ended: "loss", "gradient_norm", "n_iter", "converged", "minimum",
        "n_restarts", the number of other starts tried in its place, since it had learnt nothing,
        and "ended_early", whether it was given up (``init="crossover"``).
        Starts that found the same minimum (up to permutations and signs of units, or with the
        same predictions) share a number: 0 is the lowest, -1 means that no minimum was found.
        ``pandas.DataFrame(net.starts_)`` shows it as a table.
    weight_importance_ : ndarray of shape (n_parameters,)
        OBS saliency of each parameter, aligned with ``params_``: the growth of S times the
        objective, to second order, if the parameter were removed and the others adapted. A centre
        is removed to the mean of its column, a width to that of the data.
        From the Hessian of the verdict, when the fit ends. An AttributeError at a saddle point,
        above 3000 parameters, and where ``ftol`` has ended the fit before a Hessian was formed.
    feature_importance_ : ndarray of shape (n_features_in_,)
        Growth of the objective if a feature is held at its mean and the output layer is refitted,
        from that layer's Hessian, divided by its sum over features: see
        :func:`sknewtonnet.inspection.feature_importance`. Origins and units do not matter.
    multipliers_ : dict of str to ndarray
        Multipliers of the constraints, in the units of the table, of a fit under some: moving a
        limit by d changes ``loss_`` by -d times its own. "bounds" of all parameters, "linear" and
        "nonlinear" of the others in order.
    feature_importances_ : ndarray of shape (n_features_in_,)
        ``feature_importance_`` under scikit-learn's name.
    n_layers_ : int
        Number of layers, input and output included.
    n_outputs_ : int
        Number of raw predictions.
    out_activation_ : str
        Inverse link: "logistic" or "softmax".
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, where X has any.

    See Also
    --------
    RBFNetRegressor : The same for numbers.

    Notes
    -----
    The objective is that of :class:`RBFNetRegressor`, where the loss of a sample is the
    negative log-likelihood of its class or labels; start and cost are the same.

    References
    ----------
    .. [I] Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary
       Feed-Forward Neural Networks, eq. 7 to 11 and section 4.2.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknewtonnet import RBFNetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = RBFNetClassifier(4, alpha=0.1, random_state=0).fit(X, y)
    >>> net.critical_point_
    'minimum'
    >>> round(net.score(X, y), 2)
    0.97
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseRBFNet._parameter_constraints,
        **ClassifierRole._parameter_constraints,
    }

    def __init__(
        self,
        n_centers: int = 10,
        *,
        covariance_type: str = "spherical",
        radial_activation: str | Activation = "auto",
        hidden_layer_sizes: ArrayLike = (),
        activation: ActivationLike = "tanh",
        standardize: bool = True,
        alpha: Alpha = "auto",
        cv: CrossValidation = None,
        alpha_widths: float = 0.1,
        penalties: Penalties = None,
        class_weight: ClassWeight = None,
        skip_connections: bool | str = False,
        solver: str | Solver = "auto",
        hessian: str = "exact",
        solver_options: Mapping[str, Any] | None = None,
        max_iter: int = 1000,
        tol: float = 1e-10,
        ftol: float = 0.0,
        n_init: int = 1,
        init: str = "random",
        connectivity: Mapping[str, ArrayLike] | None = None,
        tied: Mapping[str, ArrayLike] | None = None,
        bounds: Mapping[str, Any] | None = None,
        linear_constraints: LinearConstraints | None = None,
        constraints: SmoothConstraints = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.n_centers = n_centers
        self.covariance_type = covariance_type
        self.radial_activation = radial_activation
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.standardize = standardize
        self.alpha = alpha
        self.cv = cv
        self.alpha_widths = alpha_widths
        self.penalties = penalties
        self.class_weight = class_weight
        self.skip_connections = skip_connections
        self.solver = solver
        self.hessian = hessian
        self.solver_options = solver_options
        self.max_iter = max_iter
        self.tol = tol
        self.ftol = ftol
        self.n_init = n_init
        self.init = init
        self.connectivity = connectivity
        self.tied = tied
        self.bounds = bounds
        self.linear_constraints = linear_constraints
        self.constraints = constraints
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
