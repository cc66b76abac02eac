"""Sweeps over processes: a real Dask client, a sweep that is killed, empirical and population
triples, recombination in two parameters.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.integrate import dblquad

import singlearn as sl
from singlearn.triple import Triple

ALONG = [0.5, 1.0, 1.5]


# One well at θ, by which the two halves of the line are divided unequally.
TILTED = Triple.population(
    lambda w, theta: 0.5 * (w - theta) ** 2, dist.Normal(0.0, 1.0), n=4, setting=0.0, name="tilted"
)


def tilted(theta):
    return TILTED.with_setting(theta)


def positive(w):
    return w > 0


def sweep(folder, client=None, make=tilted):
    return sl.phase_diagram(
        make, ALONG, positive, particles=32, replicates=2, seed=3, folder=folder, client=client
    )


def normal(n, seed):
    y = np.random.default_rng(seed).normal(size=n)
    return Triple(
        lambda w, y: dist.Normal(w, 1.0).log_prob(y),
        dist.Normal(0.0, 1.0),
        y,
        truth=0.0,
        name="normal",
    )


def slopes(folder, client=None):
    methods = {"MLE": sl.generalise.by_mle()}
    return sl.generalise.learning_curve(
        normal, [10, 20], methods, datasets=3, test_points=50, folder=folder, client=client
    )


@pytest.mark.filterwarnings(
    "ignore"
)  # of Dask's own machinery, which starts an event loop and may open a port
def test_a_dask_client_makes_the_same_table_and_the_same_learning_curve(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        spread = sweep(tmp_path / "spread", client)
        curve = slopes(tmp_path / "curve", client)
    assert spread.to_dict() == sweep(None).to_dict()
    assert curve == slopes(None) and len(list((tmp_path / "curve").glob("MLE_*.json"))) == 2
    assert len(list((tmp_path / "spread").glob("point_*.json"))) == len(ALONG)


KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from test_sweeps import sweep, tilted
asked = []
def make(theta):
    # The neighbour's triple is asked for first, then the point's own.
    if asked:
        print(len(asked), flush=True)
    asked.append(theta)
    return tilted(theta)
sweep({folder!r}, make=make)
"""


def test_a_killed_sweep_goes_on_where_it_was(tmp_path):
    """SIGKILL as soon as the first point is on disk; the second start runs only the others and ends
    with the same table.
    """
    whole = sweep(None)
    folder = tmp_path / "sweep"
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 240
    while (
        not list(folder.glob("point_*.json"))
        and process.poll() is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    finished = {path.name: path.stat().st_mtime_ns for path in folder.glob("point_*.json")}
    assert 1 <= len(finished) < len(ALONG)
    asked = []

    def counted(theta):
        asked.append(theta)
        return tilted(theta)

    again = sweep(folder, make=counted)
    # Two triples for each point that is run: its own, and its neighbour's for the force; one to
    # compare each finished point with.
    assert len(asked) == 2 * (len(ALONG) - len(finished)) + len(finished)
    assert {name: (folder / name).stat().st_mtime_ns for name in finished} == finished
    assert str(again) == str(whole) and again.to_dict() == whole.to_dict()


def line(n):
    """y = 0.3 x + noise: how the sign of the slope is settled as data come in."""
    generator = np.random.default_rng(1)
    x = generator.normal(size=int(n))
    return Triple.regression(
        lambda w, x: w * x,
        dist.Normal(0.0, 1.0),
        x,
        0.3 * x + generator.normal(size=int(n)),
        name="line",
    )


def test_a_sweep_over_n_with_data():
    """F and what the last observation added to it against conjugate regression, and the share of w
    > 0, at n = 10 and n = 5000.
    """
    diagram = sl.phase_diagram(
        line, [10, 5000], positive, particles=48, replicates=4, seed=0, parameter="n"
    )
    for point in diagram.points:
        triple = line(point.value)
        x, y = triple.data
        precision, projection = 1 + x @ x, x @ y
        exact = 0.5 * (
            len(x) * math.log(2 * math.pi) + math.log(precision) + y @ y - projection**2 / precision
        )
        assert abs(point.free_energy.value - exact) < 4 * point.free_energy.standard_error < 1.0
        if point.value == 10:
            # -log p(y_i | the others), averaged: a Gaussian around the fit without i.
            without, rest = precision - x**2, projection - x * y
            residual, variance = y - x * rest / without, 1 + x**2 / without
            added = np.mean(0.5 * residual**2 / variance + 0.5 * np.log(2 * np.pi * variance))
            # WAIC is that up to O(1/n²).
            assert (
                abs(point.generalisation_error.value - added)
                < 4 * point.generalisation_error.standard_error + 1 / 10**2
                < 0.1
            )
    assert diagram.points[1].phases["True"].occupancy.value > 0.99


def test_population_triples_of_any_n_share_what_is_compiled():
    """The same objects for n = 10² and 10⁹, so that a sweep compiles once; F to four errors at each
    n.
    """
    base = Triple.population(lambda w: 0.5 * w**2, dist.Normal(0.0, 1.0), n=1)
    assert base.with_n(1e2).as_model() == base.with_n(1e9).as_model()
    diagram = sl.phase_diagram(
        base.with_n, [1e2, 1e9], positive, particles=128, replicates=8, seed=0, parameter="n"
    )
    for point in diagram.points:
        assert (
            abs(point.free_energy.value - 0.5 * math.log1p(point.value))
            < 4 * point.free_energy.standard_error
            < 0.5
        )
        # F_{n+1} - F_n ≈ E_w[K] = 1/(2 (1 + n)).
        error = point.generalisation_error
        assert (
            abs(error.value - 0.5 / (1 + point.value))
            < 4 * error.standard_error
            < 0.4 / point.value
        )


def test_settings_share_what_is_compiled_and_are_not_mixed_up():
    base = Triple.population(
        lambda w, s: s["a"] * (w - s["c"]) ** 2,
        dist.Normal(0.0, 1.0),
        n=2,
        setting={"a": 1.0, "c": 0.0},
    )
    moved = base.with_setting({"a": 3.0, "c": 1.0}, n=5)
    assert base.as_model() == moved.as_model()
    assert (base.parameter_energy(2.0), moved.parameter_energy(2.0)) == (8.0, 15.0)
    for triple, a, c in ((base, 2.0, 0.0), (moved, 15.0, 1.0)):
        # ∫ exp(-a (w - c)²) N(w; 0, 1) dw
        exact = 0.5 * math.log(1 + 2 * a) + a * c * c / (1 + 2 * a)
        found = sl.temper(triple, particles=256, replicates=8, seed=0, progress=False).free_energy(
            1.0
        )
        assert abs(found.value - exact) < 4 * found.standard_error < 0.3
        # The same of what lies above c, half of it by symmetry where c = 0.
        above = sl.temper(
            triple, particles=128, replicates=8, seed=0, progress=False, restrict=positive
        ).free_energy(1.0)
        mean, deviation = 2 * a * c / (1 + 2 * a), (1 + 2 * a) ** -0.5
        share = 0.5 * math.erfc(-mean / deviation / math.sqrt(2))
        assert abs(above.value - (exact - math.log(share))) < 4 * above.standard_error < 0.4
    with pytest.raises(ValueError, match=r"setting\['c'\] is missing"):
        base.with_setting({"a": 1.0})
    with pytest.raises(ValueError, match="no setting to change"):
        Triple.population(lambda w: w**2, dist.Normal(0.0, 1.0), n=4).with_setting(1.0)
    with pytest.raises(ValueError, match="has data"):
        line(3).with_n(5)


def saddle(w):
    """(a b - 1)² + (a - b)²/20: two wells, at (1, 1) and at (-1, -1), and a tilt that favours the
    first.
    """
    return (w["a"] * w["b"] - 1) ** 2 + 0.05 * (w["a"] - w["b"]) ** 2 + 0.02 * (w["a"] - 1) ** 2


HALVES = {(True,): (0, 4), (False,): (-4, 0)}


@pytest.mark.slow
def test_two_parameters_recombine_and_match_quadrature():
    """Restricted runs in two halves: each F_k, and -log Σ exp(-F_k), against two-dimensional
    quadrature and the whole run.
    """
    n, side = 10.0, dist.Uniform(-4.0, 4.0)
    triple = Triple.population(saddle, {"a": side, "b": side}, n=n, name="saddle")
    labeller = lambda w: (w["a"] > 0,)  # noqa: E731
    size = {"particles": 256, "replicates": 4}
    parts, exact = [], []
    for phase, (left, right) in HALVES.items():
        run = sl.temper(triple, **size, seed=1, progress=False, restrict=(labeller, phase))
        mass, _ = dblquad(
            lambda b, a: math.exp(-n * float(saddle({"a": a, "b": b}))) / 64,
            left,
            right,
            -4,
            4,
            epsabs=1e-9,
        )
        free = run.free_energy(1.0)
        assert abs(free.value + math.log(mass)) < 4 * free.standard_error < 0.4, (
            f"{phase}: {free}, exact {-math.log(mass)}"
        )
        parts.append(free)
        exact.append(mass)
    total = -float(np.logaddexp.reduce([-part.value for part in parts]))
    error = math.hypot(*(part.standard_error * math.exp(total - part.value) for part in parts))
    assert abs(total + math.log(sum(exact))) < 4 * error < 0.3
    whole = sl.temper(triple, **size, seed=1, progress=False).free_energy(1.0)
    assert abs(total - whole.value) < 4 * math.hypot(error, whole.standard_error)
