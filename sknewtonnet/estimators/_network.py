"""Networks of any layers, which may read any earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array
from sknewtonnet.calculus import Layer, Linear, Loss, Network
from sknewtonnet.estimators._arguments import check_widths, own_copy
from sknewtonnet.estimators._base import BaseNewtonNet
from sknewtonnet.estimators._data import Table
from sknewtonnet.estimators._fit import Problem
from sknewtonnet.estimators._parameters import (
    Alpha,
    ClassWeight,
    CrossValidation,
    LinearConstraints,
    Penalties,
    RandomState,
    SmoothConstraints,
)
from sknewtonnet.estimators._roles import ClassifierRole, RegressorRole
from sknewtonnet.estimators._starts import initial_parameters
from sknewtonnet.solvers import Solver

Layers = Sequence[Layer] | Callable[[int, int], Sequence[Layer]] | None


class BaseNet(BaseNewtonNet):
    """What the two have in common: layers as they are given."""

    layers: Layers

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseNewtonNet._parameter_constraints,
        "layers": [list, tuple, callable, None],
    }

    def _make_network(self, data: Table, **names: Any) -> Network:
        n_outputs = data.n_outputs
        given = _default_layers if self.layers is None else self.layers
        # A copy, since what a user changes later is not what was fitted.
        layers = (
            given(self.n_features_in_, n_outputs) if callable(given) else own_copy("layers", given)
        )
        last = layers[-1] if isinstance(layers, Sequence) and len(layers) else None
        if isinstance(last, Layer) and last.n_units != n_outputs:
            raise ValueError(
                f"the last of the layers must have {n_outputs} units, one for each raw prediction "
                f"of this target, got {last!r}."
            )
        network = Network.from_layers(self.n_features_in_, layers, **names)
        check_widths(network, data.inputs.size, self.standardize)
        return network

    def _draw(self) -> Callable[[Problem, np.random.RandomState], Array]:
        return initial_parameters


def _default_layers(n_features: int, n_outputs: int) -> list[Layer]:
    return [Linear((0,), 10, "tanh"), Linear((1,), n_outputs)]


class NewtonNetRegressor(RegressorRole, BaseNet):
    """Network of any layers for regression, trained to its exact minimum.

    Minimises a penalised mean loss with exact first and second derivatives, whatever the kinds
    of layers and whichever earlier ones they read.

    Parameters
    ----------
    layers : list of Layer, callable or None, default=None
        The layers in order, the output layer included: instances of
        :class:`sknewtonnet.calculus.Layer`, such as ``Linear((0,), 10, "tanh")``, of
        :class:`~sknewtonnet.calculus.GaussianRBF`, :class:`~sknewtonnet.calculus.Quadratic`, or
        of a class of your own. Each says which nodes it reads: 0 is the input, k + 1 what layer
        k makes of it. The last one has a unit for each raw prediction; with an activation h, as in
        ``Linear((1,), 1, "logistic")``, outputs are h of these. Or a function from (n_features,
        n_outputs) to such a list. None: ten tanh units, then the output. A pickle needs classes
        and functions that can be imported.
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
    alpha : "auto", "ard", float, array-like of shape (n_linear_layers,), or dict, default="auto"
        Strength of the L2 penalty: it counts as much as ``alpha`` rows, as in scikit-learn's MLP.
        "auto": chosen in the fit by cross-validation, one for the coefficients of all linear
        layers, at some seven times the work of a fit (``alpha_selection_``). The size stays the
        user's: enough units and a chosen penalty is the recipe. "ard", for linear layers: one for
        each input and layer, by the evidence, where cross-validation prefers it clearly
        (``alpha_selection_.ard``), at two to seventy times the work of "auto". Or one for these
        coefficients, one per linear layer, or by the names of arrays ("coefs_0", "intercepts_0",
        "centers", ...) a number or an array each. All else, such as intercepts and centres, is
        penalised only where it is named; intercepts of hidden linear units also with the
        coefficients of standardised columns.
    cv : int, cross-validation splitter, iterable, or None, default=None
        How an alpha that the fit chooses is judged; not used where it is given. None: 5 folds
        below 200 distinct rows, else 3. An int: so many folds of distinct rows. A splitter, or
        pairs of indices of rows to fit and rows to leave out: of the rows as they are. ``fit``
        takes ``groups``; without a splitter their rows stay together.
    penalties : Penalty or list of Penalty, default=None
        Penalties besides that of ``alpha``, added to it: instances of
        :class:`sknewtonnet.calculus.Penalty`, such as
        :class:`~sknewtonnet.calculus.NormPenalty`, or of a class of your own. Their strengths
        count like rows. One that may depend on the output layer keeps "auto" from solving for
        that layer; ``solver_result_.message`` then says so.
    solver : str or Solver, default="auto"
        "auto" is "newton" with two additions: it solves for the output layer where squared
        errors and a penalty allow it, and there, or above 1000 parameters, it starts with L-BFGS
        steps. "newton" takes Newton steps in a trust region, from the exact Hessian; above 125
        parameters from Hessian-vector products, as long as those are cheaper. Neither ends at a
        saddle point. "lm" is Levenberg-Marquardt; "bpos" is gradient descent with exact optimal
        steps; "gd" is standard back-propagation. All others are methods of
        :func:`scipy.optimize.minimize`: "trust-ncg", "trust-krylov" and "newton-cg" use exact
        Hessian-vector products, "trust-exact" uses the exact Hessian (and some ten
        factorisations a step), "l-bfgs-b" and "bfgs" use only the gradient, for which
        ``tol=1e-6`` is a realistic aim. "trust-krylov" does not always take the same path from
        the same start. "auto", "slsqp" and "trust-constr" keep constraints, "l-bfgs-b" keeps
        bounds; ``solver_result_.multipliers`` then has the multipliers and the residuals of the
        optimality conditions.
        Or an instance of :class:`sknewtonnet.solvers.Solver`, such as
        ``NewtonSolver(tol=1e-8)`` or one of a class of your own. It has its own ``tol``,
        ``ftol``, ``max_iter``, ``hessian`` and options; the five below are for solvers given by
        name.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        The second derivatives that a second-order solver works with: those of the
        objective; its blocks of each unit with itself; those of the Lagrangian at fixed
        states and multipliers; or without the curvature of the units. All end at the same
        minima, if they get there: the gradient is exact with each. With "block" and
        "lagrangian" runs hardly ever get there: they take hundreds of times the iterations,
        and a warning names the cause. Blocks are of use as a preconditioner of exact products.
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
        By the names of arrays ("coefs_0", "intercepts_0", ...; ``arrays_`` has them all) boolean
        masks of their shapes, or True or False for all of an array; or True or False by the names
        of single parameters. What is False does not exist: exactly 0 in the fit. A later entry
        goes over an earlier one.
    tied : dict, default=None
        Entries that are one parameter: by the names of arrays integer labels of their shapes, or
        one label for all of an array; or a label by the name of a single parameter. Entries with
        the same label, from 0 on, are one, also in different arrays; -1 stands for a parameter of
        its own. A shared one has the name of its first entry and is penalised once, and columns
        that are read through it are standardised together:
        :func:`sknewtonnet.calculus.convolution` makes filters along a row. See doc/calculus.md.
    bounds : dict, default=None
        Lower and upper limits by the names of arrays ("coefs_0") or single parameters
        ("coefs_0[age, h3]"): pairs of numbers or arrays, None for no limit. Equal limits
        freeze a parameter at that value.
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
        Strength of the penalty: ``alpha``, or the strengths that "auto" or "ard" chose.
    alpha_selection_ : AlphaSelection or None
        The strengths that "auto" or "ard" tried, their held-out losses, and the reason for the
        choice.
    params_ : ndarray of shape (n_parameters,)
        The minimum, as one vector; ``objective(X, y)`` takes it.
    parameter_names_ : list of str
        Name of each entry of ``params_``, such as "coefs_0[age, h3]".
    arrays_ : dict of str to ndarray
        All parameters by the names of their arrays, zero where ``connectivity`` has no parameter.
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
        Kind of point where the fit ended, by the exact Hessian. "inconclusive" means that the
        Hessian has no negative eigenvalues but is singular to working precision, or that above
        3000 parameters 500 products with it did not show which.
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
        objective, to second order, if the parameter were removed and the others adapted.
        From the Hessian of the verdict, when the fit ends. An AttributeError at a saddle point,
        above 3000 parameters, and where ``ftol`` has ended the fit before a Hessian was formed.
    feature_importance_ : ndarray of shape (n_features_in_,)
        OBS saliency of all coefficients that leave a feature, divided by the sum over features.
        Where radial layers read the input: the growth of the objective with the feature held at
        its mean and the output layer refitted, as of :class:`RBFNetRegressor`.
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
    NewtonNetClassifier : The same for classes.
    NewtonMLPRegressor : Linear layers, by their sizes.
    RBFNetRegressor : Gaussian units, with centres from k-means and penalised widths.
    sknewtonnet.calculus.Network.from_layers : The net itself.

    Notes
    -----
    With S the sum of the sample weights s_i, the objective is

        f(w) = 1/S sum_i s_i loss_i(w) + alpha / (2 S) sum of squared coefficients

    where the loss of a sample is the sum of the losses of its outputs. Each layer starts where
    its method :meth:`sknewtonnet.calculus.Layer.start` says: by default at small random numbers,
    units of Gaussian and quadratic layers at random centres that are spread like their inputs.
    Starts see the data through weighted means alone, so a row twice is a row of weight two. With
    t_k parameters in each of s_k units, P in all, an exact Hessian costs about n P^2 flops; a
    layer that is not linear and reads others takes n s_k (t_k + p_k) numbers for a while.

    References
    ----------
    .. [I] Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary
       Feed-Forward Neural Networks, eq. 7 to 11.
    .. [N] Nocedal and Wright (2006), Numerical Optimization, chapters 4 and 7.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonNetRegressor
    >>> from sknewtonnet.calculus import GaussianRBF, Linear
    >>> X, y = load_diabetes(return_X_y=True)
    >>> layers = [GaussianRBF((0,), 2, "spherical"), Linear((0, 1), 1)]  # bumps and a trend
    >>> alpha = {"coefs_0": 1.0, "precisions_cholesky": 1.0}
    >>> net = NewtonNetRegressor(layers, alpha=alpha, random_state=0).fit(X, y)
    >>> net.critical_point_
    'minimum'
    >>> {name: array.shape for name, array in net.arrays_.items()}
    {'centers': (2, 10), 'precisions_cholesky': (2,), 'coefs_0': (12, 1), 'intercepts_0': (1,)}
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseNet._parameter_constraints,
        **RegressorRole._parameter_constraints,
    }

    def __init__(
        self,
        layers: Layers = None,
        *,
        loss: str | Loss = "squared_error",
        standardize: bool = True,
        alpha: Alpha = "auto",
        cv: CrossValidation = None,
        penalties: Penalties = None,
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
        self.layers = layers
        self.loss = loss
        self.standardize = standardize
        self.alpha = alpha
        self.cv = cv
        self.penalties = penalties
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


class NewtonNetClassifier(ClassifierRole, BaseNet):
    """Network of any layers for classification, trained to its exact minimum.

    Minimises a penalised mean log loss with exact first and second derivatives, whatever the
    kinds of layers and whichever earlier ones they read. Two classes share one logit, more
    classes have one each (softmax), and so have the columns of an indicator matrix, whose
    labels may be active together.

    Parameters
    ----------
    layers : list of Layer, callable or None, default=None
        The layers in order, the output layer included: instances of
        :class:`sknewtonnet.calculus.Layer`, such as ``Linear((0,), 10, "tanh")``, of
        :class:`~sknewtonnet.calculus.GaussianRBF`, :class:`~sknewtonnet.calculus.Quadratic`, or
        of a class of your own. Each says which nodes it reads: 0 is the input, k + 1 what layer
        k makes of it. The last one has a unit for each raw prediction; with an activation h, as in
        ``Linear((1,), 1, "logistic")``, outputs are h of these. Or a function from (n_features,
        n_outputs) to such a list. None: ten tanh units, then the output. A pickle needs classes
        and functions that can be imported.
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
    alpha : "auto", "ard", float, array-like of shape (n_linear_layers,), or dict, default="auto"
        Strength of the L2 penalty: it counts as much as ``alpha`` rows, as in scikit-learn's MLP.
        "auto": chosen in the fit by cross-validation, one for the coefficients of all linear
        layers, at some seven times the work of a fit (``alpha_selection_``). The size stays the
        user's: enough units and a chosen penalty is the recipe. "ard", for linear layers: one for
        each input and layer, by the evidence, where cross-validation prefers it clearly
        (``alpha_selection_.ard``), at two to seventy times the work of "auto". Or one for these
        coefficients, one per linear layer, or by the names of arrays ("coefs_0", "intercepts_0",
        "centers", ...) a number or an array each. All else, such as intercepts and centres, is
        penalised only where it is named; intercepts of hidden linear units also with the
        coefficients of standardised columns.
    cv : int, cross-validation splitter, iterable, or None, default=None
        How an alpha that the fit chooses is judged; not used where it is given. None: 5 folds
        below 200 distinct rows, else 3. An int: so many folds of distinct rows. A splitter, or
        pairs of indices of rows to fit and rows to leave out: of the rows as they are. ``fit``
        takes ``groups``; without a splitter their rows stay together.
    penalties : Penalty or list of Penalty, default=None
        Penalties besides that of ``alpha``, added to it: instances of
        :class:`sknewtonnet.calculus.Penalty`, such as
        :class:`~sknewtonnet.calculus.NormPenalty`, or of a class of your own. Their strengths
        count like rows. One that may depend on the output layer keeps "auto" from solving for
        that layer; ``solver_result_.message`` then says so.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Factors on the sample weights, by class; "balanced" gives all classes the same
        total weight. A list has one dict per label of an indicator matrix.
    solver : str or Solver, default="auto"
        "auto" is "newton" with two additions: it solves for the output layer where squared
        errors and a penalty allow it, and there, or above 1000 parameters, it starts with L-BFGS
        steps. "newton" takes Newton steps in a trust region, from the exact Hessian; above 125
        parameters from Hessian-vector products, as long as those are cheaper. Neither ends at a
        saddle point. "lm" is Levenberg-Marquardt; "bpos" is gradient descent with exact optimal
        steps; "gd" is standard back-propagation. All others are methods of
        :func:`scipy.optimize.minimize`: "trust-ncg", "trust-krylov" and "newton-cg" use exact
        Hessian-vector products, "trust-exact" uses the exact Hessian (and some ten
        factorisations a step), "l-bfgs-b" and "bfgs" use only the gradient, for which
        ``tol=1e-6`` is a realistic aim. "trust-krylov" does not always take the same path from
        the same start. "auto", "slsqp" and "trust-constr" keep constraints, "l-bfgs-b" keeps
        bounds; ``solver_result_.multipliers`` then has the multipliers and the residuals of the
        optimality conditions.
        Or an instance of :class:`sknewtonnet.solvers.Solver`, such as
        ``NewtonSolver(tol=1e-8)`` or one of a class of your own. It has its own ``tol``,
        ``ftol``, ``max_iter``, ``hessian`` and options; the five below are for solvers given by
        name.
    hessian : {"exact", "block", "lagrangian", "gauss-newton"}, default="exact"
        The second derivatives that a second-order solver works with: those of the
        objective; its blocks of each unit with itself; those of the Lagrangian at fixed
        states and multipliers; or without the curvature of the units. All end at the same
        minima, if they get there: the gradient is exact with each. With "block" and
        "lagrangian" runs hardly ever get there: they take hundreds of times the iterations,
        and a warning names the cause. Blocks are of use as a preconditioner of exact products.
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
        By the names of arrays ("coefs_0", "intercepts_0", ...; ``arrays_`` has them all) boolean
        masks of their shapes, or True or False for all of an array; or True or False by the names
        of single parameters. What is False does not exist: exactly 0 in the fit. A later entry
        goes over an earlier one.
    tied : dict, default=None
        Entries that are one parameter: by the names of arrays integer labels of their shapes, or
        one label for all of an array; or a label by the name of a single parameter. Entries with
        the same label, from 0 on, are one, also in different arrays; -1 stands for a parameter of
        its own. A shared one has the name of its first entry and is penalised once, and columns
        that are read through it are standardised together:
        :func:`sknewtonnet.calculus.convolution` makes filters along a row. See doc/calculus.md.
    bounds : dict, default=None
        Lower and upper limits by the names of arrays ("coefs_0") or single parameters
        ("coefs_0[age, h3]"): pairs of numbers or arrays, None for no limit. Equal limits
        freeze a parameter at that value.
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
        Strength of the penalty: ``alpha``, or the strengths that "auto" or "ard" chose.
    alpha_selection_ : AlphaSelection or None
        The strengths that "auto" or "ard" tried, their held-out losses, and the reason for the
        choice.
    params_ : ndarray of shape (n_parameters,)
        The minimum, as one vector; ``objective(X, y)`` takes it.
    parameter_names_ : list of str
        Name of each entry of ``params_``, such as "coefs_0[age, h3]".
    arrays_ : dict of str to ndarray
        All parameters by the names of their arrays, zero where ``connectivity`` has no parameter.
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
        Kind of point where the fit ended, by the exact Hessian. "inconclusive" means that the
        Hessian has no negative eigenvalues but is singular to working precision, or that above
        3000 parameters 500 products with it did not show which.
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
        objective, to second order, if the parameter were removed and the others adapted.
        From the Hessian of the verdict, when the fit ends. An AttributeError at a saddle point,
        above 3000 parameters, and where ``ftol`` has ended the fit before a Hessian was formed.
    feature_importance_ : ndarray of shape (n_features_in_,)
        OBS saliency of all coefficients that leave a feature, divided by the sum over features.
        Where radial layers read the input: the growth of the objective with the feature held at
        its mean and the output layer refitted, as of :class:`RBFNetRegressor`.
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
    NewtonNetRegressor : The same for numbers.
    NewtonMLPClassifier : Linear layers, by their sizes.
    RBFNetClassifier : Gaussian units, with centres from k-means and penalised widths.
    sknewtonnet.calculus.Network.from_layers : The net itself.

    Notes
    -----
    The objective is that of :class:`NewtonNetRegressor`, where the loss of a sample is the
    negative log-likelihood of its class or labels; start and cost are the same.

    References
    ----------
    .. [I] Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary
       Feed-Forward Neural Networks, eq. 7 to 11.
    .. [N] Nocedal and Wright (2006), Numerical Optimization, chapters 4 and 7.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknewtonnet import NewtonNetClassifier
    >>> from sknewtonnet.calculus import Linear, Quadratic
    >>> X, y = load_iris(return_X_y=True)
    >>> def layers(n_features, n_outputs):
    ...     return [Quadratic((0,), 2), Linear((0, 1), n_outputs)]
    >>> alpha = {"quadratic_forms": 1.0, "coefs_0": 1.0}
    >>> net = NewtonNetClassifier(layers, alpha=alpha, random_state=0).fit(X, y)
    >>> net.critical_point_
    'minimum'
    >>> round(net.score(X, y), 2)
    0.99
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseNet._parameter_constraints,
        **ClassifierRole._parameter_constraints,
    }

    def __init__(
        self,
        layers: Layers = None,
        *,
        standardize: bool = True,
        alpha: Alpha = "auto",
        cv: CrossValidation = None,
        penalties: Penalties = None,
        class_weight: ClassWeight = None,
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
        self.layers = layers
        self.standardize = standardize
        self.alpha = alpha
        self.cv = cv
        self.penalties = penalties
        self.class_weight = class_weight
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
