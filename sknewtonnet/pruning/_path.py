"""What happened while a net was pruned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sknewtonnet._figures import axes
from sknewtonnet._path_figures import draw_pruning_path
from sknewtonnet._tables import Report, Shown, Table, fixed, imported_pandas, probabilities


@dataclass(frozen=True)
class PruningStep:
    """One attempt to remove parts of a net.

    The least significant parts of the net before are tried: units, then inputs, then weights. The
    net without them is refitted, and they stay away if its criterion is not higher.

    Parameters
    ----------
    removed : tuple of str
        Names of the parts to be removed.
    statistic, df, p_value : float, int, float
        Test, in the net before, that the part has no effect; of several parts, that of the most
        significant one.
    criterion : float
        Information criterion of the refitted net.
    loss : float
        Objective of the refitted net, penalty included.
    n_parameters : int
        Parameters of the refitted net.
    accepted : bool
        Whether they were removed; else the net was restored.
    loss_left_out : float
        Mean loss of the rows, each by the refitted net without it, to one Newton step; NaN but for
        nets that tell classes apart, where it decides as well.

    See Also
    --------
    PruningPath : All steps of a pruning.
    BackwardPruning : The estimator that takes them.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import BackwardPruning, NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(150, 3))
    >>> y = np.tanh(2.0 * X[:, 0]) + 0.1 * rng.normal(size=150)
    >>> net = NewtonMLPRegressor((1,), alpha=0.1, random_state=0)
    >>> path = BackwardPruning(net).fit(X, y).path_
    >>> step = path[1]
    >>> step.removed, step.accepted, step.p_value < 0.05
    (('h0',), False, True)
    """

    removed: tuple[str, ...]
    statistic: float
    df: int
    p_value: float
    criterion: float
    loss: float
    n_parameters: int
    accepted: bool
    loss_left_out: float = np.nan


class PruningPath(Shown, Sequence[PruningStep]):
    """The steps of a pruning, a sequence of :class:`PruningStep`.

    The first step is the net before any removal: its ``removed`` is empty.

    Parameters
    ----------
    steps : sequence of PruningStep
        The steps in order.
    criterion : str or None
        Name of the information criterion, None if there was none.

    See Also
    --------
    BackwardPruning : The estimator, whose ``path_`` it is.
    PruningStep : One of the steps.
    sknewtonnet.display.PruningPathDisplay : The same as a picture.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet import BackwardPruning, NewtonMLPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(150, 3))
    >>> y = np.tanh(2.0 * X[:, 0]) + 0.1 * rng.normal(size=150)
    >>> net = NewtonMLPRegressor((1,), alpha=0.1, random_state=0)
    >>> path = BackwardPruning(net).fit(X, y).path_
    >>> [step.removed for step in path if step.accepted]
    [(), ('x1',), ('x2',)]
    >>> path.criterion
    'bic'
    """

    def __init__(self, steps: Sequence[PruningStep], criterion: str | None):
        self._steps = tuple(steps)
        self.criterion = criterion

    def __getitem__(self, index: Any) -> Any:
        return self._steps[index]

    def __len__(self) -> int:
        return len(self._steps)

    def _in_words(self) -> str:
        kept = next((step for step in reversed(self._steps) if step.accepted), None)
        accepted = sum(step.accepted for step in self._steps) - 1
        left = f", {kept.n_parameters} parameters left" if kept else ""
        return f"of {len(self._steps) - 1} removals, {accepted} accepted{left}"

    def _report(self) -> Report:
        steps = self._steps
        removed = ["(none)", *(", ".join(step.removed) for step in steps[1:])]
        columns = {
            "p": ["", *probabilities([step.p_value for step in steps[1:]])][: len(steps)],
            "parameters": [str(step.n_parameters) for step in steps],
            "objective": [f"{step.loss:.6g}" for step in steps],
        }
        if self.criterion is not None:
            columns[self.criterion] = fixed([step.criterion for step in steps], 2)
        columns["accepted"] = ["yes" if step.accepted else "no" for step in steps]
        labels = {"step": [str(k) for k in range(len(steps))], "removed": removed[: len(steps)]}
        return Report("Pruning", [Table.of(labels, columns)])

    def to_frame(self) -> Any:
        """The steps as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A row per step, with the fields of :class:`PruningStep`; "criterion" has its own name.
        """
        pd = imported_pandas()
        frame = pd.DataFrame([asdict(step) for step in self._steps])
        frame["removed"] = [", ".join(step.removed) for step in self._steps]
        return frame.rename(columns={"criterion": self.criterion or "criterion"})

    def plot(self, ax: Any = None) -> Any:
        """Draw the criterion (the loss without one) over the number of parameters.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; new axes if None.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.
        """
        ax = axes(ax)
        name = "criterion" if self.criterion else "loss"
        values = np.array([getattr(step, name) for step in self._steps])
        sizes = np.array([step.n_parameters for step in self._steps])
        accepted = np.array([step.accepted for step in self._steps])
        _, restored = draw_pruning_path(ax, sizes, values, accepted, self.criterion)
        if restored is not None:
            ax.legend()
        return ax
