"""Test ``singlearn.triple.fisher``: ranks, kernels and witnesses against what is known of each
model.
"""

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from singlearn import models
from singlearn.triple import Triple
from singlearn.triple.fisher import (
    diagnose,
    empirical_divergence,
    empirical_entropy,
    fisher_information,
    relatively_finite_variance,
)
from singlearn.triple.fisher.rank import echelon, rank_of

NORMAL = dist.Normal(0.0, 1.0)
X = np.random.default_rng(0).normal(size=40)
PAIR = {"a": NORMAL, "b": NORMAL}


def reasons(found):
    return {str(c.reason) for c in found.cautions}


def test_fisher_information_of_a_line_is_that_of_the_formula():
    line = Triple.regression(lambda w, x: w["a"] * x + w["b"], PAIR, X, X, scale=0.5)
    design = np.stack([X, np.ones_like(X)], axis=1)
    found = fisher_information(line)
    np.testing.assert_allclose(found.matrix, design.T @ design / 40 / 0.25, rtol=1e-12)
    assert found.rank == 2 and found.directions == ()


def test_a_product_is_singular_with_a_named_kernel_and_a_witness():
    zero = {"a": 0.0, "b": 0.0}
    product = Triple.regression(lambda w, x: w["a"] * w["b"] * x, PAIR, X, X, truth=zero)
    found = diagnose(product, at={"a": 1.0, "b": 2.0})
    assert (found.status, found.identifiable, found.rank) == ("singular", False, 1)
    assert found.directions[0] == pytest.approx({"a": -0.5, "b": 1.0})
    pair = found.witnesses[0]
    same = [float(w["a"] * w["b"]) for w in (pair.first, pair.second)]
    assert same[0] == pytest.approx(same[1], abs=1e-7) and pair.distance > 0.1
    assert len(str(found)) < 2000 and found.to_dict()["status"] == "singular"


@pytest.mark.slow
def test_what_is_degenerate_at_one_point_only_is_found():
    # Full rank almost everywhere: a (w - 0.3)³, with the only degenerate parameter at w = 0.3, and
    # no symmetry.
    cube = Triple.regression(lambda w, x: (w - 0.3) ** 3 * x, NORMAL, X, X)
    found = diagnose(cube)
    assert found.status == "singular" and found.identifiable is True
    degenerate = next(p for p in found.points if p.is_degenerate)
    assert float(degenerate.parameter) == pytest.approx(0.3, abs=1e-2)


@pytest.mark.parametrize(
    ("K", "status", "rank", "regular_at_truth"),
    [
        pytest.param("x^2 + 3*y^2 + (x-y)^2", "regular", 2, True, marks=pytest.mark.slow),
        ("x^2*y^2", "singular", 1, False),
        pytest.param("x^2 + y^2 + 1", "cannot tell", 0, None, marks=pytest.mark.slow),
        ("(x^2-1)^2", "singular", 1, True),  # two true parameters, each regular
    ],
)
def test_zeros_of_a_divergence(K, status, rank, regular_at_truth):
    found = diagnose(models.polynomial(K), draws=3)
    assert (found.status, found.rank, found.regular_at_truth) == (status, rank, regular_at_truth)
    assert ("no_zero" in reasons(found)) == (status == "cannot tell")


def test_too_few_observations_and_no_noise_are_said_and_decide_nothing():
    wide = {"a": NORMAL.expand([4])}
    few = Triple.regression(lambda w, x: jnp.vander(x, 4) @ w["a"], wide, X[:2], X[:2])
    found = diagnose(few)
    assert found.status == "cannot tell" and "too_few_observations" in reasons(found)

    def log_likelihood(w, data):
        return dist.Normal(w["a"] * data[0] + w["b"], 1.0).log_prob(data[1])

    exact = Triple(log_likelihood, PAIR, (X, 2 * X + 1), truth={"a": 2.0, "b": 1.0})
    found = diagnose(exact)
    assert found.status == "cannot tell" and "no_noise" in reasons(found)


def test_rank_needs_no_common_units_and_no_common_size_of_rows():
    rows = np.random.default_rng(1).normal(size=(30, 3))
    units = np.array([1e-9, 1.0, 1e12])
    assert rank_of(rows * units, units).rank == 3
    dependent = np.concatenate([rows, rows[:, :1] - 2 * rows[:, 1:2]], axis=1)
    found = rank_of(dependent, np.ones(4))
    assert found.rank == 3
    np.testing.assert_allclose(echelon(found.kernel), [[-0.5, 1.0, 0.0, 0.5]], atol=1e-9)
    # All but two rows next to nothing, as where a sigmoid saturates: not decided rather than rank
    # 2.
    faded = rows * np.where(np.arange(30) < 2, 1.0, 1e-12)[:, None]
    found = rank_of(faded, np.ones(3))
    assert found.rank == 2 and found.undecided == 1


def test_empirical_entropy_and_divergence_are_those_of_the_formula():
    line = Triple.regression(lambda w, x: w * x, NORMAL, X, 2 * X + 0.5, truth=2.0)
    assert empirical_entropy(line) == pytest.approx(0.125 + 0.5 * np.log(2 * np.pi))
    residual = np.mean((2 * X + 0.5 - 1.5 * X) ** 2) / 2
    assert empirical_divergence(line, 1.5) == pytest.approx(residual - 0.125)
    with pytest.raises(ValueError, match="truth"):
        empirical_entropy(Triple.regression(lambda w, x: w * x, NORMAL, X, X))


@pytest.mark.slow
def test_relatively_finite_variance_fails_where_the_loss_is_flat_and_where_two_densities_are_best():
    def cauchy(at):
        y = np.array([-at, at] * 200)
        return Triple(lambda w, y: dist.Cauchy(w, 1.0).log_prob(y), NORMAL, y)

    # L''(0) = 2 (1 - c²)/(1 + c²)²: zero at c = 1, two minima at ±√(c² - 1) for c > 1.
    regular, flat, two = (relatively_finite_variance(cauchy(c)) for c in (0.5, 1.0, 2.0))
    assert regular.status == "holds"
    s, h = 2 * 0.5 / 1.25, 2 * 0.75 / 1.25**2
    assert regular.ratios[-1] == pytest.approx(2 * s**2 / h, rel=1e-3)  # 2 E[s²]/L''
    assert flat.status == "fails" and flat.exponent == pytest.approx(2.0, abs=0.2)
    assert two.status == "fails" and "two optima" in two.reason


def hierarchy(y):
    centre = numpyro.sample("centre", NORMAL)
    scale = numpyro.sample("scale", dist.HalfNormal(1.0))
    with numpyro.plate("groups", 4):
        own = numpyro.sample("own", dist.Normal(centre, scale))
        with numpyro.plate("each", 8):
            numpyro.sample("y", dist.Normal(own, 1.0), obs=y)


def logistic(x, y):
    slopes = numpyro.sample("slopes", dist.Normal(0.0, 50.0).expand([3]).to_event(1))
    numpyro.sample("y", dist.Bernoulli(logits=x @ slopes), obs=y)


@pytest.mark.slow
def test_numpyro_models():
    data = np.random.default_rng(2)
    found = diagnose(Triple.from_numpyro(hierarchy, data.normal(size=(8, 4))))
    assert found.status == "singular" and found.rank == 4
    assert [set(d) for d in found.directions] == [{"centre"}, {"scale"}]
    assert "unseen_parameter" in reasons(found)
    x, y = data.normal(size=(100, 3)), data.integers(0, 2, 100)
    assert (
        diagnose(Triple.from_numpyro(logistic, x, y)).status == "regular"
    )  # though the prior is wide
    x[:, 2] = x[:, 0] + x[:, 1]
    found = diagnose(Triple.from_numpyro(logistic, x, y))
    assert found.status == "singular"
    assert found.directions[0] == pytest.approx(
        {"slopes[0]": 1.0, "slopes[1]": 1.0, "slopes[2]": -1.0}
    )


@pytest.mark.slow
def test_models_whose_ranks_the_sources_state():
    pendulum = diagnose(models.pendulum(n=60))
    assert pendulum.rank == 2 and pendulum.status == "singular"
    # Reduced rank 3→2→3, true rank 2: (M + N - r) r = 8 of 12 directions.
    rank_two = diagnose(models.reduced_rank(3, 2, 3, 2), draws=2)
    assert rank_two.points[0].rank == 8
    network = diagnose(models.two_layer(hidden=3, truth=3, n=300, prior_scale=1.0))
    assert (
        network.points[0].rank == 10 and len(network.directions) == 3
    )  # 3m + 1 of 4m + 1, one scaling per node
