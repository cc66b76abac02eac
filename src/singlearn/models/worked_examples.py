"""The worked examples as population triples; :mod:`singlearn.exact.divergences.worked_examples` has
them with symbols.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import jax.numpy as jnp
import numpyro.distributions as dist
import sympy
from jaxtyping import Array, Float

from singlearn.exact.divergences import worked_examples as exact
from singlearn.exact.divergences.worked_example import WorkedExample
from singlearn.triple import Triple

Parameters = Mapping[str, Float[Array, ""]]


def population_of(
    example: WorkedExample,
    prior: Mapping[str, dist.Distribution] | None = None,
    n: float | int = 1.0,
) -> Triple:
    """The population triple of a symbolic example: its K as a JAX function, its λ.

    Args:
        example: of :mod:`singlearn.exact.worked_examples`; symbols that were left open get their
            usual numbers.
        prior: one for each parameter; by default uniform on ``example.sides``.
        n: sample size; only nβ matters.

    Returns:
        A population triple whose λ and m are those of the example.

    Raises:
        ValueError: an example without sides and no prior, or another symbol left open.

    >>> from singlearn.exact import worked_examples
    >>> population_of(worked_examples.scaling_valley()).parameter_energy({"w": 4.0, "q": 0.5})
    0.0
    """
    settled = example.with_numbers()
    names = [parameter.name for parameter in settled.parameters]
    left = settled.K.free_symbols - set(settled.parameters)
    if left:
        raise ValueError(
            f"example: {', '.join(sorted(s.name for s in left))} in its K should be a number; give "
            f"it where the example is made"
        )
    if prior is None:
        if set(settled.sides) != set(names):
            raise ValueError(f"prior: got None; {example.name} needs one for {', '.join(names)}")
        prior = {name: dist.Uniform(*map(float, settled.sides[name])) for name in names}
    function = sympy.lambdify(settled.parameters, settled.K, modules="jax")

    def kl(w: Parameters) -> Float[Array, ""]:
        return jnp.asarray(function(*(w[name] for name in names)), jnp.result_type(float))

    return Triple.population(kl, prior, n, name=example.name, known=example.known)


def scaling_valley(
    theta: float | int = 2.0,
    half_width: float | int = 3**0.5,
    prior_half_width: float | int = 5.0,
    n: float | int = 1.0,
) -> Triple:
    r"""One node that may be rescaled, :math:`q\,\mathrm{ReLU}(w x)` learning
    :math:`θ\,\mathrm{ReLU}(x)`; uniform prior on a square.

    Known: λ = 1/2, m = 1, or m = 2 for θ = 0
    (:func:`singlearn.exact.divergences.worked_examples.scaling_valley`).

    Args:
        theta: θ ≥ 0.
        half_width: A > 0 of the uniform inputs; √3 gives them variance 1.
        prior_half_width: w and q are uniform on [-·, ·]; above √θ, so that the prior reaches W_0.
        n: sample size; only nβ matters.

    Returns:
        A population triple over (q, w).

    Raises:
        ValueError: an argument is outside these ranges.

    >>> scaling_valley(theta=2).parameter_energy({"w": 4.0, "q": 0.5})
    0.0
    """
    known = exact.scaling_valley(_exactly(theta), _exactly(half_width)).known
    if not prior_half_width**2 > theta:
        raise ValueError(
            f"prior_half_width: got {prior_half_width}; above √{theta} the prior reaches the true "
            f"parameters"
        )
    scale = half_width**2 / 12

    def kl(w: Parameters) -> Float[Array, ""]:
        product = w["w"] * w["q"]
        return scale * jnp.where(w["w"] >= 0, (product - theta) ** 2, product**2 + theta**2)

    return Triple.population(
        kl, _square(("w", "q"), 0.0, prior_half_width), n, name="scaling valley", known=known
    )


def orientation_reversal(
    theta: float | int = 1.0,
    offset: float | int = 0.5,
    half_width: float | int = 1.0,
    prior_half_width: float | int = 2.0,
    n: float | int = 1.0,
) -> Triple:
    r"""Both nodes of a truth turned round; uniform prior around the one true parameter, s = θ, c =
    2θB.

    Known: λ = 1, m = 1, a regular model
    (:func:`singlearn.exact.divergences.worked_examples.orientation_reversal`).

    Args:
        theta: θ > 0.
        offset: B > 0.
        half_width: A > B of the uniform inputs.
        prior_half_width: s and c are uniform within this distance of the truth.
        n: sample size; only nβ matters.

    Returns:
        A population triple over the parameters of the two nodes.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> orientation_reversal(theta=1, offset=0.5).parameter_energy({"s": 1.0, "c": 1.0})
    0.0
    """
    known = exact.orientation_reversal(
        _exactly(theta), _exactly(offset), _exactly(half_width)
    ).known
    if not prior_half_width > 0:
        raise ValueError(f"prior_half_width: got {prior_half_width}; it should be positive")
    gap = half_width - offset

    def kl(w: Parameters) -> Float[Array, ""]:
        slope, level = w["s"] - theta, w["c"] - 2 * theta * offset
        return (
            gap**3 / (6 * half_width) * slope**2
            + gap**2 / (2 * half_width) * slope * level
            + level**2 / 2
        )

    prior = {
        name: dist.Uniform(centre - prior_half_width, centre + prior_half_width)
        for name, centre in (("s", float(theta)), ("c", 2.0 * theta * offset))
    }
    return Triple.population(kl, prior, n, name="orientation reversal", known=known)


def two_node_degeneracy(
    theta: float | int = 1.0,
    half_width: float | int = 3**0.5,
    prior_half_width: float | int = 2.0,
    n: float | int = 1.0,
) -> Triple:
    r"""Two nodes where one is enough, :math:`\mathrm{ReLU}(w_1 x) + \mathrm{ReLU}(w_2 x)`; uniform
    prior on a square.

    Known: λ = 1/2, m = 1, everywhere on the segment W_0
    (:func:`singlearn.exact.divergences.worked_examples.two_node_degeneracy`).

    Args:
        theta: θ > 0.
        half_width: A > 0 of the uniform inputs.
        prior_half_width: w1 and w2 are uniform on [-·, ·]; above θ, so that the prior contains W_0.
        n: sample size; only nβ matters.

    Returns:
        A population triple over :math:`(w_1, w_2)`.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> two_node_degeneracy(theta=1).parameter_energy({"w1": 0.25, "w2": 0.75})
    0.0
    """
    known = exact.two_node_degeneracy(_exactly(theta), _exactly(half_width)).known
    if not prior_half_width > theta:
        raise ValueError(
            f"prior_half_width: got {prior_half_width}; above θ = {theta} the prior contains the "
            f"true parameters"
        )
    scale = half_width**2 / 12

    def kl(w: Parameters) -> Float[Array, ""]:
        right = jnp.maximum(w["w1"], 0) + jnp.maximum(w["w2"], 0)
        left = jnp.maximum(-w["w1"], 0) + jnp.maximum(-w["w2"], 0)
        return scale * ((right - theta) ** 2 + left**2)

    return Triple.population(
        kl, _square(("w1", "w2"), 0.0, prior_half_width), n, name="two-node degeneracy", known=known
    )


def moving_kink(
    half_width: float | int = 1.0, prior_half_width: float | int = 1.0, n: float | int = 1.0
) -> Triple:
    r"""A kink that may move, :math:`\mathrm{ReLU}(x - b)` learning :math:`\mathrm{ReLU}(x)`;
    uniform prior.

    Known: λ = 1/2, m = 1, although K is C² and not C³ at its zero
    (:func:`singlearn.exact.divergences.worked_examples.moving_kink`).

    Args:
        half_width: A > 0 of the uniform inputs.
        prior_half_width: b is uniform on [-·, ·].
        n: sample size; only nβ matters.

    Returns:
        A population triple over b.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> round(moving_kink().parameter_energy({"b": 0.5}) * 24, 12)
    1.0
    """
    known = exact.moving_kink(_exactly(half_width)).known
    if not prior_half_width > 0:
        raise ValueError(f"prior_half_width: got {prior_half_width}; it should be positive")
    A = float(half_width)

    def kl(w: Parameters) -> Float[Array, ""]:
        # A kink beyond the inputs changes nothing above, and only the constant below.
        inside = jnp.clip(w["b"], -A, A)
        over = jnp.where(inside >= 0, 2 / 3, 1 / 3)
        near = (A * inside**2 - over * inside**3) / (4 * A)
        beyond = jnp.maximum(-A - w["b"], 0)
        # ((-b)³ - (-A - b)³)/3 + A b² at b = -A - beyond, less its value at -A.
        return near + (A * beyond * (A + beyond) + A * (2 * A * beyond + beyond**2)) / (4 * A)

    return Triple.population(
        kl, _square(("b",), 0.0, prior_half_width), n, name="moving kink", known=known
    )


def _square(
    names: tuple[str, ...], centre: float, half_width: float | int
) -> dict[str, dist.Distribution]:
    return {name: dist.Uniform(centre - half_width, centre + half_width) for name in names}


def _exactly(value: float | int) -> Fraction:
    """The float as the fraction it is, for SymPy."""
    return Fraction(value)
