"""The experiments on symmetries: their tables say what theory says, and their figures are
written.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from singlearn.experiments import REGISTRY
from singlearn.experiments.carroll2021.relu_symmetries import stars
from singlearn.symmetry import equivalent, fibre


def test_figure_two_shows_the_stars(tmp_path):
    result = REGISTRY["figure2"].run(True, 0, tmp_path, False)
    found = [
        (row["kinks"], row["minimal width"], row["λ of the true parameters"]) for row in result.rows
    ]
    assert found == [(3, 3, 5), (4, 4, 6.5), (5, 5, 8)]
    assert result.figures[0].stat().st_size > 50_000


def test_every_symmetry_is_decided_and_verified(tmp_path):
    result = REGISTRY["relu-symmetries"].run(True, 0, tmp_path, False)
    assert all(row["same function"] and row["verified"] for row in result.rows)
    joined = {row["symmetry"]: row["joined by a path"] for row in result.rows}
    # A minimal parameter can only be rescaled; a free node joins all orders; an opposite pair is
    # isolated.
    assert joined == {
        "scaling": True,
        "permutation": False,
        "orientation reversal": False,
        "3-symmetric": False,
        "degenerate and shared": True,
        "opposite pair pays": False,
    }
    assert result.figures[0].stat().st_size > 50_000


@pytest.mark.parametrize(("m", "components"), [(3, 12), (4, 96), (5, 240)])
def test_the_stars_and_their_reversals_are_one_function_exactly(m, components):
    """m! orders; two orientations where only all weights annihilate together, four where two pairs
    do.
    """
    outside, inside = stars(m)
    assert equivalent(outside, inside) and fibre(outside).number == components
    middle = (Fraction(0), Fraction(0))
    assert all(node.preactivation(middle) < 0 for node in outside.nodes)
    assert all(node.preactivation(middle) > 0 for node in inside.nodes)
