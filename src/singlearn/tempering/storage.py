"""A run on disk: an xarray DataTree with ArviZ's groups, read back bit for bit."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from singlearn.measure.optimum import Optimum
from singlearn.tempering.posterior import Posterior
from singlearn.tempering.rungs import Rungs
from singlearn.triple import Triple

if TYPE_CHECKING:
    from singlearn.tempering.run import Run

FORMAT = 2
# Dimensions of the arrays of a rung, in ArviZ's words: a replicate is a chain, a particle a draw.
RUNG_DIMENSIONS = {
    "particles": ("rung", "chain", "kept_particle", "coordinate"),
    "kept": ("rung", "kept_particle"),
    "ancestor": ("rung", "chain", "particle"),
    "energies": ("rung", "chain", "particle"),
    "log_evidence_step": ("rung", "chain"),
    "effective_sample_size": ("rung", "chain"),
}


def to_datatree(run: Run) -> xr.DataTree:
    """See ``Run.to_datatree``."""
    rungs = xr.Dataset(
        {f.name: (RUNG_DIMENSIONS.get(f.name, ("rung",)), getattr(run.rungs, f.name)) for f in fields(Rungs)}
    )
    posterior = xr.Dataset(
        {
            name: (("chain", "draw", *(f"{name}_dim_{i}" for i in range(values.ndim - 2))), values)
            for name, values in run.posterior.draws.items()
        },
        attrs={"inverse_temperature": run.posterior.inverse_temperature, "variables": json.dumps(list(run.posterior.draws))},
    )
    posterior.attrs |= _independence(run)
    groups = {
        "posterior": posterior,
        "sample_stats": xr.Dataset(
            {
                "energy": (("chain", "draw"), run.posterior.energies),
                "rung": (("chain", "draw"), run.posterior.rung),
                "particle": (("chain", "draw"), run.posterior.particle),
            }
        ),
        "rungs": rungs,
    }
    if run.posterior.log_likelihood is not None:
        groups["log_likelihood"] = xr.Dataset({"y": (("chain", "draw", "observation"), run.posterior.log_likelihood)})
    if run.optimum is not None:
        groups["optimum"] = xr.Dataset(
            {
                "energy": ((), run.optimum.energy),
                "coordinates": (("coordinate",), run.optimum.coordinates),
                "mode": (("coordinate",), run.optimum.mode),
            },
            attrs={
                "is_likelihood_maximum": int(run.optimum.is_likelihood_maximum),
                "mode_energy": run.optimum.mode_energy,
                "spike_energy": json.dumps(run.optimum.spike_energy),
            },
        )
    chains, draws = run.posterior.energies.shape
    for group in ("posterior", "sample_stats", "log_likelihood"):
        if group in groups:
            groups[group] = groups[group].assign_coords(chain=np.arange(chains), draw=np.arange(draws))
    attributes = {
        "format": FORMAT,
        "settings": json.dumps(run.settings),
        "truth_energy": json.dumps(run.truth_energy),
        "known_multiplicity": json.dumps(run.known_multiplicity),
    }
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attributes), **groups})


def _independence(run: Run) -> dict[str, float | str]:
    """What a reader of the draws should know: their order says nothing, and they share ancestors."""
    mixing = run.coordinate_mixing
    return {
        "families": mixing.families,
        "independent_draws": mixing.independent_draws,
        "unmixed": json.dumps([name for name, bad in zip(mixing.names, mixing.is_unmixed, strict=True) if bad]),
        "order": (
            "draws are particles in random order: an effective sample size read from their order takes them for independent; "
            "independent_draws is what the worst coordinate is worth, read from families that share an ancestor"
        ),
    }


def save(run: Run, path: str | os.PathLike[str]) -> None:
    """See ``Run.save``; the file appears whole or not at all."""
    target = Path(path)
    tree = to_datatree(run)
    if target.suffix == ".zarr":
        tree.to_zarr(target, mode="w", consolidated=False)
        return
    temporary = target.with_name(target.name + ".partial")
    tree.to_netcdf(temporary, engine="h5netcdf")
    os.replace(temporary, target)


def load(path: str | os.PathLike[str], triple: Triple | None) -> Run:
    """See ``Run.load``."""
    from singlearn.tempering.run import Run, ladder_view

    source = Path(path)
    if not source.exists():
        raise FileNotFoundError(f"path: there is no saved run at {source}")
    # Consolidated metadata is no part of Zarr 3, and other readers may not know it.
    how = {"engine": "zarr", "consolidated": False} if source.suffix == ".zarr" else {"engine": "h5netcdf"}
    with xr.open_datatree(source, **how) as opened:
        tree = opened.load()
    if tree.attrs.get("format") != FORMAT:
        raise ValueError(
            f"path: {source} is not a run saved by this version (format {tree.attrs.get('format')!r}, expected {FORMAT}; "
            "an older one does not say which particles were kept): temper again and save"
        )
    settings = json.loads(tree.attrs["settings"])
    if triple is not None:
        for key, value in {"dimension": triple.dimension, "n": float(triple.n)}.items():
            if settings[key] != value:
                raise ValueError(f"triple: its {key} is {value}; the run at {source} was made with {settings[key]}")
    posterior = tree["posterior"]
    names = json.loads(posterior.attrs["variables"])
    likelihood = tree["log_likelihood"]["y"].to_numpy() if "log_likelihood" in tree.children else None
    optimum = None
    if "optimum" in tree.children:
        node = tree["optimum"]
        optimum = Optimum(
            float(node["energy"]),
            node["coordinates"].to_numpy(),
            bool(node.attrs["is_likelihood_maximum"]),
            node["mode"].to_numpy(),
            float(node.attrs["mode_energy"]),
            json.loads(node.attrs["spike_energy"]),
        )
    rungs = Rungs(*(np.asarray(tree["rungs"][f.name]) for f in fields(Rungs)))
    return Run(
        rungs=rungs,
        view=ladder_view(rungs, settings),
        settings=settings,
        posterior=Posterior(
            float(posterior.attrs["inverse_temperature"]),
            {name: posterior[name].to_numpy() for name in names},
            tree["sample_stats"]["energy"].to_numpy(),
            likelihood,
            tree["sample_stats"]["rung"].to_numpy(),
            tree["sample_stats"]["particle"].to_numpy(),
        ),
        stored_optimum=optimum,
        truth_energy=json.loads(tree.attrs["truth_energy"]),
        known_multiplicity=json.loads(tree.attrs["known_multiplicity"]),
        triple=triple,
    )
