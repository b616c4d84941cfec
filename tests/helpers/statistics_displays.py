"""One display of each kind that shows the statistics of a fit."""

from functools import cache

from inference_cases import binary, net, regression

from sknewtonnet import NewtonMLPClassifier
from sknewtonnet.display import (
    CoefficientDisplay,
    EffectDisplay,
    ImportanceDisplay,
    InfluenceDisplay,
    ResidualsDisplay,
)


@cache
def regression_results():
    X, y = regression(n=60)
    return net(alpha=0.1, n_init=1).fit(X, y).inference(X, y)


@cache
def class_results():
    X, y = binary()
    return NewtonMLPClassifier((1,), alpha=1.0, random_state=0).fit(X, y).inference(X, y)


STATISTICS = {
    "coefficients": lambda: CoefficientDisplay.from_results(regression_results()),
    "weights": lambda: CoefficientDisplay.from_results(class_results(), "parameters"),
    "importances": lambda: ImportanceDisplay.from_results(regression_results()),
    "effects": lambda: EffectDisplay.from_results(regression_results(), n_points=8),
    "effect on a class": lambda: EffectDisplay.from_results(class_results(), "x0", n_points=8),
    "influence": lambda: InfluenceDisplay.from_results(regression_results()),
    "dfbetas": lambda: InfluenceDisplay.from_results(class_results(), kind="dfbetas"),
    "residuals": lambda: ResidualsDisplay.from_results(regression_results()),
    "residuals of classes": lambda: ResidualsDisplay.from_results(class_results()),
}
