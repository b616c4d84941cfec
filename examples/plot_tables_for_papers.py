"""
A table for a paper
===================

Four standardised measures of 442 diabetes patients, and how far the disease went on in a year: a
linear model, a net of one unit, and the same net with errors that hold where variances differ.
Weights of nets do not compare; average effects on the prediction do. They stand side by side, with
standard errors beneath, as text, as LaTeX for the package booktabs, and in a figure. The data come
with scikit-learn.
"""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from sknewtonnet import NewtonMLPRegressor
from sknewtonnet.inference import compare_tables

data = load_diabetes(as_frame=True, scaled=False)
X = data.data[["bmi", "bp", "s5", "age"]]
X = ((X - X.mean()) / X.std()).rename(columns={"s5": "log triglycerides"})
y = data.target

line = NewtonMLPRegressor((), alpha=0.0).fit(X, y)
net = NewtonMLPRegressor((1,), alpha=0.0, n_init=4, random_state=0).fit(X, y)
print(f"The fit with one unit ended at a {net.critical_point_}.\n")
models = {
    "linear": line.inference(X, y),
    "one unit": net.inference(X, y),
    "one unit, robust": net.inference(X, y, cov_type="HC3"),
}
table = compare_tables(models, digits=2)
print(table)

# %%
# The fit has a canonical form, so another seed that finds this minimum gives the same table.

again = NewtonMLPRegressor((1,), alpha=0.0, n_init=4, random_state=7).fit(X, y)
assert np.allclose(again.params_, net.params_, rtol=1e-4)

# %%
# LaTeX, and a page of it where there is a compiler.

latex = table.to_latex(caption="Average effects of one standard deviation.", label="tab:effects")
print("\n" + latex)
page = "\n".join(
    [
        r"\documentclass{article}",
        r"\usepackage{booktabs}",
        r"\begin{document}",
        latex,
        r"\end{document}",
    ]
)
compiler = shutil.which("pdflatex")
find = shutil.which("kpsewhich")  # the package may be missing
if find is None or subprocess.run([find, "booktabs.sty"], capture_output=True).returncode:
    compiler = None
with TemporaryDirectory() as folder:
    source = Path(folder) / "effects.tex"
    source.write_text(page, encoding="utf-8")
    if compiler is not None:
        command = [compiler, "-halt-on-error", "-interaction=nonstopmode", source.name]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        print(f"\n{source.with_suffix('.pdf').stat().st_size} bytes of PDF")

# %%
# The same numbers as a figure.

figure, ax = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
places = np.arange(X.shape[1])[::-1]
for shift, marker, (name, results) in zip((0.2, 0.0, -0.2), "os^", models.items(), strict=True):
    effects = results.marginal_effects()
    reach = np.abs(effects.conf_int().T - effects.effects)
    ax.errorbar(effects.effects, places + shift, xerr=reach, fmt=marker, capsize=2, label=name)
ax.axvline(0.0, color="0.7", linewidth=0.8, zorder=0)
ax.set_yticks(places, effects.names)
ax.set(xlabel="average effect on progress of one standard deviation, 95 % interval")
ax.legend()
plt.show()
