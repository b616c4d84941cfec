"""
What features do over their whole range
=======================================

Is there an affair outside of the marriage? Answers of 6366 women to a survey of the magazine
Redbook in 1974, analysed by Fair (1978): how they rate the marriage, years of marriage, age,
religiousness. An average effect is one number; a curve with a band shows where it comes from. The
inner band holds at each point, the outer one at all points at once. The data come with
statsmodels.
"""

import matplotlib.pyplot as plt

try:
    from statsmodels.datasets import fair
except ImportError as missing:
    raise SystemExit(
        "This example needs statsmodels: python -m pip install statsmodels"
    ) from missing

from sknewtonnet import NewtonMLPClassifier
from sknewtonnet.display import EffectDisplay

names = {
    "rate_marriage": "marriage, from 1 (very poor) to 5 (very good)",
    "age": "age (years)",
    "yrs_married": "years of marriage",
    "religious": "religious, from 1 (not) to 4 (strongly)",
}
answers = fair.load_pandas().data.rename(columns=names)
X = answers[list(names.values())]
y = (answers["affairs"] > 0).map({False: "no affair", True: "one or more affairs"})

# %%
# A net of two units, without a word on the form of any curve.

net = NewtonMLPClassifier((2,), alpha=3.0, n_init=3, random_state=0).fit(X, y)
results = net.inference(X, y)
print(f"{len(X)} answers; the fit ended at a {net.critical_point_}.\n")
print(results.tests)

# %%
# Each curve is the mean probability over all women, if that feature were at a value for all of
# them. Marks at the upper edge are women with an affair, those at the lower edge the others.

display = EffectDisplay.from_results(results, n_points=30)
display.figure_.set_size_inches(10.0, 3.6)
plt.show()
