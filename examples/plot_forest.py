"""
Which effects are there, and how large? A forest plot
=====================================================

The share of pupils above the national median in mathematics in 303 Californian school districts,
from what the districts are like. Shares are of very different numbers of pupils, so the loss is
that of binomial counts, with the pupils as weights; and districts differ by more than pupils do,
so the standard errors are of a kind ("HC3") that does not take the model's word for it. The data
come with statsmodels (star98).
"""

import matplotlib.pyplot as plt

try:
    from statsmodels.datasets import star98
except ImportError as missing:
    raise SystemExit(
        "This example needs statsmodels: python -m pip install statsmodels"
    ) from missing

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import CoefficientDisplay

names = {
    "LOWINC": "low-income pupils (%)",
    "PERASIAN": "Asian pupils (%)",
    "PERBLACK": "Black pupils (%)",
    "PERHISP": "Hispanic pupils (%)",
    "PERMINTE": "minority teachers (%)",
    "AVYRSEXP": "teachers' experience (years)",
    "AVSALK": "teachers' salary (1000 dollars)",
    "PERSPENK": "spending (1000 dollars per pupil)",
    "PTRATIO": "pupils per teacher",
    "PCTAF": "pupils in college-prep courses (%)",
    "PCTCHRT": "charter schools (%)",
    "PCTYRRND": "year-round schools (%)",
}
districts = star98.load_pandas().data.rename(columns=names)
pupils = districts["NABOVE"] + districts["NBELOW"]
y = (districts["NABOVE"] / pupils).rename("share above the median")
X = districts[list(names.values())]

# %%
# A net of two units; a penalty of ten rows for each kind of weights.

net = NewtonMLPRegressor((2,), loss="binomial", alpha=10.0, n_init=3, random_state=0)
net.fit(X, y, sample_weight=pupils)
results = net.inference(X, y, sample_weight=pupils, cov_type="HC3")
print(
    f"{len(X)} districts, {pupils.sum():.0f} pupils; the fit ended at a {net.critical_point_}.\n"
)
print(results.marginal_effects().to_frame().round(5).to_string())

# %%
# Effects per standard deviation compare with each other, whatever the units of the features are.
# A full marker is an interval without zero.

CoefficientDisplay.from_results(results, per="std", sort=True, target_name="the share")
plt.show()
