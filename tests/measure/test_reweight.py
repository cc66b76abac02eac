"""Reweighting against closed forms and against pymbar."""

import subprocess
import sys

import numpy as np
import pytest

from singlearn.measure.reweight import Reweighting

BETAS = np.array([0.0, 0.4, 1.5, 5.0])


def asymmetric_energies(seed=0, size=3000):
    """U = u with φ = Gamma(2, 1): p^β = Gamma(2, 1+β), F = 2 log(1+β), E = 2/(1+β). Skewed, unlike
    a Gaussian.
    """
    return np.random.default_rng(seed).gamma(2.0, size=(4, size)) / (1 + BETAS)[:, None]


def test_closed_form():
    reweighting = Reweighting(BETAS, asymmetric_energies())
    for beta in (0.0, 0.2, 1.0, 5.0):
        mean, variance = reweighting.mean_and_variance(beta)
        assert reweighting.free_energy(beta) == pytest.approx(2 * np.log1p(beta), abs=0.05)
        assert mean == pytest.approx(2 / (1 + beta), rel=0.04)
        assert variance == pytest.approx(2 / (1 + beta) ** 2, rel=0.12)
        assert reweighting.weights(beta).sum() == pytest.approx(1.0)


def test_agrees_with_pymbar():
    energies = asymmetric_energies(size=400)
    # In its own process: pymbar changes JAX's precision for everybody.
    script = (
        "import sys, numpy as np, pymbar; e = np.load(sys.argv[1]); b = np.load(sys.argv[2]);"
        "m = pymbar.MBAR(b[:, None] * e.reshape(1, -1), np.full(len(b), e.shape[1]), "
        "relative_tolerance=1e-10);"
        "print(*m.f_k)"
    )
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "e.npy", energies)
        np.save(Path(folder) / "b.npy", BETAS)
        result = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script, f"{folder}/e.npy", f"{folder}/b.npy"],
            capture_output=True,
            text=True,
            check=True,
        )
    oracle = np.array([float(x) for x in result.stdout.split()[-len(BETAS) :]])
    np.testing.assert_allclose(Reweighting(BETAS, energies).free_energies, oracle, atol=1e-6)


def test_infinite_energies_weigh_nothing():
    energies = asymmetric_energies()
    with_infinite = energies.copy()
    with_infinite[0, :1500] = np.inf
    reweighting = Reweighting(BETAS, with_infinite)
    # Half of the prior has no likelihood: the evidence halves.
    shift = reweighting.free_energy(1.5) - Reweighting(BETAS, energies).free_energy(1.5)
    assert shift == pytest.approx(np.log(2), abs=0.08)
    assert np.isfinite(reweighting.mean_and_variance(1.0)).all()


def test_outside_the_ladder_is_refused():
    with pytest.raises(
        ValueError, match=r"beta: got 6; it should be within the run's range \[0, 5\]"
    ):
        Reweighting(BETAS, asymmetric_energies()).free_energy(6.0)


def test_gap_in_the_ladder_still_converges():
    rng = np.random.default_rng(0)
    betas = np.array([0.0, 50.0])
    energies = rng.gamma(2.0, size=(2, 3000)) / (1 + betas)[:, None]
    assert Reweighting(betas, energies).free_energy(50.0) == pytest.approx(2 * np.log(51), abs=0.7)
