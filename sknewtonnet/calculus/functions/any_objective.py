"""Objectives wherever their rows are."""

from __future__ import annotations

from typing import TypeAlias, cast

from sknewtonnet.calculus.functions.block_objective import BlockObjective
from sknewtonnet.calculus.functions.objective import Objective

# With rows in memory, or in blocks; what both have are sums over rows.
AnyObjective: TypeAlias = Objective | BlockObjective


def with_rows(objective: AnyObjective) -> Objective:
    """The same, for what asks for sums over rows as a rule, and for rows themselves now and then.

    A :class:`BlockObjective` says itself what it lacks, with the reason.
    """
    return cast(Objective, objective)
