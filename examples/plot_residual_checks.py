"""
Is the model right? Residuals say
=================================

How often 3000 people saw a doctor in a year, in the RAND health insurance experiment, from their
insurance and health. A Poisson model says that the variance of a count is its mean. Quantile
residuals, which are standard normal numbers if a model is right, tell in one look that it is not,
and that a negative binomial model is. The data come with statsmodels.
"""

import matplotlib.pyplot as plt

try:
    from statsmodels.datasets import randhie
except ImportError as missing:
    raise SystemExit(
        "This example needs statsmodels: python -m pip install statsmodels"
    ) from missing

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.display import ResidualsDisplay

# %%
# A share that the patient pays (coinsurance, its logarithm), an individual deductible plan, the
# number of chronic diseases, physical limitations, and health by the patient's own judgement.

people = randhie.load_pandas().data.sample(3000, random_state=0).reset_index(drop=True)
y = people["mdvis"].rename("visits")
X = people[["lncoins", "idp", "physlm", "disea", "hlthg", "hlthf"]]

# %%
# Two nets of two units, which differ in the distribution of the counts alone.

results = {}
for loss in ("poisson", "negative_binomial"):
    net = NewtonMLPRegressor((2,), loss=loss, alpha=1.0, n_init=3, random_state=0).fit(X, y)
    results[loss] = net.inference(X, y)
    spread = results[loss].quantile_residuals().std()
    print(
        f"{loss:18} {net.critical_point_}, BIC {results[loss].bic:9.1f}, "
        f"standard deviation of quantile residuals {spread:.2f}"
    )

# %%
# Above, the Poisson model: residuals leave the envelope in both tails, for people differ by more
# than these features say. Below, the negative binomial one. Rows that are named are the largest.
# Without ``panels`` two more follow, as in R: scale against location, and leverage.

figure = plt.figure(figsize=(7.5, 6.5), layout="constrained")
for part, (loss, found) in zip(figure.subfigures(2, 1), results.items(), strict=True):
    part.suptitle(f"loss {loss!r}", fontweight="bold")
    ResidualsDisplay.from_results(
        found, target_name="visits", panels=("fitted", "quantiles"), ax=part.subplots()
    )
plt.show()
