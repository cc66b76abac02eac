"""Phases against quadrature: read off a run, sampled by themselves, and from inside; labels against
exact roles.
"""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy.optimize import brentq

import singlearn as sl
from conftest import quadrature_triple, truth
from singlearn.models import star_truth
from singlearn.symmetry import Box, Role, from_parameters
from singlearn.symmetry import node_roles as exact_roles
from singlearn.tempering import PhaseTooSmallError

SQUARE = [(-1, 1), (-1, 1)]
GRID = np.linspace(-12.0, 12.0, 400_001)
SCALE = 1.5
EDGE = 0.6


def wells(w):
    """A narrow well that reaches 0 and a wide one that does not: K(1.5) = 0, K(-1) = 0.02."""
    return jnp.minimum(20 * (w - 1.5) ** 2, 0.02 + (w + 1.0) ** 2)


def right(w):
    return w > EDGE


TWO_WELLS = sl.Triple.population(wells, dist.Normal(0.0, SCALE), n=100, name="two wells")


@functools.cache
def exact(beta, phase, n=100):
    """F_k, E_k and C_k of the two wells by the trapezoid rule."""
    inside = (GRID > EDGE) == phase if phase is not None else np.ones_like(GRID, dtype=bool)
    energy = n * np.minimum(20 * (GRID - 1.5) ** 2, 0.02 + (GRID + 1.0) ** 2)
    density = np.where(
        inside,
        np.exp(-beta * energy - 0.5 * (GRID / SCALE) ** 2) / math.sqrt(2 * math.pi) / SCALE,
        0.0,
    )
    z = density.sum() * (GRID[1] - GRID[0])
    mean = (density * energy).sum() / density.sum()
    variance = (density * (energy - mean) ** 2).sum() / density.sum()
    return -math.log(z), mean, beta**2 * variance


def check(estimate, value, largest_error):
    assert estimate.standard_error < largest_error
    assert abs(estimate.value - value) < 4 * estimate.standard_error, f"{estimate}, exact {value}"


@pytest.fixture(scope="module")
def run():
    return sl.temper(TWO_WELLS, particles=1024, replicates=8, seed=1)


@pytest.fixture(scope="module")
def inside():
    """Runs restricted to either well."""
    return {
        phase: sl.temper(TWO_WELLS, particles=512, replicates=8, seed=2, restrict=(right, phase))
        for phase in (True, False)
    }


@pytest.mark.parametrize("beta", [0.1, 1.0])
@pytest.mark.parametrize("phase", [True, False])
def test_phases_of_a_run_match_quadrature(run, beta, phase):
    reading = run.phases(right).reading(phase, beta)
    free, energy, heat = exact(beta, phase)
    check(reading.free_energy, free, 0.2)
    # Energies within a phase scatter by √(1/2)/β; the rarer phase has about 1400 of the particles.
    check(reading.energy, energy, 0.02 / beta)
    check(reading.heat_capacity, heat, 0.05)
    check(reading.occupancy, math.exp(exact(beta, None)[0] - free), 0.06)
    assert reading.largest_occupancy > reading.occupancy.value
    assert reading.smallest_free_energy < reading.free_energy.value


def test_shares_recombine_to_the_whole(run):
    for beta in (0.0, 0.03, 1.0):
        readings = run.phases(right).at(beta)
        assert sum(r.occupancy.value for r in readings) == pytest.approx(1)
        total = -np.logaddexp.reduce([-r.free_energy.value for r in readings])
        assert total == pytest.approx(run.free_energy(beta).value, abs=1e-9)


@pytest.mark.parametrize("phase", [True, False])
def test_restricted_runs_match_quadrature_and_the_whole_run(run, inside, phase):
    own = inside[phase]
    free, energy, heat = exact(1.0, phase)
    check(own.free_energy(1.0), free, 0.06)
    check(own.energy(1.0), energy, 0.03)
    check(own.heat_capacity(1.0), heat, 0.03)
    check(own.prior_mass, math.exp(-exact(0.0, phase)[0]), 0.01)
    assert bool(np.all(own.phases(right).index == 0)) and own.phases(right).phases == (phase,)
    seen = run.phases(right).reading(phase, 1.0).free_energy
    difference = abs(seen.value - own.free_energy(1.0).value)
    assert difference < 4 * math.hypot(seen.standard_error, own.free_energy(1.0).standard_error)


def test_restricted_free_energies_recombine(run, inside):
    parts = [own.free_energy(1.0) for own in inside.values()]
    total = -np.logaddexp.reduce([-part.value for part in parts])
    error = math.hypot(*(part.standard_error * math.exp(total - part.value) for part in parts))
    assert error < 0.05
    assert abs(total - exact(1.0, None)[0]) < 4 * error
    assert abs(total - run.free_energy(1.0).value) < 4 * math.hypot(
        error, run.free_energy(1.0).standard_error
    )


def test_a_restricted_run_says_so_and_keeps_its_mass_on_disk(inside, tmp_path):
    own = inside[False]
    assert "prior mass, right = False" in own.summary()
    assert own.to_dict()["restricted_to"] == "right = False"
    own.save(tmp_path / "run.nc")
    loaded = sl.Run.load(tmp_path / "run.nc", TWO_WELLS, (right, False))
    assert loaded.free_energy(1.0) == own.free_energy(1.0) and loaded.prior_mass == own.prior_mass
    # In this phase K stays above 0.02: no limit of βE may be taken for λ.
    assert "asymptotics" not in own.learning_coefficient().readings


def test_local_run_from_a_known_parameter(run):
    local = sl.temper_from(TWO_WELLS, 1.4, (right, True), particles=512, replicates=8, seed=3)
    free, energy, heat = exact(1.0, True)
    check(local.free_energy, free, 0.06)
    check(local.energy, energy, 0.03)
    check(local.heat_capacity, heat, 0.06)
    seen = run.phases(right).reading(True, 1.0).free_energy
    assert abs(seen.value - local.free_energy.value) < 4 * math.hypot(
        seen.standard_error, local.free_energy.standard_error
    )
    assert local.to_dict()["phase"] == "right = True" and not local.cautions


def narrow(w):
    """A well of width 0.002 at 1.5, deep in the tail of a standard normal prior, beside a wide one
    at 0 that is a little higher.
    """
    return jnp.minimum(0.3 + 0.5 * w**2, 0.5 * ((w - 5.0) / 0.05) ** 2)


def test_a_metastable_phase_that_no_prior_draw_finds():
    """The free energy from inside says which phase wins, where neither the run nor rejection sees
    the other phase at all.
    """
    triple = sl.Triple.population(narrow, dist.Normal(0.0, 1.0), n=200, name="narrow")
    far = lambda w: w > 4.7  # noqa: E731
    with pytest.raises(PhaseTooSmallError, match=r"temper_from starts from a known parameter"):
        sl.temper(triple, particles=64, restrict=far)
    local = sl.temper_from(triple, 5.001, far, particles=512, replicates=8, seed=0)
    w = np.linspace(4.7, 5.5, 200_001)
    density = np.exp(
        -200 * np.minimum(0.3 + 0.5 * w**2, 200 * (w - 5) ** 2) - 0.5 * w**2
    ) / math.sqrt(2 * math.pi)
    check(local.free_energy, -math.log(density.sum() * (w[1] - w[0])), 0.06)
    phases = sl.temper(triple, particles=64, seed=0, modes=None).phases(far)
    reading = phases.reading(True, 1.0)
    assert not reading.is_seen and reading.occupancy is None and reading.free_energy is None
    assert 0 < reading.largest_occupancy < 0.02
    # What the run could not know: the bound holds as far as the sampler moves, and the local run
    # shows that it did not.
    assert local.free_energy.value < reading.smallest_free_energy


def test_two_parameters_with_data_match_quadrature():
    """y = a b x, quadrants as phases; the posterior over (a, b) by a grid."""
    case = next(c for c in truth("free_energy")["cases"] if c["name"].startswith("FE2"))
    triple = quadrature_triple(case)
    labeller = lambda w: (w["a"] > 0, w["b"] > w["a"])  # noqa: E731
    run = sl.temper(triple, particles=512, replicates=8, seed=0)
    x, y = triple.data
    a = np.linspace(-5.5, 5.5, 1101)
    A, B = np.meshgrid(a, a, indexing="ij")
    energy = np.zeros_like(A)
    for xi, yi in zip(x, y, strict=True):
        energy += 0.5 * (yi - A * np.tanh(B * xi)) ** 2 + 0.5 * math.log(2 * math.pi)
    density = np.exp(-energy - 0.5 * (A**2 + B**2)) / (2 * math.pi) * (a[1] - a[0]) ** 2
    # Points on the line b = a belong half to either side.
    above = np.where(np.isclose(A, B), 0.5, (B > A).astype(float))
    positive = np.where(np.isclose(A, 0), 0.5, (A > 0).astype(float))
    assert -math.log(density.sum()) == pytest.approx(float(case["values"]["1"]["F"]), abs=1e-5)
    phases = run.phases(labeller)
    for first in (True, False):
        for second in (True, False):
            weight = (
                density * (positive if first else 1 - positive) * (above if second else 1 - above)
            )
            z = weight.sum()
            reading = phases.reading((first, second), 1.0)
            assert reading.is_seen
            check(reading.free_energy, -math.log(z), 0.1)
            mean = (weight * energy).sum() / z
            check(reading.energy, mean, 0.1)


def test_ledger_predicts_where_the_order_changes(run):
    """The wells cross where their free energies are equal, by quadrature; predicted from n =
    100.
    """
    crossing = brentq(
        lambda n: exact(1.0, True, n)[0] - exact(1.0, False, n)[0], 50, 120, xtol=0.01
    )
    ledger = run.phases(right).ledger()
    (predicted,) = ledger.crossings
    assert (predicted.before, predicted.after) == (False, True)
    assert predicted.low < predicted.n < predicted.high
    assert abs(predicted.n - crossing) < 4 * (predicted.high - predicted.low) / 2
    assert predicted.high - predicted.low < 25
    for account in ledger.accounts:
        parts = account.accuracy + account.complexity.value + account.constant.value
        assert parts == pytest.approx(account.free_energy.value)
        check(account.learning_coefficient, 0.5, 0.05)
    assert ledger.winner.free_energy.value == min(a.free_energy.value for a in ledger.accounts)
    assert "wins here" in str(ledger) and "predicted: False → True" in str(ledger)


def test_any_function_labels(run):
    """A Python function that JAX cannot trace, and one that it can, sort the particles in the same
    way.
    """
    plain = run.phases(lambda w: "right" if w > EDGE else "left").at(1.0)
    traced = run.phases(lambda w: jnp.where(w > EDGE, 2, 1)).at(1.0)
    assert {r.phase for r in plain} == {"right", "left"} and {r.phase for r in traced} == {1, 2}
    assert sorted(r.occupancy.value for r in plain) == pytest.approx(
        sorted(r.occupancy.value for r in traced)
    )


def test_a_share_is_no_better_known_than_one_rung_tells(run):
    """Colder rungs descend from hotter ones and remember which well they were in: all together they
    are not more draws than one.
    """
    for beta in (0.1, 1.0):
        for reading in run.phases(right).at(beta):
            share = reading.occupancy.value
            assert reading.occupancy.standard_error >= 0.999 * math.sqrt(
                share * (1 - share) / (8 * 1024)
            )


def test_unseen_phases_are_said_to_be_unseen(run):
    phases = run.phases(lambda w: (w > EDGE).astype(int) + (w > 4.0))
    assert 2 in phases.phases
    text = phases.summary()
    assert "unseen: <" in text and "sampler moves between phases" in text
    cold = phases.reading(2, 1.0)
    assert not cold.is_seen and 0 < cold.largest_occupancy < 0.01
    assert phases.reading(2, 0.0).is_seen
    never = phases.reading("never", 1.0)
    assert never.effective_particles == 0 and never.largest_occupancy == pytest.approx(
        3 / (8 * 1024), rel=0.5
    )
    with pytest.raises(KeyError, match="never occurred"):
        phases.lowest_energy("never")
    document = phases.to_dict([1.0])
    assert [reading["is_seen"] for reading in document["readings"][0]] == [True, True, False]


def test_refusals(run):
    with pytest.raises(ValueError, match=r"returns float(32|64); a phase should be integers"):
        run.phases(lambda w: 2.0 * w)
    with pytest.raises(TypeError, match="a phase should be hashable"):
        run.phases(lambda w: [str(float(w))])
    with pytest.raises(ValueError, match="JAX cannot trace"):
        sl.temper(TWO_WELLS, restrict=lambda w: "right" if w > 0 else "left")
    with pytest.raises(ValueError, match="should return one boolean"):
        sl.temper(TWO_WELLS, restrict=lambda w: (w > 0).astype(int))
    with pytest.raises(ValueError, match="it is not in the phase"):
        sl.temper_from(TWO_WELLS, -1.0, right)
    with pytest.raises(ValueError, match="beta: got -1"):
        sl.temper_from(TWO_WELLS, 1.0, right, beta=-1)


def test_local_run_in_a_phase_with_constants_in_its_labeller():
    """A labeller that holds NumPy arrays, in double precision while single is JAX's default: it was
    traced in single and failed.
    """
    one = {"w": np.ones((1, 1)), "b": np.zeros(1), "q": np.ones(1)}
    prior = {name: dist.Normal(0.0, 1.0).expand(part.shape) for name, part in one.items()}
    triple = sl.Triple.population(
        lambda w: jnp.sum((w["w"] * w["q"] - 1) ** 2) + jnp.sum(w["b"] ** 2), prior, n=100
    )
    local = sl.temper_from(
        triple, one, (sl.phases.live_nodes([(-1, 1)]), 1), particles=16, replicates=2
    )
    assert local.phase == "live_nodes = 1" and local.energy.value > 0


# -- labels
# --------------------------------------------------------------------------------------------------


def test_float_roles_agree_with_exact_ones():
    """Random networks with planted coincidences: nodes copied, scaled, reversed, silenced, pushed
    out of the box.
    """
    generator = np.random.default_rng(0)
    labeller = jax.jit(sl.phases.node_roles(SQUARE, height=1e-9, distance=1e-9))
    counted = jax.jit(sl.phases.live_nodes(SQUARE))
    for _ in range(40):
        # Quarters are exact in floating point, so that both comparisons see the same network.
        w, b, q = (generator.integers(-8, 9, size=shape) / 4 for shape in ((6, 2), 6, 6))
        for target in range(2, 6):
            kind = generator.integers(6)
            if kind == 0:
                w[target], b[target] = 2 * w[0], 2 * b[0]
            elif kind == 1:
                w[target], b[target] = -w[1], -b[1]
            elif kind == 2:
                b[target] = 8.0 * generator.choice([-1, 1])
            elif kind == 3:
                q[target] = 0.0
        net = {"w": w, "b": b, "q": q, "c": np.zeros(())}
        with jax.enable_x64(True):
            ours = sl.phases.NodeRoles(*map(int, labeller(net)))
            live = int(counted(net))
        theirs = list(exact_roles(from_parameters(net), Box([-1, -1], [1, 1])))
        # Exactly: q = 0 and w = 0 come before anything else; here what a node does on the box comes
        # first.
        loud = [r for r in theirs if r not in (Role.SILENT, Role.CONSTANT)]
        opposite, shared = loud.count(Role.OPPOSITE), loud.count(Role.SHARED)
        assert (ours.live, ours.shared, ours.opposite) == (loud.count(Role.LIVE), shared, opposite)
        assert live == loud.count(Role.LIVE) + shared + opposite
        silent = theirs.count(Role.SILENT) + theirs.count(Role.CONSTANT)
        assert ours.silent + ours.dead + ours.always_active == silent + loud.count(
            Role.DEAD
        ) + loud.count(Role.BYPASSED)
        assert sum(ours) == 6


def test_phase_of_the_star_and_of_its_mirror_image():
    star = star_truth(3, hidden=5)
    labeller = jax.jit(sl.phases.relu_phase(SQUARE, star))
    # The idle nodes of the truth have w = 0, b = 0: never active.
    assert str(labeller(star)) == "+ + + | 2 dead"
    mirror = {**star, "w": -star["w"], "b": -star["b"]}
    assert str(labeller(mirror)) == "- - - | 2 dead"
    turned = {
        **star,
        "w": star["w"][[3, 2, 0, 1, 4]],
        "b": star["b"][[3, 2, 0, 1, 4]],
        "q": star["q"][[3, 2, 0, 1, 4]],
    }
    assert labeller(turned) == labeller(star)
    which = jax.jit(sl.phases.orientation(SQUARE, star))
    assert str(which(star)) == "3 kinks occupied, 0 reversed"
    assert str(which(mirror)) == "3 kinks occupied, 3 reversed, annihilating"
    one = {
        **star,
        "w": star["w"] * np.array([-1, 1, 1, 1, 1])[:, None],
        "b": star["b"] * np.array([-1, 1, 1, 1, 1]),
    }
    assert str(which(one)) == "3 kinks occupied, 1 reversed"
    away = {**star, "b": star["b"] + 0.2}
    assert labeller(away).elsewhere == 3


def test_phases_of_other_models():
    rank = sl.phases.numerical_rank(1e-3)
    assert int(rank({"A": jnp.ones((2, 3)), "B": jnp.ones((3, 2))})) == 1
    occupied = sl.phases.occupied_components(0.01, distance=0.5)
    chain = {
        "weights": jnp.array([0.25, 0.25, 0.25, 0.25]),
        "means": jnp.array([[0.0, 0.0], [0.0, 0.4], [0.0, 0.8], [3.0, 0.0]]),
    }
    assert int(occupied(chain)) == 2
    assert int(occupied({"means": jnp.array([1.0])})) == 1
    with pytest.raises(ValueError, match="tolerance: got 0"):
        sl.phases.numerical_rank(0)
    with pytest.raises(ValueError, match="box: got"):
        sl.phases.live_nodes([(1, -1)])
    with pytest.raises(ValueError, match="none of its nodes has a kink"):
        sl.phases.relu_phase([(3, 4)], {"w": np.ones((1, 1)), "b": np.zeros(1), "q": np.ones(1)})


def test_coordinates_can_be_inverted():
    """A parameter goes to flat coordinates and back: positive, on the simplex, nested."""
    prior = {
        "scale": dist.HalfNormal(1.0),
        "weights": dist.Dirichlet(jnp.ones(3)),
        "w": dist.Normal(0.0, 1.0).expand([2, 2]),
    }
    triple = sl.Triple.population(lambda w: w["scale"], prior, n=1)
    w = {
        "scale": 0.7,
        "weights": np.array([0.2, 0.5, 0.3]),
        "w": np.array([[1.0, 2.0], [3.0, 4.0]]),
    }
    with jax.enable_x64(True):
        back = triple.coordinates.constrain(triple.coordinates.unconstrain(w))
    for name, value in w.items():
        np.testing.assert_allclose(np.asarray(back[name]), value, atol=1e-9)
