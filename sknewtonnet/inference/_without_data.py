"""Results that have let their data go: what has been worked out stays."""

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any, TypeVar

from sknewtonnet._typing import Array
from sknewtonnet.calculus import SmoothFunction
from sknewtonnet.inference._minimum import Information
from sknewtonnet.inference._restricted_fits import Refit

T = TypeVar("T")

# Worked out of an Information that have a line for each row of the data.
_ROWS = {"raw", "jacobian", "loss_curvature", "residuals", "scores"}


def results_without_data(results: Any) -> Any:
    """The same results without data; what is asked for most is worked out first."""
    results.summary()  # asks for most of what there is
    for name in ("covariance", "reasons", "p_values", "feature_importance"):
        getattr(results, name)
    criteria = results.criteria
    for name in ("log_likelihood", "robust_parameters"):
        getattr(criteria, name)
    information, rescaled = _information_without_data(results.information), results.rescaled
    if rescaled is not None:
        rescaled = replace(rescaled, objective=rescaled.objective.without_data())
    found = replace(results, information=information, rescaled=rescaled, refit=NO_REFITS)
    _with_known(found, results, {"criteria"})
    vars(found)["criteria"] = _with_known(replace(criteria, information=information), criteria)
    return found


def _information_without_data(information: Information) -> Information:
    """The same without data; sums over rows that need them are worked out first."""
    for name in ("factor", "total_loss", "gauss_newton", "decrement", "effective_parameters"):
        getattr(information, name)
    if information.objective.loss.likelihood:
        _ = information.dispersion
    found = replace(information, objective=information.objective.without_data())
    return _with_known(found, information, _ROWS)


def _with_known(new: T, old: T, left_out: Collection[str] = ()) -> T:
    """A record with all that has been worked out of another one, but for some."""
    given = {field.name for field in fields(old)}  # type: ignore[arg-type]
    known = {name: value for name, value in vars(old).items() if name not in {*given, *left_out}}
    vars(new).update(known)
    return new


def _no_data(*arguments: Any) -> Any:
    raise AttributeError(NO_DATA)


def _minimize(function: SmoothFunction, start: Array) -> Array:
    found: Array = _no_data()
    return found


def _start(seed: int) -> Array:
    found: Array = _no_data()
    return found


NO_DATA = (
    "the data have been left out of these results: ask for it before results.without_data(), or "
    "make results anew from the data."
)
NO_REFITS = Refit(_minimize, _start)
