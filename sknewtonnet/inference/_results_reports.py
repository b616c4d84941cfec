"""Reports: text, HTML, and data frames."""

from dataclasses import dataclass
from typing import Any

from sknewtonnet._typing import Array
from sknewtonnet.inference._checks import check_level
from sknewtonnet.inference._results_estimates import Estimates, in_few_threads
from sknewtonnet.inference._summary import Summary


@dataclass(frozen=True, eq=False)
class Reports(Estimates):
    """Tables for people and for programs."""

    @in_few_threads
    def summary(self, level: float = 0.95) -> str:
        """The results as text: the fit, the verdict, a row per parameter, a row per feature.

        Parameters
        ----------
        level : float, default=0.95
            Level of the intervals.

        Returns
        -------
        str
            Lines of at most 99 characters, but for long names.

        Raises
        ------
        ValueError
            If ``level`` is not between 0 and 1.

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
        return Summary.of(self, level).text()

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
        import pandas as pd

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
    def _repr_html_(self) -> str:
        return Summary.of(self, 0.95).html()
