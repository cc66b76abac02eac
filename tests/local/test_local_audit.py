"""Runs of devinterp in the formats of its two versions: the dictionary of the estimator of version
1, the DataTree of version 2. Those in ``runs_of_devinterp`` were written by 1.3.2 and 2.0.1
themselves (``bench/local_devinterp_file.py``).
"""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import singlearn as sl
from singlearn.results.caution import Reason
from singlearn.results.result import Measured, Tabled

NBETA, TRUE, AT_CENTRE = 30.0, 2.0, 3.0
CHAINS, DRAWS, BATCH, TOKENS = 4, 600, 8, 5


def excess(rise: float = 0.0) -> np.ndarray:
    """nβ ΔL ~ Gamma(λ) by chain and draw; with ``rise`` it begins at 0 and forgets that in so many
    draws.
    """
    draws = np.random.default_rng(0).gamma(TRUE, size=(CHAINS, DRAWS))
    return draws * (1 - np.exp(-np.arange(DRAWS) / rise)) if rise else draws


def tree(nats: np.ndarray, spread: float = 0.0) -> xr.DataTree:
    """As sample() of version 2 writes it: the loss of every token, and that at w* by position."""
    rng = np.random.default_rng(1)
    sequences = spread * rng.normal(size=(CHAINS, DRAWS, BATCH, 1))
    losses = AT_CENTRE + nats[..., None, None] / NBETA + sequences + np.zeros((1, 1, 1, TOKENS))
    sampler = {
        "n_beta": NBETA,
        "num_burnin_steps": 0,
        "num_init_loss_batches": 32,
        "batch_size": BATCH,
        "gradient_accumulation_steps": 1,
    }
    arrays = {
        "init_loss": (("chain", "token_pos"), np.full((CHAINS, TOKENS), AT_CENTRE, "f4")),
        "sampling_loss": (("chain", "draw", "batch", "token_pos"), losses.astype("f4")),
    }
    attributes = {"metadata": {"config": {"sampler": sampler}}, "completed": 1}
    return xr.DataTree(xr.Dataset(arrays, attrs=attributes))


def reasons(found) -> set[Reason]:
    return {caution.reason for caution in found.cautions}


def test_both_formats_give_the_coefficient_with_an_error() -> None:
    old = {"loss/trace": AT_CENTRE + excess() / NBETA, "llc/mean": 1.0}
    for found in (
        sl.local.from_devinterp(tree(excess())),
        sl.local.from_devinterp(old, nbeta=NBETA, init_loss=AT_CENTRE),
    ):
        assert abs(found.value - TRUE) < 4 * found.standard_error < 0.3
        assert found.status == "converged" and found.nbeta == NBETA
        assert isinstance(found, Measured) and isinstance(found, Tabled)
        assert Reason.NOT_CHECKED in reasons(found) and len(str(found)) < 2000
        assert found.to_dict()["status"] == "converged"


def test_files_of_the_library_itself_are_read(tmp_path) -> None:
    """Eight numbers, each met by one token in eight: nβ h = 80/8, and λ̂ = 8/2 · 10/11 with γ = 1,
    somewhat more for the noise of batches of four.
    """
    pytest.importorskip("zarr")
    folder = Path(__file__).parent / "runs_of_devinterp"
    with zipfile.ZipFile(folder / "devinterp-2.0.1.zip") as packed:
        packed.extractall(tmp_path)
    new = sl.local.from_devinterp(tmp_path / "samples.zarr")
    written = json.loads((folder / "devinterp-1.3.2.json").read_text())
    old = sl.local.from_devinterp(written, nbeta=80.0)
    assert old.claimed == pytest.approx(written["llc/mean"], rel=1e-4)  # L(w*) is not written down
    for found in (new, old):
        assert len(found.per_chain) == 4 and found.draws == 160 and found.nbeta == 80.0
        assert not found.dead and not found.diverged
        assert abs(found.value - 40 / 11) < 2.5 * found.standard_error < 1.3
    assert new.baseline_error > 0 and old.baseline_error == 0


def test_a_folder_of_zarr_is_read(tmp_path) -> None:
    pytest.importorskip("zarr")
    tree(excess()).to_zarr(tmp_path / "samples.zarr", consolidated=False)
    found = sl.local.from_devinterp(tmp_path / "samples.zarr")
    assert found.value == pytest.approx(sl.local.from_devinterp(tree(excess())).value, rel=1e-6)
    with pytest.raises(FileNotFoundError, match=r"run: .*other\.zarr does not exist"):
        sl.local.from_devinterp(tmp_path / "other.zarr")


def test_draws_on_the_way_from_the_centre_are_left_out() -> None:
    found = sl.local.from_devinterp(tree(excess(rise=40.0)))
    assert 60 <= found.burn_in <= 300 and Reason.READINGS_DISAGREE in reasons(found)
    assert abs(found.value - TRUE) < 4 * found.standard_error
    assert found.claimed < 0.97 * found.value
    rising = sl.local.from_devinterp(tree(excess(rise=3000.0)))
    assert rising.status == "drifting" and Reason.POOR_MIXING in reasons(rising)


def test_chains_that_are_dead_or_gone_are_named() -> None:
    nats = excess()
    nats[1] = np.nan
    nats[2] = 0.0
    dead = sl.local.from_devinterp(tree(nats))
    assert dead.dead == (1, 2) and abs(dead.value - TRUE) < 4 * dead.standard_error
    assert dead.table()["state"].tolist() == ["counts", "dead", "dead", "counts"]
    for gone in (np.inf, np.linspace(0, 1e4, DRAWS)):
        nats = excess()
        nats[3] = gone
        left = sl.local.from_devinterp(tree(nats))
        assert left.diverged == (3,) and math.isnan(left.value) and left.status == "diverged"
        assert Reason.DIVERGED in reasons(left)


def test_the_error_of_the_loss_at_the_centre_is_part_of_the_error() -> None:
    """Sequences differ by one nat: 30/√256 = 1.9 in units of λ."""
    found = sl.local.from_devinterp(tree(excess(), spread=1.0))
    assert found.baseline_error == pytest.approx(NBETA / math.sqrt(32 * BATCH), rel=0.05)
    assert found.standard_error > found.baseline_error and found.status == "noise_limited"
    assert Reason.MINIBATCH_NOISE in reasons(found)


def test_losses_below_that_of_the_centre_are_no_minimum() -> None:
    found = sl.local.from_devinterp(tree(-excess()))
    assert found.status == "not_local_minimum" and Reason.NOT_A_MINIMUM in reasons(found)


def test_what_is_no_run_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="run: got dict; it should be the DataTree"):
        sl.local.from_devinterp({"llc/mean": 3.0})
    with pytest.raises(ValueError, match="nbeta: the run does not say it"):
        sl.local.from_devinterp({"loss/trace": excess(), "init_loss": 0.0})
    with pytest.raises(ValueError, match="init_loss: the run does not say the loss at w"):
        sl.local.from_devinterp({"loss/trace": excess()}, nbeta=1.0)
