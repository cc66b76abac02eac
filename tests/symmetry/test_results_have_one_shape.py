"""Every answer of ``singlearn.exact`` and ``singlearn.symmetry``: short text, cautions, a document;
and every notation of a box goes through one door.
"""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from singlearn import exact, symmetry
from singlearn.results import Caution, Result
from singlearn.results.caution import Reason
from singlearn.symmetry import Box, DeepReLU, Polytope, TwoLayerReLU, TwoLayerSmooth, domain
from singlearn.symmetry.deep import compress_deep
from singlearn.symmetry.domain import as_box, as_domain

LINE = TwoLayerReLU([[1], [-1], [2]], [0, 1, -1], [1, 1, 1], 0)
OTHER = TwoLayerReLU([[1], [-1]], [0, 1], [1, 1], 0)
ROWS = [[i - 30, 7 * i % 11 - 5] for i in range(60)]
MANY = TwoLayerReLU(ROWS, [i % 7 for i in range(60)], [1 + i % 5 for i in range(60)], 0)
TURNED = TwoLayerReLU(
    ROWS[::-1], [i % 7 for i in range(60)][::-1], [1 + i % 5 for i in range(60)][::-1], 0
)
DEEP = DeepReLU([[[1.0], [1.0], [1.0]], [[1.0, 1.0, -1.0]]], [[0.0, -0.25, -0.25], [0.0]])
SMOOTH = TwoLayerSmooth("tanh", [[1], [-1], [2]], [0, 0, 1], [1, 1, 1], 0)
POINTS = np.linspace(-1.9, 2, 40)[:, None]

ANSWERS = {
    "kink form": lambda: symmetry.kink_form(MANY),
    "equivalence": lambda: symmetry.equivalent(MANY, TURNED),
    "transformation": lambda: symmetry.equivalent(MANY, TURNED).transformation,
    "witness": lambda: symmetry.equivalent(LINE, OTHER).witness,
    "width": lambda: symmetry.minimal_width(LINE),
    "fibre": lambda: symmetry.fibre(LINE, 4),
    "snapped fibre": lambda: symmetry.fibre(LINE, 3, relative_tolerance="rounding"),
    "rank": lambda: symmetry.explained_rank(LINE, POINTS),
    "generator": lambda: symmetry.generators(LINE)[0],
    "distance": lambda: symmetry.sup_distance(LINE, OTHER, (-1, 1)),
    "snap": lambda: symmetry.snap(LINE, domain=(-1, 1)),
    "hierarchy": lambda: symmetry.hierarchy(LINE, (-1, 1)),
    "linear domain": lambda: symmetry.linear_domains(LINE, (-1, 1))[0],
    "nearby": lambda: symmetry.nearby(LINE, 0.1, (-1, 1)),
    "bound": lambda: symmetry.free_energy_bound([2, 1, 1]),
    "path": lambda: symmetry.fibre(LINE).path(LINE, LINE),
    "deep equivalence": lambda: symmetry.equivalent(DEEP, DEEP),
    "deep rank": lambda: symmetry.explained_rank(DEEP, POINTS),
    "states": lambda: symmetry.node_states(DEEP, (-1, 1)),
    "compression": lambda: compress_deep(DEEP, (-1, 1)),
    "canonical form": lambda: symmetry.canonical(DEEP),
    "hidden kink": lambda: symmetry.hidden_polytopes(DEEP, (-1, 1))[0],
    "deep hierarchy": lambda: symmetry.hierarchy(DEEP, (-1, 1)),
    "smooth equivalence": lambda: symmetry.equivalent(SMOOTH, SMOOTH),
    "smooth width": lambda: symmetry.minimal_width(SMOOTH),
    "smooth fibre": lambda: symmetry.fibre(SMOOTH),
    "proximate rank": lambda: symmetry.proximate_rank(SMOOTH, Fraction(1, 10)),
    "λ": lambda: exact.rlct("x^2*y^2 + z^4"),
    "proof": lambda: exact.rlct("x^2*y^2 + z^4").proof,
    "certificate": lambda: exact.rlct("x^2*y^2").certificate,
    "verdict": lambda: exact.verify(exact.rlct("x^2*y^2").certificate),
    "volume": lambda: exact.volume("x^2*y^2"),
    "pole": lambda: exact.zeta("x^2*y^2")[0],
    "table": exact.catalogue.table,
    "entry": lambda: exact.catalogue.table()["reduced-rank"],
    "example": exact.worked_examples.scaling_valley,
    "singularity": lambda: exact.minimally_singular(exact.ReducedRank(2, 2, 2, 1)),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_has_one_shape(name) -> None:
    answer = ANSWERS[name]()
    assert isinstance(answer, Result)
    assert 0 < len(str(answer)) < 2000 and 0 < len(repr(answer)) < 2000
    assert isinstance(answer.cautions, tuple)
    assert all(isinstance(caution, Caution) for caution in answer.cautions)
    assert isinstance(json.loads(json.dumps(answer.to_dict())), dict)


def test_what_is_not_shown_is_a_caution() -> None:
    far = TwoLayerReLU([[1], [-1], [2]], [0, 1, -1], [1, 1, Fraction(1001, 1000)], 0)
    distance = symmetry.sup_distance(LINE, far, (-1, 1))
    assert symmetry.equivalent(LINE, far, (-1, 1), distance.upper).cautions == ()
    undecided = symmetry.deep.DeepEquivalence(
        symmetry.deep.Sameness.NOT_SHOWN, "no proof", DEEP, DEEP, None
    )
    assert [caution.reason for caution in undecided.cautions] == [Reason.UNDECIDED]


SQUARE = Box([-1, -1], [1, 1])


@pytest.mark.parametrize(
    "given",
    [
        SQUARE,
        (-1, 1),
        ([-1, -1], [1, 1]),
        (-1, [1, 1]),
        [(-1, 1), (-1, 1)],
        {0: (-1, 1), 1: (-1, 1)},
        (np.array([-1.0, -1.0]), np.array([1.0, 1.0])),
        (np.float32(-1), np.int64(1)),
        ("-1", "1"),
    ],
)
def test_every_notation_of_a_box_is_the_same_box(given) -> None:
    assert as_domain(given, 2) == SQUARE == as_box(given, 2)


def test_corners_of_arrays_are_not_taken_for_pairs() -> None:
    assert as_box((np.array([0.0, 1.0]), np.array([2.0, 3.0])), 2) == Box([0, 1], [2, 3])


@pytest.mark.parametrize(
    ("given", "inputs", "sentence"),
    [
        (([0, 1], [2, 3]), 2, "which may be two corners or a pair of ends for each input"),
        ((1, -1), 2, "input 0 runs from 1 to -1"),
        ((0, float("inf")), 1, "its upper end is not finite"),
        ([(-1, 1)], 2, "of 2"),
        ({"x": (-1, 1)}, 1, "the inputs 0 to 0"),
        ("-1, 1", 1, "should be a Box"),
        (3, 1, "should be a Box"),
        (SQUARE, 1, "dimension 2; the network has 1 inputs"),
        ((True, 2), 1, "should be a Box"),
    ],
)
def test_what_is_no_box_is_refused_by_name(given, inputs, sentence) -> None:
    with pytest.raises(ValueError, match=r"^domain: ") as refused:
        as_domain(given, inputs)
    assert sentence in str(refused.value)


def test_deep_networks_are_looked_at_on_boxes() -> None:
    triangle = Polytope([[-1], [1]], [0, 1])
    with pytest.raises(ValueError, match=r"^domain: got Polytope"):
        symmetry.node_states(DEEP, triangle)
    with pytest.raises(ValueError, match=r"^domain: got None"):
        as_box(None, 1)
    assert isinstance(domain.Box([0], [1]), domain.Domain)


def test_corners_in_floats_hold_the_box() -> None:
    third = Box([Fraction(-1, 3)], [Fraction(1, 3)])
    low, high = third.corners
    assert Fraction(low[0]) <= Fraction(-1, 3) and Fraction(1, 3) <= Fraction(high[0])
    assert low[0] == -high[0] and Fraction(high[0]) - Fraction(1, 3) < Fraction(1, 10**16)
