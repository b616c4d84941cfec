"""Multilayer perceptrons: layers with linear propagation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Loss, Network
from sknewtonnet.estimators._arguments import own_copy
from sknewtonnet.estimators._block_tables import Samples
from sknewtonnet.estimators._data import Table
from sknewtonnet.estimators._fit import Problem
from sknewtonnet.estimators._from_mlp import from_mlp
from sknewtonnet.estimators._named_constraints import monotonic_bounds, monotonic_signs
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
from sknewtonnet.estimators._roles import ClassifierRole, RegressorRole
from sknewtonnet.estimators._sized import OUTPUT_ACTIVATION, BaseSizedNet
from sknewtonnet.estimators._starts import initial_parameters
from sknewtonnet.solvers import Solver


class BaseMLP(BaseSizedNet):
    """Common part of both estimators: linear layers, random starts, monotonic constraints."""

    monotonic_cst: ArrayLike | Mapping[str, int] | None

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseSizedNet._parameter_constraints,
        "monotonic_cst": ["array-like", dict, None],
    }

    @classmethod
    def from_sklearn(
        cls,
        mlp: MLPRegressor | MLPClassifier,
        X: Samples | None = None,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Make a fitted net of this package from a fitted MLP of scikit-learn.

        Nothing is fitted: parameters and predictions are those of the MLP, and the objective is
        the one that it was trained by. Hessian, ``inference``, displays and all else of a fitted
        net are then at hand.

        Parameters
        ----------
        mlp : MLPRegressor or MLPClassifier
            Fitted, by whatever solver; for regressors the former, for classifiers the latter. It
            is not changed.
        X, y, sample_weight : array-like, default=None
            The data of its fit, in any form that ``fit`` takes. They are not kept. With them the
            net knows what needs data: what kind of point the MLP has ended at
            (``critical_point_``), importances, the gradient (in ``solver_result_``), the objective
            ``loss_``, and standard errors of predictions. Without them ``critical_point_`` is
            "inconclusive", the gradient NaN, and ``loss_`` what the MLP says.

        Returns
        -------
        estimator
            A fitted net with ``standardize=False`` and the ``alpha`` that was in force. ``fit``
            starts anew; with ``set_params(warm_start=True)`` it goes on from here, to the minimum.

        Raises
        ------
        ValueError
            If mlp is no MLP, one of the other kind, not fitted, or has seen one class only; or y
            has no X.

        Notes
        -----
        For "lbfgs" the objective is the one in the notes of the class, with the ``alpha`` of
        the MLP; its intercepts are not penalised. For several outputs MLPRegressor reports the
        mean of their losses, but follows the gradient of the sum, which is ours.

        "adam" and "sgd" add the whole penalty in every batch: what they follow on average has
        ``alpha`` times n / b, with n rows and batches of b. That is the ``alpha`` of the net; it
        counts in rows of training, without those that ``early_stopping`` has held out.

        Of a pipeline, give the last step and put the net in its place;
        :func:`sknewtonnet.pipeline_inference` then speaks of the columns before the pipeline.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.neural_network import MLPRegressor
        >>> from sklearn.preprocessing import scale
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> X, y = scale(X), scale(y)
        >>> mlp = MLPRegressor(hidden_layer_sizes=(2,), activation="tanh", solver="lbfgs",
        ...                    alpha=10.0, max_iter=2000, random_state=0).fit(X, y)
        >>> net = NewtonMLPRegressor.from_sklearn(mlp, X, y)
        >>> bool(np.allclose(net.predict(X), mlp.predict(X), rtol=0.0, atol=1e-12))
        True
        >>> net.critical_point_, bool(abs(net.loss_ - mlp.loss_) < 1e-12)
        ('not stationary', True)

        scikit-learn has stopped before the minimum. To go on to it changes little:

        >>> net = net.set_params(warm_start=True).fit(X, y)
        >>> net.critical_point_, bool(np.abs(net.predict(X) - mlp.predict(X)).max() < 0.01)
        ('minimum', True)
        >>> mean, std = net.predict(X, return_std=True)
        >>> bool((std > 0.0).all())
        True
        """
        return from_mlp(cls, mlp, X, y, sample_weight)

    def _make_network(self, data: Table, **names: Any) -> Network:
        return self._network_of(data.n_outputs, **names)

    def _network_of(self, n_outputs: int, **names: Any) -> Network:
        return Network.mlp(
            self.n_features_in_,
            self.hidden_layer_sizes,
            n_outputs,
            own_copy("activation", self.activation),
            self.skip_connections,
            output_activation=own_copy("output_activation", self.output_activation),
            **names,
        )

    def _monotonic_signs(self) -> Ints | None:
        names = getattr(self, "feature_names_in_", None)
        return monotonic_signs(self.monotonic_cst, names, self.n_features_in_)

    def _monotonic(self, network: Network, loss: Loss) -> Ints | None:
        signs = self._monotonic_signs()
        if signs is not None:
            layers = network.layers
            groups = [layer.activation.groups(layer.n_units) for layer in layers]
            others = [h.name for group in groups for h, _ in group if not h.monotonic]
            if others:
                raise ValueError(
                    "monotonic_cst needs activations that never fall, such as 'tanh' or "
                    f"'softplus', got {others[0]!r}."
                )
            if loss.shift_invariant:
                raise ValueError(
                    "monotonic_cst is not supported for more than two classes: with three, "
                    "logits that rise do not make a probability rise."
                )
        return signs

    def _draw(self) -> Callable[[Problem, np.random.RandomState], Array]:
        return RandomStart(self._monotonic_signs())


@dataclass(frozen=True, eq=False)
class RandomStart:
    """Random weights that keep to signs, if there are any.

    Parameters
    ----------
    signs : ndarray of int or None
        One for each feature.
    """

    signs: Ints | None

    def __call__(self, problem: Problem, random_state: np.random.RandomState) -> Array:
        """A start, of shape (n_parameters,)."""
        return _random_start(problem, random_state, self.signs)


def _random_start(
    problem: Problem, random_state: np.random.RandomState, signs: Ints | None
) -> Array:
    w = initial_parameters(problem, random_state)
    if signs is None:
        return w
    # Mirrored, not cut off: a net of zeros would not learn.
    lower, upper = monotonic_bounds(problem.network, signs)
    return np.where(lower == 0.0, np.abs(w), np.where(upper == 0.0, -np.abs(w), w))


class NewtonMLPRegressor(RegressorRole, BaseMLP):
    """Multilayer perceptron for regression, trained to its exact minimum.

    Minimises a penalised mean loss with exact first and second derivatives.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of shape (n_layers - 2,), default=(10,)
        Number of units in each hidden layer; empty for a (generalised) linear model.
    activation : str, Activation, or list of them, default="tanh"
        Function of the hidden units, one for all layers or one for each, and an entry may be a
        list with one for each unit of its layer, ``[["tanh", "sine"], "tanh"]``: "identity",
        "logistic", "tanh", "relu", "softplus", "elu", "gelu", "silu", "softsign", "arctan",
        "sine", "gaussian", or an instance of :class:`sknewtonnet.calculus.Activation`.
        "relu", "elu" and "softsign" are not twice continuously differentiable: second-order
        steps then use the derivatives of the branch that each sample is in.
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
    alpha : "auto", "ard", float, array-like of shape (n_layers - 1,), or dict, default="auto"
        Strength of the L2 penalty: it counts as much as ``alpha`` rows, as in scikit-learn's MLP.
        "auto": chosen in the fit by cross-validation, one for all coefficients, at some seven
        times the work of a fit (``alpha_selection_``). The size stays the user's: enough units and
        a chosen penalty is the recipe. "ard": one for each input and layer, by the evidence, where
        cross-validation prefers it clearly (``alpha_selection_.ard``), at two to seventy times the
        work of "auto". Or one for all coefficients, one per layer, or by the names of arrays
        ("coefs_0", "intercepts_0", ...) a number or an array each. Intercepts are penalised only
        where they are named, those of hidden units also with the coefficients of standardised
        columns.
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
    skip_connections : {False, "input-output", "all"}, default=False
        Whether the output also reads the inputs, or every layer all earlier ones.
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
        By the names of arrays ("coefs_0", "intercepts_0", ...) boolean masks of their shapes, or
        True or False for all of an array; or True or False by the names of single parameters,
        ``{"coefs_0[age, h3]": False}``. What is False does not exist: exactly 0 in the fit, and no
        parameter of the problem. A later entry goes over an earlier one.
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
    monotonic_cst : array-like of int of shape (n_features,) or dict, default=None
        1: the prediction rises with the feature, -1: it falls, 0: no constraint; in order or
        by the names of features. The activations must never fall. Coefficients that read such a
        feature get its sign, and those that read a unit that depends on one are not negative.
        This is sufficient at any depth; with one hidden layer it allows all increasing sums of
        increasing units.
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
        Coefficients of each layer, inputs by units.
    intercepts_ : list of ndarray of shape (n_units_k,)
        Intercepts of each layer.
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
    NewtonMLPClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : First-order training of the same nets.

    Notes
    -----
    With S the sum of the sample weights s_i, the objective is

        f(w) = 1/S sum_i s_i loss_i(w) + alpha / (2 S) sum of squared coefficients

    where the loss of a sample is the sum of the losses of its outputs.
    Columns are standardised, unless ``standardize=False``: then, for one output, it is the
    objective of scikit-learn's MLPRegressor, and results compare number by number. A gradient
    costs about 6 n P flops, a Hessian-vector product as much, up to twice that in deep nets,
    an exact Hessian about n P^2. A fit holds about five numbers per sample and unit;
    ``critical_point_`` takes one Hessian at its end, up to 3000 parameters as a P x P matrix,
    above by products.

    References
    ----------
    .. [I] Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary
       Feed-Forward Neural Networks, eq. 7 to 11.
    .. [N] Nocedal and Wright (2006), Numerical Optimization, chapters 4 and 7.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = NewtonMLPRegressor((3,), random_state=0).fit(X, y)
    >>> net.critical_point_
    'minimum'
    >>> objective = net.objective(X, y)
    >>> bool(np.abs(objective.gradient(net.params_)).max() < 1e-8 * net.loss_)
    True
    >>> objective.hessian(net.params_).shape
    (37, 37)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        **RegressorRole._parameter_constraints,
        "output_activation": OUTPUT_ACTIVATION,
    }

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (10,),
        *,
        activation: ActivationLike = "tanh",
        output_activation: OutputActivation = "identity",
        loss: str | Loss = "squared_error",
        standardize: bool = True,
        alpha: Alpha = "auto",
        cv: CrossValidation = None,
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
        monotonic_cst: ArrayLike | Mapping[str, int] | None = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.output_activation = output_activation
        self.loss = loss
        self.standardize = standardize
        self.alpha = alpha
        self.cv = cv
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
        self.monotonic_cst = monotonic_cst
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose


class NewtonMLPClassifier(ClassifierRole, BaseMLP):
    """Multilayer perceptron for classification, trained to its exact minimum.

    Minimises a penalised mean log loss with exact first and second derivatives. Two classes
    share one logit, more classes have one each (softmax), and so have the columns of an
    indicator matrix, whose labels may be active together.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of shape (n_layers - 2,), default=(10,)
        Number of units in each hidden layer; empty for a (generalised) linear model.
    activation : str, Activation, or list of them, default="tanh"
        Function of the hidden units, one for all layers or one for each, and an entry may be a
        list with one for each unit of its layer, ``[["tanh", "sine"], "tanh"]``: "identity",
        "logistic", "tanh", "relu", "softplus", "elu", "gelu", "silu", "softsign", "arctan",
        "sine", "gaussian", or an instance of :class:`sknewtonnet.calculus.Activation`.
        "relu", "elu" and "softsign" are not twice continuously differentiable: second-order
        steps then use the derivatives of the branch that each sample is in.
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
    alpha : "auto", "ard", float, array-like of shape (n_layers - 1,), or dict, default="auto"
        Strength of the L2 penalty: it counts as much as ``alpha`` rows, as in scikit-learn's MLP.
        "auto": chosen in the fit by cross-validation, one for all coefficients, at some seven
        times the work of a fit (``alpha_selection_``). The size stays the user's: enough units and
        a chosen penalty is the recipe. "ard": one for each input and layer, by the evidence, where
        cross-validation prefers it clearly (``alpha_selection_.ard``), at two to seventy times the
        work of "auto". Or one for all coefficients, one per layer, or by the names of arrays
        ("coefs_0", "intercepts_0", ...) a number or an array each. Intercepts are penalised only
        where they are named, those of hidden units also with the coefficients of standardised
        columns.
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
    skip_connections : {False, "input-output", "all"}, default=False
        Whether the output also reads the inputs, or every layer all earlier ones.
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
        By the names of arrays ("coefs_0", "intercepts_0", ...) boolean masks of their shapes, or
        True or False for all of an array; or True or False by the names of single parameters,
        ``{"coefs_0[age, h3]": False}``. What is False does not exist: exactly 0 in the fit, and no
        parameter of the problem. A later entry goes over an earlier one.
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
    monotonic_cst : array-like of int of shape (n_features,) or dict, default=None
        1: the prediction rises with the feature, -1: it falls, 0: no constraint; in order or
        by the names of features. The activations must never fall. Coefficients that read such a
        feature get its sign, and those that read a unit that depends on one are not negative.
        This is sufficient at any depth; with one hidden layer it allows all increasing sums of
        increasing units.
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
        Coefficients of each layer, inputs by units.
    intercepts_ : list of ndarray of shape (n_units_k,)
        Intercepts of each layer.
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
    NewtonMLPRegressor : The same for numbers.
    sklearn.neural_network.MLPClassifier : First-order training of the same nets.

    Notes
    -----
    With S the sum of the sample weights s_i, the objective is

        f(w) = 1/S sum_i s_i loss_i(w) + alpha / (2 S) sum of squared coefficients

    where the loss of a sample is the negative log-likelihood of its class or labels.
    Columns are standardised, unless ``standardize=False``: then, for one output, it is the
    objective of scikit-learn's MLPClassifier, and results compare number by number. A gradient
    costs about 6 n P flops, a Hessian-vector product as much, up to twice that in deep nets,
    an exact Hessian about n P^2. A fit holds about five numbers per sample and unit;
    ``critical_point_`` takes one Hessian at its end, up to 3000 parameters as a P x P matrix,
    above by products.

    References
    ----------
    .. [I] Iovleff (2004), Exact Calculus of First and Second Derivatives of Arbitrary
       Feed-Forward Neural Networks, eq. 7 to 11.
    .. [N] Nocedal and Wright (2006), Numerical Optimization, chapters 4 and 7.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknewtonnet import NewtonMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NewtonMLPClassifier((4,), random_state=0).fit(X, y)
    >>> net.critical_point_
    'minimum'
    >>> round(net.score(X, y), 2)
    0.99
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        **ClassifierRole._parameter_constraints,
    }

    def __init__(
        self,
        hidden_layer_sizes: ArrayLike = (10,),
        *,
        activation: ActivationLike = "tanh",
        standardize: bool = True,
        alpha: Alpha = "auto",
        cv: CrossValidation = None,
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
        monotonic_cst: ArrayLike | Mapping[str, int] | None = None,
        warm_start: bool = False,
        random_state: RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.standardize = standardize
        self.alpha = alpha
        self.cv = cv
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
        self.monotonic_cst = monotonic_cst
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
