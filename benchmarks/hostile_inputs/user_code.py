"""User code that raises, returns NaN, lies or falls for ever; and users' subclasses."""

import numpy as np
from hostile_judge import MARK, Held

from hostile_inputs.cases import LABELS, Topic, X, Y, fitted, make
from sknewtonnet import NewtonMLPRegressor, RBFNetRegressor
from sknewtonnet.calculus import Activation, Linear, Loss, Penalty, get_activation, get_loss
from sknewtonnet.solvers import SOLVERS, Solver
from sknewtonnet.testing import check_activation, check_loss

SquaredError = type(get_loss("squared_error", 1))
ALL_SOLVERS = sorted(SOLVERS)


class Tanh(Activation):
    """The hyperbolic tangent, as users write it."""

    name = "my tanh"
    monotonic = True

    def derivatives(self, a, order=2):
        return get_activation("tanh").derivatives(a, order)


class Raising(Tanh):
    """An activation that raises after some calls."""

    name = "raising"

    def __init__(self, error=None, calls=8, size=20):
        self.error, self.left, self.size = error, calls, size

    def derivatives(self, a, order=2):
        if self.error is not None and np.size(a) > self.size:
            self.left -= 1
            if self.left < 0:
                raise self.error(MARK)
        return super().derivatives(a, order)


class Holed(Tanh):
    """An activation with NaN in one order of its derivatives."""

    name = "holed"

    def __init__(self, order, hole=np.nan):
        self.order, self.hole = order, hole

    def derivatives(self, a, order=2):
        found = list(super().derivatives(a, order))
        if order >= self.order and a.size > 20:
            found[self.order] = np.array(found[self.order])
            found[self.order].flat[5] = self.hole
        return tuple(found)


class HoledLoss(SquaredError):
    """A squared error with NaN in the curvature of one row."""

    name = "holed"
    quadratic = False

    def __init__(self, order=2):
        self.order = order

    def derivatives(self, y, raw, order=2):
        found = list(super().derivatives(y, raw, order))
        if order >= self.order and len(raw) > 10:
            found[self.order] = np.array(found[self.order])
            found[self.order][5] = np.nan
        return tuple(found)


class Wrong(Tanh):
    """An activation with a wrong first derivative."""

    name = "wrong"

    def derivatives(self, a, order=2):
        found = list(super().derivatives(a, order))
        if order:
            found[1] = 0.5 * found[1]
        return tuple(found)


class Cubic(Activation):
    """An activation without bounds."""

    name = "cubic"

    def derivatives(self, a, order=2):
        return (a**3, 3 * a**2, 6 * a)[: order + 1]


class Falling(SquaredError):
    """A loss that falls for ever: by a line or by a parabola."""

    name = "falling"
    quadratic = False

    def __init__(self, power=1):
        self.power = power

    def derivatives(self, y, raw, order=2):
        n, k = raw.shape
        if self.power == 1:
            found = raw.sum(1), np.ones((n, k)), np.zeros((n, k, k))
        else:
            found = (
                -(raw**2).sum(1),
                -2.0 * raw,
                np.broadcast_to(-2.0 * np.eye(k), (n, k, k)).copy(),
            )
        return found[: order + 1]


class Misshapen(Tanh):
    """An activation whose values have a wrong shape, or are no numbers."""

    name = "misshapen"

    def __init__(self, answer):
        self.answer = answer

    def derivatives(self, a, order=2):
        return self.answer(super().derivatives(a, order))


ERRORS = (
    MemoryError,
    OSError,
    KeyboardInterrupt,
    SystemExit,
    RecursionError,
    FloatingPointError,
    StopIteration,
    GeneratorExit,
    ValueError,
    ZeroDivisionError,
)

exceptions = Topic("Exceptions out of user code in mid-fit")


def state(net):
    return {k: (v.copy() if isinstance(v, np.ndarray) else v) for k, v in vars(net).items()}


def alike(a, b):
    return a.keys() == b.keys() and all(
        np.array_equal(a[k], b[k]) if isinstance(a[k], np.ndarray) else a[k] is b[k] for k in a
    )


def interrupted(error, solver="auto", kind="reg", first=False, **others):
    """Whether an exception in mid-fit passes, and leaves the estimator as it was."""
    net = make(kind, activation=Raising(), solver=solver, **others)
    x = X
    if not first:
        net.fit(x, LABELS if kind in ("clf", "rbc") else Y)
    net.set_params(activation=Raising(error), hidden_layer_sizes=(4,))
    before = state(net)
    try:
        net.fit(np.column_stack([X, X[:, 0] ** 2]), LABELS if kind in ("clf", "rbc") else Y)
    except error as found:
        if MARK not in str(found):
            return Held(False, f"another {error.__name__}: {found}")
    except BaseException as found:
        return Held(False, f"{error.__name__} became {type(found).__name__}: {found}")
    else:
        return Held(False, f"{error.__name__} was swallowed")
    kept = alike(before, state(net))
    return Held(kept, "passed on; state as before" if kept else "state changed")


for error in ERRORS:
    for kind in ("reg", "clf", "rbf", "rbc"):
        exceptions.ask(
            f"{error.__name__}, refit", lambda e=error, k=kind: interrupted(e, kind=k), to=kind
        )
    exceptions.ask(f"{error.__name__}, first fit", lambda e=error: interrupted(e, first=True))
    if error is not StopIteration:  # out of a generator, such as joblib's, Python changes its type
        exceptions.ask(
            f"{error.__name__}, alpha='auto'", lambda e=error: interrupted(e, alpha="auto")
        )
        exceptions.ask(f"{error.__name__}, n_init=3", lambda e=error: interrupted(e, n_init=3))
for error in (KeyboardInterrupt, StopIteration, ValueError, MemoryError):
    for solver in ALL_SOLVERS:
        exceptions.ask(f"{error.__name__}, {solver}", lambda e=error, s=solver: interrupted(e, s))
exceptions.ask("OSError in a worker, n_jobs=2", lambda: interrupted(OSError, n_init=2, n_jobs=2))
for text, where in {
    "predict": lambda net: net.predict(X),
    "objective": lambda net: net.objective(X, Y).hessian(net.params_),
    "inference": lambda net: net.inference(X, Y),
    "feature_importances_": lambda net: net.feature_importances_,
}.items():
    exceptions.ask(f"OSError in {text}", lambda w=where: w(_armed()))


def _armed():
    net = make("reg", activation=Raising()).fit(X, Y)
    for layer in net._fit_.problem.original_network.layers:
        if isinstance(layer.activation, Raising):
            layer.activation.error, layer.activation.left = OSError, 0
    for layer in net._fit_.problem.network.layers:
        if isinstance(layer.activation, Raising):
            layer.activation.error, layer.activation.left = OSError, 0
    return net


class RaisingSolver(Solver):
    """A solver that raises."""

    name = "raising"

    def step(self, run, state):
        raise OSError(MARK)


class RaisingPenalty(Penalty):
    """A penalty that raises."""

    def value(self, w):
        raise OSError(MARK)

    gradient = hessian = value


exceptions.ask("OSError out of a solver", lambda: fitted(solver=RaisingSolver()))
exceptions.ask("OSError out of a penalty", lambda: fitted(penalties=RaisingPenalty()))
exceptions.ask("OSError out of layers", lambda: fitted("net", layers=_raise))
exceptions.ask("OSError out of cv", lambda: fitted(cv=_pairs(), alpha="auto"))


def _raise(*args):
    raise OSError(MARK)


def _pairs():
    yield np.arange(30), np.arange(30, 60)
    raise OSError(MARK)


broken = Topic("NaN and nonsense in user code")
for order in (0, 1, 2):
    for value in (np.nan, np.inf):
        for solver in ALL_SOLVERS:
            broken.fit(
                f"activation {value} in order {order}, {solver}",
                solver=solver,
                activation=Holed(order, value),
                max_iter=100,
            )
        for kind in ("clf", "rbf", "rbc"):
            broken.fit(
                f"activation {value} in order {order}",
                kind,
                activation=Holed(order, value),
                hidden_layer_sizes=(3,),
                max_iter=100,
            )
    for solver in ALL_SOLVERS:
        broken.fit(
            f"loss nan in order {order}, {solver}",
            solver=solver,
            loss=HoledLoss(order),
            max_iter=100,
        )
    broken.fit(f"loss nan in order {order}, alpha='auto'", loss=HoledLoss(order), alpha="auto")
    broken.fit(f"loss nan in order {order}", "rbf", loss=HoledLoss(order))
    broken.fit(
        f"activation nan in order {order}, alpha='auto'", activation=Holed(order), alpha="auto"
    )
    broken.fit(f"activation nan in order {order}, n_init=3", activation=Holed(order), n_init=3)
for text, call in {
    "inference": lambda net: net.inference(X, Y),
    "feature_importances_": lambda net: net.feature_importances_,
    "objective.hessian": lambda net: net.objective(X, Y).hessian(net.params_),
}.items():
    for what, params in {
        "loss": {"loss": HoledLoss()},
        "activation": {"activation": Holed(2)},
    }.items():
        broken.ask(
            f"{text} after bfgs with nan in second derivatives, {what}",
            lambda c=call, p=params: c(fitted(solver="bfgs", **p).net),
        )
for solver in ALL_SOLVERS:
    broken.fit(
        f"activation with a wrong derivative, {solver}",
        solver=solver,
        activation=Wrong(),
        max_iter=200,
    )
    broken.fit(
        f"loss that falls by a line, {solver}",
        solver=solver,
        loss=Falling(1),
        alpha=0.0,
        max_iter=100,
    )
    broken.fit(
        f"loss that falls by a parabola, {solver}",
        solver=solver,
        loss=Falling(2),
        alpha=0.0,
        max_iter=100,
    )
    broken.fit(f"cubic activation, {solver}", solver=solver, activation=Cubic(), max_iter=100)
broken.fit(
    "cubic activation, X times 1e3, standardize=False",
    x=lambda x: 1e3 * x,
    activation=Cubic(),
    standardize=False,
    max_iter=100,
)
for text, answer in {
    "transposed": lambda found: tuple(f.T for f in found), "summed": lambda found: tuple(f.sum(axis=0) for f in found), "lists": lambda found: tuple(f.tolist() for f in found),
    "one too few": lambda found: found[:-1] if len(found) > 1 else found, "None": lambda found: None, "complex": lambda found: tuple(f + 0j for f in found), "text": lambda found: "abc"[: len(found)],
    "float32": lambda found: tuple(f.astype(np.float32) for f in found), "a generator": lambda found: (f for f in found),
}.items():  # fmt: skip
    broken.ask(
        f"activation whose values are {text}",
        lambda a=answer: fitted(activation=Misshapen(a), max_iter=50),
    )
    broken.ask(
        f"check_activation of one whose values are {text}",
        lambda a=answer: check_activation(Misshapen(a)),
    )
for text, made in {
    "wrong": Wrong(),
    "with a hole": Holed(2),
    "a class": Wrong,
    "text": "no",
    "None": None,
}.items():
    broken.ask(f"check_activation of one that is {text}", lambda m=made: check_activation(m))
for text, made in {
    "falling": Falling(),
    "with a hole": HoledLoss(),
    "a class": SquaredError,
    "text": "no",
    "an activation": Tanh(),
}.items():
    broken.ask(f"check_loss of one that is {text}", lambda m=made: check_loss(m, Y[:12, None]))


class OddLoss(SquaredError):
    """A loss whose values have a wrong shape."""

    name = "odd"
    quadratic = False

    def derivatives(self, y, raw, order=2):
        found = list(super().derivatives(y, raw, order))
        found[0] = (raw - y) ** 2
        return tuple(found)


class Empty(Loss):
    """A loss without anything."""

    name = "empty"


broken.fit("loss whose values have a wrong shape", loss=OddLoss())
broken.ask("loss without derivatives", lambda: fitted(loss=Empty()))

subclasses = Topic("Subclasses")


class Greedy(NewtonMLPRegressor):
    """A subclass whose __init__ takes keywords only."""

    def __init__(self, **params):
        super().__init__(**params)


class Extended(NewtonMLPRegressor):
    """A subclass with a parameter and an attribute of its own."""

    def __init__(self, hidden_layer_sizes=(3,), *, factor=1.0, alpha=0.1, random_state=0):
        super().__init__(hidden_layer_sizes, alpha=alpha, random_state=random_state)
        self.factor = factor

    def fit(self, X, y, sample_weight=None):
        self.factor_ = self.factor
        return super().fit(X, self.factor * np.asarray(y), sample_weight)


class Named(RBFNetRegressor):
    """A subclass that adds nothing."""


subclasses.ask("**params in __init__", lambda: Greedy(alpha=0.1).fit(X, Y).predict(X)[:2])
subclasses.ask(
    "a parameter and a fit of its own", lambda: Extended(factor=2.0).fit(X, Y).predict(X)[:2]
)
subclasses.ask("its attribute after a refit that fails", lambda: _extra())
subclasses.ask("nothing new", lambda: Named(3, alpha=0.1, random_state=0).fit(X, Y).predict(X)[:2])
subclasses.ask(
    "a layer without methods",
    lambda: fitted("net", layers=[type("Bare", (Linear,), {})((0,), 1)]),
    to="net",
)


def _extra():
    net = Extended().fit(X, Y)
    before = net.predict(X)
    try:
        net.fit(X, Y[1:])
    except ValueError:
        return Held(bool((net.predict(X) == before).all()), "predicts as before")
    return Held(False, "no error")


TOPICS = [exceptions, broken, subclasses]
