"""Test the triples of discrete models, classification, one factor and the pendulum against
independent computations.
"""

import itertools
from fractions import Fraction

import jax
import numpy as np
import pytest
from scipy import stats

from singlearn import models
from singlearn.exact import catalogue, rlct
from singlearn.triple.fisher import fisher_information

RNG = np.random.default_rng(0)


def probabilities(*shape):
    return RNG.dirichlet(np.ones(shape[-1]), size=shape[:-1])


def log_likelihood(triple, w):
    with jax.enable_x64(True):
        return np.asarray(jax.jit(triple.log_likelihood)(w, triple.data))


def test_hidden_markov_is_the_sum_over_paths():
    w = {"transition": probabilities(3, 3), "emission": probabilities(3, 2)}
    y = RNG.integers(0, 2, size=(6, 4))
    values, vectors = np.linalg.eig(w["transition"].T)
    pi = np.real(vectors[:, np.argmin(abs(values - 1))])
    pi /= pi.sum()
    by_hand = []
    for row in y:
        total = 0.0
        for path in itertools.product(range(3), repeat=4):
            p = pi[path[0]] * w["emission"][path[0], row[0]]
            for t in range(1, 4):
                p *= w["transition"][path[t - 1], path[t]] * w["emission"][path[t], row[t]]
            total += p
        by_hand.append(np.log(total))
    triple = models.hidden_markov(y, states=3)
    np.testing.assert_allclose(log_likelihood(triple, w), by_hand, rtol=1e-10)
    with pytest.raises(ValueError, match="sequences"):
        models.hidden_markov(np.array([[0.5, 1.0]]))


def test_latent_classes_and_topics_are_their_formulas():
    x = RNG.integers(0, 2, size=(8, 3))
    w = {"classes": probabilities(1, 2)[0], "features": RNG.uniform(size=(2, 3))}
    cells = np.prod(np.where(x[:, None] == 1, w["features"], 1 - w["features"]), axis=2)
    np.testing.assert_allclose(
        log_likelihood(models.naive_bayes(x), w), np.log(cells @ w["classes"]), rtol=1e-10
    )
    tokens = np.stack([RNG.integers(0, 4, 9), RNG.integers(0, 5, 9)], axis=1)
    w = {"topics": probabilities(2, 5), "documents": probabilities(4, 2)}
    triple = models.latent_dirichlet_allocation(tokens, topics=2, vocabulary=5, documents=4)
    expected = np.log((w["documents"] @ w["topics"])[tokens[:, 0], tokens[:, 1]])
    np.testing.assert_allclose(log_likelihood(triple, w), expected, rtol=1e-10)
    assert triple.dimension == 2 * 4 + 4


def test_population_divergences_are_sums_over_all_cells():
    truth = {"classes": probabilities(1, 2)[0], "features": RNG.uniform(size=(2, 3))}
    other = {"classes": probabilities(1, 2)[0], "features": RNG.uniform(size=(2, 3))}
    cells = np.array(list(itertools.product((0, 1), repeat=3)))

    def table(w):
        return (
            np.prod(np.where(cells[:, None] == 1, w["features"], 1 - w["features"]), axis=2)
            @ w["classes"]
        )

    triple = models.naive_bayes_population(truth)
    expected = float(np.sum(table(truth) * np.log(table(truth) / table(other))))
    assert triple.parameter_energy(other) == pytest.approx(expected, rel=1e-10)
    assert abs(triple.parameter_energy(truth)) < 1e-14 and triple.known is None


@pytest.mark.slow
def test_the_score_of_a_boltzmann_machine_is_a_difference_of_moments():
    x = np.where(RNG.uniform(size=(12, 4)) < 0.5, 1, -1)
    w = {"bias": RNG.normal(size=4), "coupling": RNG.normal(size=6)}
    triple = models.boltzmann_machine(x)
    pairs = list(itertools.combinations(range(4), 2))

    def statistics(rows):
        return np.concatenate(
            [rows, np.stack([rows[:, i] * rows[:, j] for i, j in pairs], axis=1)], axis=1
        )

    states = np.array(list(itertools.product((-1, 1), repeat=4)))
    weight = np.exp(statistics(states) @ np.concatenate([w["bias"], w["coupling"]]))
    mean = weight @ statistics(states) / weight.sum()
    with jax.enable_x64(True):
        score = jax.jit(jax.grad(lambda v: triple.log_likelihood(v, triple.data).sum()))(w)
    found = np.concatenate([score["bias"], score["coupling"]])
    np.testing.assert_allclose(found, statistics(x).sum(0) - 12 * mean, rtol=1e-8, atol=1e-9)


def test_hidden_units_are_summed_out():
    w = {
        "bias": RNG.normal(size=3),
        "weight": RNG.normal(size=(2, 3)),
        "hidden_bias": RNG.normal(size=2),
    }
    spins = np.array(list(itertools.product((-1, 1), repeat=3)))
    both = [
        sum(
            np.exp(w["bias"] @ v + np.array(h) @ (w["weight"] @ v + w["hidden_bias"]))
            for h in itertools.product((-1, 1), repeat=2)
        )
        for v in spins
    ]
    triple = models.boltzmann_machine(spins, hidden=2)
    np.testing.assert_allclose(
        np.exp(log_likelihood(triple, w)), np.array(both) / np.sum(both), rtol=1e-10
    )


@pytest.mark.slow
def test_classification_is_the_softmax_and_its_redundancy_shows():
    x, y = RNG.normal(size=(30, 2)), RNG.integers(0, 3, size=30)
    w = {"q": RNG.normal(size=(2, 2)), "c": RNG.normal(size=2)}
    logits = np.concatenate([np.zeros((30, 1)), x @ w["q"].T + w["c"]], axis=1)
    expected = logits[np.arange(30), y] - np.log(np.exp(logits).sum(axis=1))
    np.testing.assert_allclose(
        log_likelihood(models.classification(x, y, classes=3), w), expected, rtol=1e-10
    )
    found = fisher_information(models.classification(x, y, classes=3, redundant=True))
    assert (found.rank, found.dimension) == (6, 9)
    with pytest.raises(ValueError, match="y"):
        models.classification(x, y, classes=2)


def test_one_factor_is_the_normal_density_and_its_divergence():
    w = {"loadings": RNG.normal(size=3), "variances": RNG.uniform(0.5, 2.0, size=3)}
    sigma = np.diag(w["variances"]) + np.outer(w["loadings"], w["loadings"])
    x = RNG.normal(size=(5, 3))
    expected = stats.multivariate_normal(np.zeros(3), sigma).logpdf(x)
    np.testing.assert_allclose(log_likelihood(models.one_factor(x), w), expected, rtol=1e-10)
    truth = np.diag([1.0, 2.0, 0.5])
    found = models.one_factor_population(truth).parameter_energy(w)
    by_hand = 0.5 * (
        np.trace(np.linalg.solve(sigma, truth))
        - 3
        + np.log(np.linalg.det(sigma) / np.linalg.det(truth))
    )
    assert found == pytest.approx(by_hand, rel=1e-10)


@pytest.mark.parametrize("p", [2, 3, 4])
def test_one_factor_formula_is_what_algebra_proves(p):
    names = "abcd"[:p]
    pairs = [f"{i}*{j}" for i, j in itertools.combinations(names, 2)]
    proved = rlct(pairs)
    formula = catalogue.one_factor(p, 0)
    assert (formula.value, formula.multiplicity) == (
        proved.value + Fraction(p, 2),
        proved.multiplicity,
    )


@pytest.mark.slow
def test_the_pendulum_has_rank_one_of_four_and_two_of_two():
    four = fisher_information(models.pendulum_four(n=30))
    assert (four.rank, four.dimension, len(four.directions)) == (1, 4, 3)
    regular = fisher_information(models.pendulum_regular(n=30))
    assert (regular.rank, regular.dimension) == (2, 2)
    with pytest.raises(ValueError, match="phase"):
        models.pendulum_regular(phase=4.0)


def test_strata_of_reduced_rank_are_what_random_members_show():
    strata = catalogue.reduced_rank_strata(inputs=3, outputs=2, hidden=3, rank=1)
    smallest = catalogue.reduced_rank(inputs=3, outputs=2, hidden=3, rank=1)
    assert strata[0].coefficient.value == smallest.value
    # The widest stratum of full product rank: λ = (d - dimension)/2 where the fibre is smooth.
    smooth = max(strata, key=lambda s: s.dimension)
    assert 2 * smooth.coefficient.value == 15 - smooth.dimension
    A = np.zeros((3, 3))
    B = np.zeros((2, 3))
    A[0], B[:, 0] = RNG.normal(size=3), RNG.normal(size=2)
    A[1] = RNG.normal(size=3)
    found = catalogue.reduced_rank_near(A + 1e-12, B, tolerance=1e-6)
    assert (
        found.value
        == next(s for s in strata if (s.first_rank, s.second_rank) == (2, 1)).coefficient.value
    )
    with pytest.raises(ValueError, match="too close"):
        catalogue.reduced_rank_near(A + 1e-6 * RNG.normal(size=(3, 3)), B, tolerance=1e-6)
