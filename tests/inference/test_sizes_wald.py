"""Sizes of the tests and coverage of the intervals, by simulation (doc/statistics.md 3.7).

A short run of benchmarks/sizes_wald.py, with bands widened by its Monte Carlo error.
"""

import importlib.util
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "sizes_wald.py"
SPEC = importlib.util.spec_from_file_location("benchmark_sizes_wald", PATH)
sizes = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = sizes  # dataclasses look their module up
SPEC.loader.exec_module(sizes)

pytestmark = pytest.mark.slow

ROWS = {row.name: row for row in sizes.ROWS}
REPLICATIONS = {"4": 60, "5": 60, "7": 60, "8": 60, "13": 60}
EQUAL = ["1", "3", "4", "6"]
UNEQUAL = ["2", "5"]
OVER_SIZED = ["7", "8", "13"]


@cache
def records(name):
    return [sizes.replicate(ROWS[name], number) for number in range(count(name))]


@cache
def found(name):
    return sizes.summarize(records(name))


def count(name):
    return REPLICATIONS.get(name, 100)


def widened(low, high, n):
    """A band in per cent, by two Monte Carlo standard errors of a share at each end."""
    return tuple(
        end + sign * 200.0 * np.sqrt(end / 100.0 * (1.0 - end / 100.0) / n)
        for end, sign in ((low, -1.0), (high, 1.0))
    )


def within(value, band):
    low, high = band
    return low <= value <= high


@pytest.mark.parametrize("name", EQUAL)
@pytest.mark.parametrize("test", ["exact", "GN", "sand exact", "LR"])
@pytest.mark.parametrize("reference", ["", " F"])
def test_a_right_sized_net_rejects_a_true_hypothesis_one_time_in_twenty(name, test, reference):
    if test == "LR" and ROWS[name].alpha:
        pytest.skip("no likelihood ratio test under a penalty")
    summary = found(name)
    assert summary[f"{test}{reference} n/a"] == 0.0
    assert within(summary[test + reference], widened(2.0, 9.0, count(name)))


@pytest.mark.parametrize("name", UNEQUAL)
@pytest.mark.parametrize("test", ["sand exact", "sand HC3"])
def test_the_sandwich_holds_where_variances_differ(name, test):
    summary = found(name)
    assert summary[f"{test} n/a"] == 0.0
    assert within(summary[test], widened(2.0, 9.0, count(name)))


@pytest.mark.parametrize("name", UNEQUAL)
@pytest.mark.parametrize("test", ["exact", "LR"])
def test_the_errors_of_the_model_do_not(name, test):
    assert found(name)[test] > 10.0


@pytest.mark.parametrize("name", EQUAL)
@pytest.mark.parametrize("interval", ["CI", "PI"])
def test_intervals_of_a_right_sized_net_cover(name, interval):
    # The points of a replication share their fit: its share is one observation.
    shares = [100.0 * record[interval] for record in records(name)]
    error = np.std(shares, ddof=1) / np.sqrt(len(shares))
    assert within(np.mean(shares), (92.0 - 2.0 * error, 97.0 + 2.0 * error))


@pytest.mark.parametrize("name", OVER_SIZED)
def test_the_gate_flags_over_sized_nets(name):
    assert found(name)["flagged"] >= 95.0
    assert found(name)["flagged or BIC"] >= 95.0


@pytest.mark.parametrize("name", ["10", "11", "12"])
def test_it_flags_penalised_ones_as_well(name):
    assert found(name)["flagged"] >= 95.0


def test_the_gate_does_not_flag_right_sized_nets():
    alarms = [record["flagged"] for name in EQUAL + UNEQUAL for record in records(name)]
    assert np.mean(alarms) < 0.02


def test_a_replication_depends_on_its_number_alone():
    numbers = (2, 0, 1)
    again = {number: sizes.replicate(ROWS["1"], number) for number in numbers}
    assert all(again[number] == records("1")[number] for number in numbers)
