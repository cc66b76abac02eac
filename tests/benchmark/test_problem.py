"""The files of the problems: their format, their two programs of one likelihood, their truths."""

import json
from fractions import Fraction
from math import log, pi, sqrt

import jax
import jsonschema
import numpy as np
import pytest
from scipy.integrate import quad, simpson
from scipy.special import logsumexp

from singlearn.benchmark import Problem, load, names, problems
from singlearn.benchmark.families import FAMILIES
from singlearn.benchmark.problem import FOLDER, QUICK
from singlearn.exact import catalogue

ALL = problems()
ONE_OF_EACH = {problem.family: problem.name for problem in reversed(ALL)}


def draws(problem: Problem, size: int, seed: int = 0) -> dict:
    u = np.random.default_rng(seed).uniform(size=(size, problem.dimension))
    return problem.from_unit_cube(u)


def test_there_are_sixty_and_the_quick_ones_are_among_them():
    assert len(ALL) >= 60 and len(QUICK) == 12 and set(QUICK) <= set(names())
    assert {problem.family for problem in ALL} == set(FAMILIES)


def test_every_file_follows_the_schema_and_comes_back_from_its_document():
    schema = json.loads((FOLDER.parent / "schema.json").read_text(encoding="utf-8"))
    check = jsonschema.Draft202012Validator(schema)
    for problem in ALL:
        document = json.loads((FOLDER / f"{problem.name}.json").read_text(encoding="utf-8"))
        check.validate(document)
        assert Problem.from_dict(document).to_dict() == document
    document["truth"]["known"] = [{"quantity": "guess"}]
    with pytest.raises(jsonschema.ValidationError):
        check.validate(document)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_numpy_and_jax_are_one_likelihood(family):
    problem = load(ONE_OF_EACH[family])
    w = draws(problem, 3)
    ours = problem.log_likelihoods(w)
    with jax.enable_x64(True):
        function = problem.jax_log_likelihood()
        theirs = [float(function({k: v[i] for k, v in w.items()})) for i in range(3)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)


def test_the_gradient_is_that_of_the_numpy_likelihood():
    problem = load("gaussian-mixture-2-of-2")
    w = {"means": np.array([0.3, -1.0])}
    value, gradient = problem.log_likelihood_and_gradient(w)
    step = 1e-6 * np.eye(2)
    seen = [
        (
            problem.log_likelihood({"means": w["means"] + s})
            - problem.log_likelihood({"means": w["means"] - s})
        )
        / 2e-6
        for s in step
    ]
    assert value == pytest.approx(problem.log_likelihood(w), rel=1e-10)
    np.testing.assert_allclose(gradient["means"], seen, rtol=1e-5)


@pytest.mark.parametrize("problem", ALL, ids=lambda problem: problem.name)
def test_truths_agree_with_draws_from_the_prior(problem):
    """Simple Monte Carlo knows nothing of how the truths were found; where it has too few draws
    that matter it says nothing, and a needle it does not see.
    """
    if problem.family == "needle":
        return
    beta = problem.inverse_temperatures[0]
    known = problem.known_value("free_energy", beta)
    if known is None:
        assert "missing" in problem.provenance
        return
    size = 8000
    log_weights = beta * problem.log_likelihoods(draws(problem, size, seed=1))
    whole = logsumexp(log_weights)
    weights = np.exp(log_weights - whole)
    effective = 1 / np.sum(weights**2)
    if effective < 60:
        return
    error = sqrt(1 / effective - 1 / size) + known.error
    assert abs(-(whole - log(size)) - known.value) < 4.5 * error
    energy = problem.known_value("energy", beta)
    if energy is not None:
        values = -problem.log_likelihoods(draws(problem, size, seed=1))
        spread = sqrt(np.sum(weights**2 * (values - weights @ values) ** 2))
        assert abs(weights @ values - energy.value) < 5 * spread + energy.error


@pytest.mark.parametrize("name", ["polynomial-x2y2", "polynomial-x2y4", "polynomial-w4"])
def test_polynomials_by_another_quadrature(name):
    problem = load(name)
    N = problem.n

    if name == "polynomial-x2y2":  # the other variable is Gaussian: (1 + 2N x²)^(-1/2)
        f = lambda x: (1 + 2 * N * x**2) ** -0.5  # noqa: E731
    elif name == "polynomial-x2y4":
        f = lambda y: (1 + 2 * N * y**4) ** -0.5  # noqa: E731
    else:
        f = lambda w: np.exp(-N * w**4)  # noqa: E731
    places = [1e-4, 1e-3, 1e-2, 0.1, 1.0]
    Z = (
        2
        * quad(lambda x: f(x) * np.exp(-(x**2) / 2) / sqrt(2 * pi), 0, 9, points=places, limit=400)[
            0
        ]
    )
    known = problem.known_value("free_energy")
    assert -log(Z) == pytest.approx(known.value, abs=1e-6 + known.error)


def test_a_mixture_by_another_quadrature():
    """Equal known weights: the two means on a grid of trapezoids."""
    problem = load("gaussian-mixture-2-of-2")
    grid = np.linspace(-9, 9, 241)
    first, second = (g.ravel() for g in np.meshgrid(grid, grid))
    log_density = problem.log_likelihoods({"means": np.stack([first, second], axis=1)})
    log_density += -0.5 * (first**2 + second**2) / 4 - log(2 * pi * 4)
    Z = logsumexp(log_density) + 2 * log(grid[1] - grid[0])
    assert pytest.approx(problem.known_value("free_energy").value, abs=1e-6) == -Z
    inside = np.exp(log_density + log(grid[1] - grid[0]) - Z).reshape(241, 241).sum(axis=0)
    right = simpson(inside[120:], x=grid[120:])
    known = problem.known_value("phase_share", 1.0, "first to the right")
    assert right == pytest.approx(known.value, abs=1e-5)


FEW_DRAWS = [
    f"reduced-rank-{name}"
    for name in ("5-1-5-rank-1", "6-2-2-rank-1", "8-1-3-rank-0", "8-4-2-rank-0")
]
MATRICES = [p.name for p in ALL if p.name.startswith("reduced-rank") and p.known]


@pytest.mark.parametrize("name", MATRICES)
def test_reduced_rank_by_draws_of_one_matrix(name):
    """The second matrix is drawn, the first integrated: no law of Wishart is used."""
    problem = load(name)
    target = np.asarray(problem.constants["target"])
    (hidden, inputs), (outputs, _) = (part.shape for part in problem.prior)
    B = np.random.default_rng(3).normal(size=(20000, outputs, hidden))
    beta = problem.inverse_temperatures[0]
    t = problem.n * beta
    system = np.eye(outputs) + 2 * t * B @ B.transpose(0, 2, 1)
    fit = np.einsum("im,sij,jm->s", target, np.linalg.inv(system), target)
    log_weights = -t * fit - 0.5 * inputs * np.linalg.slogdet(system)[1]
    whole = logsumexp(log_weights)
    effective = 1 / np.sum(np.exp(2 * (log_weights - whole)))
    if effective > 60:
        error = sqrt(1 / effective - 1 / len(B))
        known = problem.known_value("free_energy", beta)
        assert abs(-(whole - log(len(B))) - known.value) < 4.5 * error + known.error
    else:
        assert name in FEW_DRAWS


def test_hard_densities_by_another_quadrature():
    problem = load("needle-1")
    log_prior = lambda x: -(x**2) / 18 - log(3 * sqrt(2 * pi))  # noqa: E731
    f = lambda x: np.exp(problem.log_likelihood({"x": np.array([x])}) + log_prior(x))  # noqa: E731
    Z = quad(f, -30, 3.9, limit=200)[0] + quad(f, 3.9, 4.1, points=[4.0])[0] + quad(f, 4.1, 30)[0]
    assert -log(Z) == pytest.approx(problem.known_value("free_energy").value, abs=1e-8)


def test_coefficients_are_those_of_the_catalogue():
    for name, found in (
        ("reduced-rank-2-2-2-rank-1", catalogue.reduced_rank(2, 2, 2, 1)),
        ("tanh-2-zero-truth", catalogue.tanh_zero_truth(2)),
        ("topics-2-documents-4", catalogue.latent_dirichlet_allocation(2, 4, 2, 1)),
    ):
        known = load(name).learning_coefficient
        assert (Fraction(known.value), known.multiplicity) == (found.value, found.multiplicity)


def test_free_energies_grow_as_the_coefficient_says():
    """F(β) - λ log(nβ) + (m - 1) log log(nβ) → -log c."""
    for name, tolerance in (("polynomial-w2", 1e-4), ("polynomial-w4", 0.01)):
        problem = load(name)
        found = problem.learning_coefficient
        F = problem.known_value("free_energy").value
        law = -log(problem.leading_constant) + float(Fraction(found.value)) * log(problem.n)
        assert pytest.approx(law, abs=tolerance) == F


def test_names_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="name: got 'polynomial-none'"):
        load("polynomial-none")
