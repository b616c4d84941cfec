"""Centres, covariances and widths of radial units, with errors by the delta method."""

import numpy as np
import pytest
from estimator_cases import regression_data
from fitted_oracles import infer
from numpy.testing import assert_allclose

from sknewtonnet import NewtonMLPRegressor, RBFNetClassifier, RBFNetRegressor
from sknewtonnet.estimators import fit_of


def fit(kind, masked=False):
    X, y = regression_data()
    X = X[:, :2]
    connectivity = None
    if masked:
        connectivity = {"centers": np.array([[True, False], [True, True]])}
    net = RBFNetRegressor(
        2,
        covariance_type=kind,
        alpha=0.1,
        random_state=0,
        connectivity=connectivity,
        standardize=False,
    ).fit(X, y)
    return net, infer(net, X, y)


@pytest.mark.parametrize("kind", ["spherical", "diag", "full"])
@pytest.mark.parametrize("masked", [False, True])
def test_values_are_those_of_the_fit(kind, masked):
    net, res = fit(kind, masked)
    units = res.radial_units()
    assert_allclose(units.centers, net.centers_)
    assert_allclose(units.covariances, net.covariances_, rtol=1e-9)
    variances = net.covariances_
    if kind == "full":
        variances = np.einsum("kpp->kp", variances)
    assert_allclose(units.widths, np.sqrt(variances), rtol=1e-9)


@pytest.mark.parametrize("kind", ["spherical", "diag"])
def test_errors_of_widths_are_those_of_their_logarithms(kind):
    _, res = fit(kind)
    units = res.radial_units()
    error = dict(zip(res.names, res.std_errors, strict=True))
    for k in range(2):
        for j in range(2):
            at = (k, j) if kind == "diag" else (k,)
            label = f"c{k}, x{j}" if kind == "diag" else f"c{k}"
            relative = error[f"precisions_cholesky[{label}]"]
            assert_allclose(units.widths_se[at], units.widths[at] * relative)
            assert_allclose(units.covariances_se[at], 2.0 * units.covariances[at] * relative)
            assert_allclose(units.centers_se[k, j], error[f"centers[c{k}, x{j}]"])


def test_round_units_of_standardised_columns():
    """One logarithm has the errors of all widths in the units of the table."""
    X, y = regression_data()
    X = [1.0, 20.0] * X[:, :2]
    net = RBFNetRegressor(2, alpha=0.1, standardize=True, random_state=0).fit(X, y)
    res = infer(net, X, y)
    units, error = res.radial_units(), dict(zip(res.names, res.std_errors, strict=True))
    assert_allclose(units.widths, np.sqrt(net.covariances_), rtol=1e-9)
    assert_allclose(units.widths[:, 1], 20.0 * units.widths[:, 0], rtol=1e-9)
    relative = np.array([error[f"precisions_cholesky[c{k}]"] for k in range(2)])
    assert_allclose(units.widths_se, units.widths * relative[:, None])


def test_errors_of_full_matrices_by_differences():
    net, res = fit("full")
    layout, step = res.information.objective.network.layout, 1e-6
    base = res.information.params

    def covariances(w):
        return net._layer_attributes(fit_of(net).network, layout.unpack(w))["covariances_"].ravel()

    columns = [
        (covariances(base + step * e) - covariances(base - step * e)) / (2 * step)
        for e in np.eye(len(base))
    ]
    J = np.array(columns).T
    expected = np.sqrt(np.einsum("ap,pq,aq->a", J, res.covariance, J))
    assert_allclose(res.radial_units().covariances_se.ravel(), expected, rtol=1e-6)


def test_classes_have_contrasts_in_the_last_layer_only():
    X, y = regression_data()
    labels = np.digitize(y, [-0.5, 0.5])
    net = RBFNetClassifier(2, covariance_type="diag", alpha=0.5, random_state=0, standardize=False)
    res = infer(net.fit(X[:, :2], labels), X[:, :2], labels)
    units = res.radial_units()
    assert_allclose(units.centers, net.centers_)
    assert_allclose(units.covariances, net.covariances_)


def test_other_nets_have_none():
    X, y = regression_data()
    res = infer(
        NewtonMLPRegressor((1,), random_state=0, standardize=False, alpha=1.0).fit(X, y), X, y
    )
    with pytest.raises(ValueError, match="radial"):
        res.radial_units()
