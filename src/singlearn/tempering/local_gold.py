"""λ̂ of a small network by tempering: what chains near w* are compared with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.flatten_util import ravel_pytree

from singlearn.results.caution import Caution
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.running.arguments import real_number
from singlearn.tempering.run import Run
from singlearn.tempering.temper import temper
from singlearn.triple import Triple


@dataclass(frozen=True)
class LocalGold(Answer):
    r"""λ̂ at w* from a tempered run of the tied posterior.

    Attributes:
        value: :math:`nβ (E[L_n(w)] - L_n(w^*))`.
        standard_error: from independent replicates.
        variance_reading: :math:`(nβ)^2 \mathrm{Var}\\, L_n`, of the same replicates.
        nbeta: nβ.
        gamma: γ, in units of 1/parameter².
        samples: n.
        run: the tempered run.
        cautions: what may be wrong with it.
    """

    value: float
    standard_error: float
    variance_reading: Estimate
    nbeta: float
    gamma: float
    samples: int
    run: Run = field(repr=False)
    cautions: tuple[Caution, ...] = ()

    def __str__(self) -> str:
        shown = Estimate(self.value, self.standard_error)
        said = "".join(f"\n  {caution}" for caution in self.cautions[:4])
        return (
            f"λ̂ = {shown} by tempering   (by the variance of the loss {self.variance_reading}; "
            f"n = {self.samples}, nβ = {self.nbeta:.6g}, γ = {self.gamma:g}){said}"
        )


def local_gold(
    model: Callable[..., Any],
    loss: Callable[..., Any],
    data: tuple[Any, Any],
    parameters: Any,
    *,
    gamma: float,
    nbeta: float | None = None,
    particles: int = 512,
    replicates: int = 4,
    seed: int = 0,
) -> LocalGold:
    r"""λ̂ of a small JAX network by tempered particles from the tie :math:`N(w^*, 1/γ)`.

    The same number as ``local.llc``, measured another way: particles cover the whole tie at β = 0
    and are cooled to nβ, so the result does not depend on chains that have to find their way out of
    w*. For networks of up to about a hundred parameters.

    Args:
        model: ``model(parameters, x)``, pure.
        loss: per sample, in nats.
        data: inputs and targets, arrays with a common first axis.
        parameters: w*, any pytree of real arrays.
        gamma: γ, in units of 1/parameter²; ``llc`` says which one it took.
        nbeta: nβ; by default n / log n.
        particles: of each population.
        replicates: independent sets of particles; the error is their spread.
        seed: same seed, same numbers.

    Returns:
        λ̂ with its error.

    Raises:
        ValueError: a number out of range, parameters that are not real arrays.

    >>> x = np.random.default_rng(0).normal(size=(50, 1))
    >>> def loss(output, target): return 0.5 * ((output - target) ** 2).sum(-1)
    >>> found = local_gold(
    ...     lambda w, x: x @ w, loss, (x, 0.0 * x), np.zeros((1, 1)), gamma=1.0, particles=256
    ... )
    >>> s = found.nbeta * float(np.mean(x**2))  # λ̂ = s/2(s + γ)
    >>> bool(abs(found.value - 0.5 * s / (s + 1)) < 4 * found.standard_error < 0.15)
    True
    """
    gamma = real_number("gamma", gamma, above=0, meaning="a positive number")
    samples = len(jax.tree.leaves(data[0])[0])
    if nbeta is None:
        nbeta = samples / math.log(samples)
    nbeta = real_number("nbeta", nbeta, above=0, meaning="a positive number")
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(parameters)]
    if not leaves or any(leaf.dtype.kind != "f" for leaf in leaves):
        raise ValueError("parameters: they should be real floating-point arrays, one at least")
    with jax.enable_x64(True):
        double = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), parameters)
        centre, unravel = ravel_pytree(double)
        both = {"x": data[0], "target": data[1]}
        both = jax.tree.map(_in_double, both)

        def log_likelihood(w: Any, batch: Any) -> Any:
            return -loss(model(unravel(w), batch["x"]), batch["target"])

        at_centre = -float(np.sum(np.asarray(log_likelihood(centre, both), dtype=np.float64)))
        prior = dist.Normal(centre, gamma**-0.5).to_event(1)
        triple = Triple(log_likelihood, prior, both, name="tied posterior")
    beta = nbeta / samples
    run = temper(
        triple, beta_max=beta, particles=particles, replicates=replicates, seed=seed,
        progress=False, modes="warn",
    )  # fmt: skip
    energy = run.energy(beta)
    return LocalGold(
        beta * (energy.value - at_centre),
        beta * energy.standard_error,
        run.heat_capacity(beta),
        nbeta,
        gamma,
        samples,
        run,
        run.energy_cautions,
    )


def _in_double(leaf: Any) -> Any:
    array = np.asarray(leaf)
    return jnp.asarray(array, jnp.float64) if array.dtype.kind == "f" else jnp.asarray(array)
