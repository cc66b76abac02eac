"""A small instance of every answer of ``local`` and of the Fisher information, as a sampler would
leave it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from singlearn import local
from singlearn.results import Caution, Estimate, Reason
from singlearn.triple import fisher

DOUBT = Caution(Reason.POOR_MIXING, "the two halves of the chains disagree")
ALMOST = Estimate(1.4, 0.1)


def coefficient() -> Any:
    """λ̂ of four chains."""
    trace = np.linspace(1.0, 2.0, 12).reshape(4, 3)
    return local.LocalLearningCoefficient(
        value=1.5, standard_error=0.1, status=local.Status.CONVERGED,
        per_chain=(1.4, 1.5, 1.5, 1.6), effective_sample_size=200.0, r_hat=1.01,
        acceptance=(0.9, 0.9, 0.9, 0.9), distance=(0.3, 0.3, 0.3, 0.3), above_minimum=0.0,
        heating=0.01, at_twice_gamma=ALMOST, half_dimension=4.0, quadratic=Estimate(2.0, 0.1),
        samples=100, nbeta=21.7, gamma=1.0, loss=0.5, sampler="sgld", steps=400, draws=300,
        batch=50, step=(1e-3, 1e-3, 1e-3, 1e-3), diverged=(), trace=trace, distance_trace=trace,
        cautions=(DOUBT,),
    )  # fmt: skip


def point(step: float) -> Any:
    """λ̂ at one checkpoint."""
    return local.TrajectoryPoint(
        step=step, name=f"step {step:g}", value=1.5, standard_error=0.1,
        status=local.Status.CONVERGED, loss=0.5, above_minimum=0.0, r_hat=1.01,
        effective_sample_size=200.0, steps=400, half_dimension=4.0, samples=100, nbeta=21.7,
        weights="digest", cautions=(DOUBT,),
    )  # fmt: skip


def chains() -> Any:
    """Losses of three samples along four chains, for the network as a whole."""
    rng = np.random.default_rng(0)
    arrays = {
        "loss": (("component", "chain", "draw", "sample"), rng.random((1, 4, 20, 3))),
        "learning_coefficient": ("component", [1.5]),
        "standard_error": ("component", [0.1]),
        "status": ("component", ["converged"]),
    }
    return local.LossChains(
        xr.Dataset(
            arrays,
            {"component": ["all"]},
            {"nbeta": 21.7, "gamma": 1.0, "samples": 3, "shifts": []},
        ),
        (DOUBT,),
    )


def susceptibilities() -> Any:
    """The response of one component to one shift."""
    names = ("susceptibility", "standard_error", "response", "response_error")
    arrays = {name: (("component", "shift"), np.ones((1, 1))) for name in names}
    return local.Susceptibilities(
        xr.Dataset(arrays, {"component": ["all"], "shift": ["code"]}, {"nbeta": 21.7}), (DOUBT,)
    )


def component() -> Any:
    """A head whose λ̂ is withheld."""
    return local.ComponentCoefficient(
        "l0h3", float("nan"), float("nan"), local.Status.DIVERGED, ALMOST, 12.0, 400, (DOUBT,)
    )


def grid() -> Any:
    """Three nβ at which λ̂ is level."""
    points = tuple(
        local.ScanPoint(b, 1.0, 1.5, 0.01, local.Status.CONVERGED, ALMOST, (1.4, 1.6))
        for b in (10.0, 40.0, 90.0)
    )
    level = local.Plateau("nbeta", 1.0, 10.0, 90.0, 1.5, 0.01)
    return local.Scan(points, 100, 1.5, False, (level,), (DOUBT,))


def information() -> Any:
    """Of a model in which one of two parameters does nothing."""
    return fisher.FisherInformation(
        where="the true parameter", parameter=np.zeros(2), coordinates=np.zeros(2),
        matrix=np.diag([1.0, 0.0]), eigenvalues=np.array([1.0, 0.0]), rank=1, undecided=0,
        smallest_kept=1.0, largest_dropped=0.0, kernel=np.array([[0.0, 1.0]]),
        directions=({"w[1]": 1.0},), expectation="exact", most=2,
    )  # fmt: skip


OF_CHAINS: dict[str, Callable[[], Any]] = {
    "local.LocalLearningCoefficient": coefficient,
    "local.Audit": lambda: local.Audit(
        1.5, 0.1, local.Status.NOISE_LIMITED, 1.7, (1.4, 1.6), 20.0, 1.2, 100, 200, 21.7, 0.01,
        (), (), (DOUBT,),
    ),
    "local.Trajectory": lambda: local.Trajectory(
        tuple(point(float(step)) for step in range(30)), (31.0,), 1.0, None
    ),
    "local.TrajectoryPoint": lambda: point(1.0),
    "local.LossChains": chains,
    "local.Influence": lambda: local.influence(chains()),
    "local.LossKernel": lambda: local.loss_kernel(chains()),
    "local.ComponentCoefficient": component,
    "local.ComponentCoefficients": lambda: local.ComponentCoefficients(
        (component(),), (), 10.0, True, 20.0
    ),
    "local.DatamodelingScore": lambda: local.DatamodelingScore(0.5, 0.1, (0.4, 0.6), 20),
    "local.Curve": lambda: grid().curve(),
    "local.Plateau": lambda: grid().plateaus[0],
    "local.Scan": grid,
    "local.ScanPoint": lambda: grid().points[0],
    "local.Susceptibilities": susceptibilities,
    "triple.fisher.FisherInformation": information,
    "triple.fisher.FiniteVariance": lambda: fisher.FiniteVariance(
        "holds", "the ratio is bounded", np.array([0.1, 0.2]), np.array([1.0, 1.1]), 0.0,
        np.zeros(2),
    ),
    "triple.fisher.Diagnosis": lambda: fisher.Diagnosis(
        "two parameters", 2, "singular", "the Fisher information is degenerate", False,
        "w[1] does nothing", False, (information(),), (), (DOUBT,),
    ),
}  # fmt: skip
