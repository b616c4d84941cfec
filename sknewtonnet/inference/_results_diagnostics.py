"""Diagnostics of a fit, row by row and unit by unit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from sknewtonnet._typing import Array
from sknewtonnet.calculus.pieces.validation import check_count
from sknewtonnet.inference._average_effects import AverageEffects
from sknewtonnet.inference._bootstrap import (
    BootstrapResults,
    Quantity,
    bootstrap,
    known_quantities,
    own_quantity,
)
from sknewtonnet.inference._calibration import CALIBRATED_TESTS, Calibration, calibrate
from sknewtonnet.inference._checks import (
    check_choice,
    check_level,
    check_names,
    check_samples,
    listed,
)
from sknewtonnet.inference._comparison import ComparisonResult, compare
from sknewtonnet.inference._effect_profile import (
    EffectProfile,
    Function,
    InUnits,
    average_effect,
    effect_interval,
    prediction_at,
)
from sknewtonnet.inference._influence import Influence, influence
from sknewtonnet.inference._prediction import std_errors
from sknewtonnet.inference._radial_units import (
    FormParameters,
    QuadraticForms,
    RadialShape,
    RadialUnits,
)
from sknewtonnet.inference._replications import replicated
from sknewtonnet.inference._resampling import RESAMPLINGS, Resampling
from sknewtonnet.inference._residuals import Residuals
from sknewtonnet.inference._results_effects import Predictions
from sknewtonnet.inference._results_estimates import in_few_threads
from sknewtonnet.inference._without_data import results_without_data


@dataclass(frozen=True, eq=False, repr=False)
class Diagnostics(Predictions):
    """Residuals and influence of rows, radial units, and results without the data."""

    @in_few_threads
    def without_data(self) -> Self:
        """The same results without X, y and weights, to be sent or kept; numbers of clusters stay.

        Parameters, their covariance, p-values and intervals, Wald tests, criteria, findings,
        importances, the summary, predictions for new samples, and the delta method are there.
        Likelihood-ratio and score tests, profile intervals, effects and influence need the data.

        Returns
        -------
        InferenceResults
            What needs the data raises an AttributeError that says so.

        Notes
        -----
        Named after ``remove_data`` of statsmodels, which changes results in place.

        Examples
        --------
        >>> import pickle
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> X = np.random.default_rng(0).normal(size=(2000, 2))
        >>> y = X[:, 0] - X[:, 1] ** 2
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> sent = results.without_data()
        >>> len(pickle.dumps(sent)) < 0.2 * len(pickle.dumps(results))
        True
        >>> sent.summary() == results.summary()
        True
        """
        found: Self = results_without_data(self)
        return found

    @in_few_threads
    def influence(self) -> Influence:
        """What each row does to the fit: leverages, Cook's distances, leave-one-out predictions.

        One Newton step from the minimum to that without the row; exact for linear nets with
        squared errors. Rows of weight zero, which are not in the fit, have no line.

        Returns
        -------
        Influence
            With statsmodels' names. All NaN, with the reason, where the fit is no minimum.

        Notes
        -----
        Two arrays of n O P numbers and one Hessian, as "HC3".

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(60, 2))
        >>> y = X[:, 0] + 0.1 * rng.normal(size=60)
        >>> y[7] += 5.0
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> found = results.influence()
        >>> int(found.cooks_distance.argmax()), float(found.hat_matrix_diag.sum().round(6))
        (7, 3.0)
        """
        scale = np.ones(self._table.network.n_outputs)
        if self.rescaled is not None:
            scale = self.rescaled.out_scale
        return influence(
            self.information, self.reported, self._table, self.std_errors, scale, self._fatal
        )

    @property
    def resid_response(self) -> Array:
        """Residuals: targets less predicted means; of classes, 0 or 1 less their probabilities.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of the target; with two classes of the second one. Rows of weight zero,
            which are not in the fit, have no line.
        """
        return self._single(self._residuals.response)

    @property
    def resid_pearson(self) -> Array:
        """Pearson residuals: over the root of the variance that the mean implies.

        Returns
        -------
        ndarray of the shape of ``resid_response``
            Their variance is about ``dispersion``. With weights of precision or sampling they are
            multiplied by the roots of the weights, as in statsmodels' ``var_weights``.
        """
        return self._single(self._residuals.pearson)

    @property
    def resid_deviance(self) -> Array:
        """Deviance residuals: signed roots of twice what each entry loses.

        Returns
        -------
        ndarray of the shape of ``resid_response``
            Without frequency weights their squares sum to the deviance, twice the loss that is
            fitted. Of more than two classes there is one for each row, without a sign.
        """
        return self._single(self._residuals.deviance)

    @property
    def resid_working(self) -> Array:
        """Working residuals: on the scale of the raw prediction, over d mean / d raw.

        Returns
        -------
        ndarray of the shape of ``resid_response``
            NaN for more than two classes.
        """
        return self._single(self._residuals.working)

    def quantile_residuals(self, random_state: int = 0) -> Array:
        """Quantile residuals: independent standard normal numbers, if the model is right.

        With the distribution function F of a target by the fitted model they are Phi^-1(F(y)).
        Counts and classes have jumps of F: there F(y) is a uniform number between P(Y < y) and
        P(Y <= y), so that ties and bands, which say nothing, vanish. They end at 8.2, beyond
        which 1 - F(y) is less than rounding.

        Parameters
        ----------
        random_state : int, default=0
            Seed of the uniform numbers.

        Returns
        -------
        ndarray of the shape of ``resid_response``
            Of more than two classes, for each of them, there or not.

        Raises
        ------
        ValueError
            If the loss has no likelihood, or says nothing of the distribution.

        References
        ----------
        Dunn and Smyth (1996), Randomized quantile residuals, Journal of Computational and
        Graphical Statistics 5.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(300, 1))
        >>> y = rng.poisson(np.exp(X[:, 0]))
        >>> net = NewtonMLPRegressor((), loss="poisson", alpha=0.0).fit(X, y)
        >>> found = net.inference(X, y).quantile_residuals()
        >>> found.shape, bool(0.9 < found.std() < 1.1)
        ((300,), True)
        """
        check_count("random_state", random_state, 0)
        loss = self.information.objective.loss
        variance = np.full(self._table.network.n_outputs, self.dispersion)
        if loss.normal_errors and len(variance) > 1:
            scale = 1.0 if self.rescaled is None else self.rescaled.out_scale
            variance = np.diag(self.information.residual_covariance) * scale**2
        try:
            found = self._residuals.quantile(variance, np.random.default_rng(random_state))
        except NotImplementedError as reason:
            raise ValueError(f"there are no quantile residuals: {reason}.") from None
        return self._single(found)

    @property
    def _residuals(self) -> Residuals:
        raw = self._table.raw_predictions(self.reported.values_of_net(self.information.params))
        return Residuals(self.information, self._table, raw)

    @staticmethod
    def _single(columns: Array) -> Array:
        return columns[:, 0] if columns.shape[1] == 1 else columns

    @in_few_threads
    def bootstrap(
        self,
        n: int = 999,
        kind: str = "pairs",
        *,
        quantity: str | Callable[[Array], ArrayLike] | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> BootstrapResults:
        """Fit to data drawn anew: standard errors and intervals of any quantity of the net.

        Each fit starts at this minimum, with the penalty, the units of columns and the active
        constraints as they are, and its units are put in the order and signs of this net.

        Parameters
        ----------
        n : int, default=999
            Number of replications.
        kind : {"pairs", "cluster", "parametric", "wild"}, default="pairs"
            What is drawn: rows with their targets; whole clusters of rows, those of
            ``cov_type="cluster"``; targets from the distribution that the net has fitted; or signs
            of the residuals, each divided by (1 - leverage)^1/2, of the rows or, with
            ``cov_type="cluster"``, of the clusters. "pairs", "cluster" and "wild" hold also if
            variances differ between rows; "wild" is for squared errors.
        quantity : callable, "params" or "marginal_effects", default=None
            What to look at: a function from ``params_`` of the net to one or more numbers, such as
            ``lambda w: net.predict_at(w, X_new)``; ``params`` of these results; or the average
            marginal effects, over the rows that are drawn. None: both of the latter.
        random_state : int, default=0
            Seed.
        n_jobs : int, default=None
            Number of processes, as in joblib; it changes nothing of the numbers.
        progress : callable, default=None
            Called with the number of replications that are done, and of all, such as
            ``lambda done, n: print(done, "of", n)``.

        Returns
        -------
        BootstrapResults
            With ``samples``, ``std_errors``, ``conf_int`` and the number that ``failed``.

        Raises
        ------
        ValueError
            If an argument has another value, the kind does not suit the loss or the weights, or
            the fit has not ended at a minimum.

        Warns
        -----
        UserWarning
            If more than a tenth of the replications failed.

        Notes
        -----
        A warm fit takes a few Newton steps, so that a thousand cost as much as some hundred fits.

        References
        ----------
        Davison and Hinkley (1997), Bootstrap Methods and Their Application; Davidson and Flachaire
        (2008), The wild bootstrap, tamed at last.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(100, 2))
        >>> y = X[:, 0] + 0.1 * rng.normal(size=100)
        >>> net = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
        >>> results = net.inference(X, y)
        >>> found = results.bootstrap(99, "wild", quantity=lambda w: net.predict_at(w, X[:2]))
        >>> found.samples.shape, found.failed
        ((99, 2), 0)
        >>> bool(np.allclose(found.std_errors, results.get_prediction(X[:2]).se, rtol=0.3))
        True
        """
        check_count("n", n, 2)
        check_choice("kind", kind, RESAMPLINGS)
        check_count("random_state", random_state, 0)
        known = quantity is None or isinstance(quantity, str)
        if known:
            check_choice("quantity", quantity, (None, "params", "marginal_effects"))
        elif not callable(quantity):
            raise ValueError(f"quantity must be callable or a name, got {quantity!r}.")
        if self._fatal:
            raise ValueError(f"a bootstrap starts at a minimum, but there is none: {self._fatal}")
        resampling = Resampling(self.information, kind, self.groups)
        if reason := resampling.refusal():
            raise ValueError(reason)
        found = bootstrap(
            resampling,
            self.refit.minimize,
            self._quantity(quantity),
            n,
            random_state,
            n_jobs,
            progress,
        )
        if found.failed > 0.1 * n:
            warnings.warn(
                f"{found.failed} of {n} replications failed: the data determine the net badly, or "
                "the fit has not converged.",
                UserWarning,
                stacklevel=3,
            )
        return found

    @in_few_threads
    def calibrate(
        self,
        n: int = 200,
        *,
        tests: Sequence[str] = ("effect", "summary"),
        level: float = 0.95,
        n_init: int = 3,
        random_state: int = 0,
        n_jobs: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Calibration:
        """How often intervals cover and tests reject for this very table, by simulation.

        Targets are drawn from the distribution that the net has fitted, the net is fitted to them
        from its minimum, and inference of the same kind is made. In data from this net the
        intervals of average effects and of predictions must cover this net's; in data from the net
        without a feature, fitted under that restriction, tests of the feature must not reject.

        Parameters
        ----------
        n : int, default=200
            Number of data sets, for the net, and for each feature if there are tests.
        tests : sequence of str, default=("effect", "summary")
            Tests of features: "effect", of the average marginal effect; "summary", that of
            dependence in the summary of these results; "slope", "likelihood ratio", "score" and
            "wald", the methods of these names, the fits of them from this minimum alone.
        level : float, default=0.95
            Level of the intervals; tests reject at 1 - ``level``.
        n_init : int, default=3
            Random starts of the fit without a feature.
        random_state : int, default=0
            Seed.
        n_jobs : int, default=None
            Number of processes, as in joblib; it changes nothing of the numbers.
        progress : callable, default=None
            Called with the number of replications that are done, and of all, such as
            ``lambda done, n: print(done, "of", n)``.

        Returns
        -------
        Calibration
            Printed, a table with a row for each feature.

        Raises
        ------
        ValueError
            If an argument has another value, there is no likelihood to draw from, or the fit has
            not ended at a minimum.

        Notes
        -----
        A penalty, and the form of the net, stay as they are: this says what the tests do for a net
        like this one, not what the choice of a net does to them. The cost is n (1 + n_features)
        fits with inference.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(100, 2))
        >>> y = X[:, 0] + rng.normal(size=100)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> found = results.calibrate(50, tests=["slope"])
        >>> bool((found.effect_coverage > 0.8).all()), bool((found.sizes["slope"] < 0.2).all())
        (True, True)
        """
        check_count("n", n)
        check_level(level)
        check_count("n_init", n_init, 0)
        check_count("random_state", random_state, 0)
        chosen = tuple(listed("tests", tests))
        for test in chosen:
            check_choice("tests", test, CALIBRATED_TESTS)
        if self._fatal:
            raise ValueError(f"calibration starts at a minimum, but there is none: {self._fatal}")
        if reason := Resampling(self.information, "parametric").refusal():
            raise ValueError(reason)
        return calibrate(self, chosen, n, level, n_init, random_state, n_jobs, progress)

    @in_few_threads
    def profile_effect(
        self,
        feature: str | None = None,
        *,
        at: ArrayLike | None = None,
        output: int = 0,
        level: float = 0.95,
    ) -> EffectProfile:
        """Likelihood interval of an average effect, or of a prediction.

        These are the values v with 2 (M(v) - M) / phi at most the squared quantile of t or of the
        normal distribution, where M(v) is the minimum among nets whose effect, or prediction, is
        v. Unlike intervals by the delta method they do not take the net for linear around its
        minimum, and need not be symmetric; in linear models with squared errors they are the same.

        Parameters
        ----------
        feature : str, default=None
            Name of a feature, for its average marginal effect, a contrast if it has two values.
        at : array-like of shape (n_features,), default=None
            A sample, for the predicted mean there (at offset 0); for a pipeline a table of one
            row. Either it or a feature is given.
        output : int, default=0
            Position of the output.
        level : float, default=0.95
            Confidence level.

        Returns
        -------
        EffectProfile
            With ``estimate``, ``lower`` and ``upper``; NaN with the reason where the effect is
            not estimable, or there is no likelihood.

        Raises
        ------
        ValueError
            If not one of ``feature`` and ``at`` is given, or an argument has another value.

        Notes
        -----
        Ten to thirty constrained fits, each of a few Newton steps from the last one.

        References
        ----------
        Bates and Watts (1988), Nonlinear Regression Analysis and Its Applications, 6.1.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> found = results.profile_effect("x0")
        >>> ends = results.marginal_effects(["x0"]).conf_int()[0]
        >>> bool(np.allclose([found.lower, found.upper], ends))
        True
        """
        check_level(level)
        if (feature is None) == (at is None):
            raise ValueError(f"one of feature and at must be given, got {feature!r} and {at!r}.")
        check_count("output", output, 0)
        if output >= len(self.output_names):
            raise ValueError(f"output must be below {len(self.output_names)}, got {output}.")
        table, loss = self._table, self.information.objective.loss
        if at is None:
            assert feature is not None
            check_names("feature", [feature], self.feature_names)
            name = feature
            function = average_effect(table, loss, self.feature_names.index(feature), output)
        else:
            given = np.atleast_2d(np.asarray(at)) if self.prepare is None else self.prepare(at)
            sample = check_samples(given, self.feature_names, False)
            if len(sample) != 1:
                raise ValueError(f"at must be one sample, got {len(sample)}.")
            name, function = "prediction", prediction_at(table, loss, sample, output)
        is_raw = feature is None and loss.monotonic_link
        return self._profiled(name, function, is_raw, output, level)

    def _profiled(
        self, name: str, function: Function, is_raw: bool, output: int, level: float
    ) -> EffectProfile:
        """The interval; of raw predictions, that of their means."""
        loss = self.information.objective.loss
        if self.rescaled is not None:
            function = InUnits(function, self.rescaled.map)
        value, gradient = function.value_and_gradient(self.information.params)
        row = gradient[None]
        error = std_errors(row, self._covariance, self._estimable_rows)[0]
        reason = self._fatal or self._why_no_likelihood
        if not reason and not error > 0:
            reason = "not estimable: the data do not determine it"
        ends = (np.nan, np.nan)
        if not reason:
            ends = effect_interval(self.information, function, error, level, self._df_denom)
        found = np.array([value, *ends])
        if is_raw and not loss.joint:
            raw = np.zeros((3, len(self.output_names)))
            raw[:, output] = found
            found = loss.mean_derivatives(raw, output, 0)[0]
        estimate, lower, upper = map(float, found)
        return EffectProfile(name, estimate, lower, upper, level, reason)

    @property
    def _why_no_likelihood(self) -> str:
        """Why likelihoods of fits cannot be compared, if so."""
        information = self.information
        if not information.is_likelihood:
            return "the loss, or the weights, have no likelihood"
        if information.objective.loss.normal_errors and information.n_entries > 1:
            return "the fit weighs the errors of all outputs alike, whatever their variances"
        return ""

    @in_few_threads
    def compare(
        self,
        other: Diagnostics,
        *,
        bootstrap: int = 0,
        n_init: int = 3,
        random_state: int = 0,
        n_jobs: int | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> ComparisonResult:
        """Compare two nets that were fitted to the same data, as ``anova`` of R does.

        If one is a submodel of the other, because it has fewer units, inputs or connections, or no
        skip connections, this is the likelihood-ratio test, by F where a dispersion is estimated.
        Chi-square and F do not hold for q against q + 1 units, nor under a penalty; then p is NaN,
        with the reason, and data simulated from the smaller net give one. Two nets neither of
        which is a submodel are compared by Vuong's test.

        Parameters
        ----------
        other : InferenceResults
            Of the other net, on the same targets and weights; its inputs may be others.
        bootstrap : int, default=0
            Number of data sets to simulate from the smaller net, such as 199. To each of them both
            nets are fitted, the larger one from 1 + 2 ``n_init`` starts.
        n_init : int, default=3
            Random starts of the larger net, each also as the smaller net with units that nothing
            reads yet.
        random_state : int, default=0
            Seed.
        n_jobs : int, default=None
            Number of processes, as in joblib; it changes nothing of the numbers.
        progress : callable, default=None
            Called with the number of replications that are done, and of all, such as
            ``lambda done, n: print(done, "of", n)``.

        Returns
        -------
        ComparisonResult
            Printed, a table of the two nets and the test.

        Raises
        ------
        ValueError
            If the data differ, the nets are the same or have no likelihood, or an argument has
            another value.

        References
        ----------
        Vuong (1989), Econometrica 57; Davies (1977), Biometrika 64.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> net = NewtonMLPRegressor((), alpha=0.0)
        >>> both = net.fit(X[:, :2], y).inference(X[:, :2], y)
        >>> found = net.fit(X, y).inference(X, y).compare(both)
        >>> found.method, found.df, found.p_value > 0.05
        ('likelihood ratio', 1, True)
        """
        if not isinstance(other, Diagnostics):
            raise ValueError(f"other must be results of inference, got {other!r}.")
        check_count("bootstrap", bootstrap, 0)
        check_count("n_init", n_init, 0)
        check_count("random_state", random_state, 0)
        replicate = partial(replicated, n_jobs=n_jobs, progress=progress)
        return compare(self, other, bootstrap, n_init, random_state, replicate)

    def _quantity(
        self, wanted: str | Callable[[Array], ArrayLike] | None
    ) -> tuple[list[str], Quantity]:
        """Names and function of what a bootstrap looks at."""
        if callable(wanted):
            return own_quantity(self.reported, self.information.params, wanted)
        effects = AverageEffects(self._table, self.information.objective.loss)
        outputs = self.output_names if len(self.output_names) > 1 else ("",)
        names = [
            f"dy/d {name}" + (f", {output}" if output else "")
            for name in self.feature_names
            for output in outputs
        ]
        return known_quantities(self.reported, effects, names, wanted)

    def radial_units(self) -> RadialUnits:
        """Centres, covariances and widths of radial units, with standard errors.

        The free parameters of the fit are logarithms of widths, or a Cholesky factor with the
        logarithm of its diagonal. Standard errors of the rest follow by :meth:`delta_method`.

        Returns
        -------
        RadialUnits
            In the units of the inputs.

        Raises
        ------
        ValueError
            If the net has no radial units.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import RBFNetRegressor
        >>> rng = np.random.default_rng(0)
        >>> x = rng.uniform(-2.0, 2.0, (100, 1))
        >>> y = np.exp(-0.5 * x[:, 0] ** 2) + 0.05 * rng.normal(size=100)
        >>> net = RBFNetRegressor(1, alpha=0.0, alpha_widths=0.0, random_state=0).fit(x, y)
        >>> units = net.inference(x, y).radial_units()
        >>> units.centers.shape, units.widths.round().tolist()
        ((1, 1), [[1.0]])
        """
        shape = RadialShape.of(self._table.network, self.reported)
        return shape.units(*self._with_errors(shape.values))

    def quadratic_forms(self) -> QuadraticForms:
        """The matrices W of the forms (x, 1)' W (x, 1) of radial units, with standard errors.

        They follow from the parameters of any radial layer by :meth:`delta_method`.

        Returns
        -------
        QuadraticForms
            In the units of the inputs, as the fitted attribute ``quadratic_forms_``.

        Raises
        ------
        ValueError
            If the net has no radial units, or several layers of them.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import RBFNetRegressor
        >>> rng = np.random.default_rng(0)
        >>> x = rng.uniform(-2.0, 2.0, (100, 1))
        >>> y = np.exp(-0.5 * x[:, 0] ** 2) + 0.05 * rng.normal(size=100)
        >>> net = RBFNetRegressor(1, covariance_type="semidefinite", alpha=0.0, random_state=0)
        >>> forms = net.fit(x, y).inference(x, y).quadratic_forms()
        >>> forms.values.shape, bool(forms.std_errors[0, 0, 0] < 0.1)
        ((1, 2, 2), True)
        """
        found = FormParameters.of(self._table.network, self.reported)
        return found.forms(*self._with_errors(found.values))

    def _with_errors(self, function: Callable[[Array], ArrayLike]) -> tuple[Array, Array]:
        """Values of a function of the parameters, and their standard errors."""
        values, covariance = self.delta_method(function)
        variance = np.diag(covariance)
        return values, np.sqrt(np.where(variance >= 0, variance, np.nan))
