"""Nets from formulas such as ``y ~ x + C(region)``, by formulaic (an extra: ``[formula]``)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from sknewtonnet._tables import Worded
from sknewtonnet._typing import Array
from sknewtonnet.inference import InferenceResults

__all__ = ["FormulaFit", "fit_formula"]


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
    _spec: Any
    _response: Callable[[Any], Any]

    def _in_words(self) -> str:
        return f"of {self.formula} by {type(self.estimator).__name__}"

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
        return _design(self._spec, data)

    def predict(self, data: Any, **params: Any) -> Array:
        """Predict the rows of a table.

        Parameters
        ----------
        data : DataFrame
            A table with the columns of the right-hand side.
        **params
            For the ``predict`` of the net, such as ``offset``.

        Returns
        -------
        ndarray of shape (n_samples,)
            As the ``predict`` of the net returns them; of shape (n_samples, n_outputs) for several
            outputs.
        """
        return np.asarray(self.estimator.predict(self.design(data), **params))

    def inference(
        self, data: Any, sample_weight: ArrayLike | None = None, **params: Any
    ) -> InferenceResults:
        """Standard errors, tests, criteria, predictions and effects.

        Parameters
        ----------
        data : DataFrame
            The table of the fit.
        sample_weight : array-like of shape (n_samples,), default=None
            Its weights.
        **params
            For the ``inference`` of the net, such as ``cov_type``.

        Returns
        -------
        InferenceResults
            In the columns of the design; ``wald_test_features(groups=fit.groups)`` tests terms.
        """
        found: InferenceResults = self.estimator.inference(
            self.design(data), self._response(data), sample_weight, **params
        )
        return found


def fit_formula(formula: str, data: Any, estimator: Any, **fit_params: Any) -> FormulaFit:
    """Fit a net by a formula.

    As in R and statsmodels, a formula says what the target is and how the columns of a table
    become inputs: transforms, interactions, factors. Predictions and statistics then take tables.

    Parameters
    ----------
    formula : str
        Target and inputs, such as ``"np.log(price) ~ area + C(region)"``. Factors have a column
        for each level but the first, as the net has an intercept of its own. Interactions and
        powers are allowed, though hidden units make their own.
    data : DataFrame
        A table with these columns.
    estimator : estimator
        A net; a copy of it is fitted.
    **fit_params
        For its ``fit``, such as ``sample_weight`` or ``exposure``.

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
        evaluated.

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
    parsed = Formula(formula)
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
    fitted = clone(estimator).fit(design, response(data), **fit_params)
    names = list(spec.column_names)
    columns = {str(term): [names[j] for j in at] for term, at in spec.term_indices.items()}
    groups = {term: members for term, members in columns.items() if len(members) > 1}
    return FormulaFit(formula, fitted, groups, spec, response)


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
        return data[self.name]


@dataclass(frozen=True, eq=False)
class _Evaluated:
    spec: Any

    def __call__(self, data: Any) -> Any:
        return np.asarray(self.spec.get_model_matrix(data, na_action="raise"), dtype=float)[:, 0]


def _design(spec: Any, data: Any) -> Any:
    """The columns of all terms, without the intercept."""
    import pandas as pd
    from formulaic.errors import DataMismatchWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            matrix = spec.get_model_matrix(data, na_action="raise")
        except DataMismatchWarning as unknown:
            raise ValueError(f"data has levels that the fit has not seen: {unknown}") from None
    kept = [name for name in matrix.columns if name != "Intercept"]
    return pd.DataFrame(matrix)[kept].astype(float)
