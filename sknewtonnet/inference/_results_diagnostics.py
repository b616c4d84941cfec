"""Diagnostics of a fit, row by row and unit by unit."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from sknewtonnet._typing import Array
from sknewtonnet.inference._influence import Influence, influence
from sknewtonnet.inference._radial_units import RadialShape, RadialUnits
from sknewtonnet.inference._residuals import Residuals
from sknewtonnet.inference._results_effects import Predictions
from sknewtonnet.inference._results_estimates import in_few_threads
from sknewtonnet.inference._without_data import results_without_data


@dataclass(frozen=True, eq=False)
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

    @property
    def _residuals(self) -> Residuals:
        raw = self._table.raw_predictions(self.reported.values_of_net(self.information.params))
        return Residuals(self.information, self._table, raw)

    @staticmethod
    def _single(columns: Array) -> Array:
        return columns[:, 0] if columns.shape[1] == 1 else columns

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
        values, covariance = self.delta_method(shape.values)
        variance = np.diag(covariance)
        return shape.units(values, np.sqrt(np.where(variance >= 0, variance, np.nan)))
