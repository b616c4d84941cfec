"""Classes that a net tells apart without error are pruned by the rows left out."""

import numpy as np
import pytest
from scipy.special import log_expit
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from sknewtonnet import BackwardPruning, NewtonMLPClassifier
from sknewtonnet.estimators import fit_of
from sknewtonnet.inference import leave_one_out_losses

pytestmark = pytest.mark.filterwarnings("ignore:Inference:UserWarning")


def wine(seed=0):
    X, y = load_wine(return_X_y=True)
    return train_test_split(X[:, :10], y, test_size=0.3, random_state=seed, stratify=y)


def net(hidden=(2,), **params):
    return NewtonMLPClassifier(hidden, **{"alpha": 0.3, "random_state": 0} | params)


def two_classes(wrong):
    """Two inputs of six tell the classes apart; the labels nearest to the border are swapped."""
    X = np.random.default_rng(0).normal(size=(120, 6))
    score = X[:, 0] + X[:, 1]
    y = score > 0
    y[np.argsort(np.abs(score))[:wrong]] ^= True
    return X, y.astype(int)


@pytest.mark.parametrize("hidden", [(), (2,)])
def test_losses_of_rows_left_out_are_those_of_influence(hidden):
    X, _, y, _ = wine()
    fitted = net(hidden).fit(X, y)
    losses = leave_one_out_losses(fit_of(fitted, X, y).information)
    assert losses == pytest.approx(fitted.inference(X, y).influence().loo_losses, rel=1e-9)


def test_losses_of_rows_left_out_are_those_of_refits():
    """A penalty of a linear net that counts rows: one Newton step is nearly all of the way."""
    X, y = two_classes(wrong=12)
    fitted = net((), alpha=5.0, standardize=False).fit(X, y)
    losses = leave_one_out_losses(fit_of(fitted, X, y).information)
    wanted = []
    for row in range(0, 120, 10):
        others = np.arange(120) != row
        raw = net((), alpha=5.0, standardize=False).fit(X[others], y[others])
        value = X[row] @ raw.coefs_[0][:, 0] + raw.intercepts_[0][0]
        wanted.append(-log_expit(value if y[row] else -value))
    assert losses[::10] == pytest.approx(wanted, rel=0.02)


def test_each_removal_lowers_the_loss_of_rows_left_out():
    X, _, y, _ = wine()
    pruned = BackwardPruning(net()).fit(X, y)
    first, *steps = pruned.path_
    assert net().fit(X, y).score(X, y) == 1.0
    lowest, bic, vetoed = first.loss_left_out, first.criterion, 0
    for step in steps:
        if step.accepted:
            assert step.loss_left_out < lowest
            lowest, bic = step.loss_left_out, step.criterion
        vetoed += not step.accepted and step.criterion < bic
    assert vetoed > 0  # BIC would have gone on
    assert sum(step.accepted for step in steps) > 0


def test_rows_that_are_not_separated_are_left_to_the_criterion():
    X, y = two_classes(wrong=12)
    path = BackwardPruning(net((1,))).fit(X, y).path_
    assert np.isnan([step.loss_left_out for step in path]).all()


def test_who_asks_for_no_criterion_gets_none():
    X, y = two_classes(wrong=0)
    pruning = BackwardPruning(net((1,)), scoring=None, significance_level=0.05)
    path = pruning.fit(X, y).path_
    assert np.isnan([step.loss_left_out for step in path]).all()
    assert all(step.accepted for step in path)


def test_rows_held_out_are_predicted_no_worse():
    worse = 0
    for seed in range(3):
        X, X_test, y, y_test = wine(seed)
        fitted = net(n_init=2).fit(X, y)
        right = fitted.predict(X_test) == y_test
        pruned = BackwardPruning(net(n_init=2)).fit(X, y)
        worse += pruned.score(X_test, y_test) < right.mean() - right.std() / np.sqrt(len(right))
    assert worse == 0
