"""K of ReLU networks: a fraction, the same in JAX, and what is known in closed form or by
quadrature.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

import singlearn as sl
from conftest import truth
from singlearn.exact import relu_kl
from singlearn.models import relu_population_kl, star_truth, two_layer_network, two_layer_population

SQUARE = [(-1, 1), (-1, 1)]


def network(w: Any, b: Any, q: Any, c: Any = 0.0) -> dict[str, np.ndarray]:
    return {
        "w": np.array(w, dtype=float),
        "b": np.array(b, dtype=float),
        "q": np.array(q, dtype=float),
        "c": np.array(float(c)),
    }


def some_network(
    generator: np.random.Generator, nodes: int, inputs: int, integers: bool = False
) -> dict[str, np.ndarray]:
    """Random; with small integers many kinks coincide, cross at corners, are parallel to a side, or
    vanish.
    """
    if integers:
        draw = generator.integers
        return network(
            draw(-1, 2, size=(nodes, inputs)),
            draw(-1, 2, size=nodes),
            draw(-1, 3, size=nodes),
            draw(-1, 2),
        )
    draw = generator.normal
    return network(draw(size=(nodes, inputs)), draw(size=nodes) / 2, draw(size=nodes), draw())


def boxes(inputs: int) -> list[tuple[int | float, int | float]]:
    return [(-1, 1), (-0.5, 2)][:inputs]


# ---- the fraction


@pytest.mark.parametrize(
    "kink",
    [Fraction(1, 3), Fraction(-1, 3), Fraction(1), Fraction(-1), Fraction(5, 4), Fraction(-3, 2)],
)
def test_fraction_of_a_shifted_node(kink: Fraction) -> None:
    """2K(b) on [-N, N], N = 1, by the cases of the moving kink."""
    at_zero: dict[str, Any] = {"w": [[1]], "b": [0], "q": [1], "c": 0}
    moved = at_zero | {"b": [-kink]}
    if kink > 1:
        twice = Fraction(1, 6)
    elif kink >= 0:
        twice = (kink**2 - 2 * kink**3 / 3) / 2
    elif kink >= -1:
        twice = (kink**2 - kink**3 / 3) / 2
    else:
        twice = (((-kink) ** 3 - (-1 - kink) ** 3) / 3 + kink**2) / 2
    assert 2 * relu_kl(moved, at_zero, [(-1, 1)]) == twice


@pytest.mark.parametrize("seed", range(4))
def test_fraction_agrees_with_quadrature_on_a_line(seed: int) -> None:
    generator = np.random.default_rng(seed)
    model, truth = some_network(generator, 4, 1), some_network(generator, 2, 1)
    kinks = [
        -b / w
        for (w,), b in zip([*model["w"], *truth["w"]], [*model["b"], *truth["b"]], strict=True)
    ]
    ends = sorted({-1.0, 1.0, *(kink for kink in kinks if -1 < kink < 1)})

    def squared(x: float) -> float:
        at = np.array([[x]])
        with jax.enable_x64(True):
            return float((two_layer_network(model, at) - two_layer_network(truth, at))[0]) ** 2

    total = sum(
        integrate.fixed_quad(np.vectorize(squared), *piece, n=3)[0] for piece in pairwise(ends)
    )
    assert float(relu_kl(model, truth, [(-1, 1)])) == pytest.approx(total / 4, rel=1e-12)


@pytest.mark.parametrize("seed", range(2))
def test_fraction_agrees_with_a_grid_on_a_rectangle(seed: int) -> None:
    generator = np.random.default_rng(seed)
    model, truth = (
        some_network(generator, 3, 2, integers=seed % 2 == 1),
        some_network(generator, 2, 2),
    )
    sides = [np.linspace(low, high, 1001) for low, high in boxes(2)]
    x = np.stack(np.meshgrid(*[(side[1:] + side[:-1]) / 2 for side in sides]), axis=-1).reshape(
        -1, 2
    )
    residual = sum(
        sign * (net["c"] + np.maximum(x @ net["w"].T + net["b"], 0) @ net["q"])
        for sign, net in ((1, model), (-1, truth))
    )
    # The midpoint rule on 10⁶ points.
    assert float(relu_kl(model, truth, boxes(2))) == pytest.approx(
        np.mean(residual**2) / 2, rel=1e-5
    )


def test_fraction_vanishes_on_equal_functions_written_differently() -> None:
    third = Fraction(1, 3)
    one: dict[str, Any] = {"w": [[1, 2]], "b": [third], "q": [6], "c": 1}
    split: dict[str, Any] = {
        "w": [[2, 4], [3, 6], [0, 0], [1, 1]],
        "b": [2 * third, 3 * third, 5, -9],
        "q": [1, Fraction(4, 3), Fraction(1, 5), 7],
        "c": 0,
    }
    assert relu_kl(split, one, SQUARE) == 0
    # The reversal of Example 3.3: relu(x + 1) + relu(1 - x) = relu(x - 1) + relu(-x - 1) + 2.
    hat: dict[str, Any] = {"w": [[1], [-1]], "b": [1, 1], "q": [1, 1], "c": 0}
    reversed_: dict[str, Any] = {"w": [[1], [-1]], "b": [-1, -1], "q": [1, 1], "c": 2}
    assert relu_kl(reversed_, hat, [(-3, 3)]) == 0


@pytest.mark.parametrize(
    ("part", "value", "argument"),
    [
        ("w", [[1, 2, 3]], "model"),
        ("b", [0, 0], "model"),
        ("q", [float("inf")], "model"),
        ("c", "one", "model"),
        ("d", 0, "model"),
    ],
)
def test_fraction_refuses(part: str, value: Any, argument: str) -> None:
    good: dict[str, Any] = {"w": [[1, 2]], "b": [0], "q": [1], "c": 0}
    with pytest.raises(ValueError, match=rf"^{argument}: got "):
        relu_kl(good | {part: value}, good, SQUARE)
    with pytest.raises(ValueError, match=r"^box: got 3 inputs"):
        relu_kl(good, good, [*SQUARE, (0, 1)])
    with pytest.raises(ValueError, match=r"^box: got the side \(1, 1\)"):
        relu_kl(good, good, [(0, 1), (1, 1)])


# ---- the same in JAX


@pytest.mark.parametrize("inputs", [1, 2])
@pytest.mark.parametrize("integers", [False, True], ids=["generic", "degenerate"])
def test_jax_function_is_the_fraction(inputs: int, integers: bool) -> None:
    generator = np.random.default_rng(inputs)
    for truth_nodes in (0, 2):
        truth = some_network(generator, truth_nodes, inputs, integers)
        with jax.enable_x64(True):
            kl = jax.jit(relu_population_kl(truth, boxes(inputs)))
            for _ in range(10 if inputs == 2 else 30):
                w = some_network(generator, 4, inputs, integers)
                exact = float(relu_kl(w, truth, boxes(inputs)))
                assert float(kl(w)) == pytest.approx(exact, rel=1e-12, abs=1e-30)


@pytest.mark.parametrize("inputs", [1, 2])
def test_jax_function_keeps_its_digits_near_the_truth(inputs: int) -> None:
    generator = np.random.default_rng(3)
    truth = some_network(generator, 3, inputs)
    with jax.enable_x64(True):
        kl = jax.jit(relu_population_kl(truth, boxes(inputs)))
        assert float(kl(truth)) == pytest.approx(0.0, abs=1e-30)
        for distance in (1e-3, 1e-6):
            w = {
                name: part + distance * generator.normal(size=part.shape)
                for name, part in truth.items()
            }
            exact = float(relu_kl(w, truth, boxes(inputs)))
            assert 0 < exact < 100 * distance**2
            assert float(kl(w)) == pytest.approx(exact, rel=1e-14 / distance)


def flat(w: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(w[name]) for name in ("w", "b", "q", "c")])


def unflat(u: Any, inputs: int) -> dict[str, Any]:
    nodes = (u.shape[0] - 1) // (inputs + 2)
    w, b, q = (
        u[: nodes * inputs],
        u[nodes * inputs : nodes * (inputs + 1)],
        u[nodes * (inputs + 1) : -1],
    )
    return {"w": w.reshape(nodes, inputs), "b": b, "q": q, "c": u[-1]}


DIAGONAL = network([[1, 1]], [0], [1])  # its kink passes through two corners of the square
MIDDLE = network([[1]], [0.5], [1])


@cache
def compiled_gradient(inputs: int) -> Callable[[jax.Array], jax.Array]:
    kl = relu_population_kl(MIDDLE if inputs == 1 else DIAGONAL, SQUARE[:inputs])
    return jax.jit(jax.grad(lambda u: kl(unflat(u, inputs))))


@pytest.mark.parametrize(
    "w",
    [
        network([[1, 0], [0, 1]], [0.25, 0.5], [1, -2], 0.3),
        network([[1, 1], [2, 2]], [0, 0], [1, 1]),
        network([[1, -1], [-1, 1]], [0.5, -0.5], [1, 1]),
        network([[0, 0], [1, 1 + 1e-7]], [0.5, 0], [1, 1]),
        network([[1], [-2]], [0.5, 1], [1, 1]),
        network([[0], [1]], [0.5, 1], [1, 1]),
    ],
    ids=[
        "parallel to the sides",
        "all on the true kink",
        "opposite",
        "constant, nearly the true one",
        "line",
        "line, constant",
    ],
)
def test_derivatives_at_degenerate_parameters(w: dict[str, np.ndarray]) -> None:
    """Against central differences of the exact fraction, over a step that is itself a binary
    fraction.
    """
    inputs = w["w"].shape[1]
    box, truth = SQUARE[:inputs], MIDDLE if inputs == 1 else DIAGONAL
    u, step = flat(w), 2.0**-20
    with jax.enable_x64(True):
        gradient = np.asarray(compiled_gradient(inputs)(jnp.asarray(u)))
    for index in range(u.size):
        moved = [
            relu_kl(unflat(u + sign * step * np.eye(u.size)[index], inputs), truth, box)
            for sign in (1, -1)
        ]
        assert gradient[index] == pytest.approx(
            float((moved[0] - moved[1]) / Fraction(2 * step)), abs=1e-5
        )


@pytest.mark.parametrize("inputs", [1, 2])
def test_second_derivatives_agree_with_differences_of_first_ones(inputs: int) -> None:
    generator = np.random.default_rng(inputs)
    truth, w = some_network(generator, 1, inputs), some_network(generator, 2, inputs)
    if inputs == 2:
        w["w"][:2] = [[1.0, 0.0], [0.0, 1.0]]  # kinks parallel to the sides
    with jax.enable_x64(True):
        kl = relu_population_kl(truth, boxes(inputs))
        function = lambda u: kl(unflat(u, inputs))  # noqa: E731
        gradient, hessian = jax.jit(jax.grad(function)), jax.jit(jax.hessian(function))
        u, step = jnp.asarray(flat(w)), 1e-5
        numeric = [
            (gradient(u + step * e) - gradient(u - step * e)) / (2 * step) for e in np.eye(u.size)
        ]
        np.testing.assert_allclose(hessian(u), np.array(numeric), atol=1e-7)


# The truth has two nodes on two kinks; the third node of the model is the one too many.
RANK_TRUTHS = {
    1: network([[1], [1]], [0, -1], [1, 1]),
    2: network([[1, 0], [0, 1]], [0.25, -0.5], [1, 1]),
}
RANK_BOXES = {1: [(-2, 2)], 2: SQUARE}
EXCESS = {
    "zero_outgoing": (1.0, 0.125, 0.0),
    "zero_incoming": (0.0, 0.5, 1.0),
    "zero_incoming_dead": (0.0, -0.5, 1.0),
    "dead": (0.5, -7.0, 1.0),
}


def parameter_of_phase(phase: str, inputs: int) -> dict[str, np.ndarray]:
    """A true parameter of that phase; the constant pays for an active node with w = 0."""
    truth = RANK_TRUTHS[inputs]
    if phase == "minimal":
        return truth
    if phase == "opposite_pair":  # relu(x) + relu(x-1) = 2 relu(x) - relu(-x) + relu(1-x) - 1
        return network([[1], [-1], [-1]], [0, 0, 1], [2, -1, 1], -1)
    if phase == "shared_boundary":
        split = {
            name: np.concatenate([part, part[:1]]) if part.ndim else part
            for name, part in truth.items()
        }
        return split | {"q": np.array([0.25, 1.0, 0.75])}
    weight, bias, q = EXCESS[phase]
    row = weight * np.array([[1.0, 0.5][:inputs]])
    grown = {
        "w": np.concatenate([truth["w"], row]),
        "b": np.append(truth["b"], bias),
        "q": np.append(truth["q"], q),
    }
    return grown | {"c": np.array(-max(bias, 0.0) * q if weight == 0 else 0.0)}


@cache
def compiled_hessian(inputs: int) -> Callable[[jax.Array], jax.Array]:
    kl = relu_population_kl(RANK_TRUTHS[inputs], RANK_BOXES[inputs])
    return jax.jit(jax.hessian(lambda u: kl(unflat(u, inputs))))


@pytest.mark.parametrize(
    "case", truth("relu_ranks")["ranks"], ids=lambda case: f"{case['inputs']} {case['phase']}"
)
def test_hessian_on_the_true_set_has_the_rank_of_the_phase(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    w, box = parameter_of_phase(case["phase"], inputs), RANK_BOXES[inputs]
    assert relu_kl(w, RANK_TRUTHS[inputs], box) == 0
    u = flat(w)
    assert u.size == case["parameters"]
    with jax.enable_x64(True):
        eigenvalues = np.linalg.eigvalsh(compiled_hessian(inputs)(jnp.asarray(u)))
    assert np.count_nonzero(eigenvalues > 1e-9) == case["rank"]
    assert np.abs(eigenvalues[: u.size - case["rank"]]).max() < 1e-12


def test_compiles_maps_and_works_in_both_precisions() -> None:
    kl = relu_population_kl(star_truth(3, 5), SQUARE)
    generator = np.random.default_rng(0)
    batch = [some_network(generator, 4, 2) for _ in range(5)]
    expected = [float(relu_kl(w, star_truth(3, 3), SQUARE)) for w in batch]
    for double in (False, True, False):
        with jax.enable_x64(double):
            mapped = jax.jit(jax.vmap(kl))(
                jax.tree.map(lambda *parts: jnp.asarray(np.stack(parts)), *batch)
            )
            assert mapped.dtype == (jnp.float64 if double else jnp.float32)
            np.testing.assert_allclose(mapped, expected, rtol=1e-12 if double else 1e-4)


# ---- the triple


def test_triple_claims_what_is_proved_only() -> None:
    def value(*arguments: Any) -> Fraction | None:
        known = two_layer_population(*arguments).known
        return None if known is None else known.value

    line = [(-1, 1)]
    assert (
        value(5, 3) == 5
        and value(5, 5) == 8
        and value(3, network(np.zeros((0, 1)), [], [], 2.0), line) == Fraction(1, 2)
    )
    assert value(2, network([[1], [2]], [0.5, 0.25], [1, 1]), line) == Fraction(5, 2)
    assert value(2, 3) is None, "three kinks do not fit into two nodes"
    assert value(2, network([[1], [-2]], [0.5, -1], [1, 1]), line) is None, "one kink twice"
    assert value(2, network([[1]], [2], [1]), line) is None, "its kink is outside the box"
    assert value(2, network([[1]], [1], [1]), line) is None, "its kink is on the edge of the box"


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ((0,), "hidden"),
        ((2, 2), "truth"),
        ((2, 3, [(-1, 1)]), "truth"),
        ((2, 3, [(-1, 1), (1, -1)]), "box"),
        ((2, 3, SQUARE, -1.0), "n"),
        ((2, 3, SQUARE, 1.0, 0.0), "prior_scale"),
    ],
)
def test_triple_refuses(arguments: tuple[Any, ...], argument: str) -> None:
    with pytest.raises(ValueError, match=rf"^{argument}: got "):
        two_layer_population(*arguments)


@pytest.mark.slow
def test_tempering_measures_the_proven_coefficient() -> None:
    """One node, one input: λ = 3/2, where a regular model would have 2."""
    triple = two_layer_population(1, network([[1]], [0], [1]), [(-1, 1)])
    read = sl.temper(
        triple, beta_max=1e6, particles=128, seed=0, progress=False
    ).learning_coefficient()
    assert read.standard_error < 0.1
    assert abs(read.value - 1.5) < 4 * read.standard_error
