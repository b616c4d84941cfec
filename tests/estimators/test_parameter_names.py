"""Parameters by name: those of a fitted net, and single links that exist or not."""

import pickle

import numpy as np
import pytest
from estimator_cases import each_model, fitted, regression_data
from numpy.testing import assert_allclose, assert_array_equal

from sknewtonnet import BackwardPruning, NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import Objective


@pytest.mark.filterwarnings("ignore:Inference. :UserWarning")
@each_model
def test_each_fit_names_its_parameters(name, monkeypatch):
    """In the order of the vector, of importances and of standard errors; without any data."""
    est, X, y = fitted(name)
    results = est.inference(X, y)
    est = pickle.loads(pickle.dumps(est))
    monkeypatch.delattr(Objective, "value")
    names = est.parameter_names_
    assert len(names) == len(set(names)) == len(est.params_) == len(est.weight_importance_)
    if est.out_activation_ != "softmax":  # there only differences of classes have errors
        assert names == list(results.names)
    for number, parameter in enumerate(names):
        array = parameter[: parameter.index("[")]
        assert est.params_[number] in est.arrays_[array], parameter


def test_links_by_name_make_the_net_of_their_mask():
    X, y = regression_data()
    mask = np.ones((4, 3), dtype=bool)
    mask[1, 2] = mask[3, 0] = False
    names = {"coefs_0[x1, h2]": False, "coefs_0[x3, h0]": False, "intercepts_1": False}
    by_mask = {"coefs_0": mask, "intercepts_1": np.zeros(1, dtype=bool)}
    nets = [
        NewtonMLPRegressor((3,), alpha=0.5, connectivity=given, random_state=0).fit(X, y)
        for given in (names, by_mask)
    ]
    assert nets[0].parameter_names_ == nets[1].parameter_names_
    assert_array_equal(nets[0].params_, nets[1].params_)
    assert nets[0].coefs_[0][1, 2] == nets[0].coefs_[0][3, 0] == 0.0
    assert np.count_nonzero(nets[0].coefs_[0]) == 10


def test_pruning_goes_on_from_links_by_name():
    """What was not there before is not there after, and each result is a mask."""
    X, y = regression_data()
    no_links = {f"coefs_1[x{j}, y]": False for j in (1, 2, 3)}
    net = NewtonMLPRegressor(
        (2,),
        alpha=0.5,
        skip_connections="input-output",
        connectivity=no_links,
        random_state=0,
    )
    pruned = BackwardPruning(net, max_steps=2).fit(X, y)
    left = pruned.estimator_.parameter_names_
    assert len(left) == len(pruned.estimator_.params_) < len(net.fit(X, y).params_)
    assert not set(no_links) & set(left)
    assert set(left) < set(net.parameter_names_)
    assert len(pruned.estimator_.weight_importance_) == len(left)


def test_radial_units_have_parameters_by_name():
    X, y = regression_data()
    unit_width = {"precisions_cholesky[c1]": False}
    net = RBFNetRegressor(2, alpha=0.5, standardize=False, connectivity=unit_width, random_state=0)
    net.fit(X, y)
    assert "precisions_cholesky[c1]" not in net.parameter_names_
    assert "precisions_cholesky[c0]" in net.parameter_names_
    assert_allclose(net.precisions_cholesky_[1], 1.0)


@pytest.mark.parametrize(
    ("connectivity", "message"),
    [
        ({"coefs_0[x1, h7]": False}, r"no parameter 'coefs_0\[x1, h7\]'.*Did you mean"),
        ({"coefs_0[x1, h1]": 0}, r"connectivity\['coefs_0\[x1, h1\]'\] must be True or False"),
        ({"coefs_0": "no"}, "must be True or False, got 'no'"),
    ],
)
def test_wrong_names_and_values_are_told(connectivity, message):
    X, y = regression_data()
    with pytest.raises(ValueError, match=message):
        NewtonMLPRegressor((3,), alpha=0.5, connectivity=connectivity).fit(X, y)
