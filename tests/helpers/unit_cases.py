"""Nets with layers of all kinds, skip connections and missing connections, at random points."""

import numpy as np
import pytest
from cases import LAYER_CASES, RELATIONS, case_id, network, setup

# Several readers, skip connections, radial layers first and inside, a layer of one's own.
NETS = [case for case in RELATIONS if len(case.sizes) > 2]
NETS += [case for case in LAYER_CASES if case.id == "four_kinds" or "inside" in case.id][:4]
each_net = pytest.mark.parametrize("case", NETS, ids=case_id)


def masked(case, part=0.3, seed=0):
    """A net of a case without some of its connections, at a random point."""
    rng = np.random.default_rng(seed)
    net = setup(case).net
    masks = {
        name: rng.uniform(size=shape) > part
        for name, shape in net.layout.shapes.items()
        if name.startswith(("coefs", "intercepts", "centers"))
    }
    net = network(case, connectivity=masks)
    w = 0.3 * rng.normal(size=net.n_parameters)  # far from the flat ends of activations
    return net, masks, w, 0.7 * rng.normal(size=(30, net.n_features))


def moves(before, after):
    """Whether columns change by more than rounding."""
    return (np.abs(after - before) > 1e-11 * (1.0 + np.abs(before))).any(axis=0)
