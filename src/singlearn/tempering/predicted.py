"""What a model says of its data, for ArviZ: the data, draws from the prior, and replicated data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, PyTree

from singlearn.tempering.draw_of_data import Draw
from singlearn.tempering.named_groups import DRAWS, posterior_dimensions
from singlearn.tempering.posterior import compiled_constrain
from singlearn.triple import Triple
from singlearn.triple.gaussian import gaussian
from singlearn.triple.numpyro_model.statements import Brought
from singlearn.triple.sites import ObservedSite, Sites
from singlearn.triple.stated_by_model import StatedByModel

BATCH = 256
OBSERVATION = "observation"


def observed_data(triple: Triple) -> xr.Dataset:
    """The observations under the names of the pointwise log likelihood.

    Args:
        triple: with data.

    Returns:
        ArviZ's group ``observed_data``: the observed sites of a NumPyro model; ``y`` of a
        regression; else every array of the data, a single one as ``y``.
    """
    model = _model(triple)
    if model is not None:
        with jax.enable_x64(True):
            trace, _ = model.run(jax.random.key(0))
        values = {site.name: np.asarray(trace[site.name]["value"]) for site in _sites(triple)}
        return _by_site(values, _sites(triple), ())
    leaves, _ = jax.tree_util.tree_flatten_with_path(triple.data)
    arrays = {_name(path, len(leaves)): np.asarray(leaf) for path, leaf in leaves}
    if _regression(triple) is not None:
        arrays = {"y": np.asarray(triple.data[1])}
    return xr.Dataset({name: _observations(name, a, int(triple.n)) for name, a in arrays.items()})


def constant_data(triple: Triple) -> xr.Dataset | None:
    """The inputs ``x`` of a regression and, where each observation has its own, the ``scale`` of
    its noise: ArviZ's group ``constant_data``; ``None`` for other triples.
    """
    if _regression(triple) is None:
        return None
    x, _, *scale = triple.data
    arrays = dict(zip(("x", "scale"), (x, *scale), strict=False))
    return xr.Dataset(
        {name: _observations(name, np.asarray(a), int(triple.n)) for name, a in arrays.items()}
    )


def prior_draws(
    triple: Triple, particles: np.ndarray, precision: str, sites: Sites
) -> tuple[dict[str, np.ndarray], xr.Dataset]:
    """The particles at β = 0, as draws and as ArviZ's group ``prior``.

    Args:
        triple: that was tempered.
        particles: of shape (replicates, kept, d), in flat coordinates.
        precision: of the run.
        sites: names of the model's dimensions.
    """
    replicates, kept, dimension = particles.shape
    with jax.enable_x64(precision == "float64"):
        found = compiled_constrain(triple, precision)(jnp.asarray(particles.reshape(-1, dimension)))
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(found)]
    draws = {
        name: leaf.reshape(replicates, kept, *leaf.shape[1:])
        for name, leaf in zip(triple.coordinates.names(), leaves, strict=True)
    }
    variables = {
        name: (posterior_dimensions(name, values.ndim - 2, sites), values)
        for name, values in draws.items()
    }
    return draws, xr.Dataset(variables, coords=_counted(replicates, kept))


def predictive(
    triple: Triple,
    draws: Mapping[str, np.ndarray],
    draw: Draw | bool,
    precision: str,
    seed: int,
) -> xr.Dataset:
    r"""Data replicated once per draw: :math:`y^{rep} \sim p(y|w)` of each :math:`w`.

    Args:
        triple: that was tempered.
        draws: of every parameter, of shape (chains, draws, …).
        draw: ``True`` for what the model itself says, which a NumPyro model and a regression can;
            else a function of a key, a parameter and the data that returns an array of shape
            (n, …).
        precision: of the run.
        seed: of the replicated data.

    Returns:
        ArviZ's group ``posterior_predictive`` or ``prior_predictive``, with the names of
        :func:`observed_data`. Where one observed site conditions on the values of another, those
        are the observed ones.

    Raises:
        ValueError: ``True``, and the triple is a log likelihood only; or an array of another
            length.
    """
    model, regression = _model(triple), _regression(triple)
    if draw is not True:
        at = _drawn(draw, triple)
    elif model is not None:
        at = _from_model(model, _sites(triple))
    elif regression is not None:
        at = _from_regression(triple, *regression)
    else:
        raise ValueError(
            f"posterior_predictive: {triple.name} is a log likelihood, which cannot draw data; "
            "give a function draw(key, w, data) that returns an array of shape (n, …)"
        )
    chains, count = next(iter(draws.values())).shape[:2]
    with jax.enable_x64(precision == "float64"):
        structure = jax.tree.structure(triple.coordinates.shapes())
        flat = jax.tree.unflatten(
            structure, [jnp.asarray(v.reshape(-1, *v.shape[2:])) for v in draws.values()]
        )
        keys = jax.random.split(jax.random.key(seed), chains * count)
        many = jax.jit(
            lambda keys, w: jax.lax.map(lambda one: at(*one), (keys, w), batch_size=BATCH)
        )
        found = {k: np.asarray(v) for k, v in many(keys, flat).items()}
    values = {k: v.reshape(chains, count, *v.shape[1:]) for k, v in found.items()}
    if draw is True and model is not None:
        return _by_site(values, _sites(triple), DRAWS).assign_coords(_counted(chains, count))
    for array in values.values():
        if array.shape[2:3] != (int(triple.n),):
            raise ValueError(
                f"posterior_predictive: draw returned shape {array.shape[2:]}; its leading axis "
                f"should be the n = {int(triple.n)} observations"
            )
    variables = {name: _observations(name, a, int(triple.n), DRAWS) for name, a in values.items()}
    return xr.Dataset(variables, coords=_counted(chains, count))


def _counted(chains: int, draws: int) -> dict[str, np.ndarray]:
    return {"chain": np.arange(chains), "draw": np.arange(draws)}


def _sites(triple: Triple) -> tuple[ObservedSite, ...]:
    return tuple(site for site in triple.sites.observed if site.size)


def _model(triple: Triple) -> Brought | None:
    """The NumPyro model of a triple with what it is called with."""
    stated = triple.prior
    is_model = isinstance(stated, StatedByModel)
    return Brought(stated.model, stated.args, stated.kwargs) if is_model else None


def _regression(triple: Triple) -> tuple[Callable[..., Array], float | None] | None:
    """The function and the noise of ``Triple.regression``; ``None`` for other triples."""
    function: Any = triple.log_likelihood
    if not isinstance(function, partial) or function.func is not gaussian:
        return None
    f, scale = function.args
    return f, scale


def _from_regression(
    triple: Triple, f: Callable[..., Array], scale: float | None
) -> Callable[[Any, PyTree], dict[str, Array]]:
    x, y, *own = triple.data

    def at(key: Any, w: PyTree) -> dict[str, Array]:
        noise = jax.random.normal(key, y.shape) * (own[0] if scale is None else scale)
        return {"y": f(w, jnp.asarray(x)) + noise}

    return at


def _from_model(
    model: Brought, sites: tuple[ObservedSite, ...]
) -> Callable[[Any, PyTree], dict[str, Array]]:
    def at(key: Any, w: PyTree) -> dict[str, Array]:
        trace, _ = model.run(key, lambda site: w.get(site["name"]))
        keys = jax.random.split(jax.random.fold_in(key, 1), len(sites))
        return {
            site.name: trace[site.name]["fn"].sample(own)
            for site, own in zip(sites, keys, strict=True)
        }

    return at


def _drawn(draw: Any, triple: Triple) -> Callable[[Any, PyTree], dict[str, Array]]:
    data = jax.tree.map(np.asarray, triple.data)
    return lambda key, w: {"y": jnp.asarray(draw(key, w, data))}


def _by_site(
    values: Mapping[str, np.ndarray], sites: tuple[ObservedSite, ...], before: tuple[str, ...]
) -> xr.Dataset:
    """Variables with the dimensions that the pointwise log likelihood has, and those of events."""
    variables: dict[str, Any] = {}
    places: dict[str, Any] = {}
    for site in sites:
        found = values[site.name]
        lead, events = found.shape[: len(before)], found.shape[len(before) + len(site.shape) :]
        own = tuple(f"{site.name}_event_{i}" for i in range(len(events)))
        if site.kept is None:
            variables[site.name] = ((*before, *site.dimensions, *own), found)
            continue
        along = f"{site.name}_observation"
        kept = np.array(site.kept, int)
        flat = found.reshape(*lead, -1, *events).take(kept, axis=len(before))
        variables[site.name] = ((*before, along, *own), flat)
        at = np.unravel_index(kept, site.shape)
        places |= {
            f"{site.name}_{name}": ((along,), place)
            for name, place in zip(site.dimensions, at, strict=True)
        }
    return xr.Dataset(variables, coords=places)


def _observations(
    name: str, values: np.ndarray, n: int, before: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], np.ndarray]:
    """Dimensions of an array of the data: ``observation``, and those of each of them."""
    axes = values.shape[len(before) :]
    first = (OBSERVATION,) if axes[:1] == (n,) else ()
    return (*before, *first, *(f"{name}_dim_{i}" for i in range(len(first), len(axes)))), values


def _name(path: tuple[Any, ...], count: int) -> str:
    """What a leaf of the data is called: a single one ``y``, as in the log likelihood."""
    if count == 1:
        return "y"
    return "_".join(str(getattr(k, "key", getattr(k, "idx", getattr(k, "name", k)))) for k in path)
