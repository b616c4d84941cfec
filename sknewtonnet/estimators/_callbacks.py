"""From a solver's iterations to scikit-learn's callbacks and to the screen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sknewtonnet._typing import Array
from sknewtonnet.solvers import Iteration


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
