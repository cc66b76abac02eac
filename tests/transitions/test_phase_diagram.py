"""Sweeps: transitions against quadrature, their order, and sweeps that are stopped and started
again.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.optimize import brentq

import singlearn as sl
from singlearn.results.estimate import Estimate
from singlearn.transitions import Point

N = 100
GRID = np.linspace(-4.0, 4.0, 200_001)


# A narrow well at 1.5 and a wide one at -1, of which θ lifts the narrow one: first order.
WELLS = sl.Triple.population(
    lambda w, theta: jnp.minimum(theta + 20 * (w - 1.5) ** 2, 0.05 + (w + 1.0) ** 2),
    dist.Uniform(-4.0, 4.0),
    n=N,
    setting=0.0,
    name="two wells",
)
ONE_WELL = sl.Triple.population(
    lambda w, theta: 0.5 * (w - theta) ** 2,
    dist.Normal(0.0, 3.0),
    n=50,
    setting=0.0,
    name="one well",
)


def tilted(theta, n=N):
    return WELLS.with_setting(theta, n=n)


def right(w):
    return w > 0.4


def free_energies(theta, n=N):
    """F of the right and of the left well by the trapezoid rule."""
    energy = n * np.minimum(theta + 20 * (GRID - 1.5) ** 2, 0.05 + (GRID + 1.0) ** 2)
    density = np.exp(-energy) / 8 * (GRID[1] - GRID[0])
    inside = GRID > 0.4
    return -math.log(density[inside].sum()), -math.log(density[~inside].sum())


def free_energies_apart(theta, n=1e4):
    """The same where one of the two densities underflows: Gaussian wells, F = n K_min + log 8 - ½
    log(π/(n a)).
    """
    return tuple(
        n * lowest + math.log(8) - 0.5 * math.log(math.pi / (n * a))
        for lowest, a in ((theta, 20), (0.05, 1))
    )


CROSSING = brentq(lambda theta: free_energies(theta)[0] - free_energies(theta)[1], 0.0, 0.1)
ALONG = [0.01, 0.03, 0.05]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sweep")


@pytest.fixture(scope="module")
def diagram(folder):
    return sl.phase_diagram(
        tilted, ALONG, right, particles=256, replicates=8, seed=1, folder=folder
    )


def test_a_first_order_transition_is_where_quadrature_has_it(diagram):
    (transition,) = diagram.transitions
    value = transition.value
    assert value.standard_error < 0.002
    assert abs(value.value - CROSSING) < 4 * value.standard_error
    assert (transition.before, transition.after) == ("True", "False")
    assert transition.order == "first order"
    # At the crossing the wells differ by n (0.05 - θ) in energy, and dF/dθ jumps from n to 0.
    assert (
        abs(transition.latent_heat.value + N * (0.05 - CROSSING))
        < 4 * transition.latent_heat.standard_error + 0.05
    )
    assert abs(transition.slope_jump.value + N) < 4 * transition.slope_jump.standard_error
    assert "first order" in str(diagram) and "two separate peaks" in str(diagram)


def test_curves_match_quadrature(diagram):
    for point in diagram.points:
        one, other = free_energies(point.value)
        total = -np.logaddexp(-one, -other)
        assert abs(point.free_energy.value - total) < 4 * point.free_energy.standard_error
        for name, exact in (("True", one), ("False", other)):
            estimate = point.phases[name].free_energy
            assert abs(estimate.value - exact) < 4 * estimate.standard_error < 1.4
        assert point.generalisation_error.value == pytest.approx(point.energy.value / N)
    exact = [-np.logaddexp(*(-f for f in free_energies(theta))) for theta in ALONG]
    for (at, slope), expected, middle in zip(
        diagram.first_differences(),
        np.diff(exact) / np.diff(ALONG),
        (np.array(ALONG[1:]) + ALONG[:-1]) / 2,
        strict=True,
    ):
        assert at == pytest.approx(middle)
        assert abs(slope.value - expected) < 4 * slope.standard_error
    bends = np.diff(np.diff(exact)) / 0.02**2
    for (_, bend), expected in zip(diagram.second_differences(), bends, strict=True):
        assert abs(bend.value - expected) < 4 * bend.standard_error


class Client:
    """Takes and gathers tasks as a Dask client does."""

    def __init__(self):
        self.values = []

    def submit(self, function, *values, pure):
        # The first is the measurement; what it is done to follows.
        self.values += values[1:]
        return function(*values)

    def gather(self, futures):
        return futures


def test_finished_points_are_not_run_again(diagram, folder):
    """A point is lost; only that one is made again, by a client's workers, and the table ends the
    same.
    """
    (folder / f"point_{ALONG[1]!r}.json").unlink()
    client = Client()
    made = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = sl.phase_diagram(
        tilted,
        ALONG[::-1],
        right,
        particles=256,
        replicates=8,
        seed=1,
        folder=folder,
        client=client,
    )
    assert client.values == [ALONG[1]]
    assert str(again) == str(diagram)
    assert again.to_dict() == diagram.to_dict()
    kept = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert {name for name in made if kept[name] != made[name]} == set()
    once_more = sl.phase_diagram(
        tilted, ALONG, right, particles=256, replicates=8, seed=1, folder=folder
    )
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == kept and str(
        once_more
    ) == str(diagram)
    with pytest.raises(ValueError, match=r"belongs to another sweep \(seed: 1 then, 2 now\)"):
        sl.phase_diagram(tilted, ALONG, right, particles=256, replicates=8, seed=2, folder=folder)


@pytest.mark.slow
def test_phases_that_lose_are_tempered_by_themselves():
    """At n = 10⁴ the loser has e^-200 of the posterior at either end; runs of its own place the
    transition between them all the same.
    """
    exact = brentq(
        lambda theta: free_energies(theta, 1e4)[0] - free_energies(theta, 1e4)[1], 0.04, 0.06
    )
    diagram = sl.phase_diagram(
        lambda theta: tilted(theta, 1e4), [0.03, 0.07], right, (True, False), particles=128, seed=0
    )
    (transition,) = diagram.transitions
    assert transition.value.standard_error < 1e-4
    assert abs(transition.value.value - exact) < 4 * transition.value.standard_error
    assert transition.order == "first order"
    for point in diagram.points:
        for name, value in zip(("True", "False"), free_energies_apart(point.value), strict=True):
            phase = point.phases[name]
            assert phase.has_own_run and phase.free_energy.standard_error < 0.5
            assert abs(phase.free_energy.value - value) < 4 * phase.free_energy.standard_error


def test_a_sliding_well_is_no_first_order_transition():
    """The two halves of one well change places where it passes 0, without a latent heat."""

    diagram = sl.phase_diagram(
        ONE_WELL.with_setting, [-0.05, 0.06], lambda w: w > 0, particles=256, seed=0
    )
    (transition,) = diagram.transitions
    assert abs(transition.value.value) < 4 * transition.value.standard_error + 0.005
    assert transition.order == "higher order or a crossover"


def point(value, heat_capacity):
    e = Estimate(heat_capacity, 0.01, (heat_capacity,) * 2)
    return Point(value, 1.0, 1.0, e, e, e, None, {}, ())


def test_peaks_stand_out_of_their_errors():
    from singlearn.transitions.transition import find_peaks

    heights = [0.5, 0.52, 0.5, 1.5, 0.6]
    peaks = find_peaks([point(float(i), h) for i, h in enumerate(heights)])
    assert [peak.value for peak in peaks] == [3.0]


def test_refusals():
    with pytest.raises(ValueError, match="at least two distinct finite values"):
        sl.phase_diagram(tilted, [0.1, 0.1], right)
