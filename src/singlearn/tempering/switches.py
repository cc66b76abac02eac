r"""Where a program chooses: the other side of a maximum, of a comparison, of a sum of exponentials.

A well that holds the posterior can be so narrow that its gradient is rounded away everywhere else:
of ``logaddexp(spike(w), slab(w))`` the slab alone is left, bit by bit. The program still says that
there is a spike. This module reads the program of the energy (its jaxpr) and returns, for every
place where it chooses, a *score*: a number whose descent leads to the other choice. Scores are only
used to find starts; what counts there is measured with the energy itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, Var
from jaxtyping import Array, Float, PyTree

from singlearn.tempering.landscape import QUICKLY_COMPILED, in_pieces
from singlearn.triple import Model, Triple

# More scores than these are thinned evenly; an array with more entries is summed over the
# observations or left out.
LARGEST_ARRAY = 32
LARGEST_COUNT = 24
# Numbers below this in a program keep others away from zero.
SMALLEST = 1e-30
COMPARISONS = ("lt", "le", "gt", "ge")
SATURATING = ("tanh", "logistic", "erf")
ALIASES = (
    "convert_element_type",
    "reshape",
    "squeeze",
    "broadcast_in_dim",
    "copy",
    "slice",
    "dynamic_slice",
    "gather",
    "transpose",
    "expand_dims",
    "stop_gradient",
    "copy_p",
)


@dataclass(frozen=True, eq=False)
class Switches:
    """The switches of a triple's model.

    Attributes:
        count: how many.
        slope: ``BATCH`` points, and for each a switch, to its score and the gradient of that, in
            flat coordinates.
    """

    count: int
    slope: Callable[[Float[np.ndarray, "batch d"], np.ndarray], tuple[np.ndarray, np.ndarray]]


def switches_of(triple: Triple) -> Switches:
    """The switches in the program of ``triple``'s model, in the current precision of JAX; none
    where it cannot be read.
    """
    count, compiled = _compile(triple.as_model(), jnp.zeros(()).dtype == jnp.float64)
    data = jax.tree.map(jnp.asarray, triple.data)
    number = np.float64 if jnp.zeros(()).dtype == jnp.float64 else np.float32

    def slope(
        points: Float[np.ndarray, "batch d"], which: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        value, gradient = compiled((points.astype(number), which.astype(np.int32)), data)
        return np.asarray(value, dtype=float), np.asarray(gradient, dtype=float)

    return Switches(count, slope)


@lru_cache(maxsize=16)
def _compile(model: Model, wide: bool) -> tuple[int, Callable[..., tuple[Array, Array]]]:
    triple = model.triple
    n = 0 if triple.is_population else int(triple.n)
    shape = jax.ShapeDtypeStruct((triple.dimension,), jnp.result_type(float))
    shapes = jax.tree.map(
        lambda a: jax.ShapeDtypeStruct(np.shape(a), jnp.asarray(a).dtype), triple.data
    )

    def program(w: PyTree, data: PyTree) -> Array:
        """The model as a function of the parameter: what the change of coordinates chooses is of no
        interest.
        """
        return triple.kind.values(w, data)

    def score(u: Float[Array, " d"], which: Array, data: PyTree) -> Float[Array, ""]:
        return scores(program, n, triple.coordinates.constrain(u), data)[which].astype(u.dtype)

    try:
        count = count_switches(
            program, n, jax.eval_shape(triple.coordinates.constrain, shape), shapes
        )
    except Exception:
        count = 0
    slope = jax.value_and_grad(score)
    batched = in_pieces(lambda own, data: slope(*own, data), max(n, 1))
    return count, jax.jit(batched, compiler_options=QUICKLY_COMPILED)


def count_switches(function: Callable[..., Any], n: int, *shapes: Any) -> int:
    """How many scores :func:`scores` returns for arguments of these shapes."""
    found = jax.eval_shape(lambda *arguments: scores(function, n, *arguments), *shapes)
    return int(found.shape[0])


def scores(function: Callable[..., Any], n: int, *arguments: Any) -> Float[Array, " scores"]:
    r"""Scores of every switch in the program of ``function`` at ``arguments``, each to be made
    small.

    - ``logaddexp(a, b)``: :math:`b - a` and :math:`a - b`;
    - ``exp(x)`` of anything but a parameter itself, hence each term of a ``logsumexp``, or of
      ``log(1 + H exp(x))``: :math:`-x`;
    - ``maximum(a, b)``, ``minimum``, and a comparison :math:`a < b`: :math:`a - b` and :math:`b -
      a`;
    - ``max`` and ``min`` of an array: each entry, with the sign that makes it the one that is
      taken;
    - a function that saturates (tanh, logistic, erf) of a few numbers: the square of its argument.

    Arrays with many entries, one for each of the ``n`` observations say, are summed over those
    first.

    >>> well = lambda w: -jnp.logaddexp(-(w**2), 3.0 - 1e6 * (w - 2.0) ** 2)

    ±(a - b); the second leads to the well at 2:

    >>> [round(float(s), 6) for s in scores(well, 0, jnp.array(1.0))]
    [999996.0, -999996.0]
    """
    flat, structure = jax.tree.flatten(arguments)
    closed = jax.make_jaxpr(lambda *leaves: function(*jax.tree.unflatten(structure, leaves)))(*flat)
    found: list[Array] = []
    _walk(closed.jaxpr, closed.consts, flat, n, found)
    if not found:
        return jnp.zeros(0)
    every = jnp.concatenate([jnp.ravel(score) for score in found])
    if every.shape[0] > LARGEST_COUNT:
        every = every[jnp.linspace(0, every.shape[0] - 1, LARGEST_COUNT).astype(int)]
    return every


def _walk(jaxpr: Jaxpr, consts: Any, arguments: list[Any], n: int, found: list[Array]) -> list[Any]:
    """Evaluate a jaxpr and collect the scores of its switches on the way."""
    values: dict[Var, Any] = {}
    made_by: dict[Var, Any] = {}
    given = set(jaxpr.invars) | set(jaxpr.constvars)

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    def origin(atom: Any) -> Any:
        """The equation behind an atom, through changes of shape and type; ``None`` for a literal or
        something given.
        """
        while (
            not isinstance(atom, Literal)
            and atom in made_by
            and made_by[atom].primitive.name in ALIASES
        ):
            atom = made_by[atom].invars[0]
        return None if isinstance(atom, Literal) or atom in given else made_by.get(atom)

    for var, value in zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *arguments), strict=True):
        values[var] = value
    for equation in jaxpr.eqns:
        operands = [read(atom) for atom in equation.invars]
        inner = _inner(equation)
        name = equation.primitive.name
        if inner is not None:
            results = _walk(inner.jaxpr, inner.consts, operands, n, found)
        else:
            for score in _scores_of(name, operands, equation.invars, origin):
                reduced = _reduced(score, n)
                if reduced is not None:
                    found.append(reduced)
            results = equation.primitive.bind(*operands, **equation.params)
            if not equation.primitive.multiple_results:
                results = [results]
        for var, value in zip(equation.outvars, results, strict=True):
            if isinstance(var, Var):
                values[var], made_by[var] = value, equation
    return [read(atom) for atom in jaxpr.outvars]


def _inner(equation: Any) -> ClosedJaxpr | None:
    """The program that an equation calls once, if it is of that kind."""
    if equation.primitive.name in ("scan", "while", "cond"):
        return None
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        inner = equation.params.get(key)
        if isinstance(inner, ClosedJaxpr):
            return inner if len(inner.jaxpr.invars) == len(equation.invars) else None
        if isinstance(inner, Jaxpr):
            return ClosedJaxpr(inner, ()) if len(inner.invars) == len(equation.invars) else None
    return None


def _scores_of(
    name: str, operands: list[Any], atoms: Any, origin: Callable[[Any], Any]
) -> Iterator[Array]:
    first = operands[0] if operands else None
    if first is None or not jnp.issubdtype(jnp.result_type(first), jnp.floating):
        return
    if name == "exp":
        behind = origin(atoms[0])
        if behind is None:  # a parameter on a logarithmic scale chooses nothing
            return
        distance = origin(behind.invars[0]) if behind.primitive.name == "neg" else None
        if distance is not None and distance.primitive.name == "abs":
            return  # the exp(-|a - b|) of a logaddexp, whose two sides are counted at its maximum
        yield -first
    elif name in ("max", "min", *COMPARISONS):
        if any(_guards(atom) for atom in atoms):
            return
        difference = operands[0] - operands[1]
        yield difference
        yield -difference
    elif name == "reduce_max":
        yield -first
    elif name == "reduce_min":
        yield first
    elif name in SATURATING and jnp.size(first) <= LARGEST_ARRAY and origin(atoms[0]) is not None:
        yield first**2


def _guards(atom: Any) -> bool:
    """Whether a number in the program is there to keep another from being infinite or zero, and
    chooses nothing.
    """
    if not isinstance(atom, Literal) or np.size(atom.val) != 1:
        return False
    value = float(np.asarray(atom.val).reshape(()))
    return not np.isfinite(value) or 0 < abs(value) < SMALLEST


def _reduced(score: Array, n: int) -> Array | None:
    """At most ``LARGEST_ARRAY`` entries: summed over the observations where there are more,
    ``None`` where that is not enough.
    """
    if score.size > LARGEST_ARRAY and score.ndim and score.shape[0] == n:
        score = jnp.sum(score, axis=0)
    return score if 0 < score.size <= LARGEST_ARRAY else None
