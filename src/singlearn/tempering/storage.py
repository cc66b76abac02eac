"""A run on disk: an xarray DataTree with ArviZ's groups, read back bit for bit."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
import xarray as xr

from singlearn.phases.restriction import Restrict, Restriction, restricted
from singlearn.running import identity
from singlearn.running.whole_files import as_path, not_written, partial_name, write_whole
from singlearn.tempering.coordinate_mixing import CoordinateMixing
from singlearn.tempering.made_of import MadeOf, as_plain_data
from singlearn.tempering.modes import view_of_ladders
from singlearn.tempering.named_groups import log_likelihood_group, pointwise, posterior_dimensions
from singlearn.tempering.optimum import Optimum
from singlearn.tempering.posterior import Posterior
from singlearn.tempering.rungs import Rungs
from singlearn.triple import Triple
from singlearn.triple.sites import Sites

FORMAT = 2
# Groups that are ours; whoever opens the file elsewhere may add others.
GROUPS = ("posterior", "sample_stats", "rungs", "log_likelihood", "made_of", "optimum")
# Attributes that are part of what was measured.
DIGESTED = ("settings", "truth_energy", "known_multiplicity")
NUMBERS_BESIDE = {"inverse_temperature", "mode_energy", "is_likelihood_maximum"}
# Dimensions of the arrays of a rung, in ArviZ's words: a replicate is a chain, a particle a draw.
RUNG_DIMENSIONS = {
    "particles": ("rung", "chain", "kept_particle", "coordinate"),
    "kept": ("rung", "kept_particle"),
    "ancestor": ("rung", "chain", "particle"),
    "energies": ("rung", "chain", "particle"),
    "log_evidence_step": ("rung", "chain"),
    "effective_sample_size": ("rung", "chain"),
}


@runtime_checkable
class Storable(Protocol):
    """What is written down of a run; :class:`singlearn.tempering.run.Run` has it."""

    @property
    def rungs(self) -> Rungs: ...

    @property
    def settings(self) -> dict[str, Any]: ...

    @property
    def posterior(self) -> Posterior: ...

    @property
    def optimum(self) -> Optimum | None: ...

    @property
    def truth_energy(self) -> float | None: ...

    @property
    def known_multiplicity(self) -> int | None: ...

    @property
    def sites(self) -> Sites: ...

    @property
    def coordinate_mixing(self) -> CoordinateMixing: ...

    @property
    def made_of(self) -> MadeOf | dict[str, Any] | None: ...


def to_datatree(run: Storable) -> xr.DataTree:
    """See ``Run.to_datatree``."""
    rungs = xr.Dataset(
        {
            f.name: (RUNG_DIMENSIONS.get(f.name, ("rung",)), getattr(run.rungs, f.name))
            for f in fields(Rungs)
        }
    )
    posterior = xr.Dataset(
        {
            name: (posterior_dimensions(name, values.ndim - 2, run.sites), values)
            for name, values in run.posterior.draws.items()
        },
        attrs={
            "inverse_temperature": run.posterior.inverse_temperature,
            "variables": json.dumps(list(run.posterior.draws)),
        },
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
        groups["log_likelihood"] = log_likelihood_group(run.posterior.log_likelihood, run.sites)
    made_of = as_plain_data(run.made_of, run.rungs.particles[0])
    if made_of is not None:
        # As bytes and no attribute: HDF5 holds no attribute above 64 kB.
        text = np.frombuffer(json.dumps(made_of).encode(), dtype=np.uint8)
        groups["made_of"] = xr.Dataset({"identity": (("byte",), text)})
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
            groups[group] = groups[group].assign_coords(
                chain=np.arange(chains), draw=np.arange(draws)
            )
    attributes = {
        "format": FORMAT,
        "settings": json.dumps(run.settings),
        "truth_energy": json.dumps(run.truth_energy),
        "known_multiplicity": json.dumps(run.known_multiplicity),
    }
    attributes["digest"] = _digest(groups, attributes)
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attributes), **groups})


def _independence(run: Storable) -> dict[str, float | str]:
    """What a reader of the draws should know: their order says nothing, and they share
    ancestors.
    """
    mixing = run.coordinate_mixing
    return {
        "families": mixing.families,
        "independent_draws": mixing.independent_draws,
        "unmixed": json.dumps(
            [name for name, bad in zip(mixing.names, mixing.is_unmixed, strict=True) if bad]
        ),
        "order": (
            "draws are particles in random order: an effective sample size read from their order "
            "takes them for independent; "
            "independent_draws is what the worst coordinate is worth, read from families that "
            "share an ancestor"
        ),
    }


def save(run: Storable, path: str | os.PathLike[str]) -> None:
    """See ``Run.save``; the file appears whole or not at all."""
    target = as_path("path", path)
    if not target.parent.is_dir():
        raise not_written(target, 0, FileNotFoundError(errno.ENOENT, "no such folder"))
    tree = to_datatree(run)
    if target.suffix == ".zarr":
        _save_zarr(tree, target)
        return
    # Written in memory first: where a disk is full, HDF5 does not return an error but ends the
    # process.
    write_whole(target, tree.to_netcdf(engine="h5netcdf"))


def load(
    path: str | os.PathLike[str], triple: Triple | None, restrict: Restrict | None
) -> dict[str, Any]:
    """See ``Run.load``.

    Returns:
        What a run is made of, by the names of its attributes.
    """
    source = as_path("path", path)
    if triple is not None and not isinstance(triple, Triple):
        raise TypeError(
            f"triple: got {type(triple).__name__}; it should be the Triple that was tempered"
        )
    if restrict is not None and triple is None:
        raise ValueError("restrict: it is the phase of a triple; give triple= as well")
    tree = _read(source)
    if tree.attrs.get("format") != FORMAT:
        raise ValueError(
            f"path: {source} is not a run saved by this version (format "
            f"{tree.attrs.get('format')!r}, "
            f"expected {FORMAT}; an older one says neither which particles were kept nor what the "
            f"run was "
            "made of): temper again and save"
        )
    try:
        groups = {name: node.to_dataset() for name, node in tree.children.items()}
        if "digest" in tree.attrs and tree.attrs["digest"] != _digest(
            {k: v for k, v in groups.items() if k in GROUPS}, tree.attrs
        ):
            raise ValueError("its numbers or settings are not those that were saved")
        settings = json.loads(tree.attrs["settings"])
        parts = (
            json.loads(tree["made_of"]["identity"].to_numpy().astype(np.uint8).tobytes())
            if "made_of" in tree.children
            else None
        )
        found = _fields(tree)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"path: {source} is a damaged run ({_first_line(error)}); delete it and temper again"
        ) from None
    whole = triple
    if triple is not None:
        restriction = None
        if restrict is not None:
            with jax.enable_x64(settings["precision"] == "float64"):
                restriction = Restriction.of(restrict, triple.coordinates)
        _compare(source, settings, parts, MadeOf(triple, restriction))
        whole = triple if restriction is None else restricted(triple, restriction)
        if found["truth_energy"] is None:
            found["truth_energy"] = whole.truth_energy
    return {
        **found,
        "settings": settings,
        "view": view_of_ladders(found["rungs"], settings),
        "triple": whole,
        "made_of": parts,
    }


def _compare(
    source: Path, settings: dict[str, Any], parts: dict[str, Any] | None, made_of: MadeOf
) -> None:
    """Raise ``ValueError`` unless the run was made of this triple and this phase."""
    triple = made_of.triple
    for key, value in {"dimension": triple.dimension, "n": float(triple.n)}.items():
        if settings[key] != value:
            raise ValueError(
                f"triple: its {key} is {value}; the run at {source} was made with {settings[key]}"
            )
    phase = settings.get("restricted_to")
    if phase is not None and made_of.restriction is None:
        raise ValueError(
            f"restrict: the run saved at {source} is that of one phase, {phase}; give restrict= "
            "as it was given to temper, or load the run "
            "without a triple"
        )
    if phase is None and made_of.restriction is not None:
        raise ValueError(
            f"restrict: the run saved at {source} is that of the whole prior; leave restrict= out"
        )
    if parts is None:
        raise ValueError(
            f"triple: the run at {source} does not say what it was made of, so it cannot be "
            "checked whether it was this triple; load it without a triple, or temper again"
        )
    # A truth may be given later; two that differ are two truths.
    unknown = (
        () if "truth energy" in parts and triple.truth_energy is not None else ("truth energy",)
    )
    different = made_of.differences(parts, unknown)
    if different:
        name = "restrict" if all(said.startswith("restrict") for said in different) else "triple"
        raise ValueError(
            f"{name}: it is not the one of the run saved at {source} "
            f"({identity.in_words(different)}); give the one that was tempered, or load "
            "the run without a triple"
        )


def _read(source: Path) -> xr.DataTree:
    """The tree at a path.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it cannot be read.
    """
    reads = "Run.load reads what Run.save wrote: NetCDF (.nc), or a Zarr folder (.zarr)"
    if not source.exists():
        raise FileNotFoundError(f"path: there is no saved run at {source}")
    if source.suffix == ".zarr" and source.is_dir():
        how: dict[str, Any] = {"engine": "zarr", "consolidated": False}
    elif source.is_dir():
        more = (
            f'; to go on with a checkpoint, temper(..., checkpoint="{source}")'
            if (source / "settings.json").exists()
            else ""
        )
        raise ValueError(f"path: {source} is a folder; {reads}{more}")
    else:
        with source.open("rb") as stream:
            magic = stream.read(8)
        if magic[:2] == b"PK":
            raise ValueError(
                f"path: {source} is not a saved run but an archive of NumPy (.npz), such as one "
                f"rung of a checkpoint; {reads}; to resume a checkpoint, call temper(..., "
                f'checkpoint="{source.parent}")'
            )
        if magic != b"\x89HDF\r\n\x1a\n":
            raise ValueError(
                f"path: {source} is not a saved run, or its beginning is damaged; {reads}"
            )
        how = {"engine": "h5netcdf"}
    try:
        # Consolidated metadata is no part of Zarr 3, and other readers may not know it.
        with xr.open_datatree(source, **how) as opened:
            return opened.load()
    except Exception as error:  # damaged files fail in HDF5, in Zarr, in xarray, in any way at all
        raise ValueError(
            f"path: {source} is damaged, or no saved run ({_first_line(error)}); {reads}; delete "
            f"it "
            "and temper again"
        ) from None


def _save_zarr(tree: xr.DataTree, target: Path) -> None:
    """Into a folder of its own, which then takes the place of the earlier one."""
    partial, earlier = partial_name(target), partial_name(target)
    try:
        try:
            tree.to_zarr(partial, mode="w", consolidated=False)
            if target.exists():
                os.replace(target, earlier)
            try:
                os.replace(partial, target)
            except OSError:
                if earlier.exists():
                    os.replace(earlier, target)
                raise
        except OSError as error:
            raise not_written(target, int(tree.nbytes), error) from error
    finally:
        for left_over in (partial, earlier):
            if left_over.exists():
                with suppress(OSError):
                    shutil.rmtree(left_over)


def _digest(groups: Mapping[str, xr.Dataset], attributes: Mapping[Any, Any]) -> str:
    """Of all numbers that are written, by group and name, and of what the run was asked for."""
    found = hashlib.blake2b(digest_size=16)
    for name in DIGESTED:
        found.update(f"{name} {attributes[name]} ".encode())
    for group in sorted(groups):
        for name in sorted(NUMBERS_BESIDE & set(groups[group].attrs)):
            found.update(f"{group} {name} {json.dumps(float(groups[group].attrs[name]))} ".encode())
        for name in sorted(map(str, groups[group].data_vars)):
            values = np.ascontiguousarray(groups[group][name].to_numpy())
            found.update(f"{group} {name} {values.shape} {values.dtype.str} ".encode())
            found.update(values.tobytes())
    return found.hexdigest()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _fields(tree: xr.DataTree) -> dict[str, Any]:
    """What a run is made with, but for its triple."""
    posterior = tree["posterior"]
    names = json.loads(posterior.attrs["variables"])
    likelihood = (
        pointwise(tree["log_likelihood"].to_dataset())
        if "log_likelihood" in tree.children
        else None
    )
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
    return {
        "rungs": Rungs(*(np.asarray(tree["rungs"][f.name]) for f in fields(Rungs))),
        "posterior": Posterior(
            float(posterior.attrs["inverse_temperature"]),
            {name: posterior[name].to_numpy() for name in names},
            tree["sample_stats"]["energy"].to_numpy(),
            likelihood,
            tree["sample_stats"]["rung"].to_numpy(),
            tree["sample_stats"]["particle"].to_numpy(),
        ),
        "stored_optimum": optimum,
        "truth_energy": json.loads(tree.attrs["truth_energy"]),
        "known_multiplicity": json.loads(tree.attrs["known_multiplicity"]),
    }
