"""What gradient flow keeps: counts, laws and polynomial laws against exact ones.

The catalogue ``truth/conservation_laws.json`` was made by other code: counts by ranks modulo
1048573 whose bounds meet, and closed forms (Marcotte, Gribonval & Peyré 2023; chains with scalar
ends by the number of driving functions).
"""

import json
from pathlib import Path

import numpy as np
import pytest

from singlearn import flow
from singlearn.flow.architecture import Architecture
from singlearn.flow.law import Gram, gram_law
from singlearn.flow.networks.chain import linear_chain, number_of_laws
from singlearn.flow.networks.relu import relu_network, relu_network_on_data
from singlearn.flow.specification import architecture

CASES = json.loads((Path(__file__).parents[1] / "truth" / "conservation_laws.json").read_text())[
    "cases"
]
SMALL = [case for case in CASES if case.get("polynomial_laws_degree_le_2") and case["D"] <= 20]


def network(case):
    return architecture(case["spec"], case.get("weights"), case.get("inputs"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_count_of_the_catalogue_is_proved(case):
    found = flow.count(case["spec"], weights=case.get("weights"), inputs=case.get("inputs"))
    assert found.proved
    assert found.dimension == case["D"]
    assert found.number == case["conserved"]
    assert found.lie_dimension == case["D"] - case["conserved"]


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case["name"])
def test_polynomial_laws_are_all_found(case):
    found = flow.polynomial_laws(network(case), 2)
    right = case["polynomial_laws_degree_le_2"]
    assert (len(found.laws), found.independent) == (right["dimension"], right["independent"])


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case["name"])
def test_differentials_are_those_of_the_values(case):
    # Differences of the values along a random direction, at real parameters: laws and their
    # gradients are written separately.
    model = network(case)
    rng = np.random.default_rng(0)
    at = {name: rng.normal(size=shape) for name, shape in model.shapes.items()}
    along = {name: rng.normal(size=shape) for name, shape in model.shapes.items()}
    step = 1e-5
    for law in model.laws:
        ends = [
            law.values({name: at[name] + sign * step * along[name] for name in at})
            for sign in (1, -1)
        ]
        slope = np.atleast_1d((ends[0] - ends[1]) / (2 * step))
        if slope.ndim == 2 and slope.shape[0] == slope.shape[1]:
            slope = slope[np.triu_indices(len(slope))]
        if type(law).__name__ == "RowSpaceLaw":
            continue  # its differentials are for whole numbers, tested below
        found = np.array(
            [
                sum(np.sum(parts[name] * along[name]) for name in parts)
                for parts in law.differentials(at)
            ]
        )
        if type(law).__name__ == "GramLaw":
            # Halves of gradients: of all entries of a diagonal or trace, and of the diagonal of a
            # matrix.
            size = int(np.sqrt(2 * len(found)))
            on_diagonal = (
                [a == b for a in range(size) for b in range(a, size)]
                if law.entries == "symmetric"
                else [True] * len(found)
            )
            found = np.where(on_diagonal, 2 * found, found)
        np.testing.assert_allclose(found, slope.reshape(-1), rtol=1e-6, atol=1e-7)


def test_row_space_law_stays_under_gradients_of_what_a_loss_sees():
    model = flow.count({"kind": "uut", "n": 2, "r": 4})
    (law,) = model.laws
    rng = np.random.default_rng(1)
    u = rng.integers(-9, 10, (2, 4)).astype(float)
    for _ in range(3):
        symmetric = rng.normal(size=(2, 2))
        gradient = (symmetric + symmetric.T) @ u
        step = 1e-7
        moved = [law.values({"U": u + sign * step * gradient}) for sign in (1, -1)]
        np.testing.assert_allclose((moved[0] - moved[1]) / (2 * step), 0, atol=1e-5)
        for parts in law.differentials({"U": u}):
            slope = parts["U"].astype(float)
            assert (
                abs(np.sum(slope * gradient)) < 1e-6 * np.abs(slope).max() * np.abs(gradient).max()
            )


def test_a_law_that_the_network_does_not_have_is_refused():
    right = linear_chain((2, 3, 2))
    false = gram_law([Gram("W1", 0), Gram("W2", 1, 1)], "symmetric", "none")
    with pytest.raises(
        ValueError, match=r"W1 W1ᵀ \+ W2ᵀ W2 is not kept by the gradient flow of linear chain 2-3-2"
    ):
        flow.count(Architecture(right.name, right.shapes, right.write, (false,)))


def test_bounds_that_do_not_meet_are_no_number():
    right = relu_network((2, 3, 1))
    # Without any law that is known, and with too many parameters to look for polynomials.
    wide = relu_network((3, 8, 2))
    found = flow.count(Architecture(wide.name, wide.shapes, wide.write, ()))
    assert (found.at_least, found.at_most, found.number, found.proved) == (0, 8, None, False)
    assert "from 0 to 8" in str(found)
    assert (
        flow.count(Architecture(right.name, right.shapes, right.write, ())).number == 3
    )  # by its polynomials


def test_polynomials_as_strings():
    assert flow.count(["a*b"]).number == 1
    assert flow.count(["a^2 - b^2"]).number == 1
    assert flow.count(["x*y*z"]).number == 2
    assert flow.count(["x + y"]).number == 1
    assert [law.formula for law in flow.polynomial_laws(["x*y^2"], 2).laws] == ["2 x^2 - y^2"]
    # Only polynomials of degree 2 are looked for, so that what has none is bounded, not counted.
    assert flow.count(["x*y + x*y^2"]).number is None


@pytest.mark.parametrize(
    "widths", [(1, 2, 2, 1), (1, 1, 1, 1), (2, 1, 3, 1, 2), (3, 8, 2), (1, 4, 1, 2)]
)
def test_number_of_laws_of_a_chain_is_the_upper_bound_too(widths):
    assert flow.count(linear_chain(widths)).number == number_of_laws(widths)


def test_dead_nodes_and_groups_on_data():
    # Node 1 is dead on both inputs, nodes 2 and 3 are active on both.
    weights = [np.array([[-1.0], [1.0], [2.0]]), np.array([[1.0, 0.5, -0.25]])]
    model = relu_network_on_data(weights, np.array([[1.0], [2.0]]))
    formulas = [law.formula for law in model.laws]
    assert formulas == ["W1[1,]", "W2[,1]", "W1 W1ᵀ - W2ᵀ W2, nodes 2, 3"]
    found = flow.count(model)
    assert found.holds == "on these data"
    assert (
        found.number == 5
    )  # two weights that never move, and the symmetric 2 × 2 matrix of a 1-2-1 chain


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"kind": "rnn2"}, "'rnn2'"),
        ({"kind": "linear_chain", "widths": [2, 0, 1]}, r"widths\[1\]"),
        ({"kind": "linear_chain", "widths": [2, 2], "depth": 3}, "does not take depth"),
        ({"kind": "relu_mlp", "widths": [2, 3, 1], "gates": "data"}, "weights and inputs"),
        ({"kind": "conv", "channels": [1, 2], "kernels": [2, 2]}, "channels"),
        ({"kind": "conv", "channels": [1, 2, 1], "kernels": [2, 2], "act": "tanh"}, "'tanh'"),
    ],
)
def test_descriptions_that_are_not_understood(spec, words):
    with pytest.raises(ValueError, match=words):
        flow.count(spec)


def test_data_that_do_not_fit():
    with pytest.raises(ValueError, match=r"weights\[1\]"):
        relu_network_on_data([np.ones((3, 2)), np.ones((1, 2))], np.ones((4, 2)))
    with pytest.raises(ValueError, match="finite"):
        relu_network_on_data([np.full((3, 2), np.nan), np.ones((1, 3))], np.ones((4, 2)))
