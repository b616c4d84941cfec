"""Nets from formulas such as ``y ~ x + C(region)``, by formulaic (an extra: ``[formula]``)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from sknewtonnet._names import did_you_mean, unknown_name
from sknewtonnet._tables import Worded
from sknewtonnet._typing import Array
from sknewtonnet.inference import InferenceResults

__all__ = ["FormulaFit", "fit_formula"]

# What stands in formulas of R, as a pattern, and what to write here.
_FROM_R = {
    r"I\([^()]*\^": "a power inside I() is x**2",
    r"\b(as\.)?factor\(": "a factor is C(x)",
    r"\brelevel\(": "another first level is C(x, contr.treatment('level'))",
    r"(?<!\.)\b(sqrt|abs|round)\(": "functions of numpy are np.sqrt(x), np.abs(x)",
    r"\bifelse\(": "a choice is np.where(x > 1, a, b)",
    r"\bcut\(": "make the groups of cut before: data['group'] = pd.cut(data['x'], 3)",
    r"\b(ns|rcs)\(": "natural splines are cr(x, df=4)",
    r"\b(s|te)\(": "smooth terms are what hidden units make; splines are cr(x, df=4)",
    r"\boffset\(": "give the offset to fit_formula: offset='column'",
    r"\|": "for random effects there are errors by group: inference(data, groups='column')",
    r"\bcbind\(": "several targets go to the fit of the net itself, fit(X, Y)",
}

# Arguments of R, and how they are called here.
_ARGUMENTS_OF_R = {
    "weights": "Give sample_weight.",
    "subset": "Give these rows as data, such as data[data['x'] > 0].",
    "na_action": "Leave rows with gaps out: data.dropna(subset=[...]).",
    "size": "Sizes are an argument of the net: NewtonMLPRegressor((3,)).",
    "decay": "The penalty is an argument of the net, alpha.",
    "maxit": "Limits are arguments of the net, max_iter.",
    "family": "The family is the loss of the net, such as NewtonMLPRegressor(loss='poisson').",
    "vcov": "Give cov_type, such as 'HC3', or groups for clusters.",
    "cluster": "Give groups.",
}

_MISSING = (
    "data has missing values in {}: leave rows with a null out, data.dropna(subset=[...]), or "
    "fill them."
)

# Arguments that may name columns of the table.
_OF_ROWS = ("sample_weight", "offset", "exposure", "groups")


@dataclass(frozen=True, eq=False, repr=False)
class FormulaFit(Worded):
    """A net that was fitted by a formula, which can be asked about tables.

    :func:`fit_formula` makes it. It keeps the levels of factors, and what the transforms of the
    formula have learnt from the data of the fit, such as means.

    Parameters
    ----------
    formula : str
        The formula.
    estimator : estimator
        The fitted net, on the columns of the design.
    groups : dict of str to list of str
        By each term of several columns, such as a factor, the names of its columns, as
        ``wald_test_features`` and pruning take them.
    factors : dict of str to list of str
        By each term that is a factor, its columns of zeros and ones; that at which all are zero is
        the first level.
    _spec : object
        What formulaic has learnt of the right-hand side.
    _response : callable
        From a table to the target.

    See Also
    --------
    fit_formula : The function that makes it.
    sknewtonnet.inference.InferenceResults : What :meth:`inference` returns.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.formula import fit_formula
    >>> data = pd.DataFrame({"x": np.linspace(1.0, 3.0, 30)})
    >>> data["y"] = np.log(data["x"])
    >>> fit = fit_formula("y ~ np.log(x)", data, NewtonMLPRegressor((), alpha=0.0))
    >>> fit.predict(pd.DataFrame({"x": [2.0, 4.0]})).round(3).tolist()
    [0.693, 1.386]
    """

    formula: str
    estimator: Any
    groups: dict[str, list[str]]
    factors: dict[str, list[str]]
    _spec: Any
    _response: Callable[[Any], Any]

    def _in_words(self) -> str:
        return f"of {self.formula} by {type(self.estimator).__name__}"

    @property
    def target_name(self) -> str:
        """The target as the formula has it before the ``~``.

        Returns
        -------
        str
            A column, or an expression such as "np.log(price)".
        """
        return self.formula.partition("~")[0].strip()

    def design(self, data: Any) -> Any:
        """The columns that the net takes, with the levels and centres of the fit.

        Parameters
        ----------
        data : DataFrame
            A table with the columns of the right-hand side.

        Returns
        -------
        DataFrame
            A column for each column of a term; no intercept, which is the net's.

        Raises
        ------
        ValueError
            If values are missing or levels new, or formulaic cannot evaluate a term.
        """
        return _design(self._spec, _frame(data))

    def predict(self, data: Any, **params: Any) -> Any:
        """Predict the rows of a table.

        Parameters
        ----------
        data : DataFrame
            A table with the columns of the right-hand side.
        **params
            For the ``predict`` of the net, such as ``offset`` or ``return_std``; an offset or
            exposure may be the name of a column.

        Returns
        -------
        ndarray of shape (n_samples,)
            As the ``predict`` of the net returns them; of shape (n_samples, n_outputs) for several
            outputs.
        """
        return self.estimator.predict(self.design(data), **_of_rows(data, params))

    def predict_proba(self, data: Any, **params: Any) -> Array:
        """Predict probabilities of the classes for the rows of a table.

        Parameters
        ----------
        data : DataFrame
            A table with the columns of the right-hand side.
        **params
            For the ``predict_proba`` of the net.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            As the ``predict_proba`` of the net returns them.
        """
        design = self.design(data)
        return np.asarray(self.estimator.predict_proba(design, **_of_rows(data, params)))

    def inference(
        self, data: Any, sample_weight: ArrayLike | str | None = None, **params: Any
    ) -> InferenceResults:
        """Standard errors, tests, criteria, predictions and effects.

        Parameters
        ----------
        data : DataFrame
            The table of the fit.
        sample_weight : array-like of shape (n_samples,) or str, default=None
            Its weights, or the name of their column.
        **params
            For the ``inference`` of the net, such as ``cov_type``; ``groups``, ``offset`` and
            ``exposure`` may be names of columns.

        Returns
        -------
        InferenceResults
            In the columns of the design. The target has its name in the formula, factors have
            theirs and their first level, and
            ``get_prediction`` takes tables such as data; ``tests_of(fit.groups)`` tests terms of
            several columns together.

        Raises
        ------
        ValueError
            If a name is that of no column, or the net refuses an argument.
        TypeError
            If an argument is unknown.

        Notes
        -----
        Effects are those of columns of the design. With ``x`` and ``I(x**2)``, or with ``x:z``,
        the effect of ``x`` holds the other column fixed, which no row can do: leave the bends and
        interactions to the hidden units.
        """
        _check_arguments(self.estimator.inference, params)
        data = _frame(data)
        given = _of_rows(data, {"sample_weight": sample_weight, **params})
        found: InferenceResults = self.estimator.inference(
            self.design(data), self._response(data), **given
        )
        if found.output_names == ("y",):  # what a net calls a single target
            found = replace(found, output_names=(self.target_name,))
        factors = {name: tuple(columns) for name, columns in self.factors.items()}
        return found.of_table(factors, _Designed(self._spec), self._first_levels)

    @property
    def _first_levels(self) -> dict[str, str]:
        """Of each factor the level that has no column."""
        return {
            name: next(
                str(level)
                for level in _levels(self._spec, name)
                if _dummy(name, level) not in columns
            )
            for name, columns in self.factors.items()
        }


def fit_formula(formula: str, data: Any, estimator: Any, **fit_params: Any) -> FormulaFit:
    """Fit a net by a formula.

    As in R and statsmodels, a formula says what the target is and how the columns of a table
    become inputs: transforms, interactions, factors. Predictions and statistics then take tables.

    Parameters
    ----------
    formula : str
        Target and inputs, such as ``"np.log(price) ~ area + C(region)"``; ``"price ~ ."`` takes
        all other columns. Factors have a column for each level but the first, as the net has an
        intercept of its own. Interactions and powers are allowed, though hidden units make their
        own.
    data : DataFrame
        A table with these columns.
    estimator : estimator
        A net; a copy of it is fitted.
    **fit_params
        For its ``fit``, such as ``sample_weight`` or ``exposure``: numbers, or the name of a
        column.

    Returns
    -------
    FormulaFit
        The fitted net with ``predict`` and ``inference`` for tables, and the columns of each term.

    Raises
    ------
    ImportError
        If formulaic is not installed.
    ValueError
        If the formula has no target or no inputs, values are missing, or a term cannot be
        evaluated. The message says what to write for a word of R.
    TypeError
        If the ``fit`` of the net has no such argument.

    See Also
    --------
    FormulaFit : What it returns.
    sknewtonnet.NewtonMLPRegressor : A net to fit.

    Notes
    -----
    A target that is the name of a column is taken as it is, so that classes may be text.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sknewtonnet import NewtonMLPRegressor
    >>> from sknewtonnet.formula import fit_formula
    >>> rng = np.random.default_rng(0)
    >>> data = pd.DataFrame({"x": rng.normal(size=90), "town": list("abc") * 30})
    >>> data["y"] = data["x"] + (data["town"] == "b") + 0.1 * rng.normal(size=90)
    >>> fit = fit_formula("y ~ x + C(town)", data, NewtonMLPRegressor((), alpha=0.0))
    >>> fit.groups
    {'C(town)': ['C(town)[T.b]', 'C(town)[T.c]']}
    >>> tests = fit.inference(data).wald_test_features(groups=fit.groups)
    >>> {name: (test.df, test.p_value < 0.05) for name, test in tests.items()}
    {'x': (1, True), 'C(town)': (2, True)}
    """
    try:
        from formulaic import Formula
    except ImportError as error:
        raise ImportError(
            "formulas need formulaic: pip install 'sknewtonnet[formula]', or formulaic alone."
        ) from error
    if not isinstance(formula, str):
        raise ValueError(
            "formula must be a text such as 'y ~ x + C(town)', got a "
            f"{type(formula).__name__}: the order is formula, data, net."
        )
    _check_arguments(estimator.fit, fit_params, estimator)
    data = _with_used_levels(_frame(data))
    with _explained(formula, data):
        if "~" not in formula:
            raise ValueError(f"formula must have one target before the ~, got {formula!r}.")
        parsed = Formula(formula, _context=_dot(formula, data))
        if not hasattr(parsed, "lhs") or len(list(parsed.lhs)) != 1:
            raise ValueError(f"formula must have one target before the ~, got {formula!r}.")
        response = _response_of(parsed.lhs, data)
        spec = parsed.rhs.get_model_matrix(data, na_action="raise").model_spec
    if "Intercept" not in spec.column_names:
        raise ValueError(
            f"formula must keep its intercept, which is the net's, got {formula!r}: leave out the "
            "0 or -1."
        )
    design = _design(spec, data)
    if not design.shape[1]:
        raise ValueError(f"formula must have inputs after the ~, got {formula!r}.")
    fitted = clone(estimator).fit(design, response(data), **_of_rows(data, fit_params))
    names = list(spec.column_names)
    columns = {str(term): [names[j] for j in at] for term, at in spec.term_indices.items()}
    groups = {term: members for term, members in columns.items() if len(members) > 1}
    factors = {
        term: members
        for term, members in columns.items()
        if members and set(members) < {_dummy(term, level) for level in _levels(spec, term)}
    }
    return FormulaFit(formula, fitted, groups, factors, spec, response)


def _frame(data: Any) -> Any:
    """The table, checked; columns by name become one."""
    if isinstance(data, Mapping):
        import pandas as pd

        return pd.DataFrame(data)
    if not hasattr(data, "columns"):
        raise ValueError(
            "data must be a data frame with the columns of the formula, got a "
            f"{type(data).__name__}."
        )
    return data


def _with_used_levels(data: Any) -> Any:
    """The table without levels of categories that no row has, as in R's ``lm``."""
    kinds = dict(getattr(data, "dtypes", {})) if hasattr(data, "assign") else {}
    levels = [name for name, kind in kinds.items() if str(kind) == "category"]
    if not levels:
        return data
    return data.assign(**{name: data[name].cat.remove_unused_categories() for name in levels})


def _gaps(data: Any, names: Iterable[str]) -> str:
    """Columns with missing values, and how many; empty if there are none."""
    import pandas as pd

    counts = {name: int(pd.isna(np.asarray(data[name], dtype=object)).sum()) for name in names}
    return ", ".join(f"{name!r} ({n})" for name, n in counts.items() if n)


def _dot(formula: str, data: Any) -> dict[str, Any]:
    """What the "." of a formula stands for: the columns that are not in its target."""
    from formulaic import Formula

    target = formula.partition("~")[0].strip()
    taken = Formula(target).required_variables if "~" in formula and target else set()
    return {"__formulaic_variables_available__": [c for c in data.columns if c not in taken]}


def _levels(spec: Any, factor: str) -> list[Any]:
    """The levels of a factor; none of what is no factor."""
    _, state = spec.encoder_state.get(factor, (None, {}))
    return list(state["contrasts"].levels) if "contrasts" in state else []


def _dummy(factor: str, level: Any) -> str:
    """The column of a level in formulaic's treatment coding."""
    return f"{factor}[T.{level}]"


def _of_rows(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Arguments with the columns that they name in the place of their names."""
    found = dict(params)
    for argument in set(_OF_ROWS) & set(found):
        given = found[argument]
        if isinstance(given, str) and given not in data.columns:
            raise ValueError(unknown_name(argument, given, map(str, data.columns), "column"))
        names = isinstance(given, list) and all(isinstance(name, str) for name in given)
        if isinstance(given, str) or (names and set(given) <= set(data.columns)):
            found[argument] = data[given]
    return found


def _check_arguments(
    function: Callable[..., Any], given: dict[str, Any], estimator: Any = None
) -> None:
    """Refuse arguments that the method of the net does not have."""
    known = signature(function).parameters
    if any(each.kind is each.VAR_KEYWORD for each in known.values()):
        return
    for name in given:
        if name not in known:
            hint = f" {_ARGUMENTS_OF_R[name]}" if name in _ARGUMENTS_OF_R else ""
            if name in getattr(estimator, "get_params", dict)():
                hint = f" It is an argument of {type(estimator).__name__}."
            hint = hint or did_you_mean(name, known)
            raise TypeError(f"{function.__name__} of the net has no argument {name!r}.{hint}")


@contextmanager
def _explained(formula: str, data: Any) -> Iterator[None]:
    """Raise what formulaic cannot read or evaluate as a ValueError that says what to write."""
    from formulaic.errors import FormulaicError

    try:
        yield
    except (FormulaicError, SyntaxError, ValueError) as error:
        said = re.sub(r"[⧛⧚]|\x1b\[[0-9;]*m", "", str(error))  # marks and colours of terminals
        if isinstance(error, ValueError) and "null values" not in said:
            raise
        gaps = _gaps(data, [name for name in data.columns if str(name) in said])
        if "null values" in said and gaps:
            raise ValueError(_MISSING.format(gaps)) from None
        unknown = re.search(r"`([^`]+)` is not present in the dataset", said)
        if unknown:
            raise ValueError(
                unknown_name("formula", unknown[1], map(str, data.columns), "column")
            ) from None
        hints = [hint for pattern, hint in _FROM_R.items() if re.search(pattern, formula)]
        more = f" In Python {'; '.join(hints)}." if hints else ""
        said = said.partition("\n\n")[0].rstrip(". ")
        raise ValueError(f"formula {formula!r} cannot be evaluated: {said}.{more}") from None


def _response_of(lhs: Any, data: Any) -> Callable[[Any], Any]:
    """How to find the target in a table: a column as it is, or a term of one column."""
    name = str(next(iter(lhs)))
    if name in data.columns:
        return _Column(name)
    spec = lhs.get_model_matrix(data, na_action="raise").model_spec
    if len(spec.column_names) != 1:
        raise ValueError(f"the target {name!r} must be one column, got {spec.column_names}.")
    return _Evaluated(spec)


@dataclass(frozen=True)
class _Column:
    name: str

    def __call__(self, data: Any) -> Any:
        gaps = _gaps(data, [self.name])
        if gaps:
            raise ValueError(_MISSING.format(gaps))
        return data[self.name]


@dataclass(frozen=True, eq=False)
class _Evaluated:
    spec: Any

    def __call__(self, data: Any) -> Any:
        return np.asarray(self.spec.get_model_matrix(data, na_action="raise"), dtype=float)[:, 0]


@dataclass(frozen=True, eq=False)
class _Designed:
    """From a table of the user, or from its design, to the columns of the net."""

    spec: Any

    def __call__(self, data: Any) -> Any:
        kept = [name for name in self.spec.column_names if name != "Intercept"]
        if list(getattr(data, "columns", ())) == kept:
            return data
        return _design(self.spec, data)


def _design(spec: Any, data: Any) -> Any:
    """The columns of all terms, without the intercept."""
    import pandas as pd
    from formulaic.errors import DataMismatchWarning

    data = _with_used_levels(data)
    with warnings.catch_warnings(), _explained(str(spec.formula), data):
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            matrix = spec.get_model_matrix(data, na_action="raise")
        except DataMismatchWarning as unknown:
            levels = re.search(r"\{.*\}", str(unknown))
            raise ValueError(
                f"data has levels that the fit has not seen: {levels[0] if levels else unknown}. "
                "Leave such rows out, or fit to a table that has them."
            ) from None
    kept = [name for name in matrix.columns if name != "Intercept"]
    return pd.DataFrame(matrix)[kept].astype(float)
