"""Two-layer ReLU networks without the noise of a sample: the exact K(w) for uniform inputs on a
box.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.exact import ExactCoefficient, catalogue
from singlearn.models.two_layer import star_truth
from singlearn.running.arguments import real_number, whole_number
from singlearn.triple import Triple

Network = Mapping[str, Float[Array | np.ndarray, "*_"]]
Box = Sequence[tuple[float | int, float | int]]
Scalar = float | Float[Array, ""]

# of the strips of a rectangle, against its diagonal; any number but 0 that kinks avoid
SLANT = 0.381966


def relu_population_kl(truth: Network, box: Box) -> Callable[[Network], Float[Array, ""]]:
    r"""The function :math:`K(w) = \frac12 E_x (f(x) - f_0(x))^2`, x uniform on a box with one or
    two inputs, ReLU networks.

    No quadrature error: between kinks :math:`f - f_0` is linear, so its square is integrated in
    closed form. With two inputs, the integral along a strip is, as a function of where the strip
    lies, a cubic between the places where kinks cross each other or leave the box, and two Gauss
    points integrate a cubic exactly. Everything is a sum of squares, so :math:`K ≥ 0` and keeps its
    digits near the true parameters. It can be compiled, mapped and differentiated twice; its cost
    grows like (number of nodes)⁴ for two inputs. :func:`singlearn.exact.divergences.relu_kl` is the
    same as a fraction.

    Args:
        truth: ``{"w": (d, N), "b": (d,), "q": (d,), "c": ()}``, as for :func:`two_layer_network`.
        box: (lowest, highest) of each of the N inputs.

    Returns:
        A function of a parameter that JAX can differentiate, in nats.

    Raises:
        ValueError: N is not 1 or 2, a side of the box is empty, or the parts of the truth do not
            fit together.

    >>> truth = {"w": np.array([[1.0]]), "b": np.zeros(1), "q": np.ones(1), "c": np.zeros(())}
    >>> kl = relu_population_kl(truth, [(-1, 1)])
    >>> round(float(kl(truth | {"b": np.array([-0.5])})), 6)   # 1/24
    0.041667
    """
    parts = {name: np.asarray(part, dtype=float) for name, part in truth.items()}
    _check(parts, box)
    alive = parts["q"] != 0

    def kl(w: Network) -> Float[Array, ""]:
        dtype = jnp.result_type(w["w"], float)
        known = {
            name: jnp.asarray(part[alive] if part.ndim else part, dtype)
            for name, part in parts.items()
        }
        return half_mean_square(difference(w, known), box)

    return kl


def difference(w: Network, other: Network) -> dict[str, Float[Array, "*_"]]:
    """The network that is one minus another: the nodes of both."""
    nodes = {
        name: jnp.concatenate([jnp.asarray(w[name]), jnp.asarray(other[name])])
        for name in ("w", "b")
    }
    outgoing = jnp.concatenate([jnp.asarray(w["q"]), -jnp.asarray(other["q"])])
    return nodes | {"q": outgoing, "c": jnp.asarray(w["c"]) - jnp.asarray(other["c"])}


def half_mean_square(w: Network, box: Box) -> Float[Array, ""]:
    """Half the mean square of a network over a box of one or two inputs, exactly; of a
    :func:`difference`, it is K.

    Returns:
        Half the mean square, in units of the output squared.
    """
    weight, bias, outgoing, constant = (jnp.asarray(w[name]) for name in ("w", "b", "q", "c"))
    area = float(np.prod([high - low for low, high in box]))
    if len(box) == 1:
        total = _along_line(weight[:, 0], bias, outgoing, constant, *map(float, box[0]))
    else:
        total = _over_rectangle(weight, bias, outgoing, constant, box)
    return 0.5 * total / area


def two_layer_population(
    hidden: int,
    truth: int | Network = 3,
    box: Box = ((-1.0, 1.0), (-1.0, 1.0)),
    n: float | int = 1.0,
    prior_scale: float | int = 1.0,
) -> Triple:
    r"""The population triple of a two-layer ReLU network, uniform inputs on a box, prior
    :math:`N(0, s^2)` with s = ``prior_scale``.

    Known: :math:`λ = (d(N + 1) + 1)/2, m = 1` (:func:`singlearn.exact.catalogue.relu_two_layer`)
    when the truth has d nodes on d distinct kinks that all meet the inside of the box, and the
    width is at least d; this is decided exactly.

    Args:
        hidden: width H ≥ 1.
        truth: m for :func:`star_truth`, or a parameter of any such network.
        box: (lowest, highest) of each input; one or two.
        n: sample size; only nβ matters.
        prior_scale: standard deviation of the prior of every parameter.

    Returns:
        A population triple; λ and m are known where the condition above holds.

    Raises:
        ValueError: an argument is outside these ranges, or does not fit the others.

    >>> one = {"w": np.ones((1, 1)), "b": np.zeros(1), "q": np.ones(1), "c": np.zeros(())}
    >>> triple = two_layer_population(hidden=2, truth=one, box=[(-1, 1)])
    >>> triple.dimension, str(triple.known.value)
    (7, '3/2')
    """
    hidden = whole_number("hidden", hidden)
    prior_scale = real_number(
        "prior_scale", prior_scale, above=0, meaning="a positive standard deviation"
    )
    parameter = truth if isinstance(truth, Mapping) else _star(truth, hidden)
    kl = relu_population_kl(parameter, box)
    kinks = _distinct_kinks(parameter, box)
    known: ExactCoefficient | None = None
    if kinks is not None and kinks <= hidden:
        known = catalogue.relu_two_layer(len(box), 1, kinks)
    normal = dist.Normal(0.0, prior_scale)
    prior = {
        "w": normal.expand([hidden, len(box)]),
        "b": normal.expand([hidden]),
        "q": normal.expand([hidden]),
        "c": normal,
    }
    name = f"two-layer ReLU, {hidden} nodes, " + (
        "population" if isinstance(truth, Mapping) else f"truth s_{truth}, population"
    )
    return Triple.population(kl, prior, n, name=name, known=known)


def _star(kinks: int, hidden: int) -> dict[str, Float[np.ndarray, "*_"]]:
    kinks = whole_number("truth", kinks, at_least=3)
    return star_truth(kinks, max(hidden, kinks))


def _check(truth: Mapping[str, np.ndarray], box: Box) -> None:
    if len(box) not in (1, 2):
        raise ValueError(
            f"box: got {len(box)} inputs; the integral is known in closed form for 1 and 2"
        )
    for low, high in box:
        if not low < high:
            raise ValueError(
                f"box: got the side ({low}, {high}); its lowest should be below its highest value"
            )
    shapes = {name: truth[name].shape for name in sorted(truth)}
    width = truth["b"].size if "b" in truth else 0
    expected = {"b": (width,), "c": (), "q": (width,), "w": (width, len(box))}
    if shapes != expected:
        raise ValueError(f"truth: got the shapes {shapes}; they should be {expected}")


def _along_line(
    slope: Float[Array, " nodes"],
    offset: Float[Array, " nodes"],
    outgoing: Float[Array, " nodes"],
    constant: Float[Array, ""],
    low: Scalar,
    high: Scalar,
) -> Float[Array, ""]:
    """∫ (c + Σ a ReLU(s x + o))² dx from low to high: on each piece, from its two ends."""
    kinks = _zero_between(slope * low + offset, slope * high + offset, low, high)
    ends = jnp.sort(
        jnp.concatenate([jnp.stack([jnp.asarray(end, kinks.dtype) for end in (low, high)]), kinks])
    )
    left, right = ends[:-1], ends[1:]
    # Which nodes are active is asked in the middle of a piece: at its ends, rounding would decide.
    active = (slope * (0.5 * (left + right))[:, None] + offset > 0) * outgoing
    gradient, intercept = active @ slope, constant + active @ offset
    first, last = gradient * left + intercept, gradient * right + intercept
    return jnp.sum((right - left) * (first * first + first * last + last * last)) / 3


def _over_rectangle(
    weight: Float[Array, "nodes 2"],
    bias: Float[Array, " nodes"],
    outgoing: Float[Array, " nodes"],
    constant: Float[Array, ""],
    box: Box,
) -> Float[Array, ""]:
    """The integral over both inputs: two Gauss points in every strip between events.

    Strips lie along x₁ + SLANT x₂ = y, because a kink parallel to the strips would sweep through
    them in no time, and people write kinks parallel to the axes. An event is a y where a kink
    crosses another or the edge of the box. The integral does not depend on where it is cut, and
    neither do its first two derivatives, so events carry none.

    Returns:
        The integral, in units of the output squared times the area.
    """
    (left, right), (bottom, top) = (tuple(map(float, side)) for side in box)
    slant = SLANT * (right - left) / (top - bottom)
    first, second = weight[:, 0], weight[:, 1]
    corners = jnp.asarray([x + slant * y for x in (left, right) for y in (bottom, top)], bias.dtype)
    events = [corners]
    for y in (bottom, top):
        on_edge = second * y + bias
        events.append(
            _zero_between(first * left + on_edge, first * right + on_edge, left, right) + slant * y
        )
    for x in (left, right):
        on_edge = first * x + bias
        events.append(
            x
            + slant * _zero_between(second * bottom + on_edge, second * top + on_edge, bottom, top)
        )
    events.append(jnp.clip(_crossings(first, second, bias, slant), corners[0], corners[-1]))
    ends = jnp.sort(jax.lax.stop_gradient(jnp.concatenate(events)))
    middle, half = 0.5 * (ends[:-1] + ends[1:]), 0.5 * (ends[1:] - ends[:-1])
    shift = half / np.sqrt(3.0)

    def along(y: Float[Array, ""]) -> Float[Array, ""]:
        low, high = jnp.maximum(bottom, (y - right) / slant), jnp.minimum(top, (y - left) / slant)
        return _along_line(second - slant * first, bias + first * y, outgoing, constant, low, high)

    return jnp.sum(half * (jax.vmap(along)(middle - shift) + jax.vmap(along)(middle + shift)))


def _zero_between(
    at_low: Float[Array, " nodes"], at_high: Float[Array, " nodes"], low: Scalar, high: Scalar
) -> Float[Array, " nodes"]:
    """Where a linear function with these values at the ends vanishes; ``low`` where it does not
    change sign.

    Returns:
        One place per node.
    """
    changes = (at_low > 0) != (at_high > 0)
    share = jnp.where(changes, at_low, 0.0) / jnp.where(changes, at_low - at_high, 1.0)
    return low + (high - low) * share


def _crossings(
    first: Float[Array, " nodes"],
    second: Float[Array, " nodes"],
    bias: Float[Array, " nodes"],
    slant: float,
) -> Float[Array, " pairs"]:
    """x₁ + slant x₂ of the points where two kinks cross; 0 for parallel ones."""
    i, j = np.triu_indices(first.shape[0], k=1)
    determinant = first[i] * second[j] - first[j] * second[i]
    numerator = (
        bias[j] * second[i]
        - bias[i] * second[j]
        + slant * (bias[i] * first[j] - bias[j] * first[i])
    )
    return jnp.where(
        determinant == 0, 0.0, numerator / jnp.where(determinant == 0, 1.0, determinant)
    )


def _distinct_kinks(truth: Network, box: Box) -> int | None:
    """d when every node that is not idle has a kink of its own inside the box; ``None`` otherwise.
    In exact arithmetic.

    Returns:
        d or ``None``.
    """
    lines = []
    for weight, bias, q in zip(
        np.asarray(truth["w"]), np.asarray(truth["b"]), np.asarray(truth["q"]), strict=True
    ):
        line = [Fraction(float(number)) for number in (*weight, bias)]
        if q == 0 or not any(line[:-1]):
            continue
        heights = [
            sum(s * Fraction(x) for s, x in zip(line, corner, strict=False)) + line[-1]
            for corner in product(*box)
        ]
        if not min(heights) < 0 < max(heights):
            return None
        lines.append(line)
    for index, line in enumerate(lines):
        for other in lines[:index]:
            if all(
                a * d == b * c
                for a, b in zip(line, other, strict=True)
                for c, d in zip(line, other, strict=True)
            ):
                return None
    return len(lines)
