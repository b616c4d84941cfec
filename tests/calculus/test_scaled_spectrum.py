"""The factorisation that inference stands on, and the verdict that it must not contradict."""

import numpy as np
import pytest

from sknewtonnet.calculus.functions.scaled_spectrum import ScaledSpectrum

NONE = np.empty((6, 0))


def bent(seed, curvature):
    """A matrix with parameters of very different units, and one curvature that is given."""
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    scale = np.array([1.0, 1.0, 1.0, 1.0, 1e-4, 1e-5])  # the last two hardly matter
    H = scale[:, None] * (Q @ np.diag([1.0, 2.0, 3.0, 4.0, 5.0, curvature]) @ Q.T) * scale
    return 0.5 * (H + H.T)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("curvature", [-1.0, -1e-3])
def test_nothing_is_negative_that_the_verdict_takes_for_zero(seed, curvature):
    """Scaled to a unit diagonal, what the tolerance of a fit leaves may look large."""
    H = bent(seed, curvature)
    lowest = np.linalg.eigvalsh(H)[0]
    assert lowest < 0.0
    seen = ScaledSpectrum(H, None, NONE)
    hidden = ScaledSpectrum(H, None, NONE, noise=2.0 * abs(lowest))
    assert np.linalg.eigvalsh(seen.inverse)[0] < 0.0
    assert seen.n_null < hidden.n_null == (hidden.eigenvalues < 0).sum()
    assert hidden.rank == 6 - hidden.n_null
    assert np.linalg.eigvalsh(hidden.inverse)[0] > -1e-9 * np.abs(hidden.inverse).max()


def test_positive_curvature_is_never_noise():
    H = bent(0, 0.5)
    plain, noisy = (ScaledSpectrum(H, None, NONE, noise=noise) for noise in (0.0, 10.0))
    assert plain.n_null == noisy.n_null == 0
    np.testing.assert_array_equal(plain.inverse, noisy.inverse)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("curvature", [0.5, 1e-5, 1e-16, 0.0, -0.5])
@pytest.mark.parametrize("free", [6, 4])
def test_a_factor_says_what_the_eigenvalues_say(seed, curvature, free):
    """Where a Cholesky factor shows that H is regular, it takes the place of the eigenvalues."""
    H = bent(seed, curvature)
    basis = None if free == 6 else np.linalg.qr(np.eye(6)[:, :free] + 0.1 * H[:, :free])[0]
    plain, slow = (ScaledSpectrum(H, basis, NONE) for _ in range(2))
    slow._regular = False
    assert plain._regular == (slow.n_null == 0 and slow.eigenvalues[0] > 0.0)
    assert plain.n_null == slow.n_null
    assert plain.rank == slow.rank
    np.testing.assert_allclose(
        plain.inverse, slow.inverse, rtol=1e-8, atol=1e-8 * np.abs(slow.inverse).max()
    )
    np.testing.assert_array_equal(plain.null_parameters, slow.null_parameters)
    np.testing.assert_array_equal(plain.null_directions, slow.null_directions)
