"""``llc`` passes forward only: settings, network, sampling, measuring, verdict."""

from __future__ import annotations

import ast
import functools
import inspect
import math
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import pytest

import singlearn.local
from singlearn.local.chains import Chains
from singlearn.local.checks.unfelt import Unfelt
from singlearn.local.measuring.measurements import Measurements, Setting
from singlearn.local.measuring.minimum import Below
from singlearn.local.measuring.quadratic import Spectrum
from singlearn.local.sampling.mixing import mixing
from singlearn.local.sampling.sampled import Drawn
from singlearn.local.target import Traces
from singlearn.local.verdict.result import LocalLearningCoefficient
from singlearn.local.verdict.status import Status
from singlearn.local.verdict.verdict import verdict
from singlearn.results.caution import Caution, Reason
from singlearn.results.estimate import Estimate
from singlearn.results.result import Measured, Result, Tabled

ROOM = Path(singlearn.local.__file__).parent
ORDER = [
    "weight_files",
    "names",
    "components",
    "gamma",
    "target",
    "chains",
    "tokens",
    "checks",
    "sampling",
    "measuring",
    "verdict",
    "torch",
    "jax",
    "network",
    "llc",
    "scan",
    "training",
    "influence",
    "audit",
]
GROUND = {"numbers", "results", "running", "data"}


@functools.cache
def imports() -> list[tuple[Path, str]]:
    return [
        (path, node.module)
        for path in sorted(ROOM.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("singlearn.")
    ]


def test_parts_import_what_stands_before_them_and_the_ground_floor_only() -> None:
    for path, module in imports():
        own, parts = path.relative_to(ROOM).parts[0].removesuffix(".py"), module.split(".")
        if parts[1] != "local":
            assert parts[1] in GROUND, f"{path} imports {module}"
        elif own != "__init__":
            assert ORDER.index(parts[2]) <= ORDER.index(own), f"{path} imports {module}"


def test_no_import_goes_round_in_a_circle() -> None:
    files: dict[str, set[str]] = {}
    for path, module in imports():
        name = ".".join(("singlearn", "local", *path.relative_to(ROOM).with_suffix("").parts))
        files.setdefault(name, set()).add(module)
    order = list(TopologicalSorter(files).static_order())  # raises CycleError
    assert order.index("singlearn.local.chains") < order.index("singlearn.local.llc")


def measurements(**changed) -> Measurements:
    """Chains of a regular model of d = 4: nβ ΔL ~ Gamma(2), |w - w*|² ~ χ²."""
    rng = np.random.default_rng(0)
    started = np.arange(8) % 2 * 1.0
    traces = Traces(rng.gamma(2.0, size=(8, 2000)), rng.chisquare(4, size=(8, 2000)))
    drawn = Drawn(
        sampler="hmc",
        traces=traces,
        started_away=started,
        step=np.full(8, 0.1),
        acceptance=np.full(8, 0.8),
        steps=20_000,
        batch=100,
    )
    given = {
        "setting": Setting(100, 4, 1.25, 21.7, 1.0, rounding=1e-9),
        "drawn": drawn,
        "felt": Unfelt(False),
        "dead": (),
        "below": Below(0.0),
        "curved": Spectrum(np.full((1, 4), 1e6), np.ones((1, 4))),
        "excess": mixing(traces.excess, started),
        "distance": mixing(traces.squared_distance, started),
        "at_twice_gamma": Estimate(2.0, 0.02),
        "at_half_gamma": Estimate(2.0, 0.02),
    }
    return Measurements(**(given | changed))


def test_a_verdict_is_a_function_of_measurements_alone() -> None:
    """Nothing is sampled or evaluated, so that the same measurements give the same verdict."""
    assert list(inspect.signature(verdict).parameters) == ["measured", "tolerance", "reference"]
    found, again = verdict(measurements(), 0.05), verdict(measurements(), 0.05)
    assert found.to_dict() == again.to_dict()
    assert found.status is Status.CONVERGED and found.cautions == ()
    assert abs(found.value - 2.0) < 4 * found.standard_error < 0.2
    assert found.quadratic.value == pytest.approx(2.0, rel=1e-5)


@pytest.mark.parametrize(
    ("changed", "tolerance", "status", "reason"),
    [
        ({}, 1e-6, Status.NOISE_LIMITED, Reason.ABOVE_TOLERANCE),
        ({"below": Below(3.0)}, 0.05, Status.NOT_LOCAL_MINIMUM, Reason.NOT_A_MINIMUM),
        ({"dead": (3,), "excess": None}, 0.05, Status.DIVERGED, Reason.DIVERGED),
        ({"at_twice_gamma": Estimate(1.0, 0.01)}, 0.05, Status.CONVERGED, Reason.DEPENDS_ON_GAMMA),
        ({"curved": None, "no_curvature": "why"}, 0.05, Status.CONVERGED, Reason.NOT_CHECKED),
        ({"felt": Unfelt(False, ("A",), 2)}, 0.05, Status.CONVERGED, Reason.UNFELT_PARAMETERS),
    ],
    ids=["imprecise", "above", "diverged", "gamma", "no curvature", "unfelt"],
)
def test_every_measurement_has_its_say(changed, tolerance, status, reason) -> None:
    found = verdict(measurements(**changed), tolerance)
    assert found.status is status and reason in [caution.reason for caution in found.cautions]
    assert math.isnan(found.value) == (status is Status.DIVERGED)


def test_results_have_one_shape_and_fit_a_screen() -> None:
    long = Caution(Reason.SLOW, "that is long " * 40)
    setting = Setting(100, 4, 1.25, 21.7, 1.0, rounding=1e-9, notes=(long,) * 20)
    found = verdict(measurements(setting=setting), 0.05)
    assert isinstance(found, LocalLearningCoefficient)
    assert isinstance(found, Result) and isinstance(found, Measured) and isinstance(found, Tabled)
    assert len(found.cautions) == 20 and len(str(found)) < 2000 and "more cautions" in str(found)
    assert found.to_dict()["cautions"][0] == {"reason": "slow", "message": long.message}
    assert found.table()["starts"].tolist() == ["at w*", "away"] * 4
    assert found.table()["learning_coefficient"].mean() == pytest.approx(found.value)


def test_chains_are_checked_once_and_copies_too() -> None:
    with pytest.raises(ValueError, match="max_steps: got 10; it should be a whole number"):
        Chains(max_steps=10)
    assert Chains(max_steps=2e3).tied(3.0) == Chains(max_steps=2000, gamma=3.0)
