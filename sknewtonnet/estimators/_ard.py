"""A strength of the penalty for each input: automatic relevance determination ([Nea96]).

Strengths are those of the highest evidence (:class:`sknewtonnet.calculus.Evidence`) that a search
finds from the one strength that cross-validation chose. The evidence has many local maxima, and
overfits where there are few rows, or classes that can be told apart. So the strengths are kept
only if cross-validation clearly prefers them, with strengths that rows to fit alone have given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from sknewtonnet._threads import one_thread
from sknewtonnet._typing import Array, Ints
from sknewtonnet.calculus import Evidence, Network
from sknewtonnet.calculus.functions.evidence import EvidenceAt
from sknewtonnet.estimators._alpha import chosen_alpha
from sknewtonnet.estimators._alpha_selection import AlphaSelection, ArdSelection
from sknewtonnet.estimators._callbacks import Tell
from sknewtonnet.estimators._comparison import Comparison, Part, near_enough
from sknewtonnet.estimators._fit import Problem
from sknewtonnet.solvers import get_solver

_BOUNDS = (1e-3, 1e4)
_STEPS = 30
_STEPS_PER_START = 10
# In a step a strength changes by a factor of at most exp(2).
_LARGEST_STEP = 2.0
_SMALLEST_STEP = 1e-2
# Parameters that count less than this say nothing of their strength: those of constant columns.
_NO_PARAMETER = 1e-8
_MAX_ITER = 300
_NEAR = 1e-4  # gradient over f, at the minima of the search
# Standard errors by which the held-out loss must be lower than that of one strength.
_CLEARLY = 2.0
_MANY_PARAMETERS = 500


def ard_alpha(
    comparison: Comparison, alpha_of: Callable[[float], Any], n_jobs: int | None, tell: Tell
) -> AlphaSelection:
    """Choose one strength for all by cross-validation, then try one for each input.

    Parameters
    ----------
    comparison : Comparison
        The problem, and how strengths are compared.
    alpha_of : callable
        From a strength to what the settings of a problem have for it.
    n_jobs : int or None
        Fits to run in parallel.
    tell : callable
        Called for each strength for all, and for those of the inputs.

    Returns
    -------
    AlphaSelection
        With ``ard``, unless there are too few rows or too many parameters.

    Raises
    ------
    ValueError
        If the net or its settings have no place for such strengths.
    """
    problem = comparison.problem
    _check(problem)
    one = chosen_alpha(comparison, alpha_of, n_jobs, tell)
    why_not = None
    if not comparison.folds:
        why_not = "too few rows"
    elif problem.network.n_parameters > _MANY_PARAMETERS:
        why_not = f"more than {_MANY_PARAMETERS} parameters"
    if why_not is not None:
        return replace(one, reason=f"{one.reason}; {why_not} for a strength per input")
    groups = StrengthGroups.of(problem.network, problem.feature_names)
    search = partial(strengths_by_evidence, groups=groups, alpha=one.alpha)
    strengths, path = search(problem.on(comparison.rows.canonical), seed=comparison.seed)
    alpha = groups.arrays(problem.network, strengths)
    with Parallel(n_jobs=n_jobs) as parallel:
        base, own = comparison.losses([alpha_of(one.alpha), alpha], parallel)
        loss, error, better = _judged(comparison, base, own)
        if better:  # strengths that know the rows left out flatter themselves
            parts = parallel(delayed(_held_out)(part, search, groups) for part in comparison.parts)
            loss, error, better = _judged(comparison, base, comparison.joined(parts))
    tell()
    values = [float(strength) for strength in strengths]
    selection = ArdSelection(
        dict(zip(groups.inputs, values, strict=False)),
        dict(zip(groups.layers, values[len(groups.inputs) :], strict=True)),
        -path,
        loss,
        error,
        better,
        alpha,
    )
    return replace(one, ard=selection, reason=f"{one.reason}; {_in_words(selection)}")


def _check(problem: Problem) -> None:
    """Raise if there is no place for a strength per input."""
    network = problem.network
    if problem.units is None:
        raise ValueError(
            'alpha="ard" needs standardize=True: strengths of inputs in different units cannot be '
            "compared."
        )
    if not all(network.linear):
        kinds = sorted({type(layer).__name__ for layer in network.layers} - {"Linear"})
        raise ValueError(
            f'alpha="ard" needs linear layers, which have coefficients for each input; got '
            f'{", ".join(kinds)}. alpha="auto" has one strength for any net.'
        )
    if network.feature_parameters is None:
        raise ValueError(
            'alpha="ard" needs inputs with coefficients of their own, and some share theirs. '
            'alpha="auto" has one strength for all.'
        )
    if problem.constraints() is not None:
        raise ValueError(
            'alpha="ard" does not work with bounds, constraints or monotonic_cst, for '
            'which the evidence is not known. alpha="auto" does.'
        )


def _judged(comparison: Comparison, base: Array, own: Array) -> tuple[float, float, bool]:
    """Mean loss, the standard error of its difference from base, and if it is clearly lower."""
    share = comparison.share
    gain = float((base - own) @ share)
    error = float(comparison.std_errors((own - base)[None])[0])
    return float(own @ share), error, gain > _CLEARLY * error


def _in_words(found: ArdSelection) -> str:
    """What became of them."""
    verdict = "kept" if found.kept else "not clearly lower, so not kept"
    return f"one strength per input: held-out loss {found.held_out_loss:.4g}, {verdict}"


def _held_out(
    part: Part,
    search: Callable[..., tuple[Array, Array]],
    groups: StrengthGroups,
) -> Array:
    """Losses of the rows that a fold leaves out, with strengths that the others give."""
    values, _ = search(part.problem, seed=part.seed)
    return part.held_out(groups.arrays(part.problem.network, values))


@dataclass(frozen=True, eq=False)
class StrengthGroups:
    """Which parameters share a strength: those that leave an input, and those of a layer.

    Parameters
    ----------
    inputs : dict of str to ndarray of int
        By name, positions of the coefficients of an input in all layers that read it.
    layers : dict of str to ndarray of int
        "hidden intercepts", and what each layer reads from hidden units, by the names of arrays.
    """

    inputs: dict[str, Ints]
    layers: dict[str, Ints]

    @classmethod
    def of(cls, network: Network, feature_names: tuple[str, ...]) -> StrengthGroups:
        """The groups of a net of linear layers; none that is empty."""
        layout, places = network.layout, network.feature_parameters or []
        names = [name for name in layout.shapes if layout.penalised[name]]
        read = np.concatenate(places)
        hidden = [layout.parameters_of(f"intercepts_{k}") for k in range(len(names) - 1)]
        layers = {"hidden intercepts": np.concatenate([*hidden, np.empty(0, dtype=int)])}
        layers |= {name: np.setdiff1d(layout.parameters_of(name), read) for name in names}
        inputs = dict(zip(feature_names, places, strict=True))
        return cls(
            {name: where for name, where in inputs.items() if len(where)},
            {name: where for name, where in layers.items() if len(where)},
        )

    @property
    def all(self) -> list[Ints]:
        """All groups, inputs first."""
        return [*self.inputs.values(), *self.layers.values()]

    def arrays(self, network: Network, strengths: Array) -> dict[str, Array]:
        """Strengths by the names of arrays, as ``alpha`` takes them."""
        flat = np.zeros(network.n_parameters)
        for places, strength in zip(self.all, strengths, strict=True):
            flat[places] = strength
        arrays = network.layout.unpack(flat)
        return {name: array for name, array in arrays.items() if array.any()}


def strengths_by_evidence(
    problem: Problem, groups: StrengthGroups, alpha: float, seed: int
) -> tuple[Array, Array]:
    """Strengths of high evidence, and the evidence of all steps.

    MacKay's update of a strength, alpha_g <- phi gamma_g / |w_g|^2, with gamma_g the effective
    parameters of the group, leaves out how the Hessian moves with the minimum. With the whole
    derivative of -log Z in log alpha in its place, it stands still where that vanishes. Unlike
    the steps of a quasi-Newton method it needs no line search, in which refits would jump from
    minimum to minimum. Refits start where the last one ended, but some from a new start: the
    evidence of another minimum may be higher.

    Parameters
    ----------
    problem : Problem
        The problem, whatever its strengths.
    groups : StrengthGroups
        What shares a strength.
    alpha : float
        One strength for all, where the search starts.
    seed : int
        Of the starts of the refits.

    Returns
    -------
    strengths : ndarray of shape (n_groups,)
        Those of the step with the highest evidence.
    path : ndarray of shape (n_steps,)
        -log Z of each step.
    """
    data = problem.known_data.in_memory
    unit = data.unit
    data = replace(data, sample_weight=data.sample_weight / unit)
    problem = problem.on(data)
    strengths = best = np.clip(np.full(len(groups.all), alpha / unit), *_BOUNDS)
    path: list[float] = []
    with one_thread():
        unpenalised = data.objective(
            problem.network, problem.loss, 0.0, problem.settings.penalties
        )
        evidence = Evidence(unpenalised, groups.all)
        near = partial(near_enough, near=_NEAR, max_iter=_MAX_ITER)
        newton = get_solver("newton", tol=problem.solver().tol)
        for step in range(_STEPS):
            refit = problem.with_alpha(groups.arrays(problem.network, strengths))
            solver = newton
            if step % _STEPS_PER_START == 0:
                solver, params = refit.solver(), refit.start(seed + step)
            end = solver.minimize(refit.objective(), params, near)
            if not np.isfinite(end.value):
                break
            params = end.params
            here = evidence.at(params, strengths)
            path.append(here.value)
            if here.value <= min(path):
                best = strengths
            proposed = np.clip(strengths * np.exp(_log_steps(here)), *_BOUNDS)
            if np.abs(np.log(proposed / strengths)).max() < _SMALLEST_STEP:
                break
            strengths = proposed
    return unit * best, np.array(path)


def _log_steps(here: EvidenceAt) -> Array:
    """Logarithms of the factors of MacKay's update, with the whole derivative, limited."""
    used = here.strengths * here.squares / here.dispersion
    wanted = used - 2.0 * here.gradient
    known = np.maximum(used, wanted) > _NO_PARAMETER
    tiny = np.finfo(float).tiny
    steps = np.log(np.maximum(wanted, tiny)) - np.log(np.maximum(used, tiny))
    return np.where(known, np.clip(steps, -_LARGEST_STEP, _LARGEST_STEP), 0.0)
