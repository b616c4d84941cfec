"""What radial basis regressors and classifiers share."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from sknewtonnet.calculus import Network
from sknewtonnet.calculus.penalties import Penalty, WidthPenalty
from sknewtonnet.calculus.radial import COVARIANCE_TYPES, precisions_cholesky
from sknewtonnet.estimators._base import FRAMES_TO_CALLER, BaseNewtonNet
from sknewtonnet.estimators._centers import DistinctRows, radial_parameters
from sknewtonnet.estimators._problem import Problem
from sknewtonnet.estimators._sklearn_compat import Interval, StrOptions
from sknewtonnet.inspection import degenerate_units

Array = NDArray[np.float64]


class BaseRBFNet(BaseNewtonNet):
    """A layer of Gaussian units, then linear layers; all trained together."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseNewtonNet._parameter_constraints,
        "n_centers": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions(set(COVARIANCE_TYPES))],
        "alpha_widths": [Interval(Real, 0, None, closed="left")],
    }

    def _make_network(self, n_outputs: int, **names: Any) -> Network:
        return Network.rbf(
            self.n_features_in_,
            self.n_centers,
            n_outputs,
            self.covariance_type,
            self.hidden_layer_sizes,
            self.activation,
            self.skip_connections,
            **names,
        )

    def _make_penalties(self, network: Network, X: Array, weight: Array) -> tuple[Penalty, ...]:
        rows = DistinctRows.of(X, weight)
        if self.n_centers > len(rows.X):
            raise ValueError(
                f"n_centers={self.n_centers} must not exceed the number of distinct rows of X "
                f"with positive weight, {len(rows.X)} (n_samples={len(X)})."
            )
        if not self.alpha_widths:
            return ()
        return (WidthPenalty(network.layout, self.alpha_widths, self._reference_width(rows)),)

    def _reference_width(self, rows: DistinctRows) -> Array:
        """Distance from the centre of the data, as a root mean square, for each feature."""
        spread = rows.spread()
        if self.covariance_type == "diag":
            spread = np.where(spread > 0, spread, 1.0) * np.sqrt(len(spread))
        else:
            spread = np.full(len(spread), np.linalg.norm(spread))
        return np.where(spread > 0, spread, 1.0)

    def _start(self, problem: Problem, random_state: np.random.RandomState) -> Array:
        return radial_parameters(
            problem.network,
            problem.loss,
            problem.X,
            problem.Y,
            problem.sample_weight,
            problem.alpha,
            random_state,
        )

    @staticmethod
    def _layer_attributes(network: Network, arrays: dict[str, Array]) -> dict[str, Any]:
        centers = arrays["centers"]
        kind = {1: "spherical", 2: "diag", 3: "full"}[arrays["precisions_cholesky"].ndim]
        factors = precisions_cholesky(kind, arrays["precisions_cholesky"])
        if kind == "full":
            eye = np.eye(centers.shape[1])
            inverses = np.array([solve_triangular(U, eye) for U in factors])
            covariances = inverses.swapaxes(1, 2) @ inverses
            precisions = factors @ factors.swapaxes(1, 2)
        else:
            covariances, precisions = factors**-2.0, factors**2.0
        n_units, n_features = centers.shape
        matrices = precisions
        if kind != "full":
            matrices = precisions.reshape(n_units, -1)[:, :, None] * np.eye(n_features)
        pull = np.matmul(matrices, centers[:, :, None])
        far = np.matmul(centers[:, None], pull)
        return {
            "centers_": centers,
            "precisions_cholesky_": factors,
            "precisions_": precisions,
            "covariances_": covariances,
            "quadratic_forms_": np.block([[matrices, -pull], [-pull.swapaxes(1, 2), far]]),
        }

    def _findings(self, problem: Problem, params: Array) -> dict[str, Any]:
        network = problem.network
        rows = DistinctRows.of(problem.X, problem.sample_weight)
        activations = network.states(params, rows.X)[1]
        matrices = network.matrices(params)
        outgoing = np.sqrt(
            sum((matrices[k][where] ** 2).sum(axis=1) for k, where in network.wiring.readers[1])
        )
        found = degenerate_units(activations, rows.sample_weight, outgoing)
        # Twins are a true minimum under an L2 penalty, which halves when a height is shared,
        # and a unit that is not used does no harm: they are for those who look.
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
                stacklevel=FRAMES_TO_CALLER,
            )
        return {"degenerate_units_": found}
