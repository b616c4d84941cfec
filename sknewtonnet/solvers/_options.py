"""Options of solvers: what each may be, checked before a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Range:
    """Numbers from a first to below a second limit; integers if the first is one."""

    low: float
    high: float

    def allows(self, value: Any) -> bool:
        """Whether a value lies in the range."""
        kind = Integral if isinstance(self.low, int) else Real
        is_number = isinstance(value, kind) and not isinstance(value, bool)
        return is_number and self.low <= float(value) < self.high

    def __str__(self) -> str:
        what = "an integer" if isinstance(self.low, int) else "a number"
        if self == POSITIVE:
            return "a positive number"
        return f"{what} from {self.low:g} to below {self.high:g}"


@dataclass(frozen=True)
class Choice:
    """One of several words."""

    words: tuple[str, ...]

    def allows(self, value: Any) -> bool:
        """Whether a value is one of the words."""
        return isinstance(value, str) and value in self.words

    def __str__(self) -> str:
        return f"one of {list(self.words)}"


POSITIVE = Range(float(np.finfo(float).tiny), np.inf)


def check_options(
    solver: str,
    options: Mapping[str, Any],
    allowed: Mapping[str, Range | Choice],
    where: str = "",
) -> None:
    """Raise a ValueError for an option that a solver does not have, or a value it cannot take."""
    for name, value in options.items():
        if name not in allowed:
            raise ValueError(
                f"solver_options of {solver!r}{where} must be among {sorted(allowed)}, "
                f"got {name!r}."
            )
        if not allowed[name].allows(value):
            raise ValueError(f"solver_options[{name!r}] must be {allowed[name]}, got {value!r}.")


def check_hessian(solver: str, hessian: str, kinds: tuple[str, ...]) -> None:
    """Raise a ValueError if a solver cannot work with that kind of second derivatives."""
    if hessian in kinds:
        return
    if kinds == ("exact",):
        raise ValueError(
            f"hessian={hessian!r} has no effect on solver={solver!r}; leave it at 'exact'."
        )
    raise ValueError(f"hessian must be one of {list(kinds)}, got {hessian!r}.")
