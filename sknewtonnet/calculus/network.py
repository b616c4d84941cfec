"""Feed-forward networks: layers wired into a graph, with the layout of their parameters."""

from collections.abc import Mapping, Sequence
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknewtonnet.calculus._chunk import Chunk
from sknewtonnet.calculus.activations import Activation, Identity, get_activation
from sknewtonnet.calculus.layers import Linear, Wiring, sample_chunks
from sknewtonnet.calculus.parameters import ParameterArray, ParameterLayout

Array = NDArray[np.float64]

SKIP_CONNECTIONS = (False, "input-output", "all")


class Network:
    """A layered feed-forward net: a function of parameters w and samples X.

    With x^0 = X and z^k the concatenation of the earlier layers that layer k reads,

        x^k = h^k(z^k coefs_k + intercepts_k),    raw prediction = z^m coefs_m + intercepts_m.

    Nets are made by :meth:`mlp`. They hold no parameter values and no data.

    Attributes
    ----------
    n_features, n_outputs, n_parameters : int
        Sizes of x^0, of the raw prediction, and of w.
    layout : ParameterLayout
        From the flat vector w to named arrays and back.
    wiring : Wiring
        Who reads whom, for the calculus.
    """

    def __init__(self, wiring: Wiring, layout: ParameterLayout):
        self.wiring = wiring
        self.layout = layout
        self.n_features = wiring.node_sizes[0]
        self.n_outputs = wiring.node_sizes[-1]
        self.n_parameters = layout.n_parameters

    @classmethod
    def mlp(
        cls,
        n_features: int,
        hidden_layer_sizes: int | Sequence[int],
        n_outputs: int,
        activation: str | Activation | Sequence[str | Activation] = "tanh",
        skip_connections: bool | str = False,
        *,
        connectivity: Mapping[str, ArrayLike] | None = None,
        feature_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> "Network":
        """Multilayer perceptron with linear propagation.

        Parameters
        ----------
        n_features : int
            Number of inputs.
        hidden_layer_sizes : int or sequence of int
            Units of each hidden layer; an empty sequence is a (generalised) linear model.
        n_outputs : int
            Number of raw predictions.
        activation : str, Activation, or a sequence of them, default="tanh"
            For all hidden layers, or one for each.
        skip_connections : {False, "input-output", "all"}, default=False
            Whether the output also reads the input, or every layer all earlier ones.
        connectivity : mapping of str to bool array, default=None
            Where it is False, the connection does not exist: exactly 0 and no parameter.
        feature_names, output_names : sequence of str, default=None
            For the names of the parameters; else "x0", "x1", ... and "y" or "y0", "y1", ...

        Raises
        ------
        ValueError
            If a size is not positive, or a name is unknown.
        """
        hidden = list(np.atleast_1d(np.asarray(hidden_layer_sizes, dtype=object)))
        for what, size in [
            ("n_features", n_features),
            ("n_outputs", n_outputs),
            *(("hidden_layer_sizes", size) for size in hidden),
        ]:
            if not isinstance(size, Integral) or size < 1:
                entries = "entries of " if what == "hidden_layer_sizes" else ""
                raise ValueError(f"{entries}{what} must be positive integers, got {size!r}.")
        hidden = [int(size) for size in hidden]
        if not any(
            skip_connections is kind or skip_connections == kind for kind in SKIP_CONNECTIONS
        ):
            raise ValueError(
                f"skip_connections must be one of {list(SKIP_CONNECTIONS)}, "
                f"got {skip_connections!r}."
            )
        activations = _one_per_layer(activation, len(hidden))
        layers = [
            Linear(_sources(k, len(hidden), skip_connections), size, function)
            for k, (size, function) in enumerate(
                zip([*hidden, n_outputs], [*activations, Identity()], strict=True)
            )
        ]
        inputs = _names("x", n_features, feature_names)
        units = [*_hidden_names(hidden), _names("y", n_outputs, output_names)]
        # A column may be called like a unit; the names of parameters must tell them apart.
        while any(set(inputs) & set(layer) for layer in units):
            units = [tuple(f"{name}'" for name in layer) for layer in units]
        names = [inputs, *units]
        wiring = Wiring(n_features, layers)
        return cls(wiring, ParameterLayout(_arrays(wiring, names), connectivity))

    def matrices(self, w: Array) -> list[Array]:
        """One (p_k + 1, s_k) matrix per layer, coefficients above intercepts."""
        return self.wiring.matrices(self.layout.expand(w))

    def predict_raw(self, w: ArrayLike, X: ArrayLike) -> Array:
        """Raw predictions, before the inverse link.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            Parameters.
        X : array of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
        """
        vector = np.asarray(w, dtype=float)
        samples = np.asarray(X, dtype=float)
        if vector.shape != (self.n_parameters,):
            raise ValueError(f"w must have shape ({self.n_parameters},), got {vector.shape}.")
        if samples.ndim != 2 or samples.shape[1] != self.n_features:
            raise ValueError(
                f"X must have shape (n_samples, {self.n_features}), got {samples.shape}."
            )
        weights = self.matrices(vector)
        raw = np.empty((len(samples), self.n_outputs))
        for where in sample_chunks(len(samples), self.chunk_size):
            chunk = Chunk(self.wiring, samples[where])
            chunk.forward(weights, order=0)
            raw[where] = chunk.raw.T
        return raw

    @property
    def chunk_size(self) -> int:
        """Samples whose activations stay in the second-level cache together."""
        return int(np.clip(40_000 // sum(self.wiring.n_units), 256, 2048))


def _one_per_layer(
    activation: str | Activation | Sequence[str | Activation], n_hidden: int
) -> list[Activation]:
    if isinstance(activation, str | Activation):
        return [get_activation(activation)] * n_hidden
    if not isinstance(activation, Sequence):
        get_activation(activation)  # raises, naming what is allowed
    if len(activation) != n_hidden:
        raise ValueError(
            f"activation has {len(activation)} entries, but there are {n_hidden} hidden layers."
        )
    return [get_activation(entry) for entry in activation]


def _sources(k: int, n_hidden: int, skip_connections: bool | str) -> tuple[int, ...]:
    """The nodes that layer k reads; node k is the layer right before it."""
    if skip_connections == "all":
        return tuple(range(k + 1))
    if skip_connections == "input-output" and k == n_hidden and k > 0:
        return (0, k)
    return (k,)


def _hidden_names(hidden: Sequence[int]) -> list[tuple[str, ...]]:
    """h0, h1, ... in a single hidden layer; h1_0, h1_1, ..., h2_0, ... in several."""
    if len(hidden) == 1:
        return [_names("h", hidden[0], None)]
    return [tuple(f"h{k}_{j}" for j in range(size)) for k, size in enumerate(hidden, start=1)]


def _names(letter: str, size: int, given: Sequence[str] | None) -> tuple[str, ...]:
    if given is None:
        return (
            (letter,)
            if letter == "y" and size == 1
            else tuple(f"{letter}{j}" for j in range(size))
        )
    if len(given) != size:
        raise ValueError(f"{len(given)} names were given for {size} of {letter!r}.")
    return tuple(str(name) for name in given)


def _arrays(wiring: Wiring, names: Sequence[tuple[str, ...]]) -> list[ParameterArray]:
    arrays = []
    for k, sources in enumerate(wiring.sources):
        read = tuple(name for node, _ in sources for name in names[node])
        units = names[k + 1]
        arrays.append(ParameterArray(f"coefs_{k}", (read, units), penalised=True))
        arrays.append(ParameterArray(f"intercepts_{k}", (units,), penalised=False))
    return arrays
