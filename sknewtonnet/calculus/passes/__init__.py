"""Passes over one chunk of samples at one point, and the sums over samples.

Notation of the formulas, for layer k with s_k units, on c samples:

==========  ===================  ==========================================================
symbol      shape                meaning
==========  ===================  ==========================================================
z^k         (p_k + 1, c)         input of the layer, above a row of ones
theta^k     (t_k, s_k)           parameters, one column for each unit
a^k         (s_k, c)             pre-activation, a = p(z; theta)
x^k         (s_k, c)             value, x = h(a)
delta^k     (s_k, c)             adjoint of a: d f / d a
e^k         (s_k, c)             adjoint of x, the multiplier of [I]: d f / d x
R v                              derivative of v along a direction V of the parameters
G           (s_k, s_l, c)        d delta^k / d u^l, where u^l enters a^l
==========  ===================  ==========================================================

All passes over a chunk at one point share one list of *layers at the point*
(:mod:`sknewtonnet.calculus.pieces.layer_at_point`): it is made once, by ``Chunk.layers_at``, and
goes with the last pass.

Reading order: ``graph`` (who reads whom, where in the flat vector), ``workspace`` (arrays that
are overwritten), ``chunk`` (forward, adjoint and tangent passes, products),
``sample_curvature`` (what each sample contributes to second derivatives), ``hessian_sums``
(their sums), ``free_states`` (layers whose states are variables of their own),
``higher_orders`` (derivatives of higher order).
"""
