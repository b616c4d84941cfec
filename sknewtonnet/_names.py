"""What is said of a name that is not known, and what may have been meant by it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# What other packages call the same thing: scikit-learn, keras and torch, statsmodels and Stata;
# as _plain has it.
_OTHER_NAMES = {
    "lbfgs": "l-bfgs-b",
    "levenbergmarquardt": "lm",
    "sgd": "gd",
    "sigmoid": "logistic",
    "swish": "silu",
    "linear": "identity",
    "rbf": "gaussian",
    "mse": "squared_error",
    "squaredloss": "squared_error",
    "huber": "pseudo_huber",
    "crossentropy": "log_loss",
    "full": "exact",
    "gn": "gauss-newton",
    "nonrobust": "hessian",
    "opg": "gauss-newton",
    "robust": "HC1",
    "fweights": "frequency",
    "freq": "frequency",
    "survey": "sampling",
    "fdrbh": "bh",
    "benjaminihochberg": "bh",
    "bonferroni": "holm",
    "uniform": "simultaneous",
    "aweights": "precision",
    "pweights": "sampling",
    "isotropic": "spherical",
    "diagonal": "diag",
}


def did_you_mean(given: object, known: Iterable[object]) -> str:
    """A question that ends a message, or nothing if no name is near.

    Parameters
    ----------
    given : object
        What a user has given for a name.
    known : iterable
        What may be given; only names count.

    Returns
    -------
    str
        Such as " Did you mean 'tanh'?".
    """
    names = {_plain(name): name for name in known if isinstance(name, str)}
    if not isinstance(given, str) or given in names.values():
        return ""
    other = _OTHER_NAMES.get(_plain(given))
    if other is not None and _plain(other) in names:
        return f" Did you mean {other!r}?"
    near = get_close_matches(_plain(given), names, n=1, cutoff=0.7)
    return f" Did you mean {names[near[0]]!r}?" if near else ""


def must_be_one_of(argument: str, given: object, allowed: Iterable[object], also: str = "") -> str:
    """The message for a value that is none of those allowed.

    Parameters
    ----------
    argument : str
        Its name.
    given : object
        The value.
    allowed : iterable
        All values that may be given, in the order in which they are shown.
    also : str, default=""
        What else may be given, such as "an instance of Loss".
    """
    allowed = list(allowed)
    rest = f" or {also}" if also else ""
    hint = did_you_mean(given, allowed)
    return f"{argument} must be one of {allowed}{rest}, got {given!r}.{hint}"


def unknown_name(argument: str, given: object, known: Iterable[str], kind: str = "name") -> str:
    """The message for a name that does not exist; at most twelve that do are shown.

    Parameters
    ----------
    argument : str
        What the name was given in.
    given : object
        The name.
    known : iterable of str
        Names that exist.
    kind : str, default="name"
        Of what, in the singular.
    """
    known = list(known)
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    hint = did_you_mean(given, known)
    return f"{argument}: there is no {kind} {given!r}; the {kind}s are {known[:12]}{more}.{hint}"


def _plain(name: str) -> str:
    """A name without case, blanks and the signs between words."""
    return name.lower().translate(str.maketrans("", "", " -_"))
