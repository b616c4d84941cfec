"""From a solver's iterations to scikit-learn's callbacks and to the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sknewtonnet._typing import Array
from sknewtonnet.solvers import Iteration

Tell = Callable[[], None]


@dataclass(frozen=True)
class CallbackBridge:
    """Report each iteration to scikit-learn's callbacks, as a task of one start.

    Parameters
    ----------
    context : CallbackContext
        The task of this start.
    hooks : dict
        Estimator, data and metadata for the hooks.
    reconstruct : callable
        From parameters to the fitted attributes of an estimator that can predict.
    """

    context: Any
    hooks: dict[str, Any]
    reconstruct: Callable[[Array], dict[str, Any]]

    def begin(self) -> None:
        """Announce the start."""
        self.context.call_on_fit_task_begin(**self.hooks)

    def end(self, params: Array) -> None:
        """Close the start."""
        self.context.call_on_fit_task_end(
            **self.hooks, reconstruction_attributes=lambda: self.reconstruct(params)
        )

    def __call__(self, iteration: Iteration) -> bool:
        """Announce an iteration; true if a callback asks to stop."""
        params = iteration.params.copy()
        task = self.context.subcontext("iteration")
        task.call_on_fit_task_begin(**self.hooks)
        return bool(
            task.call_on_fit_task_end(
                **self.hooks, reconstruction_attributes=lambda: self.reconstruct(params)
            )
        )


def begun(estimator: Any, hooks: dict[str, Any], n_tasks: int) -> Any:
    """The task of a whole fit, announced: a choice of alpha, if there is one, and the starts."""
    context = estimator._init_callback_context(max_subtasks=n_tasks, sequential_subtasks=False)
    context.call_on_fit_task_begin(**hooks)
    return context


@contextmanager
def choice_told(context: Any, hooks: dict[str, Any]) -> Iterator[Tell]:
    """The choice of alpha as a task of a fit, with a part for each strength that was tried.

    Parameters
    ----------
    context : CallbackContext
        The task of the whole fit.
    hooks : dict
        Estimator, data and metadata for the hooks.
    """
    task = context.subcontext("alpha", "choice", max_subtasks=None)
    task.call_on_fit_task_begin(**hooks)

    def tell() -> None:
        strength = task.subcontext("strength")
        strength.call_on_fit_task_begin(**hooks)
        strength.call_on_fit_task_end(**hooks)

    yield tell
    task.call_on_fit_task_end(**hooks)


@dataclass(frozen=True)
class Progress:
    """What follows the iterations of one start: the screen, and callbacks if there are any."""

    number: int
    verbose: int
    bridge: CallbackBridge | None

    @property
    def gave_up(self) -> bool:
        """Whether it has ended the run of its own accord; a bool, False here."""
        return False

    def begin(self) -> None:
        """Announce the start."""
        if self.bridge is not None:
            self.bridge.begin()

    def end(self, params: Array) -> None:
        """Close the start."""
        if self.bridge is not None:
            self.bridge.end(params)

    def __call__(self, iteration: Iteration) -> bool:
        """Print and pass on one iteration; true means stop."""
        # One line in ten, or every one of them.
        if self.verbose > 1 or (self.verbose == 1 and iteration.n_iter % 10 == 1):
            print(
                f"start {self.number}, iteration {iteration.n_iter}: loss "
                f"{iteration.value:.8g}, largest gradient entry {iteration.gradient_norm:.2e}"
            )
        return self.bridge is not None and self.bridge(iteration)
