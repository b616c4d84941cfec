"""Feed-forward networks: layers wired into a graph, with the layout of their parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, issparse

from sknewtonnet._names import must_be_one_of
from sknewtonnet._tables import Worded, counted
from sknewtonnet._typing import Array, Bools, Ints
from sknewtonnet.calculus.passes.chunk import Chunk
from sknewtonnet.calculus.passes.graph import Graph
from sknewtonnet.calculus.passes.shared_samples import (
    balanced_chunks,
    cost_of_gradient,
    in_order,
)
from sknewtonnet.calculus.passes.workspace import Workspace
from sknewtonnet.calculus.pieces.activations import Activation, get_activation
from sknewtonnet.calculus.pieces.gaussian import GaussianRBF
from sknewtonnet.calculus.pieces.layer_at_point import LayersAtPoint
from sknewtonnet.calculus.pieces.layers import Layer, Linear
from sknewtonnet.calculus.pieces.memory import check_memory
from sknewtonnet.calculus.pieces.parameters import ParameterArray, ParameterLayout
from sknewtonnet.calculus.pieces.quadratic import Quadratic
from sknewtonnet.calculus.pieces.radial_units import radial_ties, radial_units
from sknewtonnet.calculus.pieces.semidefinite import Semidefinite
from sknewtonnet.calculus.pieces.unit_activations import LayerActivation, layer_activation
from sknewtonnet.calculus.pieces.validation import dense

LAYERS: dict[str, type[Layer]] = {
    "linear": Linear,
    "gaussian_rbf": GaussianRBF,
    "quadratic": Quadratic,
    "semidefinite": Semidefinite,
}

SKIP_CONNECTIONS = (False, "input-output", "all")


class Network(Worded):
    """A layered feed-forward net: a function of parameters w and samples X.

    With x^0 = X and z^k the concatenation of the earlier layers that layer k reads,

        x^k = h^k(p^k(z^k; theta^k)),    raw prediction = p^m(z^m; theta^m).

    The outputs are x^m, the raw predictions themselves unless the last layer has an activation;
    that is a part of the loss then (:class:`Objective`).

    Nets are made by :meth:`mlp`, :meth:`rbf` and, of any layers, :meth:`from_layers`. They
    hold no parameter values and no data. Their *nodes* are counted as in ``Layer.sources``:
    node 0 is the input X, node q + 1 the output of layer q.

    Parameters
    ----------
    graph : Graph
        The layers, and which nodes each of them reads.
    layout : ParameterLayout
        The layout of the parameters of these layers.
    feature_names : sequence of str
        Names of the inputs.

    Attributes
    ----------
    n_features, n_outputs, n_parameters : int
        Sizes of x^0, of the raw prediction, and of w.
    layers : tuple of Layer
        The layers, the last of which gives the raw predictions.
    node_sizes : tuple of int
        Units of each node: features, units of the hidden layers, outputs.
    linear : tuple of bool
        Which layers are linear: one coefficient for each input of each unit.
    feature_names : tuple of str
        Names of the inputs; "x0", "x1", ... where none were given.
    layout : ParameterLayout
        From the flat vector w to named arrays and back.

    See Also
    --------
    Objective : The mean loss of a net on data.
    Layer : Layers of one's own, for :meth:`from_layers`.
    convolution : Connections and ties of filters.
    ParameterLayout : Names and places of the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from sknewtonnet.calculus import Network
    >>> mask = np.ones((2, 3), dtype=bool)
    >>> mask[1, 2] = False  # the third unit does not read the second input
    >>> network = Network.mlp(2, 3, 1, connectivity={"coefs_0": mask})
    >>> network.n_parameters, network.node_sizes, network.unit_names
    (12, (2, 3, 1), [('h0', 'h1', 'h2')])
    >>> network.exists[0][:, 2]
    array([ True, False,  True])
    >>> network.incoming_names(0, 2)
    ('coefs_0[x0, h2]', 'intercepts_0[h2]')
    """

    def __init__(self, graph: Graph, layout: ParameterLayout, feature_names: Sequence[str]):
        self._graph = graph
        self.feature_names = tuple(feature_names)
        self.layout = layout
        self.layers = graph.layers
        self.node_sizes = tuple(graph.node_sizes)
        self.linear = tuple(graph.linear)
        self.n_features = graph.node_sizes[0]
        self.n_outputs = graph.node_sizes[-1]
        self.n_parameters = layout.n_parameters

    def _in_words(self) -> str:
        return f"{self.architecture}, {counted(self.n_parameters, 'parameter')}"

    @property
    def architecture(self) -> str:
        """Sizes and activations in words, such as "5-8-6-2, tanh/silu", a str.

        An activation that all hidden layers have is named once.
        """
        sizes = "-".join(str(size) for size in self.node_sizes)
        kinds = [
            " ".join(kind.name for kind, _ in layer.activation.groups(layer.n_units))
            for layer in self.layers[:-1]
        ]
        kinds = kinds[:1] if len(set(kinds)) == 1 else kinds
        return sizes + (f", {'/'.join(kinds)}" if kinds else "")

    @classmethod
    def from_layers(
        cls,
        n_features: int,
        layers: Sequence[Layer],
        *,
        connectivity: Mapping[str, ArrayLike] | None = None,
        tied: Mapping[str, ArrayLike] | None = None,
        feature_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> Network:
        """Any graph of any layers.

        Parameters
        ----------
        n_features : int
            Number of inputs.
        layers : sequence of Layer
            In order; each says which nodes it reads. The pre-activations of the last one are the
            raw predictions; its activation makes outputs of them.
        connectivity : mapping of str to bool or bool array, default=None
            What is False, a mask's entries, a whole array or a single parameter by its name, does
            not exist: exactly 0 and no parameter. See :class:`ParameterLayout`.
        tied : mapping of str to int or int array, default=None
            Entries with the same label, from 0 on, are one parameter, also in different arrays;
            -1 for a parameter of its own. See :class:`ParameterLayout`.
        feature_names, output_names : sequence of str, default=None
            For the names of the parameters; else "x0", "x1", ... and "y" or "y0", "y1", ...

        Returns
        -------
        Network
            Linear layers have arrays "coefs_k" and "intercepts_k", k = 0, 1, ... counting
            linear layers alone; others those of their ``unit_arrays``, with the units as
            first axis, and with "_0", "_1", ... after a name that several layers have.

        Raises
        ------
        ValueError
            If the layers do not form a graph from the input to the last layer.
        """
        _check_sizes("n_features", [n_features])
        if not layers or not all(isinstance(layer, Layer) for layer in layers):
            raise ValueError(f"layers must be instances of Layer, at least one, got {layers!r}.")
        graph = Graph(n_features, layers)
        inputs = _names("x", n_features, feature_names)
        units = [*_hidden_names(graph), _names("y", graph.n_units[-1], output_names)]
        # A column may be called like a unit; the names of parameters must tell them apart.
        while any(set(inputs) & set(layer) for layer in units):
            units = [tuple(f"{name}'" for name in layer) for layer in units]
        layout = ParameterLayout(_arrays(graph, [inputs, *units]), connectivity, tied)
        return cls(graph, layout, inputs)

    @classmethod
    def mlp(
        cls,
        n_features: int,
        hidden_layer_sizes: ArrayLike,
        n_outputs: int,
        activation: str | Activation | Sequence[LayerActivation] = "tanh",
        skip_connections: bool | str = False,
        *,
        output_activation: LayerActivation = "identity",
        connectivity: Mapping[str, ArrayLike] | None = None,
        tied: Mapping[str, ArrayLike] | None = None,
        feature_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> Network:
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
            For all hidden layers, or one for each; an entry may be a sequence itself, with one for
            each unit of its layer.
        skip_connections : {False, "input-output", "all"}, default=False
            Whether the output also reads the input, or every layer all earlier ones.
        output_activation : str, Activation, or a sequence of them, default="identity"
            For all outputs, or one for each. Raw predictions stay before it.
        connectivity : mapping of str to bool or bool array, default=None
            What is False, a mask's entries, a whole array or a single parameter by its name, does
            not exist: exactly 0 and no parameter. See :class:`ParameterLayout`.
        tied : mapping of str to int or int array, default=None
            Entries with the same label, from 0 on, are one parameter, also in different arrays;
            -1 for a parameter of its own. See :class:`ParameterLayout`.
        feature_names, output_names : sequence of str, default=None
            For the names of the parameters; else "x0", "x1", ... and "y" or "y0", "y1", ...

        Returns
        -------
        Network
            With arrays "coefs_k" and "intercepts_k", k = 0, 1, ... counting linear layers.

        Raises
        ------
        ValueError
            If a size is not positive, or a name is unknown.
        """
        return cls.from_layers(
            n_features,
            _linear_layers(
                [], hidden_layer_sizes, n_outputs, activation, skip_connections, output_activation
            ),
            connectivity=connectivity,
            tied=tied,
            feature_names=feature_names,
            output_names=output_names,
        )

    @classmethod
    def rbf(
        cls,
        n_features: int,
        n_centers: int,
        n_outputs: int,
        covariance_type: str = "full",
        hidden_layer_sizes: ArrayLike = (),
        activation: str | Activation | Sequence[LayerActivation] = "tanh",
        skip_connections: bool | str = False,
        *,
        radial_activation: str | Activation = "auto",
        output_activation: LayerActivation = "identity",
        connectivity: Mapping[str, ArrayLike] | None = None,
        tied: Mapping[str, ArrayLike] | None = None,
        feature_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> Network:
        """Radial basis network: radial units, then linear propagation ([I] 4.2).

        Parameters
        ----------
        n_features : int
            Number of inputs.
        n_centers : int
            Number of radial units, which read the input.
        n_outputs : int
            Number of raw predictions.
        covariance_type : {"full", "tied", "diag", "spherical", "semidefinite", "quadratic"}, \
                default="full"
            Form of the covariance of each Gaussian unit, :class:`GaussianRBF`, "tied" for one full
            matrix that all units share; or units of other quadratic forms, :class:`Semidefinite`
            or :class:`Quadratic`.
        hidden_layer_sizes : int or sequence of int, default=()
            Units of hidden layers between the radial units and the output.
        activation : str, Activation, or a sequence of them, default="tanh"
            For all these hidden layers, or one for each, as in :meth:`mlp`.
        skip_connections : {False, "input-output", "all"}, default=False
            Whether the output also reads the input, or every linear layer all earlier ones.
        radial_activation : str or Activation, default="auto"
            Function of the quadratic forms. "auto": "squared_exponential", exp(-p / 2), and
            "logistic" where p may be negative, of "quadratic".
        output_activation : str or Activation, default="identity"
            Activation of the last layer, as in :meth:`mlp`.
        connectivity : mapping of str to bool or bool array, default=None
            What is False does not exist, as in :meth:`mlp`.
        tied : mapping of str to int or int array, default=None
            Entries with the same label are one parameter, as in :meth:`mlp`.
        feature_names, output_names : sequence of str, default=None
            Names of inputs and outputs, as in :meth:`mlp`.

        Returns
        -------
        Network
            With arrays "centers" and "precisions_cholesky" of Gaussian units, or
            "quadratic_factors" or "quadratic_forms"; then "coefs_k" and "intercepts_k" of the
            linear layers.

        Raises
        ------
        ValueError
            If a size is not positive, or a name is unknown.
        """
        _check_sizes("n_centers", [n_centers])
        _check_sizes("n_features", [n_features])
        radial = radial_units(n_centers, covariance_type, radial_activation)
        return cls.from_layers(
            n_features,
            _linear_layers(
                [radial],
                hidden_layer_sizes,
                n_outputs,
                activation,
                skip_connections,
                output_activation,
            ),
            connectivity=connectivity,
            tied=radial_ties(radial, n_features, covariance_type, tied),
            feature_names=feature_names,
            output_names=output_names,
        )

    def with_connectivity(self, connectivity: Mapping[str, ArrayLike] | None) -> Network:
        """The same layers, names and ties with other connections.

        Parameters
        ----------
        connectivity : mapping of str to bool or bool array, or None
            What is False does not exist, as in :meth:`from_layers`; all exist if None.

        Returns
        -------
        Network
            A new net; this one stays as it is.
        """
        layout = ParameterLayout(self.layout.arrays, connectivity, self.layout.ties)
        return Network(self._graph, layout, self.feature_names)

    def with_ties(self, tied: Mapping[str, ArrayLike] | None) -> Network:
        """The same layers, names and connections with other ties.

        Parameters
        ----------
        tied : mapping of str to int array, or None
            Entries with the same label, from 0 on, are one parameter; none are if None.

        Returns
        -------
        Network
            A new net; this one stays as it is.
        """
        layout = ParameterLayout(self.layout.arrays, self.layout.masks(), tied)
        return Network(self._graph, layout, self.feature_names)

    def with_names(
        self, feature_names: Sequence[str], output_names: Sequence[str] | None = None
    ) -> Network:
        """The same net with other names of inputs and outputs.

        Parameters
        ----------
        feature_names : sequence of str
            Names of the inputs.
        output_names : sequence of str, default=None
            Names of the outputs; those that they have if None.

        Returns
        -------
        Network
            A new net; this one stays as it is.
        """
        return Network.from_layers(
            self.n_features,
            self.layers,
            connectivity=self.layout.masks(),
            tied=self.layout.ties,
            feature_names=feature_names,
            output_names=self.output_names if output_names is None else output_names,
        )

    def with_layers(self, layers: Sequence[Layer]) -> Network:
        """The net with other layers of the same sources, sizes and parameters.

        Parameters
        ----------
        layers : sequence of Layer
            One for each layer.

        Returns
        -------
        Network
            A new net; this one stays as it is.
        """
        if all(new is old for new, old in zip(layers, self.layers, strict=True)):
            return self
        return Network(Graph(self.n_features, layers), self.layout, self.feature_names)

    def matrices(self, w: Array) -> list[Array]:
        """The parameters as one matrix per layer.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            Parameters.

        Returns
        -------
        list of ndarray of shape (t_k, s_k)
            One for each layer, a column per unit; zero where a parameter does not exist.
        """
        return self._graph.matrices(self.layout.expand(w))

    def by_layer(self, full: NDArray[Any]) -> list[NDArray[Any]]:
        """View a full vector, whose entries need not exist, as one (t_k, s_k) matrix per layer.

        Parameters
        ----------
        full : ndarray of shape (..., n_full)
            A vector as ``layout.expand`` gives it, or a stack of them.

        Returns
        -------
        list of ndarray of shape (..., t_k, s_k)
            A column per unit. In a linear layer coefficients stand above intercepts.
        """
        return self._graph.matrices(full)

    @cached_property
    def exists(self) -> list[Bools]:
        """Which entries exist, one matrix of shape (t_k, s_k) per layer."""
        return self._graph.matrices(self.layout.exists)

    @cached_property
    def positions(self) -> list[Ints]:
        """Where each entry stands in w, or -1, one matrix of shape (t_k, s_k) per layer.

        Entries that are one parameter have the same number.
        """
        return self._graph.matrices(self.layout.positions)

    def outgoing(self, matrices: Sequence[NDArray[Any]], node: int) -> list[NDArray[Any]]:
        """Outgoing coefficients of the units of a node, one matrix per layer that reads it.

        Parameters
        ----------
        matrices : sequence of ndarray of shape (t_k, s_k)
            One for each layer, as of :meth:`by_layer`: values, positions, flags.
        node : int
            0 for the inputs, k + 1 for the units of layer k.

        Returns
        -------
        list of ndarray
            Views, one row per unit of the node, for each reader. A reader that is not linear has
            no coefficients and is left out; :meth:`has_linear_readers` says whether there is one.
        """
        return [matrices[k][rows] for k, rows in self._graph.readers[node] if self.linear[k]]

    def has_linear_readers(self, node: int) -> bool:
        """Whether all layers that read a node are linear, so that only coefficients leave it.

        Parameters
        ----------
        node : int
            0 for the inputs, k + 1 for the units of layer k.

        Returns
        -------
        bool
            True also if nothing reads the node.
        """
        return all(self.linear[k] for k, _ in self._graph.readers[node])

    @cached_property
    def feature_parameters(self) -> list[Ints] | None:
        """For each input, the parameters that connect it to the net.

        Returns
        -------
        list of ndarray of int, or None
            Positions in w of parameters in all layers that read the input. With all of them zero
            the net does not depend on it. They are the coefficients of linear layers, and what
            :meth:`Layer.input_rows` names in others; None if a layer has no such parameters, or
            inputs share some, so that none could go alone.
        """
        found: list[list[Ints]] = [[] for _ in range(self.n_features)]
        for k, where in self._graph.readers[0]:
            rows = self.layers[k].input_rows(self._graph.n_inputs[k])
            if rows is None:
                return None
            for j, places in enumerate(found):
                places.append(self.positions[k][rows[where.start + j]].ravel())
        joined = [np.concatenate(places) for places in found]
        listed = [places[places >= 0] for places in joined]
        if not self.layout.has_ties:
            return listed
        listed = [np.unique(places) for places in listed]
        together = np.concatenate(listed)
        return listed if len(np.unique(together)) == len(together) else None

    def predict_raw(self, w: ArrayLike, X: ArrayLike) -> Array:
        """Raw predictions, before the inverse link.

        Parameters
        ----------
        w : array of shape (n_parameters,)
            Parameters.
        X : array or sparse matrix of shape (n_samples, n_features)
            Samples; of a sparse matrix one chunk at a time is made dense.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            One row per sample.

        Raises
        ------
        ValueError
            If w or X has a wrong shape.
        """
        vector = np.asarray(w, dtype=float)
        samples = csr_array(X) if issparse(X) else np.asarray(X, dtype=float)
        if vector.shape != (self.n_parameters,):
            raise ValueError(f"w must have shape ({self.n_parameters},), got {vector.shape}.")
        if samples.ndim != 2 or samples.shape[1] != self.n_features:
            raise ValueError(
                f"X must have shape (n_samples, {self.n_features}), got {samples.shape}."
            )
        raw = np.empty((samples.shape[0], self.n_outputs))

        def keep(where: slice, chunk: Chunk, layers: LayersAtPoint) -> None:
            raw[where] = chunk.raw.T

        self._forward(vector, samples, keep)
        return raw

    def states(self, w: Array, X: Array) -> list[Array]:
        """Propagate samples, and keep the values of all nodes: X, the hidden layers, the outputs.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            Parameters.
        X : ndarray of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        list of ndarray of shape (n_samples, n_units)
            One for each node.
        """
        found = [X, *(np.empty((len(X), size)) for size in self.node_sizes[1:])]

        def keep(where: slice, chunk: Chunk, layers: LayersAtPoint) -> None:
            for k, state in enumerate(found[1:-1]):
                state[where] = chunk.activated(k).T
            found[-1][where] = self.layers[-1].activation.value(chunk.raw).T

        self._forward(w, X, keep)
        return found

    def pre_activations(self, w: Array, X: Array) -> list[Array]:
        """Propagate samples, and keep the pre-activations of all layers.

        Parameters
        ----------
        w : ndarray of shape (n_parameters,)
            Parameters.
        X : ndarray of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        list of ndarray of shape (n_samples, n_units)
            One for each layer; those of the last one are the raw predictions.
        """
        found = [np.empty((len(X), size)) for size in self.node_sizes[1:]]

        def keep(where: slice, chunk: Chunk, layers: LayersAtPoint) -> None:
            for k, inner in enumerate(found):
                inner[where] = chunk.pre_activation(k, layers).T

        self._forward(w, X, keep)
        return found

    def _forward(
        self, w: Array, X: Any, keep: Callable[[slice, Chunk, LayersAtPoint], None]
    ) -> None:
        """Forward pass over chunks, of which something is kept."""
        weights, workspace, n_samples = self.matrices(w), Workspace(), X.shape[0]

        def forward(where: slice) -> None:
            chunk = Chunk(self._graph, dense("X", X[where]), workspace=workspace)
            layers = chunk.layers_at(weights)
            chunk.forward(layers, order=0)
            keep(where, chunk, layers)

        pieces = balanced_chunks(self._graph, n_samples, self.chunk_size, None)
        in_order(pieces, forward, cost=cost_of_gradient(self._graph, n_samples) / 3.0)

    @property
    def unit_names(self) -> list[tuple[str, ...]]:
        """Names of the units of each layer but the last, as in the names of parameters."""
        return self._names_by_layer[:-1]

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the raw predictions, as in the names of parameters."""
        return self._names_by_layer[-1]

    @cached_property
    def _names_by_layer(self) -> list[tuple[str, ...]]:
        arrays, graph = iter(self.layout.arrays), self._graph
        found = [*_hidden_names(graph), _names("y", self.n_outputs, None)]
        for k, (per_unit, linear) in enumerate(zip(graph.unit_arrays, self.linear, strict=True)):
            own = [next(arrays) for _ in per_unit]
            if own:  # else it is a layer without parameters, which have the names
                found[k] = own[0].labels[-1 if linear else 0]
        return found

    def incoming_names(self, layer: int, unit: int) -> tuple[str, ...]:
        """Name those parameters of a unit that exist.

        Parameters
        ----------
        layer : int
            Number of the layer, from 0 on.
        unit : int
            Number of the unit in its layer, from 0 on.

        Returns
        -------
        tuple of str
            In the order of the unit's parameters: in a linear layer the intercept is last.
        """
        places = self.positions[layer][:, unit]
        return tuple(dict.fromkeys(self.layout.names[place] for place in places if place >= 0))

    def check_samples(self, n_samples: int) -> None:
        """Check that an objective of so many samples fits the memory.

        Parameters
        ----------
        n_samples : int
            Number of samples.

        Raises
        ------
        MemoryError
            If it does not; inputs of all layers and four numbers for each unit are kept.
        """
        units, inputs = sum(self._graph.n_units), sum(self._graph.n_inputs)
        check_memory(
            f"an objective of {n_samples} samples and {units} units",
            8.0 * n_samples * (inputs + 4.0 * units) + 16.0 * self.n_parameters,
            "use fewer units or samples",
        )

    @cached_property
    def chunk_size(self) -> int:
        """Samples whose activations stay in the second-level cache together."""
        graph = self._graph
        # Units that are not linear have work of their own for each chunk, whatever its size.
        entries = 40_000 if all(graph.linear) else 80_000
        size = int(np.clip(entries // sum(graph.n_units), 256, 2048))
        size = min(size, max(1, 25_000_000 // sum(graph.n_units)))
        # Layers inside the net that are not linear have derivatives for each unit.
        slopes = sum(
            layer.n_units * (t + p)
            for layer, t, p in zip(graph.layers, graph.n_rows, graph.n_inputs, strict=True)
            if not isinstance(layer, Linear) and layer.sources != (0,)
        )
        return min(size, max(64, 500_000 // slopes)) if slopes else size


def _check_sizes(what: str, sizes: Sequence[object]) -> None:
    for size in sizes:
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{what} must be positive integers, got {size!r}.")


def _linear_layers(
    first: list[Layer],
    hidden_layer_sizes: ArrayLike,
    n_outputs: int,
    activation: str | Activation | Sequence[LayerActivation],
    skip_connections: bool | str,
    output_activation: LayerActivation,
) -> list[Layer]:
    """The layers of a net that goes on linearly after its first ones."""
    hidden = list(np.atleast_1d(np.asarray(hidden_layer_sizes, dtype=object)))
    _check_sizes("n_outputs", [n_outputs])
    _check_sizes("entries of hidden_layer_sizes", hidden)
    if not any(skip_connections is kind or skip_connections == kind for kind in SKIP_CONNECTIONS):
        raise ValueError(must_be_one_of("skip_connections", skip_connections, SKIP_CONNECTIONS))
    of_outputs = layer_activation(output_activation, n_outputs, "output_activation")
    functions = [*_one_per_layer(activation, hidden), of_outputs]
    last = len(first) + len(hidden)
    layers = list(first)
    for size, function in zip([*hidden, n_outputs], functions, strict=True):
        sources = _sources(len(layers), last, skip_connections)
        layers.append(Linear(sources, size, function))
    return layers


def _one_per_layer(
    activation: str | Activation | Sequence[LayerActivation], hidden: Sequence[int]
) -> list[LayerActivation]:
    if isinstance(activation, str | Activation) or not isinstance(activation, Sequence):
        return [get_activation(activation)] * len(hidden)
    if len(activation) != len(hidden):
        raise ValueError(
            f"activation has {len(activation)} entries for {len(hidden)} hidden layers: "
            f"give one for each, and for units of their own a list within the list; got "
            f"{activation!r}."
        )
    return [layer_activation(entry, size) for entry, size in zip(activation, hidden, strict=True)]


def _sources(k: int, n_hidden: int, skip_connections: bool | str) -> tuple[int, ...]:
    """The nodes that layer k reads; node k is the layer right before it."""
    if skip_connections == "all":
        return tuple(range(k + 1))
    if skip_connections == "input-output" and k == n_hidden and k > 0:
        return (0, k)
    return (k,)


def _hidden_names(graph: Graph) -> list[tuple[str, ...]]:
    """Linear units are h0, h1, ..., others c0, c1, ...; h1_0, ..., h2_0, ... in several layers."""
    letters = ["h" if linear else "c" for linear in graph.linear[:-1]]
    found = []
    for k, letter in enumerate(letters):
        several = letters.count(letter) > 1
        number = f"{letters[: k + 1].count(letter)}_" if several else ""
        found.append(_names(letter + number, graph.n_units[k], None))
    return found


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


def _arrays(graph: Graph, names: Sequence[tuple[str, ...]]) -> list[ParameterArray]:
    """The arrays of all layers, each as the layer's matrix of parameters stores it."""
    total = Counter(name for arrays in graph.unit_arrays for name in arrays)
    earlier: Counter[str] = Counter()
    found = []
    for k, linear in enumerate(graph.linear):
        units = names[k + 1]
        read = tuple(name for node, _ in graph.sources[k] for name in names[node])
        start = 0
        for name, rows in graph.unit_arrays[k].items():
            # Parameters are stored row by row of theta: unit indices run fastest.
            local = np.where(rows < 0, -1, rows - start)[None] * len(units)
            places = local + np.arange(len(units)).reshape(-1, *[1] * rows.ndim)
            places = np.where(rows < 0, -1, places)
            labels = [_axis_labels(size, read) for size in rows.shape]
            full = f"{name}_{earlier[name]}" if linear or total[name] > 1 else name
            earlier[name] += 1
            if linear:
                found.append(ParameterArray(full, (*labels, units), name == "coefs"))
            else:
                found.append(ParameterArray(full, (units, *labels), False, places))
            start = int(rows.max()) + 1
    return found


def _axis_labels(size: int, read: tuple[str, ...]) -> tuple[str, ...]:
    """Names along an axis of a unit's array: those of its inputs, where they fit."""
    names = (*read, "1")
    if size in (len(read), len(names)):
        return names[:size]
    return tuple(str(position) for position in range(size))
