"""The priors that a problem may have: a small closed set, each as density, unit cube, NumPyro and
Stan.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import special, stats

DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    "normal": ("location", "scale"),
    "half_normal": ("scale",),
    "uniform": ("low", "high"),
    "gamma": ("concentration", "rate"),
    "beta": ("first", "second"),
    "dirichlet": ("concentration",),
    "normal_mixture": ("weights", "scales"),
}
"""Each distribution with its settings, in their order.

A ``normal_mixture`` is of normals around 0 with these standard deviations: a spike and a slab. The
``concentration`` of a Dirichlet is one number for each entry of a vector; every other setting is a
number.
"""

SUPPORTS = {
    "normal": "real",
    "normal_mixture": "real",
    "half_normal": "positive",
    "gamma": "positive",
    "uniform": "interval",
    "beta": "interval",
    "dirichlet": "simplex",
}


@dataclass(frozen=True)
class ParameterPrior:
    """Independent draws of one distribution: the prior of one array of parameters.

    Args:
        parameter: its name.
        distribution: one of :data:`DISTRIBUTIONS`.
        settings: of the distribution, by name.
        shape: of the array, without the entries of a simplex: of rows of probabilities the number
            of rows.

    Raises:
        ValueError: an unknown distribution, or settings that it does not have.

    >>> prior = ParameterPrior("rows", "dirichlet", {"concentration": [1.0, 1.0, 1.0]}, (2,))
    >>> prior.dimension, prior.whole_shape
    (4, (2, 3))
    """

    parameter: str
    distribution: str
    settings: Mapping[str, Any]
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.distribution not in DISTRIBUTIONS:
            raise ValueError(
                f"distribution: got {self.distribution!r}; it should be one of "
                f"{', '.join(DISTRIBUTIONS)}"
            )
        needed = DISTRIBUTIONS[self.distribution]
        if set(self.settings) != set(needed):
            raise ValueError(
                f"settings: got {sorted(self.settings)}; {self.distribution} has {list(needed)}"
            )

    @property
    def support(self) -> str:
        """``real``, ``positive``, ``interval`` or ``simplex``."""
        return SUPPORTS[self.distribution]

    @property
    def whole_shape(self) -> tuple[int, ...]:
        """The shape of the array of parameters, with the entries of a simplex."""
        last = (len(self.settings["concentration"]),) if self.support == "simplex" else ()
        return (*self.shape, *last)

    @property
    def size(self) -> int:
        """How many numbers the array holds."""
        return math.prod(self.whole_shape)

    @property
    def dimension(self) -> int:
        """How many free numbers: a vector on the simplex of K has K - 1."""
        return math.prod(self.shape) * (
            self.whole_shape[-1] - 1 if self.support == "simplex" else 1
        )

    def log_density(self, value: Float[np.ndarray, "*batch_and_shape"]) -> Any:
        """The log density, summed over the array; leading axes are a batch.

        Returns:
            One number for each member of the batch, in nats.

        >>> prior = ParameterPrior("w", "normal", {"location": 0.0, "scale": 1.0}, (2,))
        >>> round(float(prior.log_density(np.zeros(2))), 4)
        -1.8379
        """
        s = self.settings
        x = np.asarray(value, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.distribution == "dirichlet":
                alpha = np.asarray(s["concentration"], float)
                constant = special.gammaln(alpha.sum()) - special.gammaln(alpha).sum()
                each = constant + special.xlogy(alpha - 1, x).sum(axis=-1)
            else:
                each = self._scalar_log_density(x)
        axes = tuple(range(each.ndim - len(self.shape), each.ndim))
        return each.sum(axis=axes) if axes else each

    def _scalar_log_density(self, x: Float[np.ndarray, "*any"]) -> Any:
        s = self.settings
        if self.distribution == "normal":
            return stats.norm.logpdf(x, s["location"], s["scale"])
        if self.distribution == "half_normal":
            return stats.halfnorm.logpdf(x, scale=s["scale"])
        if self.distribution == "uniform":
            return stats.uniform.logpdf(x, s["low"], s["high"] - s["low"])
        if self.distribution == "gamma":
            return stats.gamma.logpdf(x, s["concentration"], scale=1 / s["rate"])
        if self.distribution == "beta":
            return stats.beta.logpdf(x, s["first"], s["second"])
        parts = [
            math.log(weight) + stats.norm.logpdf(x, 0.0, scale)
            for weight, scale in zip(s["weights"], s["scales"], strict=True)
        ]
        return special.logsumexp(np.stack(parts), axis=0)

    def from_unit_cube(self, u: Float[np.ndarray, "*batch dimension"]) -> Any:
        """The array at coordinates that are uniform on the cube: the inverse distribution function,
        and of a Dirichlet sticks that are broken.

        Returns:
            Arrays of the shape of the parameter, with the axes of the batch before.

        >>> prior = ParameterPrior("p", "dirichlet", {"concentration": [1.0, 1.0]})
        >>> prior.from_unit_cube(np.array([0.25])).round(12).tolist()
        [0.25, 0.75]
        """
        s = self.settings
        u = np.asarray(u, float)
        batch = u.shape[:-1]
        if self.distribution == "dirichlet":
            alpha = np.asarray(s["concentration"], float)
            rest = np.cumsum(alpha[::-1])[::-1][1:]
            pieces = u.reshape(*batch, *self.shape, len(alpha) - 1)
            sticks = np.where(
                alpha[:-1] == 1,
                -np.expm1(np.log1p(-pieces) / rest),
                1.0 if np.all(alpha[:-1] == 1) else special.betaincinv(alpha[:-1], rest, pieces),
            )
            left = np.cumprod(
                np.concatenate([np.ones((*sticks.shape[:-1], 1)), 1 - sticks], -1), -1
            )
            return left * np.concatenate([sticks, np.ones((*sticks.shape[:-1], 1))], -1)
        return self._quantile(u).reshape(*batch, *self.shape)

    def _quantile(self, u: Float[np.ndarray, "*any"]) -> Any:
        s = self.settings
        if self.distribution == "normal":
            return s["location"] + s["scale"] * special.ndtri(u)
        if self.distribution == "half_normal":
            return s["scale"] * special.ndtri(0.5 + 0.5 * u)
        if self.distribution == "uniform":
            return s["low"] + (s["high"] - s["low"]) * u
        if self.distribution == "gamma":
            return special.gammaincinv(s["concentration"], u) / s["rate"]
        if self.distribution == "beta":
            return special.betaincinv(s["first"], s["second"], u)
        # A mixture: the distribution function is increasing, and is halved until it is met.
        high = np.full(np.shape(u), 40.0 * max(s["scales"]))
        low = -high
        for _ in range(80):
            middle = 0.5 * (low + high)
            below = sum(
                weight * special.ndtr(middle / scale)
                for weight, scale in zip(s["weights"], s["scales"], strict=True)
            )
            low, high = np.where(below < u, middle, low), np.where(below < u, high, middle)
        return 0.5 * (low + high)

    def numpyro(self) -> Any:
        """The same as a NumPyro distribution."""
        import jax.numpy as jnp
        import numpyro.distributions as dist

        s = self.settings
        if self.distribution == "dirichlet":
            alpha = np.asarray(s["concentration"], float)
            return dist.Dirichlet(np.broadcast_to(alpha, (*self.shape, len(alpha))))
        if self.distribution == "normal_mixture":
            weights, scales = np.asarray(s["weights"], float), np.asarray(s["scales"], float)
            one = dist.MixtureSameFamily(
                dist.Categorical(probs=jnp.asarray(weights)),
                dist.Normal(jnp.zeros(len(scales)), jnp.asarray(scales)),
            )
            return one.expand(self.shape) if self.shape else one
        made = {
            "normal": lambda: dist.Normal(s["location"], s["scale"]),
            "half_normal": lambda: dist.HalfNormal(s["scale"]),
            "uniform": lambda: dist.Uniform(s["low"], s["high"]),
            "gamma": lambda: dist.Gamma(s["concentration"], s["rate"]),
            "beta": lambda: dist.Beta(s["first"], s["second"]),
        }[self.distribution]()
        return made.expand(self.shape) if self.shape else made

    def to_dict(self) -> dict[str, Any]:
        """As the file of a problem has it."""
        return {
            "parameter": self.parameter,
            "distribution": self.distribution,
            **dict(self.settings),
            "shape": list(self.shape),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ParameterPrior:
        """The inverse of ``to_dict``.

        Returns:
            The object that was written.

        Raises:
            ValueError: an unknown distribution, or settings that it does not have.
        """
        own = dict(document)
        parameter, distribution = own.pop("parameter"), own.pop("distribution")
        return cls(parameter, distribution, own, tuple(own.pop("shape")))
