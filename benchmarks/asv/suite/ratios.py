"""How a ratio is measured: the two sides in turns, CPU time on one thread, the median of their ratios."""

import warnings

import numpy as np
from derivatives import interleaved
from threadpoolctl import threadpool_limits


def ratio(ours, reference, budget=3.0):
    """Median of the CPU time of one call over that of another, called in turns."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        times = interleaved({"ours": ours, "reference": reference}, threads=1, budget=budget)
    return float(np.median(np.divide(times["ours"], times["reference"])))
