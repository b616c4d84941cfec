"""Cholesky factors in place of a symmetric matrix, against its eigenvalues."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet.calculus.pieces.symmetric import least_eigenvalue, lower_factor, mirror_lower


def matrix(least, n, order):
    rng = np.random.default_rng(n)
    basis, _ = np.linalg.qr(rng.standard_normal((n, n)))
    found = (basis * np.r_[least, np.linspace(1.0, 3.0, n - 1)]) @ basis.T
    return np.array(0.5 * (found + found.T), order=order)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n", [3, 300])
def test_factors_in_place(n, order):
    given = matrix(1e-4, n, order)
    factor = lower_factor(given.copy(order="K"))
    half = np.tril(factor)
    assert_allclose(half @ half.T, given, atol=1e-13)
    level = least_eigenvalue(factor, 3.0)
    assert 1e-4 * 0.1 / (4.0 * np.sqrt(n)) < level < 1e-4
    assert lower_factor(matrix(-1e-4, n, order)) is None


@pytest.mark.parametrize("n", [1, 128, 300])
def test_the_lower_half_is_mirrored(n):
    given = np.random.default_rng(0).standard_normal((n, n))
    expected = np.tril(given) + np.tril(given, -1).T
    assert_array_equal(mirror_lower(given), expected)
