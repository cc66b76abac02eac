"""NumPyro distributions as priors: proper, with a support that is not empty, and with the digits
they were given.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints
from numpyro.distributions.transforms import Transform

# A support that holds fewer floating point numbers than this is decided by rounding.
FEWEST_NUMBERS = 2**16
# A rounding to single precision matters where it moves the log density of a draw by this many nats.
ROUNDING_MATTERS = 0.01
DRAWS = 64


def check_distribution(name: str, distribution: dist.Distribution) -> None:
    """Refuse what cannot be a prior of a continuous parameter.

    Args:
        name: of the prior's leaf.
        distribution: the leaf.

    Raises:
        ValueError: improper, masked, discrete or without density; a parameter that is NaN or out of
            its range; a support that is empty or holds hardly any floating point number.

    >>> check_distribution("w", dist.Uniform(1.0, 0.0))
    Traceback (most recent call last):
    ValueError: prior 'w': the support of Uniform is empty: it should run from a lower to a \
higher bound, got from 1.0 to 0.0
    """
    # What NumPyro computed in single precision may have overflowed there only.
    for part in _parts(_rebuilt(distribution) if is_numpyro(distribution) else distribution):
        kind = type(part).__name__
        if isinstance(part, dist.ImproperUniform):
            raise ValueError(
                f"prior {name!r} is improper (ImproperUniform): free energies need a prior that "
                f"integrates to one"
            )
        if isinstance(part, dist.Unit):
            raise ValueError(
                f"prior {name!r} is a factor (Unit), not a distribution: free energies need a "
                f"prior that integrates to one"
            )
        if isinstance(part, dist.MaskedDistribution) and not np.all(np.asarray(part._mask)):
            raise ValueError(
                f"prior {name!r} is masked: what is masked has no density; free energies need a "
                f"prior that integrates to one"
            )
        if isinstance(part, dist.Delta):
            raise ValueError(
                f"prior {name!r} is a point (Delta), which has no density: make the parameter a "
                f"constant of the model"
            )
        _check_parameters(name, part, kind)
        if not isinstance(part, (dist.Independent, dist.ExpandedDistribution)):
            _check_bounds(name, part, kind)
    support = distribution.support
    if support is not None and support.is_discrete:
        raise ValueError(
            f"prior {name!r} is discrete ({type(distribution).__name__}): parameters must be "
            f"continuous; sum discrete ones out"
        )


def in_double_precision(name: str, distribution: dist.Distribution) -> dist.Distribution:
    """The same distribution with every parameter as NumPy holds it in double precision.

    What NumPyro computed in single precision from exact arguments (the Cholesky factor of a
    covariance, the two concentrations of a Beta) is computed again; distributions that are not
    NumPyro's own are left as they are. Call it where float64 is enabled.

    Args:
        name: of the prior's leaf.
        distribution: the leaf.

    Returns:
        The distribution, whose arrays ``at_use`` brings into the precision of the moment.

    Raises:
        ValueError: a parameter was rounded to single precision before it came here, and that
            matters.
    """
    if not is_numpyro(distribution):
        return distribution
    found = _rebuilt(distribution)
    leaves, structure = jax.tree_util.tree_flatten(found)
    narrow = [_is_narrow(leaf) for leaf in leaves]
    wide = [_wide(leaf) for leaf in leaves]
    exact = jax.tree_util.tree_unflatten(structure, wide)
    if any(narrow):
        meant = [
            _as_printed(leaf) if is_narrow else own
            for leaf, own, is_narrow in zip(leaves, wide, narrow, strict=True)
        ]
        if any(not np.array_equal(a, b) for a, b in zip(meant, wide, strict=True)):
            _refuse_rounding(
                name, exact, jax.tree_util.tree_unflatten(structure, meant), wide, meant
            )
    return exact


def at_use(distribution: dist.Distribution) -> dist.Distribution:
    """The distribution with its NumPy parameters as JAX arrays of the precision of the moment.

    JAX keeps the NumPy constants of what it traces in the precision it first met them in, and a
    triple serves both.
    """
    if not is_numpyro(distribution):
        return distribution
    return jax.tree.map(
        lambda leaf: constant(leaf) if isinstance(leaf, np.ndarray) else leaf, distribution
    )


def constant(array: np.ndarray) -> jax.Array:
    """A NumPy array as a JAX array of the precision of the moment.

    Rounded before JAX sees it: it would remember the array in the precision it first met it in.
    """
    return jnp.asarray(
        array.astype(jnp.result_type(float)) if np.issubdtype(array.dtype, np.floating) else array
    )


def _parts(distribution: dist.Distribution) -> Iterator[dist.Distribution]:
    """The distribution and all it is made of."""
    yield distribution
    for value in vars(distribution).values():
        for inner in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(inner, dist.Distribution):
                yield from _parts(inner)


def _check_parameters(name: str, part: dist.Distribution, kind: str) -> None:
    given = {
        key: value
        for key, value in vars(part).items()
        if key in part.arg_constraints and value is not None
    }
    for key, value in given.items():
        if not isinstance(value, (int, float, np.ndarray, np.generic, jax.Array)):
            continue
        numbers = np.asarray(value, float)
        # A truncation may lie at infinity; nothing else may.
        bad = np.isnan(numbers) if "Truncated" in kind else ~np.isfinite(numbers)
        if bad.any():
            raise ValueError(
                f"prior {name!r}: {kind} has {key} = {_first(numbers, bad)}; it should be a finite "
                f"number"
            )
        constraint = part.arg_constraints[key]
        if constraints.is_dependent(constraint):
            continue
        with jax.enable_x64(True):
            valid = np.asarray(constraint(numbers))
        if not valid.all():
            shown = (
                _first(numbers, ~valid)
                if valid.shape == numbers.shape
                else np.array2string(numbers, threshold=9)
            )
            raise ValueError(
                f"prior {name!r}: {kind} has {key} = {shown}; it should be {_in_words(constraint)}"
            )


def _in_words(constraint: Any) -> str:
    base = getattr(constraint, "base_constraint", constraint)
    words = {
        "_LowerCholesky": "a lower triangular matrix with a positive diagonal",
        "_PositiveDefinite": "a positive definite matrix",
    }
    if type(base).__name__ in words:
        return words[type(base).__name__]
    for known, text in (
        (constraints.positive, "positive"),
        (constraints.simplex, "probabilities that sum to one"),
    ):
        if type(base) is type(known) and repr(base) == repr(known):
            return text
    return f"in {base}"


def _check_bounds(name: str, part: dist.Distribution, kind: str) -> None:
    support: Any = getattr(part, "support", None)
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    if not (hasattr(support, "lower_bound") and hasattr(support, "upper_bound")):
        return
    lower, upper = np.broadcast_arrays(
        np.asarray(support.lower_bound, float), np.asarray(support.upper_bound, float)
    )
    empty = ~(lower < upper)
    if empty.any():
        raise ValueError(
            f"prior {name!r}: the support of {kind} is empty: it should run from a lower to a "
            f"higher bound, got from "
            f"{_first(lower, empty)} to {_first(upper, empty)}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = (upper - lower) / np.spacing(np.maximum(np.abs(lower), np.abs(upper)))
    narrow = numbers < FEWEST_NUMBERS
    if narrow.any():
        raise ValueError(
            f"prior {name!r}: the support of {kind}, from {_first(lower, narrow)} to "
            f"{_first(upper, narrow)}, holds only about "
            f"{_first(numbers, narrow):.0f} floating point numbers, so that rounding decides; "
            f"shift the parameter towards zero"
        )


def _first(values: Any, where: Any) -> float:
    return float(np.asarray(values)[np.asarray(where)].ravel()[0])


def is_numpyro(distribution: Any) -> bool:
    """Whether the distribution and all it is made of are NumPyro's own, which flatten into their
    parameters and back.
    """
    for part in _parts(distribution):
        if not type(part).__module__.startswith("numpyro.distributions"):
            return False
        transforms = vars(part).get("transforms", [])
        if any(
            isinstance(t, Transform) and not type(t).__module__.startswith("numpyro.distributions")
            for t in transforms
        ):
            return False
    return True


def _rebuilt(distribution: dist.Distribution) -> dist.Distribution:
    """Made again from the arguments it was given, in double precision; itself where NumPyro did not
    keep them.
    """
    if isinstance(distribution, dist.ExpandedDistribution):
        return _rebuilt(distribution.base_dist).expand(distribution.batch_shape)
    if isinstance(distribution, dist.Independent):
        return dist.Independent(
            _rebuilt(distribution.base_dist), distribution.reinterpreted_batch_ndims
        )
    if not any(_is_narrow(leaf) for leaf in jax.tree.leaves(distribution)):
        return distribution
    signature = inspect.signature(type(distribution)).parameters
    kept = {
        key: value
        for key, value in vars(distribution).items()
        if key in signature and key != "validate_args"
    }
    for given in ("covariance_matrix", "precision_matrix"):
        if given in kept:
            kept.pop("scale_tril", None)
    if "scale_tril" in kept and isinstance(kept.get("loc"), jax.Array):
        kept["loc"] = np.asarray(kept["loc"])
    try:
        again = type(distribution)(**kept)
    except (TypeError, ValueError, AssertionError):
        return distribution
    same = (
        again.batch_shape == distribution.batch_shape
        and again.event_shape == distribution.event_shape
    )
    return again if same else distribution


def _is_narrow(leaf: Any) -> bool:
    dtype = getattr(leaf, "dtype", None)
    return (
        dtype is not None and jnp.issubdtype(dtype, jnp.floating) and np.dtype(dtype).itemsize < 8
    )


def _wide(leaf: Any) -> Any:
    if isinstance(leaf, (jax.Array, np.ndarray, np.generic)) and not isinstance(
        leaf, jax.core.Tracer
    ):
        return (
            np.asarray(leaf, float)
            if jnp.issubdtype(leaf.dtype, jnp.floating)
            else np.asarray(leaf)
        )
    return leaf


def _as_printed(leaf: Any) -> np.ndarray:
    """The decimal numbers that a single-precision array prints as: what was rounded, if it was
    rounded.
    """
    narrow = np.asarray(leaf, np.float32)
    return np.array([float(str(number)) for number in narrow.ravel()]).reshape(narrow.shape)


def _refuse_rounding(
    name: str,
    exact: dist.Distribution,
    meant: dist.Distribution,
    held: list[Any],
    printed: list[Any],
) -> None:
    """Raise ``ValueError`` where the rounding of a parameter moves the log density of draws."""
    draws = at_use(exact).sample(jax.random.key(0), (DRAWS,))
    with np.errstate(all="ignore"):
        change = np.asarray(at_use(meant).log_prob(draws)) - np.asarray(
            at_use(exact).log_prob(draws)
        )
    worst = float(np.max(np.abs(np.nan_to_num(change, nan=np.inf)), initial=0.0))
    if worst <= ROUNDING_MATTERS:
        return
    for own, other in zip(held, printed, strict=True):
        if not np.array_equal(own, other):
            at = np.argmax(np.abs(np.asarray(own) - np.asarray(other)))
            raise ValueError(
                f"prior {name!r}: a parameter of {type(exact).__name__} is held in single "
                f"precision, {float(np.ravel(other)[at])!r} as "
                f"{float(np.ravel(own)[at])!r}, which moves its log density by {worst:.2g} nats; "
                f"give Python floats or NumPy arrays"
            )
