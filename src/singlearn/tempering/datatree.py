"""A run as ArviZ reads it: what is stored, the data, and what the model says of new data."""

from __future__ import annotations

from datetime import UTC, datetime

import xarray as xr

import singlearn
from singlearn.tempering.draw_of_data import Draw
from singlearn.tempering.predicted import (
    constant_data,
    observed_data,
    predictive,
    prior_draws,
)
from singlearn.tempering.storage import Storable
from singlearn.tempering.storage import to_datatree as stored
from singlearn.triple import Triple

ARVIZ = (
    "posterior",
    "sample_stats",
    "log_likelihood",
    "observed_data",
    "constant_data",
    "posterior_predictive",
    "prior",
    "prior_predictive",
)
"""Groups that ArviZ knows."""


def to_datatree(
    run: Storable, triple: Triple | None, prior: bool, posterior_predictive: Draw | bool, seed: int
) -> xr.DataTree:
    """See ``Run.to_datatree``; ``triple`` is what was tempered, where the run knows it."""
    if triple is None and (prior or posterior_predictive):
        raise ValueError(
            "triple: this run was loaded, or unpickled, without it, and it knows the model: "
            "Run.load(path, triple=…)"
        )
    if run.settings["is_population"] and posterior_predictive:
        raise ValueError(
            f"posterior_predictive: {run.settings['name']} is a population run; it has no data to "
            f"replicate"
        )
    tree = stored(run)
    if triple is not None:
        for name, group in _groups(run, triple, prior, posterior_predictive, seed).items():
            tree[name] = xr.DataTree(group)
    made = {
        "inference_library": "singlearn",
        "inference_library_version": str(singlearn.__version__),
        "created_at": datetime.now(UTC).isoformat(),
    }
    for node in (tree, *(tree[name] for name in ARVIZ if name in tree.children)):
        node.attrs.update(made)
    return tree


def _groups(
    run: Storable, triple: Triple, prior: bool, draw: Draw | bool, seed: int
) -> dict[str, xr.Dataset]:
    precision = str(run.settings["precision"])
    groups: dict[str, xr.Dataset] = {}
    if not run.settings["is_population"]:
        groups["observed_data"] = observed_data(triple)
        constant = constant_data(triple)
        groups |= {} if constant is None else {"constant_data": constant}
    if draw:
        groups["posterior_predictive"] = predictive(
            triple, run.posterior.draws, draw, precision, seed
        )
    if prior:
        particles = run.rungs.particles[0]
        draws, groups["prior"] = prior_draws(triple, particles, precision, run.sites)
        if draw:
            groups["prior_predictive"] = predictive(triple, draws, draw, precision, seed + 1)
    return groups
