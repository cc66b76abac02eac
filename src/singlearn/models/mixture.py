"""Gaussian mixtures, in one dimension or with diagonal covariances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jaxtyping import Array, Float

from singlearn.exact import ExactCoefficient, catalogue
from singlearn.running.arguments import real_number, whole_number
from singlearn.triple import Triple
from singlearn.triple.intake import as_array


@dataclass(frozen=True)
class MixturePrior:
    r"""Independent priors of means, variances and weights.

    Means :math:`N(ξ, τ^2)`, variances :math:`\mathrm{InverseGamma}(s, r)`, weights
    :math:`\mathrm{Dirichlet}(α, …, α)`.

    Args:
        location: ξ, in the unit of the data; one number, or one per coordinate.
        location_scale: τ > 0, same unit.
        variance_shape: s > 0.
        variance_scale: r > 0, in the unit of the data squared; the mean variance is r/(s - 1).
        concentration: α > 0.

    Raises:
        ValueError: a scale, shape or concentration is not positive.
    """

    location: float | int | Float[np.ndarray, " coordinates"]
    location_scale: float | int | Float[np.ndarray, " coordinates"]
    variance_shape: float | int
    variance_scale: float | int | Float[np.ndarray, " coordinates"]
    concentration: float | int = 1.0

    def __post_init__(self) -> None:
        for field in (
            "location",
            "location_scale",
            "variance_shape",
            "variance_scale",
            "concentration",
        ):
            value = getattr(self, field)
            numbers = np.asarray(value, float)
            if not np.all(np.isfinite(numbers)) or (
                field != "location" and not np.all(numbers > 0)
            ):
                raise ValueError(
                    f"{field}: got {value}; it should be "
                    f"{'finite' if field == 'location' else 'positive'}"
                )

    @classmethod
    def chib(cls) -> MixturePrior:
        """The galaxy prior of Chib 1995 [chib1995marginal]_, for velocities in 1000 km/s.

        Means N(20, 10²), variances InverseGamma(3, 20), weights Dirichlet(1).

        With three components and unequal variances the log evidence of the 82 galaxies is -226.80
        (Neal 1999 [neal1999erroneous]_, who corrected the published figure).

        Returns:
            A prior for three components.
        """
        return cls(location=20.0, location_scale=10.0, variance_shape=3.0, variance_scale=20.0)

    @classmethod
    def from_data(
        cls, y: Float[np.ndarray, " n"] | Float[np.ndarray, "n coordinates"]
    ) -> MixturePrior:
        """Weakly informative, scaled to the data.

        With R the range of a coordinate: means N(midrange, R²), variances InverseGamma(2, R²/50),
        weights Dirichlet(1). It is the prior of Richardson & Green 1997 [richardson1997mixtures]_
        with their random variance scale fixed at its mean R²/50: a component is expected to be
        about R/7 wide, and may be much narrower or wider. It uses only the range of the data, so
        shifting or rescaling the data shifts or rescales the prior, and evidences of different
        numbers of components stay comparable.

        Returns:
            A prior in the units of the data.

        Raises:
            ValueError: a coordinate takes a single value, so that it has no range.

        >>> MixturePrior.from_data(np.array([0.0, 10.0]))
        MixturePrior(location=5.0, location_scale=10.0, variance_shape=2.0, variance_scale=2.0, \
concentration=1.0)
        """
        y = as_array(y, "y")
        lowest, highest = np.min(y, axis=0), np.max(y, axis=0)
        extent = highest - lowest
        if not np.all(extent > 0):
            raise ValueError(
                f"y: its range is {extent}; every coordinate should take at least two values"
            )
        plain = float if np.ndim(y) == 1 else np.asarray
        return cls(
            location=plain((lowest + highest) / 2),
            location_scale=plain(extent),
            variance_shape=2.0,
            variance_scale=plain(extent**2 / 50),
        )


def gaussian_mixture(
    data: Float[np.ndarray, " n"] | Float[np.ndarray, "n coordinates"],
    components: int,
    prior: MixturePrior | None = None,
) -> Triple:
    r"""A mixture :math:`p(x) = ∑_{k=1}^K a_k ∏_j N(x_j; μ_{kj}, v_{kj})` with unknown weights,
    means and variances.

    Parameters ``weights`` (K,), absent when K = 1, ``means`` and ``variances``, each (K,) for data
    of shape (n,), else (K, D).

    Known for K = 1 only, which is regular: λ = D, half of its 2D parameters. For K > 1 λ depends on
    how many components the truth has; with unknown variances no formula is proved here (known
    variances: :func:`location_mixture`).

    Args:
        data: (n,) or (n, D).
        components: K ≥ 1.
        prior: by default ``MixturePrior.from_data(data)``.

    Returns:
        A triple with these data; λ is known for one component only.

    Raises:
        ValueError: ``components`` < 1, a prior for another number of coordinates, or data without a
            range.

    >>> triple = gaussian_mixture(np.array([-1.0, 0.5, 2.0]), components=2)
    >>> triple.n, triple.dimension, triple.coordinates.names()
    (3, 5, ['means', 'variances', 'weights'])
    """
    components = whole_number("components", components)
    data = as_array(data)
    prior = MixturePrior.from_data(data) if prior is None else prior
    coordinates = data.shape[1:]
    for field in ("location", "location_scale", "variance_scale"):
        shape = np.shape(getattr(prior, field))
        if shape not in ((), coordinates):
            raise ValueError(
                f"prior: its {field} has shape {shape}; the data have coordinates {coordinates}"
            )
    shape = (components, *coordinates)
    distributions: dict[str, dist.Distribution] = {
        "means": dist.Normal(_digits(prior.location), _digits(prior.location_scale)).expand(shape),
        "variances": dist.InverseGamma(
            _digits(prior.variance_shape), _digits(prior.variance_scale)
        ).expand(shape),
    }
    if components > 1:
        distributions["weights"] = dist.Dirichlet(_equal(prior.concentration, components))
    return Triple(
        _log_likelihood,
        distributions,
        data,
        name=f"Gaussian mixture, K = {components}",
        known=_regular(int(np.prod(coordinates))) if components == 1 else None,
        start=partial(_start, components=components, with_variances=True),
    )


def location_mixture(
    data: Float[np.ndarray, " n"] | Float[np.ndarray, "n coordinates"],
    components: int,
    concentration: float | int = 1.0,
    location_scale: float | int = 10.0,
    true_components: int | None = None,
) -> Triple:
    r"""A mixture :math:`∑_k a_k N(x; μ_k, I_D)` with unit covariance.

    Prior: means :math:`N(0, τ^2)`, weights :math:`\mathrm{Dirichlet}(α, …, α)`.

    Known when the truth is such a mixture and its number of components is given: λ and m for every
    α and D (:func:`singlearn.exact.catalogue.gaussian_location_mixture`).

    Args:
        data: (n,) or (n, D), in units of the standard deviation of a component.
        components: K ≥ 1.
        concentration: α > 0.
        location_scale: τ > 0.
        true_components: of the truth, if it is known; sets ``known``.

    Returns:
        A triple with these data; λ and m are known where ``true_components`` is given.

    Raises:
        ValueError: an argument is outside these ranges.

    >>> triple = location_mixture(np.array([-1.0, 0.5, 2.0]), components=2, true_components=1)
    >>> triple.dimension, str(triple.known.value)
    (3, '3/4')
    """
    components = whole_number("components", components)
    data = as_array(data)
    concentration = real_number("concentration", concentration, above=0, meaning="positive")
    location_scale = real_number("location_scale", location_scale, above=0, meaning="positive")
    coordinates = data.shape[1:]
    known = None
    if true_components is not None:
        known = catalogue.gaussian_location_mixture(
            components, true_components, int(np.prod(coordinates)), concentration
        )
    prior: dict[str, dist.Distribution] = {
        "means": dist.Normal(0.0, location_scale).expand([components, *coordinates])
    }
    if components > 1:
        prior["weights"] = dist.Dirichlet(_equal(concentration, components))
    name = f"Gaussian location mixture, K = {components}"
    start = partial(_start, components=components, with_variances=False)
    return Triple(_log_likelihood, prior, data, name=name, known=known, start=start)


def _start(
    data: Float[np.ndarray, "n ..."], components: int, with_variances: bool
) -> dict[str, Float[np.ndarray, "components ..."]]:
    """Means and variances of equally large pieces of the data, cut along the coordinate in which
    they spread most.

    Returns:
        By name, one entry per component.
    """
    y = np.asarray(data, dtype=float)
    along = (
        y
        if y.ndim == 1
        else y.reshape(len(y), -1)[:, int(np.argmax(y.reshape(len(y), -1).var(axis=0)))]
    )
    pieces = np.array_split(y[np.argsort(along)], components)
    whole = y.var(axis=0) + np.finfo(float).tiny
    # A piece may be empty, or all of one value.
    means = np.stack([piece.mean(axis=0) if len(piece) else y.mean(axis=0) for piece in pieces])
    start = {"means": means}
    if with_variances:
        own = np.stack([piece.var(axis=0) if len(piece) > 1 else whole for piece in pieces])
        start["variances"] = np.maximum(own, 1e-3 * whole)
    if components > 1:
        start["weights"] = np.full(components, 1 / components)
    return start


def _equal(concentration: float | int, components: int) -> Float[Array | np.ndarray, " components"]:
    """α for every component; as a JAX array, which serves both precisions by itself, where single
    precision holds it.

    Returns:
        One number per component.
    """
    value = float(concentration)
    return (
        jnp.full(components, value)
        if float(np.float32(value)) == value
        else np.full(components, value)
    )


def _digits(value: float | int | Float[np.ndarray, " coordinates"]) -> Any:
    """What a distribution keeps with all its digits, a Python float or a NumPy array: a JAX array
    made here would hold seven of them.

    Returns:
        The same number or array.
    """
    return float(value) if np.ndim(value) == 0 else np.asarray(value, float)


def _log_likelihood(w: Mapping[str, Float[Array, "components ..."]], x: Any) -> Float[Array, " n"]:
    """log Σ_k a_k N(x; μ_k, v_k), unit variances when there are none, one weight of 1 when there
    are none.

    Returns:
        One number per observation, in nats.
    """
    means = jnp.asarray(w["means"])
    variances = w.get("variances", jnp.ones((), means.dtype))
    squares = (jnp.asarray(x, means.dtype)[:, None] - means) ** 2 / variances + jnp.log(
        2 * jnp.pi * variances
    )
    log_normal = -0.5 * squares.reshape(*squares.shape[:2], -1).sum(axis=-1)
    if "weights" not in w:
        return log_normal[:, 0]
    # A weight can round to 0, where the logarithm would have no derivative.
    log_weights = jnp.log(jnp.maximum(w["weights"], jnp.finfo(means.dtype).tiny))
    return jax.nn.logsumexp(log_normal + log_weights, axis=1)


def _regular(coordinates: int) -> ExactCoefficient:
    return ExactCoefficient(
        value=Fraction(coordinates),
        multiplicity=1,
        source="Watanabe 2009, regular models",
        conditions="truth with positive variances and finite fourth moments",
    )
