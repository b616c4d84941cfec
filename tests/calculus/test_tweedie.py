"""The distribution of sums of a Poisson number of gamma amounts, and likelihoods of shares."""

import numpy as np
import pytest
from oracles import assert_close
from scipy import integrate, stats
from scipy.special import gammaln

from sknewtonnet.calculus import LOSSES, Tweedie

each_power = pytest.mark.parametrize("power", [1.05, 1.3, 1.5, 1.9])


def by_numbers_of_amounts(y, mean, phi, p, most=3000):
    """The density by its definition: over all numbers of amounts, or their probability of none."""
    rate = mean ** (2 - p) / (phi * (2 - p))
    shape, scale = (2 - p) / (p - 1), phi * (p - 1) * mean ** (p - 1)
    if y == 0:
        return -rate
    j = np.arange(1, most)
    terms = stats.poisson.logpmf(j, rate) + stats.gamma.logpdf(y, shape * j, scale=scale)
    return np.logaddexp.reduce(terms)


@each_power
@pytest.mark.parametrize("phi", [0.05, 1.0, 20.0])
def test_density(power, phi):
    y = np.array([[0.0], [1e-3], [0.4], [3.0], [50.0]])
    raw = np.array([[0.3], [-1.0], [0.0], [2.0], [3.0]])
    expected = [
        by_numbers_of_amounts(at, np.exp(b), phi, power)
        for at, b in zip(y[:, 0], raw[:, 0], strict=True)
    ]
    assert_close(Tweedie(power).log_density(y, raw, phi)[:, 0], expected, 1e-9)


def test_many_amounts():
    """A small dispersion: nearly normal, and no term of the sum is left out."""
    y, raw = np.array([[1.01]]), np.zeros((1, 1))
    found = Tweedie().log_density(y, raw, 1e-5)[0, 0]
    assert found == pytest.approx(stats.norm(1.0, np.sqrt(1e-5)).logpdf(1.01), abs=0.03)
    rows = Tweedie().log_density(np.repeat(y, 3, axis=0), np.zeros((3, 1)), 1e-5)
    assert_close(rows[:, 0], np.full(3, found), 1e-14)


def test_loss_over_dispersion_is_the_density_but_for_terms_without_raw():
    y, raw = np.array([[0.0, 2.0], [0.7, 5.0]]), np.array([[0.3, -0.2], [1.0, 1.5]])
    loss, phi = Tweedie(1.3), 0.6
    rise = (loss.log_density(y, raw + 0.2, phi) - loss.log_density(y, raw, phi)).sum(axis=1)
    assert_close(-phi * rise, loss.value(y, raw + 0.2) - loss.value(y, raw))


@pytest.mark.parametrize("power", [1.3, 1.8])
def test_quantiles_and_draws(power):
    loss, phi = Tweedie(power), np.array([[0.8, 2.0]])
    mean = np.array([[1.0, 4.0], [0.2, 30.0]])
    levels = np.array([0.01, 0.3, 0.9, 0.999])
    found = loss.quantiles(mean, phi, levels)
    assert found.shape == (2, 2, 4)
    assert (np.diff(found, axis=-1) >= 0).all()
    for i, o in np.ndindex(2, 2):
        none = np.exp(
            loss.log_density(np.zeros((1, 1)), np.log(mean[i, o]).reshape(1, 1), phi[0, o])
        )
        for at, level in zip(found[i, o], levels, strict=True):
            if at == 0.0:
                assert level <= none
                continue
            below, _ = integrate.quad(
                lambda t, i=i, o=o: np.exp(
                    t + by_numbers_of_amounts(np.exp(t), mean[i, o], phi[0, o], power, 200)
                ),
                np.log(at) - 40.0 / min(1.0, (2 - power) / (power - 1)),
                np.log(at),
                limit=400,
            )
            assert float(none[0, 0]) + below == pytest.approx(level, abs=1e-6)
    rng = np.random.default_rng(0)
    drawn = np.array([loss.draw(mean, phi, rng) for _ in range(4000)])
    loss.check_target(drawn[0])
    for k, level in enumerate(levels):
        share = (drawn <= found[..., k]).mean(axis=0)
        none = (drawn == 0).mean(axis=0)
        expected = np.where(found[..., k] == 0.0, none, level)
        np.testing.assert_allclose(share, expected, atol=4.0 * np.sqrt(0.25 / 4000))
    np.testing.assert_allclose(
        drawn.var(axis=0), np.broadcast_to(phi, (2, 2)) * mean**power, rtol=0.25
    )


def test_likeliest_dispersion():
    """Also with precisions, which divide it; it is no function of the mean loss."""
    loss, rng = Tweedie(), np.random.default_rng(0)
    raw, precision = rng.normal(size=(300, 1)), rng.uniform(0.5, 2.0, (300, 1))
    y = loss.draw(np.exp(raw), 0.4 / precision, rng)
    found = loss.dispersion_of(y, raw, np.ones(300), precision)
    values = [
        loss.log_density(y, raw, found * factor / precision).sum()
        for factor in (0.999, 1.0, 1.001)
    ]
    assert values[1] > max(values[0], values[2])
    assert 0.3 < found < 0.5
    with pytest.raises(NotImplementedError, match="more than the mean loss"):
        loss.likeliest_dispersion(0.3)
    assert loss.dispersion_of(np.exp(raw), raw, np.ones(300)) == 0.0


@pytest.mark.parametrize("name", ["squared_error", "gamma"])
def test_dispersions_of_data_are_those_of_the_mean_loss(name):
    loss, rng = LOSSES[name](), np.random.default_rng(0)
    raw, counts = rng.normal(size=(50, 2)), rng.integers(1, 4, 50).astype(float)
    y = rng.gamma(2.0, size=(50, 2))
    mean_loss = counts @ loss.value(y, raw) / (2.0 * counts.sum())
    assert_close(loss.dispersion_of(y, raw, counts), loss.likeliest_dispersion(mean_loss))


# Means of several observations -------------------------------------------------------------------


def test_shares_of_trials():
    trials, hits = np.array([[1.0], [4.0], [9.0]]), np.array([[1.0], [1.0], [7.0]])
    raw = np.array([[0.3], [-0.5], [1.0]])
    p = 1.0 / (1.0 + np.exp(-raw))
    expected = stats.binom(trials, p).logpmf(hits)
    assert_close(LOSSES["binomial"]().log_density(hits / trials, raw, 1.0 / trials), expected)
    rng = np.random.default_rng(0)
    drawn = np.array([LOSSES["binomial"]().draw(p, 1.0 / trials, rng) for _ in range(2000)])
    assert_close(drawn * trials, np.round(drawn * trials), 1e-12)
    np.testing.assert_allclose(drawn.mean(axis=0), p, atol=0.05)


def test_likeliest_overdispersion():
    rng = np.random.default_rng(0)
    raw, weight = rng.normal(size=(400, 1)), rng.uniform(0.5, 2.0, 400)
    loss = LOSSES["negative_binomial"](0.7)
    y = loss.draw(np.exp(raw), 1.0, rng)
    found = LOSSES["negative_binomial"]().likeliest(y, raw, weight)
    values = [
        weight @ LOSSES["negative_binomial"](found.overdispersion * f).log_density(y, raw, 1.0)
        for f in (0.999, 1.0, 1.001)
    ]
    assert values[1] > max(values[0], values[2])
    assert 0.5 < found.overdispersion < 0.9
    assert found.n_estimated == 1
    assert loss.likeliest(y, raw, weight) is loss
    steady = LOSSES["negative_binomial"]().likeliest(np.round(np.exp(raw)), raw, weight)
    assert steady.overdispersion == pytest.approx(1e-6)
    mean = np.exp(raw)
    y = rng.poisson(mean).astype(float)
    limit = LOSSES["negative_binomial"](1e-6).log_density(y, raw, 1.0)
    assert_close(limit, y * raw - mean - gammaln(y + 1.0), 1e-4)
