"""Settings of solvers: their allowed values, checked when a solver is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np

from sknewtonnet._names import did_you_mean, must_be_one_of


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to below ``high``; only integers if ``low`` is an int.

    It says what an option of a solver may be (:func:`option`), and what a message tells of it.

    Parameters
    ----------
    low, high : float
        The limits: low is allowed, high is not.
    words : tuple of str, default=()
        Words that are allowed in place of a number, such as "auto".

    See Also
    --------
    Choice : Options that are one of some words.
    option : Declare an option of a solver.

    Examples
    --------
    >>> from sknewtonnet.solvers import Range
    >>> print(Range(0.0, 1.0))
    a number from 0 to below 1
    >>> print(Range(1, 10, ("auto",)))
    an integer from 1 to below 10 or 'auto'
    >>> Range(0.0, 1.0).allows(0.0), Range(0.0, 1.0).allows(1.0)
    (True, False)
    """

    low: float
    high: float
    words: tuple[str, ...] = ()

    def allows(self, value: Any) -> bool:
        """Whether a value lies in the range.

        Parameters
        ----------
        value : object
            The value.

        Returns
        -------
        bool
            False for what is no number, too.
        """
        if isinstance(value, str):
            return value in self.words
        kind = Integral if isinstance(self.low, int) else Real
        is_number = isinstance(value, kind) and not isinstance(value, bool)
        return is_number and self.low <= float(value) < self.high

    def __str__(self) -> str:
        if self.words:
            return " or ".join([str(Range(self.low, self.high)), *map(repr, self.words)])
        what = "an integer" if isinstance(self.low, int) else "a number"
        if self == POSITIVE:
            return "a positive number"
        if np.isinf([self.low, self.high]).all():
            return "a number below infinity"
        if np.isinf(self.high):
            return f"{what.replace('a number', 'a finite number')} of at least {self.low:g}"
        return f"{what} from {self.low:g} to below {self.high:g}"


@dataclass(frozen=True)
class Choice:
    """One of several words.

    It says what an option of a solver may be (:func:`option`), and what a message tells of it.

    Parameters
    ----------
    words : tuple of str
        The words.

    See Also
    --------
    Range : Options that are numbers.
    option : Declare an option of a solver.

    Examples
    --------
    >>> from sknewtonnet.solvers import Choice
    >>> print(Choice(("none", "block")))
    one of ['none', 'block']
    >>> Choice(("none", "block")).allows("full")
    False
    """

    words: tuple[str, ...]

    def allows(self, value: Any) -> bool:
        """Whether a value is one of the words.

        Parameters
        ----------
        value : object
            The value.

        Returns
        -------
        bool
            False for what is no str, too.
        """
        return isinstance(value, str) and value in self.words

    def __str__(self) -> str:
        return f"one of {list(self.words)}"


POSITIVE = Range(float(np.finfo(float).tiny), np.inf)


def option(default: Any, allowed: Range | Choice) -> Any:
    """Declare an option of a solver, a field of its dataclass.

    The constructor of a :class:`Solver` refuses a value that is not allowed, and
    :meth:`Solver.options` lists what there is.

    Parameters
    ----------
    default : object
        The value if none is given.
    allowed : Range or Choice
        The allowed values.

    Returns
    -------
    dataclasses.Field
        A field with ``allowed`` in its metadata.

    See Also
    --------
    Range : Options that are numbers.
    Choice : Options that are one of some words.
    Solver : The base class, with an example.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from sknewtonnet.solvers import Range, option
    >>> @dataclass(frozen=True)
    ... class Settings:
    ...     shrink: float = option(0.5, Range(0.0, 1.0))
    >>> Settings()
    Settings(shrink=0.5)
    """
    return field(default=default, metadata={"allowed": allowed})


def check_options(
    solver: str, given: Mapping[str, Any], allowed: Mapping[str, Range | Choice | None]
) -> None:
    """Raise a ValueError for an option that a solver does not have, or a value it cannot take."""
    for name, value in given.items():
        if name not in allowed:
            raise ValueError(
                f"solver_options of {solver} must be among {sorted(allowed)}, got {name!r}."
                f"{did_you_mean(name, allowed)}"
            )
        check_value(f"solver_options[{name!r}]", value, allowed[name])


def check_value(label: str, value: Any, allowed: Range | Choice | None) -> None:
    """Raise a ValueError for a value that is not allowed."""
    if allowed is not None and not allowed.allows(value):
        raise ValueError(f"{label} must be {allowed}, got {value!r}.")


def check_hessian(solver: str, hessian: str, kinds: tuple[str, ...]) -> None:
    """Raise a ValueError if a solver cannot work with that kind of second derivatives."""
    if hessian in kinds:
        return
    if kinds == ("exact",):
        raise ValueError(f"hessian={hessian!r} has no effect on {solver}; leave it at 'exact'.")
    raise ValueError(must_be_one_of("hessian", hessian, kinds))
