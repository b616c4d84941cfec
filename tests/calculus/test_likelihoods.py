"""What a loss says of the distribution of targets: densities, quantiles, dispersions, means."""

import numpy as np
import pytest
from cases import targets
from oracles import assert_close
from scipy import integrate, stats

from sknewtonnet.calculus import LOSSES
from sknewtonnet.testing import check_loss

RAW = np.array([[-0.7, 0.4, 1.1], [0.3, -1.2, 0.2]])

DISTRIBUTIONS = {
    "squared_error": lambda raw, phi: stats.norm(raw, np.sqrt(phi)),
    "binary_log_loss": lambda raw, phi: stats.bernoulli(1.0 / (1.0 + np.exp(-raw))),
    "poisson": lambda raw, phi: stats.poisson(np.exp(raw)),
    "gamma": lambda raw, phi: stats.gamma(1.0 / phi, scale=phi * np.exp(raw)),
    "negative_binomial": lambda raw, phi: stats.nbinom(1.0, 1.0 / (1.0 + np.exp(raw))),
    "binomial": lambda raw, phi: stats.bernoulli(1.0 / (1.0 + np.exp(-raw))),
}
# What scipy has no distribution of is tested in test_tweedie.py.
FREE = [name for name, loss in LOSSES.items() if loss.free_dispersion and name != "tweedie"]


def draw(name, seed=0, n=2):
    return targets(LOSSES[name](), np.random.default_rng(seed), n, 3)


def test_every_likelihood_is_tested():
    known = {name for name, loss in LOSSES.items() if loss.likelihood}
    assert known == {*DISTRIBUTIONS, "multinomial_log_loss", "tweedie"}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_densities_are_those_of_scipy(name):
    phi = 0.6 if name in FREE else 1.0
    y, distribution = draw(name), DISTRIBUTIONS[name](RAW, phi)
    if name in ("binary_log_loss", "binomial"):
        y = np.round(y)
    if name == "negative_binomial":
        y = np.round(y + 0.7)
    expected = (
        distribution.logpdf(y)
        if hasattr(distribution.dist, "logpdf") and name in FREE
        else distribution.logpmf(y)
    )
    found = LOSSES[name]().log_density(y, RAW, phi)
    assert found.shape == RAW.shape
    assert_close(found, expected)


def test_the_density_of_classes():
    y = np.eye(3)[[2, 0]]
    p = np.exp(RAW) / np.exp(RAW).sum(axis=1, keepdims=True)
    found = LOSSES["multinomial_log_loss"]().log_density(y, RAW, 1.0)
    assert found.shape == (2, 1)
    assert_close(found[:, 0], np.log((p * y).sum(axis=1)))


@pytest.mark.parametrize("name", [*DISTRIBUTIONS, "multinomial_log_loss"])
def test_loss_over_dispersion_is_the_density_but_for_terms_without_raw(name):
    """So that the minimum is the maximum of the likelihood at any dispersion."""
    loss, phi = LOSSES[name](), 0.6 if name in FREE else 1.0
    y, other = draw(name), RAW + 0.3 * np.array([1.0, -1.0, 0.5])
    rise = loss.log_density(y, other, phi).sum(axis=1) - loss.log_density(y, RAW, phi).sum(axis=1)
    assert_close(-phi * rise, loss.value(y, other) - loss.value(y, RAW))


@pytest.mark.parametrize("name", FREE)
def test_the_likeliest_dispersion_is_a_maximum(name):
    loss, rng = LOSSES[name](), np.random.default_rng(0)
    raw = rng.normal(size=(200, 1))
    y = DISTRIBUTIONS[name](raw, 0.4).rvs(random_state=rng)
    best = loss.likeliest_dispersion(float(loss.value(y, raw).mean()))
    values = [loss.log_density(y, raw, best * factor).sum() for factor in (0.999, 1.0, 1.001)]
    assert values[1] > max(values[0], values[2])
    assert 0.3 < best < 0.5


@pytest.mark.parametrize("name", FREE)
def test_pearson_squares_have_the_dispersion_as_their_mean(name):
    loss = LOSSES[name]()
    raw = np.array([[0.3]])
    distribution = DISTRIBUTIONS[name](0.3, 0.4)
    low, high = distribution.ppf([1e-12, 1.0 - 1e-12])
    value, _ = integrate.quad(
        lambda y: float(loss.squared_pearson(np.array([[y]]), raw)[0, 0]) * distribution.pdf(y),
        low,
        high,
        epsabs=1e-10,
    )
    assert value == pytest.approx(0.4, rel=1e-6)


LEVELS = np.array([0.003, 0.1, 0.5, 0.9, 0.999])
QUANTILES = [name for name in DISTRIBUTIONS if name not in ("binary_log_loss", "binomial")]
COUNTS = ("poisson", "negative_binomial")


@pytest.mark.parametrize("name", QUANTILES)
def test_quantiles_are_those_of_scipy(name):
    phi = np.array([0.6, 1.3, 0.2]) if name in FREE else 1.0
    loss = LOSSES[name]()
    found = loss.quantiles(loss.inverse_link(RAW), phi, LEVELS)
    assert found.shape == (*RAW.shape, len(LEVELS))
    for k, level in enumerate(LEVELS):
        np.testing.assert_allclose(
            found[..., k], DISTRIBUTIONS[name](RAW, phi).ppf(level), rtol=1e-10
        )


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distribution_functions_are_those_of_scipy(name):
    """Below and up to a target: the same but for what has a probability of its own."""
    phi = np.array([0.6, 1.3, 0.2]) if name in FREE else 1.0
    loss, distribution = LOSSES[name](), DISTRIBUTIONS[name](RAW, phi)
    y = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    if name in (*COUNTS, *FREE):
        y = np.array([[0.0, 1.0, 2.5], [4.0, 7.0, 0.0]]) + (0.3 if name in FREE else 0.0)
    below, upto = loss.cumulative(y, loss.inverse_link(RAW), phi)
    np.testing.assert_allclose(upto, distribution.cdf(y), rtol=1e-12)
    jumps = 0.0 if name in FREE else distribution.pmf(y)
    np.testing.assert_allclose(upto - below, jumps, rtol=1e-12, atol=1e-15)


def test_shares_of_trials_and_means_of_counts_jump_at_their_own_steps():
    trials, mean = np.array([[4.0, 10.0, 1.0]]), np.array([[0.3, 0.6, 0.2]])
    below, upto = LOSSES["binomial"]().cumulative(np.array([[0.5, 0.0, 1.0]]), mean, 1.0 / trials)
    hits = np.array([[2, 0, 1]])
    np.testing.assert_allclose(upto, stats.binom.cdf(hits, trials, mean), rtol=1e-12)
    np.testing.assert_allclose(below, stats.binom.cdf(hits - 1, trials, mean), rtol=1e-12)
    below, upto = LOSSES["poisson"]().cumulative(np.array([[0.5, 0.0, 3.0]]), mean, 1.0 / trials)
    counts = np.array([[2, 0, 3]])
    np.testing.assert_allclose(upto, stats.poisson.cdf(counts, trials * mean), rtol=1e-12)
    np.testing.assert_allclose(below, stats.poisson.cdf(counts - 1, trials * mean), rtol=1e-12)


def test_each_class_is_there_or_not():
    loss = LOSSES["multinomial_log_loss"]()
    p = loss.inverse_link(RAW)
    below, upto = loss.cumulative(np.eye(3)[[2, 0]], p, 1.0)
    np.testing.assert_allclose(below, [[0, 0, 1 - p[0, 2]], [1 - p[1, 0], 0, 0]])
    np.testing.assert_allclose(upto, [[1 - p[0, 0], 1 - p[0, 1], 1], [1, *(1 - p[1, 1:])]])


def test_quantiles_of_counts_at_every_jump():
    """Where the probability of a count is exactly the level, and for means of all sizes."""
    mean = np.array([[0.0, 1e-8, 0.3], [4.0, 77.7, 1e6]])
    levels = np.sort(np.r_[stats.poisson.cdf([0, 3, 4, 5], 4.0), LEVELS])
    found = LOSSES["poisson"]().quantiles(mean, 1.0, levels)
    np.testing.assert_array_equal(found, stats.poisson.ppf(levels, mean[..., None]))


@pytest.mark.parametrize("name", ["binary_log_loss", "multinomial_log_loss", "pseudo_huber"])
def test_what_has_no_quantiles_says_why(name):
    loss = LOSSES[name]()
    reason = "pseudo_huber does not say" if name == "pseudo_huber" else "observation is a class"
    with pytest.raises(NotImplementedError, match=reason):
        loss.quantiles(loss.inverse_link(RAW), 1.0, LEVELS)


@pytest.mark.parametrize("name", QUANTILES)
@pytest.mark.parametrize("what", ["shape", "order", "value"])
def test_check_loss_names_wrong_quantiles(name, what):
    class Wrong(LOSSES[name]):
        def quantiles(self, mean, dispersion, levels):
            right = super().quantiles(mean, dispersion, levels)
            if what == "shape":
                return right[..., 0]
            return right[..., ::-1] if what == "order" else np.round(1.1 * right + 1.0, 6)

    messages = {
        "shape": "quantiles has shape",
        "order": "quantiles fall where levels rise",
        "value": "the probability is" if name in COUNTS else "the density is",
    }
    if name in COUNTS:
        Wrong.quantiles = (
            (lambda self, *given: np.round(1.5 * LOSSES[name]().quantiles(*given)))
            if what == "value"
            else Wrong.quantiles
        )
    with pytest.raises(AssertionError, match=messages[what]):
        check_loss(Wrong())


@pytest.mark.parametrize("name", QUANTILES)
def test_check_loss_names_a_wrong_distribution_function(name):
    class Wrong(LOSSES[name]):
        def cumulative(self, y, mean, dispersion):
            below, upto = super().cumulative(y, mean, dispersion)
            return 0.9 * below, 0.9 * below if name in FREE else 0.5 * upto

    check_loss(LOSSES[name]())
    with pytest.raises(AssertionError, match="cumulative has the probabilities"):
        check_loss(Wrong())


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_draws_are_of_that_distribution(name):
    phi = np.array([0.6, 1.3, 0.2]) if name in FREE else 1.0
    loss, rng = LOSSES[name](), np.random.default_rng(0)
    drawn = np.array([loss.draw(loss.inverse_link(RAW), phi, rng) for _ in range(4000)])
    loss.check_target(drawn[0])
    distribution = DISTRIBUTIONS[name](RAW, phi)
    for i, o in np.ndindex(RAW.shape):
        for at in LEVELS[1:-1]:
            value = distribution.ppf(at)[i, o]
            p = distribution.cdf(value)[i, o]
            share = (drawn[:, i, o] <= value).mean()
            assert share == pytest.approx(p, abs=4.0 * np.sqrt(p * (1 - p) / 4000) + 1e-12)


def test_draws_of_classes():
    loss, rng = LOSSES["multinomial_log_loss"](), np.random.default_rng(0)
    p = loss.inverse_link(RAW)
    drawn = np.array([loss.draw(p, 1.0, rng) for _ in range(4000)])
    loss.check_target(drawn[0])
    assert set(np.unique(drawn)) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(axis=0), p, atol=4.0 * np.sqrt(0.25 / 4000))


def test_draws_of_counts_with_another_dispersion():
    """As of means of several counts: the mean stays, the variance is that many times the mean."""
    rng = np.random.default_rng(0)
    drawn = LOSSES["poisson"]().draw(np.full((40_000, 1), 2.0), 0.25, rng)
    assert drawn.mean() == pytest.approx(2.0, abs=0.015)
    assert drawn.var() == pytest.approx(0.5, rel=0.03)


def test_no_draws_without_a_distribution():
    with pytest.raises(NotImplementedError, match="pseudo_huber does not say how observations"):
        LOSSES["pseudo_huber"]().draw(RAW, 1.0, np.random.default_rng(0))


def test_pseudo_huber_has_no_likelihood():
    loss = LOSSES["pseudo_huber"]()
    with pytest.raises(NotImplementedError, match="pseudo_huber"):
        loss.log_density(RAW, RAW, 1.0)
    with pytest.raises(NotImplementedError, match="pseudo_huber"):
        loss.squared_pearson(RAW, RAW)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("output", [0, 2])
def test_means_and_their_derivatives(name, output):
    loss, step = LOSSES[name](), 1e-5
    value, gradient, hessian = loss.mean_derivatives(RAW, output)
    assert_close(value, loss.inverse_link(RAW)[:, output])
    if hessian.ndim == 2:
        hessian = hessian[:, :, None] * np.eye(3)
    for k, direction in enumerate(np.eye(3)):
        ends = [
            loss.mean_derivatives(RAW + sign * step * direction, output, 1) for sign in (1, -1)
        ]
        slope = (ends[0][0] - ends[1][0]) / (2 * step)
        np.testing.assert_allclose(gradient[:, k], slope, rtol=1e-8, atol=1e-9)
        bend = (ends[0][1] - ends[1][1]) / (2 * step)
        np.testing.assert_allclose(hessian[:, k], bend, rtol=1e-8, atol=1e-9)
    for order in (0, 1):
        assert len(loss.mean_derivatives(RAW, output, order)) == order + 1
