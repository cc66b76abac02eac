"""Means of functions of the parameter, from all rungs of a run."""

import sys
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "results"))
from instances import run, rungs, triple


def test_expectations_are_those_of_the_posterior():
    """w ~ N(0, 1/(1 + 40β)), drawn exactly: from all rungs the error is less than from one."""
    own = replace(run(), triple=triple())
    for beta in (0.3, 1.0):
        mean, square = own.expectations(lambda w: jnp.stack([w, w**2]), beta)
        variance = 1 / (1 + 40 * beta)
        assert abs(mean.value) < 3 * mean.standard_error
        assert abs(square.value - variance) < 3 * square.standard_error
        assert mean.standard_error < np.sqrt(variance / 64)
    (share,) = own.expectations(lambda w: w > 0)
    assert abs(share.value - 0.5) < 3 * share.standard_error < 0.3


def test_expectations_of_a_run_that_kept_every_second_particle():
    own, kept = rungs(), np.arange(0, 32, 2)
    thin = replace(own, particles=own.particles[:, :, kept], kept=np.tile(kept, (len(own), 1)))
    (half,) = replace(run(), triple=triple(), rungs=thin).expectations(lambda w: w)
    (whole,) = replace(run(), triple=triple()).expectations(lambda w: w)
    assert abs(half.value) < 3 * half.standard_error
    assert half.standard_error > 1.1 * whole.standard_error


def test_a_run_without_its_triple_has_no_expectations():
    with pytest.raises(ValueError, match="triple: this run was loaded"):
        run().expectations(lambda w: w)
