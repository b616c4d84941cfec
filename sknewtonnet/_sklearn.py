"""Every private scikit-learn name this package relies on, once.

They are private, yet used by all packages that follow scikit-learn's conventions; if one of
them moves, this is the file to mend.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from copy import copy
from functools import wraps
from numbers import Integral
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.callback import with_callbacks
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils._param_validation import Interval, InvalidParameterError, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _num_features as num_features

from sknewtonnet._names import did_you_mean
from sknewtonnet._version import DOCUMENTATION, __version__

Method = TypeVar("Method", bound=Callable[..., Any])


def fit_method(*, nested_validation: bool) -> Callable[[Method], Method]:
    """Decorate a method that fits: parameters are validated first, callbacks closed at last.

    All or nothing: a fit that fails or is interrupted, at whatever point, leaves the estimator as
    it was.

    Parameters
    ----------
    nested_validation : bool
        Whether estimators that are fitted inside validate theirs too.
    """

    def decorate(method: Method) -> Method:
        context = _fit_context(prefer_skip_nested_validation=not nested_validation)
        fit = with_callbacks(context(method))

        @wraps(method)
        def all_or_nothing(estimator: Any, *args: Any, **kwargs: Any) -> Any:
            before = dict(vars(estimator))
            try:
                return fit(estimator, *args, **kwargs)
            except BaseException:
                estimator.__dict__ = before
                raise

        decorated: Any = all_or_nothing
        return decorated

    return decorate


def fitted_attributes(estimator: object) -> dict[str, Any]:
    """What a fit has left in an estimator, by its names."""
    return {name: value for name, value in vars(estimator).items() if _is_fitted(name)}


def set_fitted(estimator: Any, fitted: Mapping[str, Any]) -> None:
    """Replace all that the last fit has left by what this one has found, at once.

    Parameters
    ----------
    estimator : object
        The estimator.
    fitted : mapping of str to Any
        All fitted attributes.
    """
    kept = {name: value for name, value in vars(estimator).items() if not _is_fitted(name)}
    estimator.__dict__ = {**kept, **fitted}


def features_of(estimator: Any) -> dict[str, Any]:
    """The attributes of a fitted estimator that say what its features are."""
    names = ("n_features_in_", "feature_names_in_")
    return {name: vars(estimator)[name] for name in names if name in vars(estimator)}


def _is_fitted(name: str) -> bool:
    return name.endswith("_") and not name.endswith("__")


class Number(Interval):
    """Numbers of an interval; True and False, which are numbers to Python, are none here."""

    def is_satisfied_by(self, val: Any) -> bool:
        """Whether it is one of these numbers."""
        return not isinstance(val, bool | np.bool_) and super().is_satisfied_by(val)


class Names(StrOptions):
    """Some strings, which messages list in order.

    Parameters
    ----------
    options : collection of str
        The strings.
    """

    def __init__(self, options: Collection[str]):
        super().__init__(set(options))
        self.options = sorted(options)


# 0 jobs would do nothing, and joblib says so only when it is asked for several.
N_JOBS = [
    Number(Integral, None, -1, closed="right"),
    Number(Integral, 1, None, closed="left"),
    None,
]


class PickledByOtherVersion(InconsistentVersionWarning):
    """An estimator was pickled by another version of this package."""

    def __str__(self) -> str:
        """Name both versions."""
        return (
            f"{self.estimator_name} was saved by sknewtonnet {self.original_sklearn_version}, and "
            f"this is {self.current_sklearn_version}: what it predicts may be wrong. Load it "
            "under the version that saved it, or fit it again (doc/saving.md)."
        )


class VersionedPickles:
    """Pickles that say which version made them; goes left of BaseEstimator."""

    def __getstate__(self) -> dict[str, Any]:
        """The state, with the version."""
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        return {**state, "_sknewtonnet_version": __version__}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Restore the state; warn if another version has made it."""
        state = dict(state)
        version = state.pop("_sknewtonnet_version", __version__)
        if version != __version__:
            warnings.warn(
                PickledByOtherVersion(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=__version__,
                    original_sklearn_version=version,
                ),
                stacklevel=2,
            )
        super().__setstate__(state)  # type: ignore[misc]


class LinkedPage:
    """Links and tooltips of the parameters in notebooks; goes left of BaseEstimator."""

    _doc_link_module = "sknewtonnet"
    _doc_link_template = f"{DOCUMENTATION}api/generated/{{page}}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"page": f"sknewtonnet.{type(self).__name__}"}


class RegisteredNames(StrOptions):
    """Names of a registry, those added after this line included.

    Parameters
    ----------
    registry : mapping of str to Any
        The registry, which may grow.
    admits : callable, default=bool
        Whether what a name stands for is allowed.
    """

    def __init__(self, registry: Mapping[str, Any], admits: Callable[[Any], bool] = bool):
        # In place of the base class's, which would keep the names of today.
        self.hidden, self.type = False, str
        self.deprecated: set[str] = set()
        self._registry, self._admits = registry, admits

    @property
    def options(self) -> list[str]:
        """The names of now."""
        return sorted(name for name, thing in self._registry.items() if self._admits(thing))


class CheckedParameters:
    """Mixin whose message for an unknown name asks for one that is near; left of BaseEstimator."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]]

    def set_params(self, **params: Any) -> Self:
        """Set parameters; a name that does not exist is refused, with one that is near.

        Parameters
        ----------
        **params : dict
            Values by the names of parameters.

        Returns
        -------
        Self
            The estimator itself.
        """
        try:
            found: Self = super().set_params(**params)  # type: ignore[misc]
        except ValueError as error:
            known = self.get_params(deep=False)  # type: ignore[attr-defined]
            unknown = [name for name in params if name.partition("__")[0] not in known]
            hint = did_you_mean(unknown[0], known) if unknown else ""
            if not hint:
                raise
            raise ValueError(f"{error}{hint}") from None
        return found

    def _validate_params(self) -> None:
        try:
            super()._validate_params()  # type: ignore[misc]
        except InvalidParameterError as error:
            hint = self._hint(str(error))
            if not hint:
                raise
            raise InvalidParameterError(f"{error}{hint}") from None

    def _hint(self, message: str) -> str:
        """What may have been meant by the parameter that a message of scikit-learn begins with."""
        name = message.split("'")[1]
        allowed = [
            option
            for constraint in self._parameter_constraints.get(name, [])
            if isinstance(constraint, Options)
            for option in constraint.options
        ]
        return did_you_mean(getattr(self, name, None), allowed)


def names_for_dir(estimator: object, hidden: Collection[str] = ()) -> list[str]:
    """What dir lists of an estimator: as scikit-learn has it, names that ``hasattr`` finds.

    Displays, completion and :func:`inspect.getmembers` ask for all of them.

    Parameters
    ----------
    estimator : object
        The estimator.
    hidden : collection of str, default=()
        Attributes that would have to be worked out first: they are neither listed nor asked for.
    """
    names = object.__dir__(estimator)
    return [name for name in names if name not in hidden and hasattr(estimator, name)]


def has_callbacks(estimator: Any) -> bool:
    """Whether scikit-learn's callbacks watch this estimator."""
    return bool(getattr(estimator, "_skl_callbacks", []))


def without_callbacks(estimator: Any) -> Any:
    """The same estimator, which nothing watches: a copy that shares all else."""
    found = copy(estimator)
    vars(found).pop("_skl_callbacks", None)
    return found


__all__ = [
    "N_JOBS",
    "CheckedParameters",
    "LinkedPage",
    "Names",
    "Number",
    "Options",
    "PickledByOtherVersion",
    "RegisteredNames",
    "VersionedPickles",
    "check_sample_weight",
    "features_of",
    "fit_method",
    "fitted_attributes",
    "has_callbacks",
    "names_for_dir",
    "num_features",
    "set_fitted",
    "without_callbacks",
]
