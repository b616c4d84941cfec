"""What came of a hostile input: an honest answer, a clear refusal, or something bad."""

import inspect
import re
import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.base import is_classifier
from threadpoolctl import threadpool_info

import sknewtonnet
from sknewtonnet import calculus, inference, inspection, pruning, solvers, testing

MINIMUM = "finite minimum"
HONEST = "finite, with a warning or another verdict"
ANSWER = "finite answer"
KEPT = "promise kept"
REFUSED = "clear error"
PASSED = "the user's own exception"
GOOD = (MINIMUM, HONEST, ANSWER, KEPT, REFUSED, PASSED)

CRYPTIC = "CRYPTIC ERROR"
NONSENSE = "SILENT NONSENSE"
BROKEN = "BROKEN PROMISE"
STRAY = "STRAY WARNING"
MEMORY = "MemoryError WITHOUT WORDS"
CRASH = "CRASH"
HANG = "HANG"
BAD = (CRYPTIC, NONSENSE, BROKEN, STRAY, MEMORY, CRASH, HANG)

# What the exceptions of hostile user code say, and no other.
MARK = "raised by hostile user code"

# Largest entry of the gradient in units in which the Hessian has a unit diagonal, squared: twice
# the fall of the objective along that parameter; and negative curvature, in the same units.
FLAT, NEGATIVE = 1e-8, 1e-6
# Curvatures below this part of the largest are rounding.
ROUNDING = 1e-10


@dataclass(frozen=True)
class Outcome:
    """A class of outcomes, and what happened."""

    kind: str
    words: str

    @property
    def bad(self):
        return self.kind in BAD


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator and the data of its fit."""

    net: object
    X: object
    y: object
    weight: object = None


@dataclass(frozen=True)
class Held:
    """Whether a promise was kept."""

    kept: bool
    words: str


def argument_names():
    """Return the name of every argument and fitted attribute that users can see."""
    names = set()
    rooms = (sknewtonnet, calculus, inference, inspection, pruning, solvers, testing)
    shown = [getattr(room, name) for room in rooms for name in room.__all__]
    for thing in filter(callable, shown):
        public = [
            value
            for name, value in inspect.getmembers(thing)
            if callable(value) and (name == "__init__" or not name.startswith("_"))
        ]
        for function in (thing, *(public if inspect.isclass(thing) else ())):
            try:
                names |= set(inspect.signature(function).parameters)
            except (TypeError, ValueError):
                continue
    attributes = re.findall(r"^ {4}(\w+_) :", str(sknewtonnet.NewtonMLPRegressor.__doc__), re.M)
    other_words = {
        "self",
        "args",
        "kwargs",
        "at",
        "other",
        "value",
        "obj",
        "size",
        "shape",
        "array",
        "data",
    }
    return (names | set(attributes)) - other_words


ARGUMENTS = re.compile(
    r"(?<![\w.])(" + "|".join(sorted(argument_names(), key=len, reverse=True)) + r")(?!\w)"
)
# Sentences of scikit-learn that name the value, or what to do.
VALUES = re.compile(
    r"could not convert string to float: .|Unknown label type|Complex data not supported"
    r"|Found array with|Expected 2D array, got|[Ff]eature names|[Ss]ample.weights? must"
    r"|not fitted yet|is too large, max is|pickle data was truncated|in class_weight"
    r"|needs targets|unexpected keyword argument '|Can't pickle|cannot assign to field|inconsistent numbers of samples|does not match|has no attribute '\w+'$"
)
UNCLEAR = re.compile(
    r"array must not contain infs|setting an array element|inhomogeneous|did not converge"
    r"|failed to compute an eigen|not supported between instances|can only concatenate"
    r"|cannot be interpreted|could not be broadcast|math domain|out of bounds|division by zero"
    r"|object is not|unsupported operand|'NoneType' object|must be real number"
    r"|matmul: |cannot reshape|indices must be|not iterable"
    r"|ufunc '|DTypePromotion|Singular matrix|leading minor|not subscriptable|unhashable"
)
# An attribute that a user asks for is that of an object of the package.
OF_OTHERS = re.compile(
    r"'(?:str|int|float|bool|NoneType|list|dict|tuple|type|function|module|\w+_array|ndarray)'"
    r" object has no attribute"
)
ALLOWED = (ValueError, TypeError, AttributeError, MemoryError, NotImplementedError)
CHECKED = ("activation ", "loss ", "layer ", "penalty ", "solver ", "constraint ")
OWN_ROOMS = ("sknewtonnet", "sklearn", "narwhals", "builtins", "_pickle", "dataclasses")


def blas_threads():
    """Return the number of threads of each BLAS."""
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def judge(run, in_threads=False):
    """Call a function, and return what came of it.

    Filters of warnings are not looked at where a case runs fits in threads: scikit-learn's
    Parallel sets them in each, which Python before 3.14 does for the whole process.
    """
    state, pools = np.geterr(), blas_threads()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        filters = list(warnings.filters)
        try:
            found = run()
            outcome = None
        except BaseException as error:
            outcome = of_error(error)
        if outcome is None:
            try:
                outcome = of_value(found, list(caught))
            except Exception as error:
                outcome = Outcome(
                    NONSENSE, f"cannot be looked at: {type(error).__name__}: {error}"
                )
        if not in_threads and warnings.filters != filters:
            outcome = Outcome(BROKEN, "the filters of warnings were changed")
    if np.geterr() != state:
        np.seterr(**state)
        outcome = Outcome(BROKEN, "numpy's error state was changed")
    if blas_threads() != pools:
        outcome = Outcome(BROKEN, "the number of BLAS threads was changed")
    return outcome


def of_error(error):
    words = " ".join(f"{type(error).__name__}: {error}".split())
    message = str(error)
    if MARK in message:
        return Outcome(PASSED, words)
    if isinstance(error, MemoryError):
        said = re.search(r"\d (B|[KMGT]i?B|bytes)", message) and not message.startswith("Unable")
        return Outcome(REFUSED if said else MEMORY, words)
    allowed = isinstance(error, ALLOWED) or type(error).__name__ == "UnpicklingError"
    if isinstance(error, AssertionError) and message.startswith(CHECKED):
        return Outcome(REFUSED, words)  # so do the functions of sknewtonnet.testing refuse
    if not allowed or type(error).__module__.split(".")[0] not in OWN_ROOMS:
        return Outcome(CRYPTIC, words)
    unclear = UNCLEAR.search(message) or OF_OTHERS.search(message)
    said = message[: unclear.start()] if unclear else message
    clear = ARGUMENTS.search(said) or VALUES.search(said)
    return Outcome(REFUSED if clear else CRYPTIC, words)


def of_value(found, caught):
    if isinstance(found, Held):
        return Outcome(KEPT if found.kept else BROKEN, found.words)
    stray = [w for w in caught if issubclass(w.category, RuntimeWarning)]
    honest = [w for w in caught if issubclass(w.category, UserWarning)]
    if stray:
        text = " ".join(str(stray[0].message).split())
        return Outcome(STRAY, f"{stray[0].category.__name__}: {text}")
    if isinstance(found, Fitted):
        return of_fit(found, honest)
    words = short(found)
    if not finite(found):
        return Outcome(HONEST if honest else NONSENSE, f"not finite: {words}")
    return Outcome(HONEST if honest else ANSWER, words)


def of_fit(fitted, honest):
    """Judge whether all of a fit is finite, and what is called a minimum is one."""
    net = fitted.net
    inner = getattr(net, "best_estimator_", getattr(net, "estimator_", net))
    verdict = getattr(inner, "critical_point_", "none")
    status = getattr(getattr(inner, "solver_result_", None), "status", "")
    words = f"{getattr(status, 'name', status)} {verdict}"
    predict = net.predict_proba if is_classifier(net) else net.predict
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predicted = predict(fitted.X)
        if not all(map(finite, (predicted, inner.loss_, inner.params_, inner.loss_curve_))):
            return Outcome(NONSENSE, f"{words}: parameters, loss or predictions are not finite")
        complaint = false_minimum(inner, fitted) if verdict == "minimum" else ""
    if complaint and not (honest and complaint.startswith("loss_")):
        return Outcome(NONSENSE, f"{words}: {complaint}")
    if honest:
        return Outcome(HONEST, f"{words}; {short(str(honest[-1].message))}")
    if verdict == "minimum":
        flat = np.ptp(np.asarray(predicted, dtype=float), axis=0).max(initial=0.0) == 0.0
        told = inner.critical_point_message_
        return Outcome(MINIMUM, words + (f"; {short(told)}" if flat and told else ""))
    return Outcome(HONEST, words)


def false_minimum(net, fitted):
    """Say why a point is no minimum, in the units in which it was looked for."""
    value = net.objective(fitted.X, fitted.y, fitted.weight).value(net.params_)
    if not np.isclose(value, net.loss_, rtol=1e-5, atol=1e-12 * abs(net.loss_curve_[0])):
        return f"loss_ is {net.loss_:.4g}, but the objective at params_ {value:.4g}"
    fit = net._on(fitted.X, fitted.y, fitted.weight)
    f, w = fit.objective(), fit.params
    hessian, gradient, value = f.hessian(w), f.gradient(w), f.value(w)
    if not np.isfinite(hessian).all():
        return "its Hessian is not finite"
    if net.bounds or net.linear_constraints or net.constraints:
        return ""
    if getattr(net, "monotonic_cst", None) is not None:
        return ""
    largest = np.abs(np.diag(hessian)).max(initial=0.0)
    if not (np.diag(hessian) >= -ROUNDING * largest).all():
        return "its Hessian has a negative diagonal entry"
    root = np.sqrt(np.maximum(np.diag(hessian), ROUNDING * largest)) + np.finfo(float).tiny
    scaled = gradient / root
    allowed = FLAT * (abs(value) + 0.1 * abs(net.solver_result_.history[0]))
    if not fit.loss.of_differences:
        allowed += 1e-10  # a log-likelihood has no units
    if (scaled**2).max(initial=0.0) > allowed + np.finfo(float).tiny:
        return f"its gradient promises a fall of {(scaled**2).max() / 2:.1g} from {value:.1g}"
    lowest = np.linalg.eigvalsh(hessian / root / root[:, None])[0]
    return "" if lowest > -NEGATIVE else f"its Hessian has the scaled eigenvalue {lowest:.1g}"


def finite(found):
    """Return whether all numbers in a value, or in a sequence or mapping of values, are finite."""
    if isinstance(found, dict):
        return all(map(finite, found.values()))
    if isinstance(found, list | tuple):
        return all(map(finite, found))
    if found is None:
        return True
    try:
        return bool(np.isfinite(np.asarray(found, dtype=float)).all())
    except (TypeError, ValueError):
        return True


def short(found, length=90):
    text = found if isinstance(found, str) else repr(found)
    text = re.sub(r"0x[0-9a-f]+", "0x...", " ".join(text.split()))
    text = re.sub(r"(<module '[\w.]+') from '[^']*'", r"\1", text)  # of any machine
    return text if len(text) <= length else text[: length - 3] + "..."
