"""Reports: text, HTML, and data frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sknewtonnet._tables import Report, Shown, counted, imported_pandas
from sknewtonnet._typing import Array
from sknewtonnet.calculus import BlockObjective
from sknewtonnet.inference._checks import check_level
from sknewtonnet.inference._comparison_table import ComparisonTable, compare_tables
from sknewtonnet.inference._feature_table import FeatureTable, feature_table
from sknewtonnet.inference._results_estimates import Estimates, in_few_threads
from sknewtonnet.inference._summary import Summary, summary_report


@dataclass(frozen=True, eq=False, repr=False)
class Reports(Shown, Estimates):
    """Tables for people and for programs."""

    @cached_property
    @in_few_threads
    def tests(self) -> FeatureTable:
        """Effects of all features, and tests that the net depends on them; first in the summary.

        Returns
        -------
        FeatureTable
            A row per feature, in the units of the table. ``to_frame()`` makes a data frame of it.
        """
        return feature_table(self, self.factors or None)

    @in_few_threads
    def tests_of(self, groups: Mapping[str, Sequence[str]]) -> FeatureTable:
        """The table of :attr:`tests` with some features together, as the dummies of a factor.

        Parameters
        ----------
        groups : mapping of str to list of str
            Features that are tested together. A full set of dummies may be given, too: what the
            data determine is tested.

        Returns
        -------
        FeatureTable
            A row per group with its test, rows with the effects of its members, and a row for
            each other feature.

        Raises
        ------
        ValueError
            If groups overlap, are empty or name an unknown feature.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> level, x = rng.integers(3, size=200), rng.normal(size=200)
        >>> X = np.column_stack([x, level == 1, level == 2])
        >>> y = x + 0.5 * (level == 1) + 0.2 * rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> tests = results.tests_of({"region": ["x1", "x2"]})
        >>> tests.names, tests.effects.round(1).tolist()
        (['x0', 'region', '  x1', '  x2'], [1.0, nan, 0.6, 0.0])
        >>> (tests.dependence_p_values[:2] < 0.05).tolist()
        [True, True]
        """
        return feature_table(self, groups)

    @in_few_threads
    def summary(
        self,
        level: float = 0.95,
        *,
        parameters: bool = False,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> Summary:
        """The results as text: the fit, the verdict, and a row per feature.

        Of each feature the average marginal effect on the mean with its standard error and
        p-value, the p-value of the test that the net depends on it at all, the same adjusted by
        Holm for all features, and its importance; in the units of the table.

        Parameters
        ----------
        level : float, default=0.95
            Level of the intervals of the weights.
        parameters : bool, default=False
            Whether a row for each weight follows.
        groups : mapping of str to list of str, default=None
            Features that are tested together, such as the dummy columns of one factor.

        Returns
        -------
        Summary
            A ``str``, of lines of at most 99 characters but for long names. A notebook shows its
            tables; ``as_html()``, ``as_latex()`` and ``as_csv()`` write them.

        Raises
        ------
        ValueError
            If ``level`` is not between 0 and 1, or groups are not as in :meth:`tests_of`.

        Notes
        -----
        Where the net is identified and not penalised, the test of dependence is the
        likelihood-ratio test, which takes a fit without each feature; else it is
        :meth:`slope_test` and the effect together. :class:`FeatureTable` has the details.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 3))
        >>> y = 2.0 * X[:, 0] - X[:, 1] + rng.normal(size=200)
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> lines = results.summary().splitlines()
        >>> lines[0], any(line.startswith("Identifiable: yes") for line in lines)
        ('NewtonMLPRegressor: 3-1, loss squared_error', True)
        """
        check_level(level)
        features = self._shown_tests if groups is None else self.tests_of(groups)
        return Summary(summary_report(self, level, parameters, features))

    def to_frame(self, level: float = 0.95) -> Any:
        """The table of the parameters as a pandas data frame.

        Parameters
        ----------
        level : float, default=0.95
            Level of the intervals.

        Returns
        -------
        pandas.DataFrame
            A row per parameter, with the columns of :meth:`columns`.

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If ``level`` is not between 0 and 1.
        """
        pd = imported_pandas()
        check_level(level)
        return pd.DataFrame(self.columns(level), index=pd.Index(self.names, name="parameter"))

    def columns(self, level: float) -> dict[str, Array]:
        """The columns of the table of parameters.

        Parameters
        ----------
        level : float
            Level of the intervals.

        Returns
        -------
        dict of str to ndarray of shape (n_parameters,)
            "estimate", "std_error", "t" (or "z" without ``use_t``), "p_value", "lower", "upper".

        Raises
        ------
        ValueError
            If ``level`` is not between 0 and 1.
        """
        interval = self.conf_int(level)
        return {
            "estimate": self.params,
            "std_error": self.std_errors,
            "t" if self.use_t else "z": self.z_values,
            "p_value": self.p_values,
            "lower": interval[:, 0],
            "upper": interval[:, 1],
        }

    @in_few_threads
    def to_latex(
        self, rows: str = "effects", *, caption: str | None = None, label: str | None = None
    ) -> str:
        r"""Write effects or parameters as a LaTeX table, with standard errors beneath.

        :func:`sknewtonnet.inference.compare_tables` of these results alone; it sets several nets
        side by side.

        Parameters
        ----------
        rows : {"effects", "parameters"}, default="effects"
            Average marginal effects, or parameters.
        caption : str, default=None
            Caption, as LaTeX. With it, or a label, the tabular stands in a table environment.
        label : str, default=None
            Label for ``\ref``.

        Returns
        -------
        str
            It needs the package booktabs.

        Raises
        ------
        ValueError
            If ``rows`` has another value.

        Examples
        --------
        >>> import numpy as np
        >>> from sknewtonnet import NewtonMLPRegressor
        >>> X = np.random.default_rng(0).normal(size=(50, 1))
        >>> y = X[:, 0] + np.sin(9.0 * X[:, 0])
        >>> results = NewtonMLPRegressor((), alpha=0.0).fit(X, y).inference(X, y)
        >>> print(results.to_latex().splitlines()[0])
        \begin{tabular}{lr}
        """
        return self._alone(rows).to_latex(caption, label)

    @in_few_threads
    def to_html(self, rows: str = "effects") -> str:
        """Show effects or parameters as an HTML table, with standard errors beneath.

        Parameters
        ----------
        rows : {"effects", "parameters"}, default="effects"
            Average marginal effects, or parameters.

        Returns
        -------
        str
            A ``table``.

        Raises
        ------
        ValueError
            If ``rows`` has another value.
        """
        return self._alone(rows).to_html()

    def _alone(self, rows: str) -> ComparisonTable:
        return compare_tables([self], ["estimate"], rows=rows)

    @in_few_threads
    def _report(self) -> Report:
        return summary_report(self, 0.95, False, self._shown_tests)

    def _in_words(self) -> str:
        parameters = counted(len(self.reported.names), "parameter")
        rows = counted(self.information.objective.n_samples, "row")
        return f"of {self.model}, {parameters}, {rows}, cov_type {self.cov_type!r}"

    @property
    def _shown_tests(self) -> FeatureTable | None:
        """Those of all features; None of rows in blocks, which are not looked at one by one."""
        return None if isinstance(self.information.objective, BlockObjective) else self.tests
