"""Warm starts, parameters that change, pickles, threads, processes, callbacks: what state survives."""

import contextlib
import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
from hostile_judge import MARK, Fitted, Held
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_info

from hostile_inputs.cases import LABELS, Topic, X, Y, fitted, make
from hostile_inputs.user_code import Raising
from sknewtonnet import BackwardPruning, InformationCriterionSearch

WIDER = np.column_stack([X, X[:, 0] ** 2])

warm = Topic("warm_start")


def warm_then(change, x=X, y=Y, kind="reg", start=None, **params):
    """Fit, change something, and fit again from there."""
    net = make(kind, warm_start=True, **params).fit(
        X, LABELS if kind in ("clf", "rbc") else Y if start is None else start
    )
    change(net)
    net.fit(x, y)
    return Fitted(net, x, y)


def nothing(net):
    """Leave the net as it is."""


for text, call in {
    "the same data": lambda: warm_then(nothing),
    "more columns": lambda: warm_then(nothing, x=WIDER),
    "other rows": lambda: warm_then(nothing, x=X[:30], y=Y[:30]),
    "more hidden units": lambda: warm_then(lambda net: net.set_params(hidden_layer_sizes=(5,))),
    "another activation": lambda: warm_then(lambda net: net.set_params(activation="sine")),
    "another solver": lambda: warm_then(lambda net: net.set_params(solver="bfgs")),
    "another alpha": lambda: warm_then(lambda net: net.set_params(alpha=10.0)),
    "alpha='auto'": lambda: warm_then(nothing, alpha="auto"),
    "alpha='ard'": lambda: warm_then(nothing, alpha="ard"),
    "standardize changed": lambda: warm_then(lambda net: net.set_params(standardize=False)),
    "two outputs after one": lambda: warm_then(nothing, y=np.column_stack([Y, Y])),
    "three classes after two": lambda: warm_then(nothing, kind="clf", y=np.arange(60) % 3),
    "relabelled classes": lambda: warm_then(nothing, kind="clf", y=np.where(LABELS > 0, "u", "v")),
    "n_init=5": lambda: warm_then(nothing, n_init=5),
    "another loss": lambda: warm_then(lambda net: net.set_params(loss="poisson"), y=np.abs(Y)),
    "parameters overwritten by nan": lambda: warm_then(lambda net: setattr(net, "params_", np.full(16, np.nan))),
    "parameters of a wrong shape": lambda: warm_then(lambda net: setattr(net, "params_", np.zeros(3))),
    "parameters of 1e300": lambda: warm_then(lambda net: setattr(net, "params_", np.full(16, 1e300))),
    "parameters of text": lambda: warm_then(lambda net: setattr(net, "params_", ["a"] * 16)),
    "parameters removed": lambda: warm_then(lambda net: delattr(net, "params_")),
    "bounds that exclude the last fit": lambda: warm_then(lambda net: net.set_params(bounds={"coefs_0": (10, 11)})),
    "radial, other data": lambda: warm_then(nothing, x=X[:30] * 100, y=Y[:30], kind="rbf"),
    "radial, fewer distinct rows than centres": lambda: warm_then(nothing, x=np.repeat(X[:2], 30, axis=0), kind="rbf"),
    "y in other units": lambda: warm_then(nothing, y=1e6 * Y),
    "y in tiny units": lambda: warm_then(nothing, y=1e-6 * Y),
    "y constant": lambda: warm_then(nothing, y=np.ones(60)),
    "X in other units": lambda: warm_then(nothing, x=1e6 * X),
    "connectivity changed": lambda: warm_then(lambda net: net.set_params(connectivity={"coefs_0": ~np.eye(3, dtype=bool)})),
}.items():  # fmt: skip
    warm.ask(text, call)

changes = Topic("Parameters and data that change after the fit")


def unmoved(change, ask=lambda net: net.objective(X, Y).value(net.params_), **params):
    """Whether an answer is that of the fit, whatever is changed."""
    net = make("reg", **params).fit(X, Y)
    before = ask(net)
    change(net)
    after = ask(net)
    same = np.allclose(before, after, rtol=1e-12, atol=0.0)
    return Held(bool(same), "the answers of the fit" if same else f"{before} became {after}")


ASK = {
    "objective": lambda net: net.objective(X, Y).value(net.params_),
    "inference": lambda net: net.inference(X, Y).std_errors[:3],
    "importances": lambda net: net.feature_importances_,
    "predict": lambda net: net.predict(X)[:3],
    "input_derivatives": lambda net: net.input_derivatives(X)[:3],
}
for text, change in {
    "alpha": {"alpha": 50.0}, "hidden_layer_sizes": {"hidden_layer_sizes": (7,)}, "activation": {"activation": "sine"}, "loss": {"loss": "poisson"},
    "standardize": {"standardize": False}, "solver_options": {"solver": "lm", "solver_options": {}}, "bounds": {"bounds": {"coefs_0": (5, 6)}}, "nonsense": {"alpha": "nonsense"},
}.items():  # fmt: skip
    for what, ask in ASK.items():
        changes.ask(
            f"set_params of {text}, then {what}",
            lambda c=change, a=ask: unmoved(
                lambda net: net.set_params(**c), a, hidden_layer_sizes=(1,)
            ),
        )


def _mutable(what):
    given = {"alpha": {"coefs_0": 0.1, "coefs_1": 0.1}, "connectivity": {"coefs_0": ~np.eye(3, dtype=bool)}, "bounds": {"coefs_0": [-1.0, 1.0]},
             "alpha arrays": {"coefs_0": np.full((3, 3), 0.1)}}[what]  # fmt: skip

    def spoil(net):
        held = given["coefs_0"]
        if isinstance(held, np.ndarray):
            held[...] = 1 if held.dtype == bool else 99.0
        else:
            given["coefs_0"] = [5.0, 6.0] if what == "bounds" else 99.0

    return unmoved(spoil, **{what.split()[0]: given})


for what in ("alpha", "alpha arrays", "connectivity", "bounds"):
    changes.ask(f"{what} changed in place", lambda w=what: _mutable(w))
changes.ask("X and y changed in place, importances", lambda: _spoilt_data())
changes.ask(
    "coefs_ overwritten, predict",
    lambda: unmoved(lambda net: net.coefs_[0].fill(0.0), ASK["predict"]),
)
changes.ask(
    "an array returned by predict overwritten",
    lambda: unmoved(lambda net: net.predict(X).fill(0.0), ASK["predict"]),
)


def _spoilt_data():
    x, y = X.copy(), Y.copy()
    net = make("reg").fit(x, y)
    x[:], y[:] = 0.0, 1.0
    kept = np.array_equal(net.feature_importances_, make("reg").fit(X, Y).feature_importances_)
    return Held(kept, "importances of the fit")


pickles = Topic("Pickles and copies")


def _round_trip(net):
    again = pickle.loads(pickle.dumps(net))
    same = np.array_equal(again.predict(X), net.predict(X))
    return Held(same, "predicts the same")


for kind in ("reg", "clf", "rbf", "rbc", "net", "nec"):
    pickles.ask("pickle of a fit", lambda k=kind: _round_trip(fitted(k).net), to=kind)
    pickles.ask(
        "pickle contains no row of X, no y", lambda k=kind: _no_data(fitted(k).net), to=kind
    )
    pickles.ask("pickling changes nothing", lambda k=kind: _unchanged(fitted(k).net), to=kind)
    pickles.ask("copy, deepcopy, clone of a fit", lambda k=kind: _copies(fitted(k).net), to=kind)
pickles.ask(
    "pickle before the fit",
    lambda: Held(not hasattr(pickle.loads(pickle.dumps(make("reg"))), "params_"), "unfitted"),
)
pickles.ask("truncated pickle", lambda: pickle.loads(pickle.dumps(fitted().net)[:-100]))
pickles.ask(
    "BackwardPruning", lambda: _round_trip(BackwardPruning(make("reg", alpha=0.01)).fit(X, Y))
)
pickles.ask(
    "InformationCriterionSearch",
    lambda: _round_trip(InformationCriterionSearch(make("reg"), {"alpha": [0.1, 1.0]}).fit(X, Y)),
)
pickles.ask(
    "results",
    lambda: Held(
        np.array_equal(pickle.loads(pickle.dumps(_results())).std_errors, _results().std_errors),
        "same standard errors",
    ),
)
pickles.ask(
    "an activation defined in a function",
    lambda: pickle.dumps(make("reg", activation=_local()).fit(X, Y)),
)
pickles.ask("loaded in another process", lambda: _elsewhere())


def _local():
    class Local(Raising):
        """A class that no other process can import."""

        name = "local"

    return Local()


def _results():
    return make("reg", hidden_layer_sizes=(1,)).fit(X, Y).inference(X, Y)


def _no_data(net):
    stored = pickle.dumps(net)
    rows = [row.tobytes() for row in X if row.tobytes() in stored]
    return Held(
        not rows and Y.tobytes() not in stored, f"{len(rows)} rows of X in {len(stored)} bytes"
    )


def _unchanged(net):
    before = set(vars(net))
    pickle.dumps(net)
    return Held(set(vars(net)) == before, "the same attributes")


def _copies(net):
    predictions = net.predict(X)
    same = all(np.array_equal(c(net).predict(X), predictions) for c in (copy.copy, copy.deepcopy))
    return Held(
        same and not hasattr(clone(net), "params_"), "copies predict the same, a clone is unfitted"
    )


def _elsewhere():
    net = make("reg").fit(X, Y)
    code = "import pickle, sys; net = pickle.loads(sys.stdin.buffer.read()); print(repr(float(net.predict([[1.0, 2.0, 3.0]])[0])))"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(net),
        capture_output=True,
        check=True,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path))),
    )
    return Held(
        float(answer.stdout) == float(net.predict([[1.0, 2.0, 3.0]])[0]), "same prediction"
    )


threads = Topic("Threads and processes")


def _at_once(jobs):
    """Run functions in threads at once; return what each returns."""
    found = [None] * len(jobs)

    def work(k):
        found[k] = jobs[k]()

    workers = [threading.Thread(target=work, args=(k,)) for k in range(len(jobs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


def blas_threads():
    return sorted(i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas")


def _threads_as_alone():
    jobs = [lambda k=k: make("reg", random_state=k, n_init=2).fit(X, Y).params_ for k in range(4)]
    before = blas_threads()
    together = _at_once(jobs)
    same = all(np.array_equal(a, job()) for a, job in zip(together, jobs, strict=True))
    return Held(same and blas_threads() == before, "same bits, same number of BLAS threads")


def _jobs(backend, kind, **params):
    alone = make(kind, n_init=3, n_jobs=1, **params).fit(
        X, LABELS if kind in ("clf", "rbc") else Y
    )
    with joblib.parallel_config(backend):
        both = make(kind, n_init=3, n_jobs=2, **params).fit(
            X, LABELS if kind in ("clf", "rbc") else Y
        )
    return Held(np.array_equal(alone.params_, both.params_), "same bits for n_jobs 1 and 2")


threads.ask("four fits at once are as alone", _threads_as_alone)
threads.ask("an objective for each of four threads", lambda: _shared_objective())
threads.ask(
    "importances asked from four threads", lambda: _shared(lambda net: net.feature_importances_)
)
threads.ask("predictions asked from four threads", lambda: _shared(lambda net: net.predict(X)))
for backend in ("loky", "threading", "multiprocessing"):
    for kind in ("reg", "rbf", "clf"):
        threads.ask(f"n_jobs=2, {backend}", lambda b=backend, k=kind: _jobs(b, k), to=kind)
    threads.ask(
        f"n_jobs=2, {backend}, alpha='auto'", lambda b=backend: _jobs(b, "reg", alpha="auto")
    )
threads.ask("GridSearchCV(n_jobs=2) of n_jobs=2", lambda: _nested())
threads.ask("InformationCriterionSearch n_jobs 1 and 2", lambda: _search_jobs())
threads.ask("a worker is killed", lambda: _killed())
threads.ask("interrupted by a signal", lambda: _signal())


def _shared(ask):
    net = make("reg").fit(X, Y)
    found = _at_once([lambda: ask(net)] * 4)
    return Held(all(np.array_equal(f, found[0]) for f in found), "the same four times")


def _shared_objective():
    net = make("reg").fit(X, Y)
    points = [net.params_ + 0.1 * k for k in range(4)]
    right = [net.objective(X, Y).gradient(w) for w in points]

    def work(w):
        f = net.objective(X, Y)
        return [f.gradient(w + 0.0) for _ in range(50)]

    found = _at_once([lambda w=w: work(w) for w in points])
    wrong = sum(not np.array_equal(g, r) for gs, r in zip(found, right, strict=True) for g in gs)
    return Held(wrong == 0, f"{wrong} wrong gradients of 200")


def _nested():
    net = make("reg", n_init=2, n_jobs=2)
    scores = [
        GridSearchCV(net, {"alpha": [0.1, 1.0]}, cv=2, n_jobs=n)
        .fit(X, Y)
        .cv_results_["mean_test_score"]
        for n in (1, 2)
    ]
    return Held(np.array_equal(*scores), "same scores")


def _search_jobs():
    a, b = (
        InformationCriterionSearch(
            make("reg"), {"hidden_layer_sizes": [(1,), (2,)]}, n_jobs=n
        ).fit(X, Y)
        for n in (1, 2)
    )
    return Held(np.array_equal(a.best_estimator_.params_, b.best_estimator_.params_), "same bits")


class Suicidal(Raising):
    """An activation that ends its worker."""

    name = "suicidal"

    def __init__(self, parent):
        self.parent = parent

    def derivatives(self, a, order=2):
        if os.getpid() != self.parent:
            os.kill(os.getpid(), signal.SIGTERM)
        return Raising().derivatives(a, order)


def _killed():
    net = make("reg").fit(X, Y)
    before = net.params_
    net.set_params(activation=Suicidal(os.getpid()), n_init=2, n_jobs=2)
    try:
        net.fit(X, Y)
    except Exception as error:
        return Held(net.params_ is before, f"{type(error).__name__}; state as before")
    return Held(False, "no error")


def _signal():
    net = make("reg").fit(X, Y)
    before = net.params_
    net.set_params(activation=Slow(), max_iter=10**6)
    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    timer.start()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            net.fit(X, Y)
            return Held(False, "not interrupted")
        return Held(net.params_ is before, "KeyboardInterrupt; state as before")
    finally:
        timer.cancel()


class Slow(Raising):
    """An activation that takes its time."""

    name = "slow"

    def derivatives(self, a, order=2):
        time.sleep(0.05)
        return super().derivatives(a, order)


callbacks = Topic("Callbacks")


class Failing:
    """A callback that raises at one of its hooks."""

    def __init__(self, hook, task=None, error=OSError):
        self.hook, self.task, self.error = hook, task, error

    def _maybe(self, hook, args):
        names = {getattr(a, "task_name", None) for a in args}
        if hook == self.hook and (self.task is None or self.task in names):
            raise self.error(MARK)

    def setup(self, *args, **others):
        self._maybe("setup", args)

    def teardown(self, *args, **others):
        self._maybe("teardown", args)

    def on_fit_task_begin(self, *args, **others):
        self._maybe("on_fit_task_begin", args)

    def on_fit_task_end(self, *args, **others):
        self._maybe("on_fit_task_end", args)


def watched(build, hook, task=None, error=OSError):
    """Whether an exception out of a callback of a refit leaves all as it was."""
    net = build().fit(X[:, :2], Y)
    before = net.predict(X[:, :2])
    attributes = set(vars(net))
    net.set_callbacks(Failing(hook, task, error))
    attributes |= {"_skl_callbacks"}
    try:
        net.fit(X, Y)
    except error as found:
        if MARK not in str(found):
            return Held(False, f"another error: {found}")
        same = np.array_equal(net.predict(X[:, :2]), before) and net.n_features_in_ == 2
        return Held(bool(same), "passed on; state as before")
    return Held(hook == "teardown", "no error")


BUILD = {
    "net": lambda: make("reg", alpha=0.01, hidden_layer_sizes=(2,)),
    "n_init=2": lambda: make("reg", alpha=0.01, hidden_layer_sizes=(2,), n_init=2),
    "radial": lambda: make("rbf"),
    "BackwardPruning": lambda: BackwardPruning(make("reg", alpha=0.01, hidden_layer_sizes=(2,))),
    "InformationCriterionSearch": lambda: InformationCriterionSearch(
        make("reg", hidden_layer_sizes=(2,)), {"alpha": [0.1, 1.0]}
    ),
}
for text, build in BUILD.items():
    for hook, task in (
        ("setup", None),
        ("on_fit_task_begin", None),
        ("on_fit_task_end", None),
        ("on_fit_task_end", "fit"),
    ):
        for error in (OSError, KeyboardInterrupt):
            callbacks.ask(
                f"{error.__name__} in {hook}{f' of {task}' if task else ''}, {text}",
                lambda b=build, h=hook, t=task, e=error: watched(b, h, t, e),
            )
callbacks.ask("a callback that is none", lambda: make("reg").set_callbacks(3).fit(X, Y))
callbacks.ask(
    "a list of callbacks that is empty",
    lambda: make("reg").set_callbacks([]).fit(X, Y).predict(X)[:2],
)

TOPICS = [warm, changes, pickles, threads, callbacks]
