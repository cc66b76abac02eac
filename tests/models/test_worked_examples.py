"""Worked examples: closed forms against networks, quadrature and derivatives, and against what the
sources say.
"""

from __future__ import annotations

import io
import json
import math
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy
from scipy import integrate

from singlearn import models
from singlearn.exact import (
    TrueSetChart,
    WorkedExample,
    minimally_singular,
    relu_kl,
    worked_examples,
)
from singlearn.experiments.carroll2021.worked_examples import EXPERIMENT, cases, table
from singlearn.plot import Side, plane, smoothness, valley
from singlearn.plot.valley_and_posterior import posterior_over_plane
from singlearn.triple import Triple

HALF = Fraction(1, 2)
RATIONAL = [Fraction(p, 7) for p in (-11, -7, -4, -1, 2, 5, 8, 13)]
GRID = [(x, y) for x in RATIONAL for y in RATIONAL]


def network(w: Any, b: Any, q: Any, c: Any = 0) -> dict[str, Any]:
    return {"w": [[weight] for weight in w], "b": b, "q": q, "c": c}


# Each example with numbers in it, as networks: the model at a parameter, the truth, the inputs.
NETWORKS: dict[str, tuple[WorkedExample, Any, dict[str, Any], Fraction]] = {
    "valley": (
        worked_examples.scaling_valley(2, Fraction(3, 2)),
        lambda w, q: network([w], [0], [q]),
        network([1], [0], [2]),
        Fraction(3, 2),
    ),
    "cross": (
        worked_examples.scaling_valley(0, Fraction(3, 2)),
        lambda w, q: network([w], [0], [q]),
        network([], [], []),
        Fraction(3, 2),
    ),
    "reversal": (
        worked_examples.orientation_reversal(Fraction(4, 3), HALF, 2),
        lambda s, c: network([1, -1], [-HALF, -HALF], [s, s], c),
        network([1, -1], [HALF, HALF], [Fraction(4, 3)] * 2),
        Fraction(2),
    ),
    "two nodes": (
        worked_examples.two_node_degeneracy(1, Fraction(3, 2)),
        lambda w1, w2: network([w1, w2], [0, 0], [1, 1]),
        network([1], [0], [1]),
        Fraction(3, 2),
    ),
    "moving kink": (
        worked_examples.moving_kink(1),
        lambda b: network([1], [-b], [1]),
        network([1], [0], [1]),
        Fraction(1),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_closed_form_is_the_integral(name: str) -> None:
    example, model, truth, half_width = NETWORKS[name]
    for point in GRID if len(example.parameters) == 2 else [(x,) for x in RATIONAL]:
        values = {
            p.name: sympy.Rational(x.numerator, x.denominator)
            for p, x in zip(example.parameters, point, strict=True)
        }
        exact = relu_kl(model(*point), truth, [(-half_width, half_width)])
        assert example.at(example.K, **values) == sympy.Rational(
            exact.numerator, exact.denominator
        ), point


@pytest.mark.parametrize("name", NETWORKS)
def test_fisher_information_is_the_curvature_of_K_from_that_parameter(name: str) -> None:
    """I(w) is the Hessian at w' = w of the divergence of w' from w, here by differences of the
    exact fraction.
    """
    example, model, _, half_width = NETWORKS[name]
    step, box = Fraction(1, 10**6), [(-half_width, half_width)]
    d = len(example.parameters)
    for point in [(Fraction(5, 7), Fraction(8, 7))[:d], (Fraction(-5, 7), Fraction(3, 7))[:d]]:
        names = [parameter.name for parameter in example.parameters]
        fisher = example.at(
            example.fisher,
            **{
                n: sympy.Rational(x.numerator, x.denominator)
                for n, x in zip(names, point, strict=True)
            },
        )

        def curvature(direction: list[int], point: tuple[Fraction, ...] = point) -> float:
            moved = [x + step * e for x, e in zip(point, direction, strict=True)]
            back = [x - step * e for x, e in zip(point, direction, strict=True)]
            return float(
                (
                    relu_kl(model(*moved), model(*point), box)
                    + relu_kl(model(*back), model(*point), box)
                )
                / step**2
            )

        for direction in [[1, 0], [0, 1], [1, 1]] if d == 2 else [[1]]:
            vector = sympy.Matrix(direction)
            assert float((vector.T * fisher * vector)[0]) == pytest.approx(
                curvature(direction), rel=1e-4
            )


def test_hessian_on_the_true_set_is_the_fisher_information() -> None:
    s = sympy.Symbol("s", positive=True)
    example = worked_examples.scaling_valley()
    theta = worked_examples.THETA
    on_valley = {"w": s, "q": theta / s}
    difference = example.at(example.hessian, **on_valley) - example.at(example.fisher, **on_valley)
    assert difference.applyfunc(sympy.simplify) == sympy.zeros(2)
    # The source's matrix, up to the variance of the inputs: [[q², θ], [θ, w²]].
    A = worked_examples.WIDTH
    assert example.at(example.hessian, **on_valley) == A**2 / 6 * sympy.Matrix(
        [[theta**2 / s**2, theta], [theta, s**2]]
    )
    (null,) = example.kernel(**on_valley)
    assert sympy.simplify(null[0] * (-theta / s) - null[1] * s) == 0
    reversal = worked_examples.orientation_reversal()
    assert reversal.hessian.applyfunc(sympy.simplify) == reversal.fisher.applyfunc(sympy.simplify)


def test_two_nodes_have_no_hessian_at_the_ends_and_the_volume_of_a_strip_with_two_half_discs() -> (
    None
):
    example = worked_examples.two_node_degeneracy(1, sympy.sqrt(3))
    w1, w2 = example.parameters
    from_inside = example.K.subs({w2: 1}).diff(w1, 2).subs(w1, sympy.Rational(1, 10**6))
    from_outside = example.K.subs({w2: 1}).diff(w1, 2).subs(w1, -sympy.Rational(1, 10**6))
    mixed = [
        sympy.diff(example.K, w1, w2).subs({w1: sign * sympy.Rational(1, 10**6), w2: 1})
        for sign in (1, -1)
    ]
    assert from_inside == from_outside and mixed == [sympy.Rational(1, 2), 0]
    # Steps of different length, so that the strip does not run along a diagonal of the grid.
    x, y = np.linspace(-0.3, 1.3, 1601), np.linspace(-0.3, 1.3, 1877)
    X, Y = np.meshgrid(x, y)
    K = (
        (np.maximum(X, 0) + np.maximum(Y, 0) - 1) ** 2
        + (np.maximum(-X, 0) + np.maximum(-Y, 0)) ** 2
    ) / 4
    for t in (0.01, 0.001):
        radius = math.sqrt(12 * t / 3)
        area = np.count_nonzero(t > K) * (x[1] - x[0]) * (y[1] - y[0])
        assert area == pytest.approx(2 * radius + math.pi * radius**2, rel=3e-3)


def test_moving_kink_is_c2_and_not_c3_and_the_papers_formula_has_its_interval() -> None:
    A = worked_examples.WIDTH
    example = worked_examples.moving_kink()
    (b,) = example.parameters
    pieces = example.K.args[2][0], example.K.args[1][0]
    for order, (left, right) in enumerate(
        [(0, 0), (0, 0), (sympy.Rational(1, 2),) * 2, (-1 / (2 * A), -1 / A)]
    ):
        derivative = [(piece.diff(b, order) if order else piece).subs(b, 0) for piece in pieces]
        assert [sympy.simplify(derivative[0] - left), sympy.simplify(derivative[1] - right)] == [
            0,
            0,
        ], order
    number = worked_examples.moving_kink(1)
    paper = {True: lambda b: b**2 - 2 * b**3 / 3, False: lambda b: b**2 - b**3 / 3}
    for value in (sympy.Rational(1, 3), 1, sympy.Rational(-1, 3), -1):
        assert number.at(4 * number.K, b=value) == paper[value >= 0](sympy.sympify(value))
    for value in (sympy.Rational(3, 2), sympy.Rational(-3, 2)):
        assert number.at(4 * number.K, b=value) != paper[value >= 0](sympy.sympify(value))


# ---- the pendulum


def test_pendulum_divergence_is_the_mean_over_starting_positions() -> None:
    example = worked_examples.pendulum(Fraction(1, 2), 2, 1)
    points, weights = np.polynomial.hermite_e.hermegauss(20)
    truth = {"v": np.array(0.5), "g": np.array(2.0), "t": np.array(1.0)}
    triple = models.pendulum_population(0.5, 2.0, 1.0, scale=0.5)
    for v, g, t in [(0.3, 1.0, 2.0), (-1.0, 3.0, 0.4), (0.0, 0.5, 3.0)]:
        w = {"v": np.array(v), "g": np.array(g), "t": np.array(t)}
        with jax.enable_x64(True):
            gap = np.asarray(models.pendulum_position(w, points)) - np.asarray(
                models.pendulum_position(truth, points)
            )
        mean = weights @ gap**2 / weights.sum() / 2
        assert float(example.at(example.K, v=v, g=g, t=t)) == pytest.approx(mean, rel=1e-10)
        assert triple.parameter_energy(w) == pytest.approx(mean / 0.25, rel=1e-10)


def test_pendulum_orbit_kernel_and_singular_locus() -> None:
    v, g, t = sympy.Rational(1, 2), 2, 3
    example = worked_examples.pendulum(v, g, t)
    for a in (sympy.Rational(1, 3), 5):
        assert example.at(example.K, v=a * v, g=a**2 * g, t=t / sympy.sympify(a)) == 0
    (null,) = example.kernel(v=v, g=g, t=t)
    generator = sympy.Matrix([v, 2 * g, -t])
    assert null * (-t / null[2]) == generator
    assert len(example.kernel(v=v, g=1, t=sympy.pi)) == 2
    assert len(example.kernel(v=0, g=1, t=sympy.pi)) == 3
    assert (example.known.value, example.known.multiplicity) == (1, 1)
    half_period = worked_examples.pendulum(v, 4, sympy.pi / 2)
    assert (half_period.known.value, half_period.known.multiplicity) == (HALF, 2)
    assert half_period.at(half_period.K, v=-7, g=1, t=sympy.pi) == 0, (
        "any velocity is true where the sine vanishes"
    )
    moved = models.pendulum_orbit({"v": 0.5, "g": 2.0, "t": 3.0}, 4.0)
    np.testing.assert_allclose(
        models.pendulum_invariants(moved),
        models.pendulum_invariants({"v": 0.5, "g": 2.0, "t": 3.0}),
        rtol=1e-6,
    )


def test_pendulum_ranks_for_other_experiments() -> None:
    """One reading at a known time: rank 1 of 4; many starting positions: 2 of 3; many known times:
    3 of 3.
    """
    x0, v = sympy.symbols("x0 v", real=True)
    g, t = sympy.symbols("g t", positive=True)
    f = x0 * sympy.cos(sympy.sqrt(g) * t) + v / sympy.sqrt(g) * sympy.sin(sympy.sqrt(g) * t)
    at = {x0: 0.7, v: 0.5, g: 2.0, t: 1.3}

    def rank(parameters: list[sympy.Symbol], readings: list[dict[sympy.Symbol, float]]) -> int:
        rows = [[float(f.diff(p).subs(at | reading)) for p in parameters] for reading in readings]
        return int(np.linalg.matrix_rank(np.array(rows), tol=1e-9))

    assert rank([x0, v, g, t], [{}]) == 1
    assert rank([v, g, t], [{x0: value} for value in (-1.0, 0.3, 0.7, 2.0)]) == 2
    assert rank([x0, v, g], [{t: value} for value in (0.5, 1.0, 1.5, 2.0)]) == 3


# ---- triples

TRIPLES: dict[str, tuple[WorkedExample, Triple]] = {
    "valley": (worked_examples.scaling_valley(2, HALF * 3), models.scaling_valley(2.0, 1.5)),
    "reversal": (
        worked_examples.orientation_reversal(1, HALF, 2),
        models.orientation_reversal(1.0, 0.5, 2.0),
    ),
    "two nodes": (
        worked_examples.two_node_degeneracy(1, HALF * 3),
        models.two_node_degeneracy(1.0, 1.5),
    ),
    "moving kink": (worked_examples.moving_kink(1), models.moving_kink(1.0, 2.0)),
}


@pytest.mark.parametrize("name", TRIPLES)
def test_triples_are_the_closed_forms(name: str) -> None:
    example, triple = TRIPLES[name]
    for point in GRID if len(example.parameters) == 2 else [(x,) for x in RATIONAL]:
        values = {
            p.name: sympy.Rational(x.numerator, x.denominator)
            for p, x in zip(example.parameters, point, strict=True)
        }
        energy = triple.parameter_energy({key: float(value) for key, value in values.items()})
        assert energy == pytest.approx(float(example.at(example.K, **values)), rel=1e-12, abs=1e-15)
    known = triple.known
    assert known is not None and (known.value, known.multiplicity) == (
        example.known.value,
        example.known.multiplicity,
    )


@pytest.mark.parametrize("name", TRIPLES)
def test_triples_work_in_both_precisions(name: str) -> None:
    triple = TRIPLES[name][1]
    differentiate = jax.jit(jax.value_and_grad(lambda u: triple.energy(u, triple.data)))
    for double in (False, True, False):
        with jax.enable_x64(double):
            value, gradient = differentiate(jnp.linspace(-0.5, 0.5, triple.dimension))
            assert (
                value.dtype == (jnp.float64 if double else jnp.float32)
                and np.isfinite(gradient).all()
            )


def test_zero_truth_has_multiplicity_two_and_is_not_minimally_singular() -> None:
    known = models.scaling_valley(0.0).known
    assert known is not None and (known.value, known.multiplicity) == (HALF, 2)
    s = sympy.Symbol("s", positive=True)
    K = "3/12*(w*q - 2)^2"
    assert minimally_singular(TrueSetChart(K, {"w": s, "q": 2 / s})).learning_coefficient == HALF
    crossing = [
        TrueSetChart("w^2*q^2", {"w": sympy.Symbol("s"), "q": 0}),
        TrueSetChart("w^2*q^2", {"w": 0, "q": sympy.Symbol("s")}),
    ]
    assert minimally_singular(crossing).kind == "not minimally singular"


@pytest.mark.parametrize(
    ("build", "argument"),
    [
        (lambda: worked_examples.scaling_valley(-1), "theta"),
        (lambda: worked_examples.scaling_valley(1, 0), "half_width"),
        (lambda: worked_examples.orientation_reversal(0), "theta"),
        (lambda: worked_examples.orientation_reversal(1, 2, 1), "offset"),
        (lambda: worked_examples.two_node_degeneracy(0), "theta"),
        (lambda: worked_examples.moving_kink(0), "half_width"),
        (lambda: worked_examples.pendulum(1, 0, 1), "gravity"),
        (lambda: worked_examples.moving_kink(1).kernel(c=0), "w"),
        (lambda: models.scaling_valley(-1.0), "theta"),
        (lambda: models.scaling_valley(4.0, prior_half_width=1.0), "prior_half_width"),
        (lambda: models.orientation_reversal(1.0, 2.0, 1.0), "offset"),
        (lambda: models.orientation_reversal(prior_half_width=0.0), "prior_half_width"),
        (lambda: models.two_node_degeneracy(3.0, prior_half_width=2.0), "prior_half_width"),
        (lambda: models.moving_kink(prior_half_width=0.0), "prior_half_width"),
        (lambda: models.moving_kink(n=0.0), "n"),
        (lambda: models.pendulum_population(time=0.0), "time"),
        (lambda: models.pendulum_population(scale=-1.0), "scale"),
        (lambda: models.pendulum_orbit({"v": 1.0, "g": 1.0, "t": 1.0}, 0.0), "factor"),
    ],
)
def test_examples_refuse(build: Any, argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}: got "):
        build()


# ---- pictures and the experiment


def test_every_case_has_its_point_on_the_true_set() -> None:
    for case in cases():
        assert case.exact.at(case.exact.K, **case.point) == 0
        assert case.triple.parameter_energy(
            {name: float(value) for name, value in case.point.items()}
        ) == pytest.approx(0.0, abs=1e-15)
        known = case.triple.known
        assert known is not None and (known.value, known.multiplicity) == (
            case.exact.known.value,
            case.exact.known.multiplicity,
        )


def test_pictures_say_what_they_show(tmp_path) -> None:
    figures = {case.file: case.picture(case.triple) for case in cases()}
    for figure in figures.values():
        buffer = io.BytesIO()
        figure.savefig(buffer, dpi=30)
        assert buffer.getvalue()[:4] == b"\x89PNG"
    landscape, density, bar = figures["valley"].axes
    assert (
        "nats" in landscape.get_title(loc="left")
        and "n$ = 20" in density.get_title(loc="left")
        and "density" in bar.get_ylabel()
    )
    hyperbola = density.lines[0].get_xydata()
    np.testing.assert_allclose(hyperbola[:, 0] * hyperbola[:, 1], 2.0)
    assert density.get_legend().get_texts()[0].get_text().startswith("$W_0$")
    (segment,) = figures["two_nodes"].axes[0].lines
    np.testing.assert_allclose(np.sum(segment.get_xydata(), axis=1), 1.0)
    assert (
        figures["two_nodes"].axes[0].get_xlabel() == "$w_{1}$"
        and "[nats]" in figures["two_nodes"].axes[1].get_ylabel()
    )
    third = figures["moving_kink"].axes[3]
    dots = sorted(
        tuple(point)
        for line in third.lines
        if line.get_marker() == "o"
        for point in line.get_xydata().round(2)
    )
    assert (0.0, -1.0) in dots and (0.0, -0.5) in dots


def test_posterior_density_integrates_to_one_and_peaks_on_the_valley() -> None:
    triple, x, y = models.scaling_valley(2.0), Side("w", -5, 5), Side("q", -5, 5)
    density = posterior_over_plane(triple, x, y, 20)
    total = integrate.simpson(integrate.simpson(density, x=x.grid(), axis=1), x=y.grid())
    assert total == pytest.approx(1.0, rel=1e-2)
    row, column = np.unravel_index(np.argmax(density), density.shape)
    assert x.grid()[column] * y.grid()[row] == pytest.approx(2.0, abs=0.2)


def test_pictures_refuse() -> None:
    triple = models.two_node_degeneracy(1.0)
    with pytest.raises(ValueError, match=r"^w1: got the range"):
        Side("w1", 1, 1)
    with pytest.raises(ValueError, match=r"^at: with w1 and q"):
        plane(triple, Side("w1", 0, 1), Side("q", 0, 1), {})
    with pytest.raises(ValueError, match=r"^triple: .* has data"):
        valley(models.pendulum(n=5), Side("v", 0, 1), Side("t", 0, 1), {})
    with pytest.raises(ValueError, match=r"^example: got"):
        smoothness(worked_examples.moving_kink(), -1, 1)


def test_experiment_measures_what_is_proved(tmp_path, monkeypatch) -> None:
    """On one case; `singlearn experiment worked_examples` runs all five."""
    monkeypatch.setattr(
        "singlearn.experiments.carroll2021.worked_examples.cases", lambda: cases()[2:3]
    )
    result = EXPERIMENT.run(True, 0, tmp_path / "new", False)
    json.dumps(result.to_dict())
    assert [row["Fisher rank"] for row in result.rows] == [1]
    assert result.rows[0]["kernel"] == [["-1", "1"]]
    for row in result.rows:
        assert row["standard error"] < 0.05
        assert abs(row["measured λ"] - float(Fraction(row["exact λ"]))) < 4 * row["standard error"]
    assert all(path.stat().st_size > 10_000 for path in result.figures)
    assert "∝ (-1, 1)" in result.text and result.text == table(result.rows, result.doubts)


@pytest.mark.parametrize(
    ("symbolic", "triple"),
    [
        (worked_examples.scaling_valley, models.scaling_valley),
        (worked_examples.two_node_degeneracy, models.two_node_degeneracy),
        (worked_examples.moving_kink, models.moving_kink),
    ],
)
def test_symbolic_example_and_population_triple_are_one_object(symbolic, triple) -> None:
    """Symbols left open get the numbers of the sources, which are the triple's defaults."""
    made, ready = models.population_of(symbolic()), triple()
    assert made.known == ready.known
    random = np.random.default_rng(0)
    for _ in range(20):
        w = {name: random.uniform(-2, 3) for name in ready.prior}
        assert made.parameter_energy(w) == pytest.approx(ready.parameter_energy(w), abs=1e-12)


def test_valley_of_a_symbolic_example_draws_its_true_set() -> None:
    figure = valley(worked_examples.scaling_valley())
    curve = next(line for line in figure.axes[1].lines if len(line.get_xdata()) > 100)
    np.testing.assert_allclose(curve.get_xdata() * curve.get_ydata(), 2)
    assert figure.axes[1].get_xlim() == (-1, 5)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: valley(models.scaling_valley()), "x, y: got none"),
        (lambda: valley(worked_examples.moving_kink()), "a plane needs two"),
        (lambda: models.population_of(worked_examples.pendulum(1, 1, 1)), "prior: got None"),
    ],
)
def test_what_an_example_does_not_say_is_asked_for(call, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
