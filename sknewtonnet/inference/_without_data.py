"""Results that have let their data go: what has been worked out stays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any

from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._restricted_fits import Refit

# Worked out of an Information: what has lines, or entries, of the data themselves.
_ROWS = {"rows", "inputs"}


def _no_data(*arguments: Any) -> Any:
    raise AttributeError(
        "the data have been left out of these results: ask for it before results.without_data(), "
        "or make results anew from the data."
    )


_NO_REFITS = Refit(minimize=_no_data, start=_no_data)


def results_without_data(results: Any) -> Any:
    """The same results without data; what is asked for most is worked out first."""
    results.summary()  # asks for most of what there is
    for name in ("covariance", "reasons", "p_values", "feature_importance", "variance_test"):
        getattr(results, name)
    criteria = results.criteria
    for name in ("log_likelihood", "robust_parameters"):
        getattr(criteria, name)
    information, rescaled = _information_without_data(results.information), results.rescaled
    if rescaled is not None:
        rescaled = replace(rescaled, objective=rescaled.objective.without_data())
    found = replace(results, information=information, rescaled=rescaled, refit=_NO_REFITS)
    _with_known(found, results, {"criteria"})
    vars(found)["criteria"] = _with_known(replace(criteria, information=information), criteria)
    return found


def _information_without_data(information: Information) -> Information:
    """The same without data; sums over rows that need them are worked out first."""
    for name in ("factor", "loss_factor", "gauss_newton_factor", "total_loss", "constant_loss"):
        getattr(information, name)
    for name in ("gauss_newton", "decrement"):
        getattr(information, name)
    _ = information.effective_parameters
    if information.objective.loss.likelihood:
        _ = information.dispersion
    found = replace(information, objective=information.objective.without_data())
    known: Information = _with_known(found, information, _ROWS)
    return known


def _with_known(new: Any, old: Any, left_out: Collection[str] = ()) -> Any:
    """A record with all that has been worked out of another one, but for some."""
    given = {*left_out, *(field.name for field in fields(old))}
    vars(new).update({name: value for name, value in vars(old).items() if name not in given})
    return new
