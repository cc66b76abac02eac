"""What users brought to λ and to the cold end of a run: the right number, a caution, or a
refusal.
"""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

import singlearn as sl
from singlearn.measure.asymptotics import fit_asymptotics
from singlearn.measure.ladder_view import LadderView
from singlearn.measure.learning_coefficient import read_learning_coefficient
from singlearn.results.caution import Reason
from singlearn.tempering.beyond import bottom_of
from singlearn.tempering.ladder import next_inverse_temperature

N01 = dist.Normal(0.0, 1.0)


def quick(kl, prior=N01, beta_max=1e8, particles=64, **more):
    triple = sl.Triple.population(kl, prior, n=1.0)
    return sl.temper(triple, beta_max=beta_max, particles=particles, seed=0, progress=False, **more)


def reasons(read):
    return {w.reason for w in read.cautions}


# -- the window of λ̂ -----------------------------------------------------------------------------


def conjugate_view(X, y, sigma=1.0, particles=512, seed=0):
    """A ladder of y ~ N(Xw, σ²), w ~ N(0, 1) drawn exactly: p^β is Gaussian."""
    n, d = X.shape
    betas = np.concatenate([[0.0], np.geomspace(0.1 / np.log(n), 1.0, 14)])
    generator = np.random.default_rng(seed)
    energies = np.empty((len(betas), 4, particles))
    for k, beta in enumerate(betas):
        precision = np.eye(d) + beta * X.T @ X / sigma**2
        mean = np.linalg.solve(precision, beta * X.T @ y / sigma**2)
        noise = generator.normal(size=(4, particles, d))
        w = mean + noise @ np.linalg.inv(np.linalg.cholesky(precision))
        energies[k] = np.sum((y - w @ X.T) ** 2, axis=-1) / (2 * sigma**2)
        energies[k] += n / 2 * np.log(2 * np.pi * sigma**2)
    return LadderView(betas, energies), n, d


def regression(n, d, size=1.0, noise=1.0, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, d))
    return X, X @ np.linspace(size, -0.5 * size, d) + noise * generator.normal(size=n)


def read_view(view, n, d, **more):
    return read_learning_coefficient(view, float(n), False, dimension=d, **more)


@pytest.mark.parametrize(("n", "d"), [(100, 1), (100, 10), (1000, 3), (3000, 2)])
def test_regressions_of_a_hundred_data_are_not_accused(n, d):
    """λ = d/2 in a regular model (Watanabe 2009); the window takes up to a tenth off it."""
    read = read_view(*conjugate_view(*regression(n, d)))
    assert reasons(read) == set()
    assert abs(read.value - d / 2) < 4 * read.standard_error < 0.6 * d


@pytest.mark.parametrize(
    ("X", "y", "sigma", "expected"),
    [
        (
            np.ones((5, 1)),
            np.arange(5.0),
            1.0,
            {Reason.ABOVE_HALF_DIMENSION, Reason.PRIOR_DOMINATED},
        ),
        (*regression(20, 5, 0.1, seed=3), 3.0, {Reason.PRIOR_DOMINATED}),
        (*regression(100, 5, 0.1, seed=3), 3.0, {Reason.PRIOR_DOMINATED}),
        (*regression(8, 1, 0.0, seed=1), 1.0, {Reason.PRIOR_DOMINATED}),
        (*regression(12, 3, 0.5, seed=2), 1.0, {Reason.PRIOR_DOMINATED}),
    ],
    ids=["five data", "weak data", "a hundred weak data", "eight data", "twelve data"],
)
def test_few_data_are_named(X, y, sigma, expected):
    """λ = d/2; the prior rules the window, all readings agree with each other and not with it."""
    view, n, d = conjugate_view(X, y, sigma)
    read = read_view(view, n, d)
    assert expected <= reasons(read)
    assert abs(read.value - d / 2) > 0.1 * d / 2  # a number that would be wrong in silence


def test_the_error_covers_what_the_window_cannot_tell():
    """At n = 30 λ̂ is a fifth below d/2, thirty statistical errors; what C(β) still does covers
    it.
    """
    view, n, d = conjugate_view(*regression(30, 2))
    read = read_view(view, n, d)
    statistical = read.readings["energy"].standard_error
    assert abs(read.value - 1.0) > 5 * statistical
    assert abs(read.value - 1.0) < 4 * read.standard_error
    named = read_view(view, n, d, inverse_temperatures=np.array(read.inverse_temperatures))
    assert (
        named.standard_error < 0.5 * read.standard_error
    )  # a window that was asked for is read as it is


def test_no_energy_beside_a_phase_is_bounded_by_half_the_dimension():
    """Within a phase the best parameter may lie on its edge, where λ is up to d: no d/2 is held
    against it.
    """
    view, n, _ = conjugate_view(np.ones((5, 1)), np.arange(5.0))
    assert Reason.ABOVE_HALF_DIMENSION not in reasons(read_view(view, n, None))


# -- multiplicities --------------------------------------------------------------------------------


def exact_rungs(K, seed):
    """Rungs to β = 10⁸ of K, drawn from a pool of prior draws by weight."""
    betas = np.concatenate([[0.0], np.geomspace(0.5, 1e8, 28)])
    generator = np.random.default_rng(seed)
    energies = np.empty((len(betas), 4, 256))
    for r in range(4):
        pool = K(generator.normal(size=(3, 150_000)))
        for k, beta in enumerate(betas):
            shares = np.cumsum(np.exp(-beta * pool))
            energies[k, r] = pool[np.searchsorted(shares, generator.uniform(size=256) * shares[-1])]
    return betas, energies


@pytest.mark.parametrize(
    ("K", "lam", "m"),
    [
        (lambda w: w[0] ** 2, 0.5, 1),
        (lambda w: (w[0] * w[1]) ** 2, 0.5, 2),
        (lambda w: (w[0] * w[1] * w[2]) ** 2, 0.5, 3),
        (lambda w: 9 * (w[0] * w[1] * w[2]) ** 2, 0.5, 3),
    ],
    ids=["x²", "x²y²", "x²y²z²", "9x²y²z²"],
)
def test_multiplicities_carry_their_odds(K, lam, m):
    """λ and m of monomials (Watanabe 2009): the true m has odds, a wrong one is never given as
    sure.
    """
    rungs = exact_rungs(K, 1)
    found = fit_asymptotics(*rungs)
    assert sum(found.multiplicity_weights.values()) == pytest.approx(1.0)
    assert found.multiplicity in (None, m)
    assert found.multiplicity_weights[m] > 0.1
    assert abs(found.estimate.value - lam) < 4 * found.estimate.standard_error < 0.25
    assert fit_asymptotics(*rungs, m).multiplicity == m


# -- energies that do not vary, or hardly
# -----------------------------------------------------------


def test_a_model_without_its_parameter_has_lambda_zero():
    """f = 0·w·x learns nothing: λ = 0, with its reason, and the summary says so."""
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(2, 100))
    triple = sl.Triple.regression(lambda w, x: 0 * w * x, N01, x, y, truth=0.0)
    run = sl.temper(triple, particles=64, seed=0, progress=False)
    read = run.learning_coefficient()
    assert (read.value, read.standard_error) == (0.0, 0.0)
    assert "no parameter changes it" in str(read) and "no parameter changes it" in run.summary()
    assert read.to_dict()["note"]
    assert run.heat_capacity(0.5).value == pytest.approx(0.0, abs=1e-12)


def test_a_plateau_of_perfect_parameters():
    """K = max(0, |w| - 1)²: two thirds of the prior are perfect, V(0) > 0, λ = 0, and no rounding
    is blamed.
    """
    run = quick(lambda w: jnp.maximum(0.0, jnp.abs(w) - 1.0) ** 2, beta_max=1e12)
    read = run.learning_coefficient()
    assert abs(read.value) < 4 * read.standard_error + 0.02 and read.standard_error < 0.1
    assert Reason.ROUNDING not in reasons(read)


def test_the_first_step_is_not_the_last():
    """K = w¹⁰⁰, U(-1, 1): half the draws weigh the same from β = 0 to 10⁸; λ = 1/100 is read off
    enough rungs. One particle in a hundred has an energy, so that 64 of them say little.
    """
    run = quick(lambda w: w**100, dist.Uniform(-1.0, 1.0), particles=256)
    assert len(run.rungs) > 10
    read = run.learning_coefficient(multiplicity=1)
    assert abs(read.value - 0.01) < 4 * read.standard_error < 0.04
    energies = np.random.default_rng(0).uniform(-1, 1, size=(4, 64)) ** 100
    assert next_inverse_temperature(energies, 0.0, 1e8, 0.6) < 1e5
    assert next_inverse_temperature(np.ones((4, 64)), 0.0, 1.0, 0.6, closely_from=0.02) == 0.1


@pytest.mark.parametrize("lowest", [0.0, 1e-4])
def test_a_curved_valley_is_followed_to_its_end(lowest):
    """K = 10⁶ (y - x²)² + x⁴, up to a constant: steps against the gradient stop where the walls are
    steep, and the zero at the end of the valley is a zero all the same.
    """

    def energies(w):
        return 1e6 * (w[:, 1] - w[:, 0] ** 2) ** 2 + w[:, 0] ** 4 + lowest

    def gradients(w):
        off = 2e6 * (w[:, 1] - w[:, 0] ** 2)
        return np.stack([-2 * w[:, 0] * off + 4 * w[:, 0] ** 3, off], axis=1)

    found = bottom_of(np.array([0.3, 0.09]), energies, gradients)
    assert found < 1e-10 if lowest == 0 else found == pytest.approx(lowest, rel=0.5)


# -- the cold end
# -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kl", "prior", "beta_max", "exact", "between", "lam"),
    [
        (
            lambda w: 1 - w,
            dist.Uniform(-1.0, 1.0),
            1e20,
            lambda b: np.log(2 * b),
            (1e12, 1e16),
            1.0,
        ),
        (
            lambda w: (w - 1) ** 2,
            N01,
            1e34,
            lambda b: 0.5 * np.log1p(2 * b) + b / (1 + 2 * b),
            (1e26, 1e31),
            0.5,
        ),
        (lambda w: 1 - jnp.cos(w), N01, 1e20, lambda b: 0.5 * np.log(b), (1e12, 1e16), 0.5),
    ],
    ids=["1 - w", "(w - 1)²", "1 - cos w"],
)
def test_beyond_the_digits_nothing_is_read(kl, prior, beta_max, exact, between, lam):
    """Closed forms of F. Floats end at K ~ 10⁻¹⁶ or (10⁻¹⁶)²; up to there F and λ are right, beyond
    they are withheld.
    """
    run = quick(kl, prior, beta_max)
    limit = run.view.coldest
    assert between[0] < limit < between[1]
    assert Reason.ROUNDING in {w.reason for w in run.cautions}
    for reading in (run.free_energy, run.energy, run.heat_capacity):
        with pytest.raises(ValueError, match=r"beta: got 1e\+\d+; rounding leaves"):
            reading(beta_max)
    F = run.free_energy(limit)
    assert abs(F.value - exact(limit)) < 4 * F.standard_error + 0.05
    read = run.learning_coefficient(multiplicity=1)
    assert Reason.ROUNDING in reasons(read)
    assert abs(read.value - lam) < 4 * read.standard_error


def test_float32_beside_a_large_constant():
    """Numbers near 10⁹ are 64 apart in single precision, near 10¹⁶ 2 apart in double: F is withheld
    and the summary says why.
    """
    y = np.array([0.5, 1.0, 0.2])
    for constant, precision in ((1e9, "float32"), (1e16, "float64")):
        triple = sl.Triple(
            lambda w, y, constant=constant: dist.Normal(w, 1.0).log_prob(y) - constant / 3, N01, y
        )
        run = sl.temper(triple, particles=64, seed=0, precision=precision, progress=False)
        with pytest.raises(ValueError, match="rounding leaves the energies no digits"):
            run.free_energy(1.0)
        assert run.free_energy(0.0).value == pytest.approx(0.0, abs=1e-9)
        document = run.to_dict()
        assert document["free_energy"] is None and "rounding" in document["withheld"]["free_energy"]
        assert "not read: beta: got 1; rounding" in run.summary()


# -- beyond the coldest rung
# ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kl", "reason"),
    [
        (lambda w: w**2 * (w**2 + 1e-12), Reason.TOO_FEW_DECADES),
        (lambda w: (w - 0.5) ** 6 + 1e-16 * (w - 0.5) ** 2, Reason.TOO_FEW_DECADES),
        (lambda w: w**2 + 1e-12, Reason.NO_ZERO),
        (lambda w: w**4, None),
        (lambda w: w**2 + w**4, None),
    ],
    ids=["4 to 2", "6 to 2", "no zero", "w⁴", "w² + w⁴"],
)
def test_a_law_that_changes_beyond_the_run_is_named(kl, reason):
    """λ is 1/2 in the limit and 1/4 or 1/6 over β ≤ 10⁸; what has no zero has none."""
    read = quick(kl).learning_coefficient()
    assert "over nβ ≤ 1e+08" in str(read)
    assert reasons(read) & {Reason.TOO_FEW_DECADES, Reason.NO_ZERO} == (
        {reason} if reason else set()
    )


def test_several_directions_are_no_change_of_law():
    """x² + y⁴ + z⁶ and (xyz)² keep their law, though from a particle one direction goes before
    another.
    """
    for kl in (
        lambda w: w["x"] ** 2 + w["y"] ** 4 + w["z"] ** 6,
        lambda w: (w["x"] * w["y"] * w["z"]) ** 2,
    ):
        run = quick(kl, {k: N01 for k in "xyz"})
        assert not {"exponents_beyond", "lowest_divergence"} & run.settings.keys()


def test_negative_divergence_is_named():
    """K = w² - 0.1 is no divergence."""
    run = quick(lambda w: w**2 - 0.1, beta_max=1e4)
    assert Reason.NEGATIVE_ENERGY in reasons(run.learning_coefficient())


# -- precision
# --------------------------------------------------------------------------------------


def test_compiled_functions_and_numpy_constants_survive_both_precisions():
    """A run in float32 evicts nothing that the caller compiled; models that close over NumPy arrays
    run in either, in any order.
    """
    compiled = jax.jit(lambda v: v * 2)
    compiled(1.0)
    X, label = np.random.default_rng(0).normal(size=(20, 2)), np.array([0.3, 0.1])
    triple = sl.Triple(
        lambda w, y: dist.Normal(jnp.dot(X, w), 1.0).log_prob(y), N01.expand([2]), X @ np.ones(2)
    )
    found = {}
    for precision in ("float32", "float64"):
        run = sl.temper(
            triple,
            particles=64,
            seed=0,
            precision=precision,
            progress=False,
            restrict=lambda w: jnp.sum(w * label) > 0.1,
        )
        found[precision] = run.free_energy(1.0).value
        assert np.isfinite(run.find_optimum().energy)
    assert compiled._cache_size() == 1
    assert abs(found["float32"] - found["float64"]) < 1.0
