"""Three kinds of triples: observations, a divergence, and a divergence that depends on a setting.

Each holds a function that the user brings and what compiled programs take as their argument, and
knows the energy that follows from both. A kind is a value: another one is made by
``dataclasses.replace``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from singlearn.triple.sufficient import Summary, summarised_energy, summary_of


@dataclass(frozen=True, eq=False)
class Observations:
    r"""Data under a model: the energy is :math:`n L_n(w) = -Σ_i \log p(y_i|x_i,w)`.

    Attributes:
        function: ``function(w, data) -> (n,)``, pointwise log densities in nats.
        data: a pytree of NumPy arrays.
        n: how many observations these are.
    """

    function: Callable[[PyTree, PyTree], Float[Array, " n"]]
    data: PyTree
    n: int

    is_population: ClassVar[bool] = False
    excluded: ClassVar[float] = -math.inf

    def values(self, w: PyTree, data: PyTree) -> Float[Array, " n"]:
        """The pointwise log likelihood, in nats."""
        return self.function(w, data)

    @cached_property
    def energy_data(self) -> PyTree:
        """Sufficient statistics where the log likelihood has such, else the data."""
        summary = summary_of(self.function, self.data)
        return self.data if summary is None else summary

    @property
    def energy_rows(self) -> int:
        """How many observations, or rows of sufficient statistics, the energy works on."""
        own = self.energy_data
        return len(own.triangle) if isinstance(own, Summary) else self.n

    def energy(self, w: PyTree, data: PyTree) -> Float[Array, ""]:
        """n L_n(w) of observations, or of their sufficient statistics, in nats."""
        if isinstance(data, Summary):
            return summarised_energy(self.function, w, data)
        return -jnp.sum(self.values(w, data))

    def parts(self) -> dict[str, Any]:
        """Log likelihood, data and n."""
        return {"log_likelihood": self.function, "data": self.data, "n": self.n}


@dataclass(frozen=True, eq=False)
class Divergence:
    r"""A population: the energy is :math:`n K(w)`, with no data.

    Attributes:
        function: ``function(w) -> scalar``, K in nats.
        n: sample size, any positive number.
    """

    function: Callable[[PyTree], Float[Array, ""]]
    n: float | int

    is_population: ClassVar[bool] = True
    excluded: ClassVar[float] = math.inf
    energy_rows: ClassVar[int] = 1

    @property
    def kl(self) -> Callable[[PyTree], Float[Array, ""]]:
        """K as a function of the parameter alone."""
        return self.function

    @property
    def data(self) -> PyTree:
        """The sample size, so that one compiled program serves every n."""
        return (np.asarray(float(self.n)),)

    @property
    def energy_data(self) -> PyTree:
        """The same as ``data``."""
        return self.data

    def values(self, w: PyTree, data: PyTree) -> Float[Array, ""]:
        """K(w), in nats."""
        return self.function(w)

    def energy(self, w: PyTree, data: PyTree) -> Float[Array, ""]:
        """n K(w), in nats."""
        (n,) = data
        return jnp.asarray(n) * self.values(w, data)

    def parts(self) -> dict[str, Any]:
        """K and n."""
        return {"kl": self.function, "n": self.n}


@dataclass(frozen=True, eq=False)
class DivergenceAt:
    r"""A population at one setting of a family: the energy is :math:`n K(w; θ)`.

    Attributes:
        function: ``function(w, setting) -> scalar``, K in nats.
        setting: θ, a pytree of NumPy arrays.
        n: sample size, any positive number.
    """

    function: Callable[[PyTree, PyTree], Float[Array, ""]]
    setting: PyTree
    n: float | int

    is_population: ClassVar[bool] = True
    excluded: ClassVar[float] = math.inf
    energy_rows: ClassVar[int] = 1

    @cached_property
    def kl(self) -> Callable[[PyTree], Float[Array, ""]]:
        """K at this setting as a function of the parameter alone; always the same object."""
        return partial(_at_setting, self.function, self.setting)

    @property
    def data(self) -> PyTree:
        """Sample size and setting, so that one compiled program serves every n and every θ."""
        return (np.asarray(float(self.n)), self.setting)

    @property
    def energy_data(self) -> PyTree:
        """The same as ``data``."""
        return self.data

    def values(self, w: PyTree, data: PyTree) -> Float[Array, ""]:
        """K(w; θ) at the setting that ``data`` hold, in nats."""
        _, setting = data
        return _at_setting(self.function, setting, w)

    def energy(self, w: PyTree, data: PyTree) -> Float[Array, ""]:
        """n K(w; θ), in nats."""
        n, _ = data
        return jnp.asarray(n) * self.values(w, data)

    def parts(self) -> dict[str, Any]:
        """K, the setting and n."""
        return {"kl": self.function, "setting": self.setting, "n": self.n}


Kind = Observations | Divergence | DivergenceAt
"""What a triple may be of.

All three have ``function`` (what the user brought), ``n``, ``data`` (the argument of compiled
programs), ``values(w, data)``, ``energy(w, data)``, ``is_population``, and ``excluded``, the value
of the function where a parameter has no density at all.
"""


def _at_setting(
    function: Callable[[PyTree, PyTree], Float[Array, ""]], setting: PyTree, w: PyTree
) -> Float[Array, ""]:
    # As arrays in the precision of the moment, whichever way they came.
    return function(w, jax.tree.map(jnp.asarray, setting))
