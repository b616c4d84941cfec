"""Parts go, one kind after the other, until no removal is accepted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sknewtonnet.estimators import Fit
from sknewtonnet.pruning._judge import Judge
from sknewtonnet.pruning._parts import UNITS, parts
from sknewtonnet.pruning._path import PruningStep
from sknewtonnet.pruning._significance import Tested, significances


@dataclass(frozen=True)
class Rules:
    """How parts are ordered and tried: the parameters of BackwardPruning by their names."""

    criterion: str
    unit: str
    significance_level: float | None
    step: float
    cov_type: str
    max_steps: int | None

    @property
    def units(self) -> tuple[str, ...]:
        """Kinds of parts, in their order."""
        return UNITS if self.unit == "auto" else (self.unit,)

    def candidates(self, fit: Fit, unit: str, refused: Refused) -> tuple[list[Tested], int]:
        """Parts of one kind that may go, the least significant first; how many at once."""
        left = [part for part in parts(fit, unit) if part.parameters not in refused]
        order = significances(fit, left, self.criterion, self.cov_type) if left else []
        found = [test for test in order if test.p_value >= (self.significance_level or 0.0)]
        most = self.step if self.step >= 1 else max(1, int(self.step * len(left)))
        return found, min(int(most), len(found))


# The parameters of parts that the net cannot lose, and how many parameters there were then.
Refused = dict[tuple[str, ...], int]


@dataclass
class Removals:
    """A net that loses its parts.

    Parameters
    ----------
    fit : Fit
        The net that is left so far.
    judge : Judge
        Decides which removals are accepted.
    rules : Rules
        How parts are ordered and tried.
    tell : callable
        Hears of the net after each attempt; true to stop.
    note : callable
        Hears of each step.
    steps : list of PruningStep
        What happened so far.
    refused : dict
        What cannot go.
    """

    fit: Fit
    judge: Judge
    rules: Rules
    tell: Callable[[Fit], bool]
    note: Callable[[PruningStep], None]
    steps: list[PruningStep] = field(default_factory=list)
    refused: Refused = field(default_factory=dict)

    def run(self) -> None:
        """Remove parts until nothing more can go."""
        self._record((), self.fit, True)
        for unit in self.rules.units:
            self._forget()
            if self._run_with(unit):
                break

    def _run_with(self, unit: str) -> bool:
        """Remove parts of one kind; true if a callback asks to stop."""
        alone = False  # after a refusal one part at a time
        while not self._out_of_steps:
            candidates, count = self.rules.candidates(self.fit, unit, self.refused)
            if candidates:
                alone = not self._attempt(candidates, 1 if alone else count)
                if self.tell(self.fit):
                    return True
            elif not self._forget():
                break
        return False

    def _attempt(self, candidates: list[Tested], count: int) -> bool:
        """Remove some parts, or half as many, down to one; whether any went."""
        while True:
            chosen = candidates[:count]
            positions = np.unique(np.concatenate([test.part.positions for test in chosen]))
            smaller = self.fit.without(positions)
            accepted = smaller is not None and self.judge.accepts(smaller, self.fit)
            if smaller is not None:
                self._record(tuple(chosen), smaller, accepted)
                if accepted:
                    self.fit, self.judge = smaller, self.judge.after(smaller)
                    return True
            if count == 1:
                self.refused[chosen[0].part.parameters] = self.fit.n_parameters
            if count == 1 or self._out_of_steps:
                return False
            count //= 2

    def _forget(self) -> bool:
        """Let parts that a larger net needed be tried again; whether there are any."""
        size, before = self.fit.n_parameters, len(self.refused)
        self.refused = {names: p for names, p in self.refused.items() if p == size}
        return len(self.refused) < before

    @property
    def _out_of_steps(self) -> bool:
        return self.rules.max_steps is not None and len(self.steps) > self.rules.max_steps

    def _record(self, tests: tuple[Tested, ...], fit: Fit, accepted: bool) -> None:
        last = tests[-1] if tests else None
        step = PruningStep(
            removed=tuple(test.part.name for test in tests),
            statistic=np.nan if last is None else last.statistic,
            df=0 if last is None else last.df,
            p_value=np.nan if last is None else last.p_value,
            criterion=self.judge.score(fit),
            loss=fit.value,
            n_parameters=fit.n_parameters,
            accepted=accepted,
            loss_left_out=self.judge.loss_left_out(fit),
        )
        self.steps.append(step)
        self.note(step)
