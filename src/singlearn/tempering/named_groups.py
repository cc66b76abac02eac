"""Draws and log likelihoods under the names that a model gave its sites, plates and dimensions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from singlearn.triple.sites import Sites

DRAWS = ("chain", "draw")


def posterior_dimensions(name: str, axes: int, sites: Sites) -> tuple[str, ...]:
    """Names of all axes of a parameter's draws: chain, draw, and those of the parameter.

    Args:
        name: of the parameter.
        axes: how many it has, without chain and draw.
        sites: what the model calls them.

    Returns:
        ``axes + 2`` names.
    """
    own = sites.dimensions.get(name, ())
    return (*DRAWS, *(own if len(own) == axes else (f"{name}_dim_{i}" for i in range(axes))))


def log_likelihood_group(values: Float[np.ndarray, "chain draw n"], sites: Sites) -> xr.Dataset:
    """The pointwise log likelihood, one variable per observed site.

    A site with masked observations has the others along one dimension, with their places in the
    site as coordinates.

    Args:
        values: of all observations, one site after the other.
        sites: which are whose; without any, all are called ``y``.

    Returns:
        ArviZ's group ``log_likelihood``.
    """
    if not sites.observed:
        return xr.Dataset(
            {"y": ((*DRAWS, "observation"), values)}, attrs={"variables": json.dumps(["y"])}
        )
    variables: dict[str, Any] = {}
    places: dict[str, Any] = {}
    start = 0
    for site in sites.observed:
        if not site.size:
            continue
        own = values[..., start : start + site.size]
        start += site.size
        if site.kept is None:
            variables[site.name] = (
                (*DRAWS, *site.dimensions),
                own.reshape(*own.shape[:2], *site.shape),
            )
            continue
        along = f"{site.name}_observation"
        variables[site.name] = ((*DRAWS, along), own)
        found = np.unravel_index(np.array(site.kept), site.shape)
        places |= {
            f"{site.name}_{name}": ((along,), at)
            for name, at in zip(site.dimensions, found, strict=True)
        }
    return xr.Dataset(variables, coords=places, attrs={"variables": json.dumps(list(variables))})


def pointwise(group: xr.Dataset) -> Float[np.ndarray, "chain draw n"]:
    """The inverse of :func:`log_likelihood_group`."""
    parts = [group[name].to_numpy() for name in json.loads(group.attrs.get("variables", '["y"]'))]
    return np.concatenate([part.reshape(*part.shape[:2], -1) for part in parts], axis=-1)
